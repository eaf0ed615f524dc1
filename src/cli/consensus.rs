//! `consona consensus`: from files of drafts to a folder of consensus personas.

use std::io::Write as _;
use std::path::PathBuf;

use serde::Serialize;

use super::arguments::{ConsensusOptions, SubjectName};
use super::console::Console;
use super::error::CliError;
use super::exit::Exit;
use super::inputs;
use super::output::Pending;
use crate::consensus::{
    ConsensusError, ConsensusParams, ConsensusPersona, ConsensusValidParams, DraftSource, Engine, Learned,
    Subject,
};
use crate::dataset::{DraftDefaults, Entry, Positions, SetAside, drafts_after};
use crate::files::open_embedder;
use crate::persona::{Draft, ModelName, RecordDrafts, TraitSchema};
use crate::report::{InputCount, PersonaFiles, Product, Summary, Tally, terminal_persona};

/// How many personas a terminal is shown; all of them are in the files.
const SHOWN: usize = 12;

/// The answer of `--json`.
#[derive(Debug, Serialize)]
struct Answer {
    #[serde(flatten)]
    summary: Summary,
    files: Vec<PathBuf>,
}

/// Drafts as they were read.
#[derive(Debug, Default)]
struct Gathered {
    drafts: Vec<Draft>,
    models: Vec<ModelName>,
    inputs: Vec<InputCount>,
    first_reason: Option<SetAside>,
}

/// Forms consensus personas out of files of drafts.
pub(super) fn consensus(options: &ConsensusOptions, console: &Console) -> Result<Exit, CliError> {
    let settings = settings(options)?;
    let embedder = open_embedder(&options.settings.embedder)?;
    let base = inputs::schema(options.schema.as_ref())?;
    // Files are begun before the work, so that a folder that cannot be written to is known now.
    let begin = |name| Pending::begin(&options.out, name);
    let [lines, table, cards] = [begin("consensus.jsonl")?, begin("personas.csv")?, begin("personas.md")?];
    let (mut aside, mut summary_file) = (begin("set_aside.jsonl")?, begin("summary.json")?);
    let gathered = gather(options, &base, &mut aside)?;
    let panel = inputs::panel(&options.models, &gathered.models)?;
    let schema = base.with_inferred(&gathered.drafts);
    let records = inputs::by_record(gathered.drafts, &panel);
    let mut tally = Tally::default();
    records.iter().flat_map(RecordDrafts::drafts).for_each(|draft| tally.draft(&draft.model));
    let engine = Engine::new(&schema, embedder.as_ref(), panel, settings.clone())?;
    console.detail(&format!("learning from {} records", records.len()));
    let learned = engine.learn(records.as_slice())?;
    let mut files = PersonaFiles::new(&schema, lines, table, cards)?;
    let shown = decide(&engine, records.as_slice(), &learned, &mut files, &mut tally, console)?;
    let summary = Summary {
        product: Product::this(),
        counts: tally.counts(&gathered.inputs),
        inputs: gathered.inputs,
        panel: tally.panel(engine.panel(), &learned),
        learned: (&learned).into(),
        calibrated: false,
        seed: options.settings.seed,
        embedder: embedder.name().to_owned(),
        settings,
        schema: schema.clone(),
    };
    summary_file.json(&summary)?;
    let pending = files.finish()?.into_iter().chain([aside, summary_file]);
    let files = pending.map(Pending::finish).collect::<Result<_, _>>()?;
    let answer = Answer { summary, files };
    console.answer(&answer, || human(&answer, &schema, &shown, console.width()))?;
    Ok(Exit::Done)
}

fn settings(options: &ConsensusOptions) -> Result<ConsensusValidParams, CliError> {
    let subject = match options.subject {
        SubjectName::Auto => Subject::Auto,
        SubjectName::One => Subject::One,
        SubjectName::Several => Subject::Several,
    };
    let params = ConsensusParams::new().subject(subject).seed(options.settings.seed);
    Ok(params.algorithm(inputs::algorithm(&options.algorithm)?).check()?)
}

/// Reads the files; what cannot be used goes to `aside`, a line each.
fn gather(
    options: &ConsensusOptions,
    schema: &TraitSchema,
    aside: &mut Pending,
) -> Result<Gathered, CliError> {
    let defaults = DraftDefaults {
        format: options.format.map(Into::into),
        strict: options.strict,
        ..DraftDefaults::default()
    };
    let mut gathered = Gathered::default();
    let mut positions = Positions::default();
    for path in &options.files {
        let file = path.display().to_string();
        let mut input = InputCount { file: file.clone(), drafts: 0, set_aside: 0 };
        let mut stream = drafts_after(&mut positions, &file, inputs::open(path)?, &defaults, schema)?;
        for entry in stream.by_ref() {
            match entry? {
                Entry::Item(draft) => {
                    input.drafts += 1;
                    if !gathered.models.contains(&draft.model) {
                        gathered.models.push(draft.model.clone());
                    }
                    gathered.drafts.push(draft);
                }
                Entry::SetAside(reason) => {
                    input.set_aside += 1;
                    let line = serde_json::to_string(&reason)?;
                    writeln!(aside, "{line}").map_err(CliError::Output)?;
                    gathered.first_reason.get_or_insert(reason);
                }
            }
        }
        gathered.inputs.push(input);
    }
    if gathered.drafts.is_empty() {
        let files: Vec<String> = options.files.iter().map(|path| format!("`{}`", path.display())).collect();
        let why =
            gathered.first_reason.map_or_else(|| "there are none".to_owned(), |reason| reason.to_string());
        return Err(CliError::NoDrafts { files: files.join(", "), why });
    }
    Ok(gathered)
}

/// Decides every record, writes what was decided and gives the first personas for showing.
fn decide<S: DraftSource + ?Sized>(
    engine: &Engine<'_>,
    source: &S,
    learned: &Learned,
    files: &mut PersonaFiles<'_, Pending>,
    tally: &mut Tally,
    console: &Console,
) -> Result<Vec<ConsensusPersona>, CliError> {
    let mut shown: Vec<ConsensusPersona> = Vec::new();
    let bar = console.progress("deciding", source.records());
    engine.decide(source, learned, |personas| {
        tally.record(&personas);
        files.add(&personas).map_err(|error| ConsensusError::Source(Box::new(error)))?;
        shown.extend(personas.into_iter().take(SHOWN - shown.len()));
        bar.inc(1);
        Ok(())
    })?;
    bar.finish_and_clear();
    Ok(shown)
}

fn human(answer: &Answer, schema: &TraitSchema, shown: &[ConsensusPersona], width: usize) -> String {
    let mut text = String::new();
    for persona in shown {
        text.push_str(&terminal_persona(schema, persona, width));
        text.push('\n');
    }
    let counts = &answer.summary.counts;
    if counts.personas > shown.len() {
        text.push_str(&format!("… and {} more personas in the files.\n\n", counts.personas - shown.len()));
    }
    text.push_str(&answer.summary.to_string());
    text.push_str("Files:\n");
    for path in &answer.files {
        text.push_str(&format!("  {}\n", crate::report::safe::line(&path.display().to_string())));
    }
    text
}
