//! What a stage is made from, as a hash: a finished stage is reused as long as this is the same.
//!
//! In it are the bytes of what the stage reads, the parts of the study that it looks at, who is asked and how, the wording
//! of what is asked, and the files of a program. Not in it are limits, retries and lifetimes, which change no result.

use std::path::Path;

use serde_json::{Map, Value, json};

use super::worker::{Worker, working_folder};
use crate::run::Study;
use crate::run::stages::questions::identity;
use crate::run::stages::{artefacts, review, synthesis};
use crate::stages::pipeline::{Kind, Stage};
use crate::store::canonical;

/// A hash of everything that the stage would be made from, as it is now.
pub(super) fn fingerprint(worker: &Worker<'_>, stage: &Stage) -> String {
    let mut all = json!({
        "kind": stage.kind, "settings": settings(&worker.material.study, stage),
        "inputs": inputs(worker, stage), "own": own(worker, stage),
    });
    if stage.kind == Kind::Command {
        let files = files(working_folder(&worker.material.study), &stage.settings.run);
        all["files"] = json!(files);
    }
    // A JSON value always has a JSON form.
    let text = canonical(&all).unwrap_or_default();
    blake3::hash(text.as_bytes()).to_hex()[..16].to_owned()
}

/// Hashes of the artefacts that it reads, by name.
fn inputs(worker: &Worker<'_>, stage: &Stage) -> Map<String, Value> {
    let place = worker.pipeline.stages().iter().position(|other| other.name == stage.name).unwrap_or(0);
    let names = stage.requires.iter().map(String::as_str).chain(stage.kind.uses().iter().copied());
    let made = names.filter(|name| worker.pipeline.maker(name, place).is_some());
    let hash = |name: &str| Some((name.to_owned(), json!(artefacts::hash(&worker.material.folder, name)?)));
    made.filter_map(hash).collect()
}

/// The parts of the study that it looks at.
fn own(worker: &Worker<'_>, stage: &Stage) -> Value {
    let study = &worker.material.study;
    match stage.kind {
        Kind::Panel => json!({ "study": study.identity(), "records": worker.digest }),
        Kind::Consensus => json!({
            "records": worker.digest, "clustering": study.clustering, "consensus": study.consensus,
            "adaptive": worker.pipeline.adaptive(), "embedder": study.embedder, "schema": study.schema, "seed": study.seed,
            "weights": study.panel.iter().map(|member| member.weight).collect::<Vec<_>>(),
        }),
        Kind::Coverage => {
            json!({ "records": worker.digest, "embedder": worker.material.embedder.name() })
        }
        _ => json!({ "question": study.question, "personas": study.personas, "schema": study.schema }),
    }
}

/// Who is asked, in which words; which program is run.
fn settings(study: &Study, stage: &Stage) -> Value {
    let settings = &stage.settings;
    let mut all = json!({ "model": settings.model, "run": settings.run });
    if stage.kind.asks_a_model() {
        let names = [&settings.model, &settings.fallback].into_iter().flatten();
        let asked: Vec<Value> = names.filter_map(|name| study.model(name)).map(identity).collect();
        let question = study.question.as_deref();
        let wording = match stage.kind {
            Kind::Review => review::wording(question),
            _ => synthesis::wording(question),
        };
        all["asked"] = json!(asked);
        all["wording"] = json!(wording.map(|prompt| (prompt.system, prompt.messages, prompt.schema)));
    }
    all
}

/// Hashes of the files among the words of a command, by the word; of those that are no files, nothing.
fn files(folder: &Path, run: &[String]) -> Map<String, Value> {
    let hash = |word: &String| {
        let path = folder.join(word);
        let bytes = path.is_file().then(|| std::fs::read(path).ok()).flatten()?;
        Some((word.clone(), json!(blake3::hash(&bytes).to_hex()[..16].to_owned())))
    };
    run.iter().filter(|word| !word.is_empty()).filter_map(hash).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn p8_the_files_of_a_program_are_part_of_it_and_other_words_are_not() {
        let place = tempfile::tempdir().unwrap();
        let run = ["sh", "prog.sh", "--fast", ""].map(str::to_owned);
        std::fs::write(place.path().join("prog.sh"), "echo 1").unwrap();
        let before = files(place.path(), &run);
        assert_eq!(before.keys().collect::<Vec<_>>(), ["prog.sh"]);
        assert_eq!(files(place.path(), &run), before);
        std::fs::write(place.path().join("prog.sh"), "echo 2").unwrap();
        assert_ne!(files(place.path(), &run), before);
    }

    fn of_synthesis(pen: &str, more: &str) -> Value {
        let text = format!(
            "name: x\ninput: {{path: a}}\npanel:\n  - {{model: 'scripted:a', name: a}}\nstages:\n  models:\n    - {{name: pen, {pen}}}\n    - {{name: editor, model: 'scripted:e'}}\n  settings:\n    synthesis: {{model: pen{more}}}\n"
        );
        let none: &dyn Fn(&Path) -> std::io::Result<String> = &|_| Err(std::io::ErrorKind::NotFound.into());
        let study = Study::parse(&text, Path::new("s.yaml"), none).unwrap();
        let stages = study.stages.as_ref().unwrap();
        settings(&study, stages.pipeline.stage("synthesis").unwrap())
    }

    #[test]
    fn p8_who_is_asked_and_how_is_part_of_a_stage_and_its_limits_are_not() {
        let before = of_synthesis("model: 'scripted:p'", "");
        for (pen, more) in [
            ("model: 'scripted:quill'", ""),
            ("model: 'scripted:p', temperature: 0.9", ""),
            ("model: 'scripted:p', max_output_tokens: 77", ""),
            ("model: 'scripted:p'", ", fallback: editor"),
        ] {
            assert_ne!(of_synthesis(pen, more), before, "{pen}{more}");
        }
        for more in [", timeout: 3", ", retries: 1", ", lifetime: 5", ", optional: true"] {
            assert_eq!(of_synthesis("model: 'scripted:p'", more), before, "{more}");
        }
    }

    #[test]
    fn p8_the_wording_of_what_is_asked_is_part_of_a_stage() {
        let template = include_str!("../../../data/prompts/narrative.md.j2");
        let line = template.lines().find(|line| line.len() > 40 && !line.contains(['{', '"', '#'])).unwrap();
        let asked = of_synthesis("model: 'scripted:p'", "")["wording"].to_string();
        assert!(asked.contains(line), "{line}: {asked}");
    }
}
