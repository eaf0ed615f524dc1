//! The interpreter of a study: its question worded by the templates, its replies held against its schema.

use std::ops::RangeInclusive;
use std::sync::Arc;

use serde_json::Value;

use super::interpreter::{Interpreter, Reading, RenderError};
use super::plan::Unit;
use super::study::{PanelMember, Stance, Study};
use crate::parse::{Outcome, parse_reply};
use crate::persona::{Draft, TraitSchema};
use crate::prompt::{self, Prompt, PromptError, Question, Templates};
use crate::provider::{Completion, FinishReason};
use crate::store::{Slot, StoredReply};

/// What the models are asked when a study has no question of its own.
const QUESTION: &str = "What kinds of people speak in this data, and what do they want?";

/// What a member is told that takes a side, when the study has no words of its own.
const FOR: &str = "Argue in favour: look in the data for the people and the words that speak for what is asked about, \
                   and say where they are strongest. Do not invent any.";
const AGAINST: &str = "Argue against: look in the data for the people and the words that speak against what is asked \
                       about, and say where they are strongest. Do not invent any.";

/// Renders a study's questions and reads its replies.
#[derive(Debug)]
pub struct Drafting {
    question: String,
    schema: TraitSchema,
    personas: RangeInclusive<usize>,
    unit: prompt::Unit,
    templates: Templates,
    reply_schema: Arc<Value>,
}

impl Drafting {
    /// The interpreter of a study, with the shipped templates.
    ///
    /// # Errors
    /// [`PromptError`] when the templates cannot be used.
    pub fn new(study: &Study) -> Result<Self, PromptError> {
        let personas = study.personas.min as usize..=study.personas.max as usize;
        Ok(Self {
            reply_schema: Arc::new(prompt::reply_schema(&study.schema, personas.clone())),
            question: study.question.clone().unwrap_or_else(|| QUESTION.to_owned()),
            schema: study.schema.clone(),
            personas,
            unit: study.input.unit,
            templates: Templates::shipped()?,
        })
    }

    /// How many personas are asked for: never fewer than the study's least.
    fn personas_of(&self, unit: &Unit) -> RangeInclusive<usize> {
        let (least, most) = (*self.personas.start(), *self.personas.end());
        let most = unit.scope.personas.map_or(most, |fewer| most.min(fewer as usize));
        least..=most.max(least)
    }
}

fn stance(member: &PanelMember) -> Option<&str> {
    match (&member.stance_prompt, member.stance) {
        (Some(words), _) => Some(words),
        (None, Stance::For) => Some(FOR),
        (None, Stance::Against) => Some(AGAINST),
        (None, Stance::Neutral) => None,
    }
}

fn unrendered(error: &PromptError) -> RenderError {
    RenderError(error.to_string())
}

impl Interpreter for Drafting {
    fn version(&self) -> &str {
        self.templates.version()
    }

    fn prompt(&self, unit: &Unit, member: &PanelMember, earlier: &[Draft]) -> Result<Prompt, RenderError> {
        let personas = self.personas_of(unit);
        let wanted = if personas == self.personas {
            Arc::clone(&self.reply_schema)
        } else {
            Arc::new(prompt::reply_schema(&self.schema, personas.clone()))
        };
        let question = Question {
            research_question: &self.question,
            schema: &self.schema,
            personas,
            records: &unit.records,
            unit: self.unit,
            earlier,
            stance: stance(member),
        };
        self.templates.draft_for(&question, wanted).map_err(|error| unrendered(&error))
    }

    fn repair(
        &self,
        prompt: &Prompt,
        reply: &Completion,
        problems: &[String],
    ) -> Result<Prompt, RenderError> {
        self.templates.repair(prompt, &reply.content, problems).map_err(|error| unrendered(&error))
    }

    fn read(&self, slot: &Slot, reply: &StoredReply) -> Reading {
        let completion = &reply.completion;
        let outcome = match completion.finish_reason {
            FinishReason::Refusal => Outcome::Refusal,
            FinishReason::Length => Outcome::Truncated,
            _ => parse_reply(&completion.content, false, &self.schema, self.personas.clone()),
        };
        match outcome {
            Outcome::Personas { personas, .. } => {
                let draft = |(position, persona): (u32, crate::parse::ParsedPersona)| {
                    let (record, member) = (slot.record.clone(), slot.member.clone());
                    persona.into_draft(record, member, slot.sample, slot.part, position, reply.id())
                };
                Reading::Usable((0..).zip(personas).map(draft).collect())
            }
            Outcome::Refusal => Reading::Unusable(vec!["the model refused to answer".to_owned()]),
            other => Reading::Unusable(other.complaints()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::Record;
    use crate::persona::RecordId;
    use crate::provider::{Provider, ReplayProvider};
    use crate::run::{CallStatus, Run, RunOutcome, Settings, drafts, units};
    use crate::store::Store;
    use std::path::Path;
    use std::sync::Arc;

    const STUDY: &str = "
name: x
question: Who is this?
input: {path: notes.txt, unit: corpus}
mode: sequential
personas: {min: 1, max: 2}
panel:
  - {model: 'replay:a', name: a, recording: r.jsonl}
  - {model: 'replay:b', name: b, stance: against, recording: r.jsonl}
  - {model: 'replay:c', name: c, recording: r.jsonl}
";

    const RECORDING: &str = r#"
{"record":"corpus","model":"a","persona":{"name":"Ada","age":31,"goals":["rest"]}}
{"record":"corpus","model":"a","position":1,"persona":{"name":"Bo","age":60}}
{"record":"corpus","model":"b","failures":[{"status":503,"retry_after":1}]}
{"record":"corpus","model":"b","reply":"Sure! ```json\n{\"personas\": [{\"name\": \"Adah\", \"age\": 30}]}\n```"}
{"record":"corpus","model":"c","reply":"{\"personas\": [{\"name\": \"cut off"}
"#;

    #[derive(Debug)]
    struct Remembering(ReplayProvider, std::sync::Mutex<Vec<Prompt>>);

    impl Provider for Remembering {
        fn name(&self) -> &str {
            self.0.name()
        }
        fn complete<'a>(
            &'a self,
            call: &'a crate::provider::Call,
        ) -> futures::future::BoxFuture<'a, Result<Completion, crate::provider::ProviderError>> {
            self.1.lock().unwrap().push(call.prompt.clone());
            self.0.complete(call)
        }
        fn probe<'a>(
            &'a self,
            model: &'a str,
        ) -> futures::future::BoxFuture<'a, Result<String, crate::provider::ProviderError>> {
            self.0.probe(model)
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_recorded_panel_goes_the_whole_way_from_a_record_to_drafts() {
        let study =
            Study::parse(STUDY, Path::new("s.yaml"), &|_| Err(std::io::ErrorKind::NotFound.into())).unwrap();
        let recording = ReplayProvider::from_lines("r", RECORDING.as_bytes()).unwrap();
        let provider = Arc::new(Remembering(recording, std::sync::Mutex::default()));
        let (drafting, store) =
            (Arc::new(Drafting::new(&study).unwrap()), Arc::new(Store::in_memory().unwrap()));
        let seats =
            study.panel.iter().map(|member| (member.clone(), Arc::clone(&provider) as Arc<dyn Provider>));
        let settings = Settings {
            quorum: crate::run::study::Quorum { min_models: 1, min_success_ratio: 0.5, laggards: None },
            ..Settings::from(&study)
        };
        let run = Run::new(settings, seats.collect(), drafting.clone(), store.clone()).unwrap();
        let fields = serde_json::Map::from_iter([("text".to_owned(), "I want rest.".into())]);
        let records = [Record { id: RecordId::new("r1").unwrap(), fields, origin: String::new() }];
        let report = run.execute(units(records, &study.input)).await.unwrap();
        assert_eq!(report.outcome, RunOutcome::Complete);
        let derived: Vec<_> =
            drafts(&store, drafting.as_ref(), &study.panel).collect::<Result<_, _>>().unwrap();
        let names: Vec<String> = derived[0]
            .drafts
            .drafts()
            .iter()
            .map(|draft| format!("{}:{}", draft.model, draft.traits["name"]))
            .collect();
        assert_eq!(names, ["a:Ada", "a:Bo", "b:Adah"]);
        let statuses: Vec<CallStatus> = derived[0].results.iter().map(|result| result.status).collect();
        assert_eq!(statuses, [CallStatus::Success, CallStatus::Success, CallStatus::Error]);
        let prompts = provider.1.lock().unwrap();
        let asked = |place: usize| &prompts[place].messages[0].content;
        assert!(asked(0).contains("I want rest.") && !asked(0).contains("Ada"));
        // The first attempt of `b` was sent away; the second one asks the same.
        assert!(prompts[1] == prompts[2] && asked(2).contains("Ada"));
        assert!(prompts[2].system.contains("Argue against") && !prompts[3].system.contains("Argue"));
        assert!(asked(3).contains("Adah"));
    }
}
