//! `consona consult`: one question to several models.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use clap::Args;

use super::arguments::EmbedderOptions;
use super::console::{Console, width};
use super::embedder;
use super::error::CliError;
use super::exit::Exit;
use super::spending::says_yes;
use super::state::continuations;
use super::study::{reserves, runtime, seats, seats_of};
use crate::consult::{
    Answer, Attachment, Consultation, ContinuationId, Question, Stance, Status, Transcript, Voice,
};
use crate::provider::Dialect;
use crate::report::{counted, safe, wrapped};
use crate::run::Study;
use crate::run::consult::{
    ConsultError, MOST_TEXT, MemberOptions, Request, Roster, confirmation, consult as ask, member,
};
use crate::run::study::Laggards;

/// What `consult` is told.
#[derive(Args, Debug)]
pub(super) struct ConsultOptions {
    /// The question; `-` reads it from standard input.
    #[arg(value_name = "QUESTION")]
    question: String,
    /// A model, and the side that it takes: `provider:model`, or a name from the panel, with `:for`, `:against` or
    /// `:neutral` behind it. May be given again, also for the same model with another stance [default: the whole
    /// panel, or the models of the turn before].
    #[arg(long = "model", value_name = "MODEL[:STANCE]")]
    models: Vec<String>,
    /// How a model is told its side, instead of the standard words.
    #[arg(long = "model-prompt", value_name = "MODEL[:STANCE]=TEXT")]
    model_prompts: Vec<String>,
    /// A file to judge by; shown to the models as data.
    #[arg(long = "file", value_name = "FILE")]
    files: Vec<PathBuf>,
    /// The model that puts the answers together [default: none; the models' own sentences].
    #[arg(long, value_name = "MODEL")]
    synthesise_with: Option<String>,
    /// Ask without a question, whatever it costs; within the study's `max_cost` all the same.
    #[arg(long)]
    yes: bool,
    /// Await the others no longer than --laggard-wait once so many models have answered [default: await everybody].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    quorum: Option<u32>,
    /// Seconds for which the others are awaited then.
    #[arg(long, value_name = "SECONDS", requires = "quorum", default_value = "0", value_parser = seconds)]
    laggard_wait: f64,
    /// Ask on: the continuation id of the answer before.
    #[arg(long = "continue", value_name = "ID")]
    continuation: Option<ContinuationId>,
    /// The folder in which consultations are kept [default: consona/consultations in the user's state folder].
    #[arg(long, value_name = "DIR")]
    state: Option<PathBuf>,
    #[command(flatten)]
    endpoint: EndpointArguments,
    #[command(flatten)]
    embedder: EmbedderOptions,
}

/// Where the models are.
#[derive(Args, Debug)]
pub(super) struct EndpointArguments {
    /// A study whose panel may be asked, with its endpoints, prices, limits and retries.
    #[arg(long, value_name = "STUDY", conflicts_with_all = ["base_url", "dialect", "key_env", "recording", "timeout"])]
    panel: Option<PathBuf>,
    /// Where the models answer, instead of their providers' usual places.
    #[arg(long, value_name = "URL")]
    base_url: Option<String>,
    /// What is spoken there: openai, anthropic, gemini or ollama.
    #[arg(long, value_name = "NAME", value_parser = dialect)]
    dialect: Option<Dialect>,
    /// The environment variable of the key; `none` sends no key.
    #[arg(long, value_name = "NAME")]
    key_env: Option<String>,
    /// Recorded replies for models of the provider `replay`.
    #[arg(long, value_name = "FILE")]
    recording: Option<PathBuf>,
    /// Seconds that one attempt may take [default: 120].
    #[arg(long, value_name = "SECONDS")]
    timeout: Option<f64>,
}

fn seconds(text: &str) -> Result<f64, String> {
    let seconds = text.parse::<f64>().ok().filter(|seconds| (0.0..=86_400.0).contains(seconds));
    seconds.ok_or_else(|| "give seconds, from 0 to 86400".to_owned())
}

fn dialect(name: &str) -> Result<Dialect, String> {
    let known = [Dialect::OpenAi, Dialect::Anthropic, Dialect::Gemini, Dialect::Ollama];
    known.into_iter().find(|dialect| dialect.name() == name).ok_or_else(|| {
        let known = known.map(Dialect::name).join(", ");
        format!("there is no dialect `{name}`; there are {known}")
    })
}

/// Asks several models one question.
pub(super) fn consult(options: &ConsultOptions, console: Console) -> Result<Exit, CliError> {
    let kept = continuations(options.state.as_deref());
    let earlier = match (&options.continuation, &kept) {
        (Some(id), Some(kept)) => kept.load(id)?,
        (Some(_), None) => {
            return Err(CliError::Usage(
                "there is no folder of consultations; name it with --state".to_owned(),
            ));
        }
        (None, _) => Transcript::default(),
    };
    let mut roster = roster(options, &earlier)?;
    if let Some(after_models) = options.quorum {
        let wait = Duration::from_secs_f64(options.laggard_wait);
        roster = roster.with_laggards(Laggards { after_models, wait });
    }
    let voices = voices(options, &roster, &earlier)?;
    let question = question(options)?;
    let embedder = Arc::from(embedder::open(&options.embedder, None)?);
    let synthesiser = options.synthesise_with.clone();
    let mut request = Request { question, voices, synthesiser, earlier, confirmed: options.yes };
    if let Some(confirmation) = confirmation(&roster, &request)? {
        if !says_yes(&confirmation.to_string(), console)? {
            return Ok(Exit::WaitingForApproval);
        }
        request.confirmed = true;
    }
    let (mut consultation, transcript) = runtime()?.block_on(ask(&roster, request, embedder, None))?;
    match kept.map(|kept| kept.keep(&transcript)) {
        Some(Ok(id)) => consultation.continuation_id = Some(id),
        // The answers are paid for and must not be lost with the transcript.
        Some(Err(error)) => console.note(&error.to_string()),
        None => console.note("there is no folder to keep the consultation in; name one with --state"),
    }
    console.answer(&consultation, || text(&consultation))?;
    Ok(if consultation.status == Status::Success { Exit::Done } else { Exit::TooFewModels })
}

/// The models that may be asked: those of the panel, else those that the command names.
fn roster(options: &ConsultOptions, earlier: &Transcript) -> Result<Roster, CliError> {
    if let Some(path) = &options.endpoint.panel {
        let study = Study::load(path)?;
        return Ok(Roster::new(seats(&study)?, Some(&study)).with_reserves(reserves(&study)?));
    }
    let given = &options.endpoint;
    let details = MemberOptions {
        base_url: given.base_url.clone(),
        dialect: given.dialect,
        key_variable: given.key_env.clone(),
        recording: given.recording.clone(),
        timeout: given.timeout,
    };
    let named = options.models.iter().chain(&options.synthesise_with).map(String::as_str);
    let before =
        earlier.voices.iter().map(|voice| voice.model.as_str()).filter(|_| options.models.is_empty());
    let mut names: Vec<&str> = Vec::new();
    for name in named.chain(before).map(|text| Stance::split(text).0) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    let members = names.iter().map(|name| member(name, &details)).collect::<Result<Vec<_>, _>>()?;
    Ok(Roster::new(seats_of(&members)?, None))
}

/// Who is asked: whom the command names, else those of the turn before, else the whole panel.
fn voices(options: &ConsultOptions, roster: &Roster, earlier: &Transcript) -> Result<Vec<Voice>, CliError> {
    let mut voices = match options.models.as_slice() {
        [] if earlier.voices.is_empty() && options.endpoint.panel.is_some() => roster.voices(),
        [] => earlier.voices.clone(),
        models => models.iter().map(|text| roster.voice(text, None, None)).collect::<Result<_, _>>()?,
    };
    for given in &options.model_prompts {
        let unknown = || CliError::Usage(format!("`--model-prompt {given}` is for no model that is asked"));
        let (name, words) = given.split_once('=').ok_or_else(|| {
            CliError::Usage(format!("`--model-prompt {given}` has no `=`; write MODEL[:STANCE]=TEXT"))
        })?;
        let wanted = roster.voice(name, None, None)?;
        let is_meant = |voice: &&mut Voice| (&voice.model, voice.stance) == (&wanted.model, wanted.stance);
        let voice = voices.iter_mut().find(is_meant).ok_or_else(unknown)?;
        voice.stance_prompt = Some(words.to_owned());
    }
    Ok(voices)
}

fn question(options: &ConsultOptions) -> Result<Question, CliError> {
    let text = if options.question == "-" {
        let mut text = String::new();
        let read = io::stdin().read_to_string(&mut text);
        read.map_err(|source| CliError::Read { path: PathBuf::from("standard input"), source })?;
        text.trim().to_owned()
    } else {
        options.question.clone()
    };
    let attach = |path: &PathBuf| {
        Ok::<_, CliError>(Attachment { name: path.display().to_string(), text: read(path)? })
    };
    Ok(Question { text, files: options.files.iter().map(attach).collect::<Result<_, _>>()? })
}

/// The text of a file, of which no more is read than can be asked about.
fn read(path: &Path) -> Result<String, CliError> {
    let unread = |source| CliError::Read { path: path.to_owned(), source };
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(unread)?;
    file.take(MOST_TEXT as u64 + 1).read_to_end(&mut bytes).map_err(unread)?;
    if bytes.len() > MOST_TEXT {
        return Err(ConsultError::TooLarge { bytes: bytes.len(), most: MOST_TEXT }.into());
    }
    String::from_utf8(bytes).map_err(|_| {
        CliError::Usage(format!(
            "`--file {}` is no text in UTF-8, and models are shown text only; convert it first",
            path.display()
        ))
    })
}

fn text(consultation: &Consultation) -> String {
    let mut text: String = consultation.results.iter().map(answer_text).collect();
    if let Some(note) = &consultation.note {
        text.extend(["Note: ", &safe::line(note), "\n\n"]);
    }
    if let Some(agreement) = &consultation.agreement {
        let shared = agreement.claims.iter().filter(|claim| claim.support > 1).count();
        let weighed =
            agreement.claims.iter().any(|claim| claim.weight.to_bits() != (claim.support as f64).to_bits());
        let by = if weighed { " by the models' weights" } else { "" };
        let score = agreement.score.map(|score| format!(", agreement {score:.2}{by}")).unwrap_or_default();
        let (claims, contradictions) =
            (agreement.claims.len(), counted(agreement.contradictions.len() as u64, "contradiction"));
        // Writing to a `String` cannot fail.
        let _ = writeln!(
            text,
            "{shared} of {claims} claims are made by two models or more{score}; {contradictions}."
        );
    }
    if let Some(synthesis) = &consultation.synthesis {
        let by =
            synthesis.by.as_deref().map_or("the models' own sentences".to_owned(), |by| format!("by {by}"));
        let _ = writeln!(text, "Synthesis ({}):\n{}", safe::line(&by), safe::lines(&synthesis.text));
    }
    if let Some(id) = &consultation.continuation_id {
        let _ = writeln!(text, "\nTo ask on: --continue {id}");
    }
    text
}

fn answer_text(answer: &Answer) -> String {
    let who = safe::line(&format!("{} ({})", answer.model, answer.stance));
    if let Some(content) = answer.success() {
        let said = safe::lines(content.trim());
        return format!("{who}, {} ms:\n{}\n", answer.latency_ms, wrapped(&format!("{said}\n"), width()));
    }
    let reason = safe::line(answer.error_message.as_deref().unwrap_or_default());
    format!("{who}: no answer: {reason}\n\n")
}
