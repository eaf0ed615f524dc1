//! A panel of scripted models and a plain way to read them, for driving the real executor.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use consona::dataset::Record;
use consona::persona::{Draft, RecordId, TraitValue};
use consona::prompt::{Message, Prompt, Role};
use consona::provider::{
    Call, Completion, FailureKind, Provider, ProviderError, Scripted, ScriptedProvider, Usage,
};
use consona::run::study::PanelMember;
use consona::run::{
    Derived, Interpreter, Reading, RenderError, Reserve, Run, RunReport, Settings, Study, Unit, drafts, units,
};
use consona::store::{Slot, Store, StoredReply};

/// Reads `draft NAME[, NAME …]` as one draft per name; everything else is unusable.
#[derive(Debug)]
pub(crate) struct Plain;

impl Interpreter for Plain {
    fn version(&self) -> &'static str {
        "plain-1"
    }

    fn prompt(&self, unit: &Unit, member: &PanelMember, earlier: &[Draft]) -> Result<Prompt, RenderError> {
        let earlier = serde_json::to_string(earlier).map_err(|error| RenderError(error.to_string()))?;
        let content =
            format!("about {} part {} as {}; earlier {earlier}", unit.record, unit.part, member.stance);
        Ok(Prompt {
            system: String::new(),
            messages: vec![Message { role: Role::User, content }],
            schema: None,
        })
    }

    fn repair(
        &self,
        prompt: &Prompt,
        reply: &Completion,
        problems: &[String],
    ) -> Result<Prompt, RenderError> {
        let mut prompt = prompt.clone();
        prompt.messages.push(Message { role: Role::Assistant, content: reply.content.clone() });
        prompt.messages.push(Message { role: Role::User, content: format!("mend: {}", problems.join(", ")) });
        Ok(prompt)
    }

    fn read(&self, slot: &Slot, reply: &StoredReply) -> Reading {
        let Some(names) = reply.completion.content.strip_prefix("draft ") else {
            return Reading::Unusable(vec!["no draft in it".to_owned()]);
        };
        let draft = |(position, name): (u32, &str)| {
            let mut draft = Draft::new(slot.record.clone(), slot.member.clone());
            (draft.sample, draft.part, draft.position) = (slot.sample, slot.part, position);
            draft.traits.insert("name".to_owned(), TraitValue::text(name).expect("a name"));
            draft
                .traits
                .insert("goals".to_owned(), TraitValue::list([format!("{name} wants rest")]).expect("valid"));
            draft.origin = reply.id();
            draft
        };
        Reading::Usable((0..).zip(names.split(", ")).map(draft).collect())
    }
}

/// A study about records, with these members and these further sections.
pub(crate) fn study(members: &[&str], sections: &str) -> Study {
    let members: Vec<String> = members.iter().map(|member| format!("  - {{{member}}}")).collect();
    let text = format!("name: test\ninput: {{path: x}}\n{sections}\npanel:\n{}\n", members.join("\n"));
    Study::parse(&text, Path::new("study.yaml"), &|_| Err(std::io::ErrorKind::NotFound.into()))
        .expect("a study")
}

pub(crate) fn records(count: usize) -> Vec<Record> {
    (0..count)
        .map(|place| Record {
            id: RecordId::new(&format!("r{place}")).expect("valid"),
            fields: serde_json::Map::new(),
            origin: String::new(),
        })
        .collect()
}

pub(crate) fn questions(study: &Study, count: usize) -> Vec<Unit> {
    units(records(count), &study.input).collect()
}

/// A provider that all members share.
pub(crate) fn scripted(script: impl Fn(&Call) -> Scripted + Send + Sync + 'static) -> Arc<ScriptedProvider> {
    Arc::new(ScriptedProvider::new("scripted", script))
}

/// An answer after so many milliseconds.
pub(crate) fn after(milliseconds: u64, content: impl Into<String>) -> Scripted {
    Scripted::text(content).after(Duration::from_millis(milliseconds))
}

pub(crate) fn failure(kind: FailureKind) -> Scripted {
    Scripted::failure(ProviderError::new(kind, format!("{kind:?}")))
}

/// An answer whose usage is told.
pub(crate) fn paid(content: &str, input_tokens: u64, output_tokens: u64) -> Scripted {
    let mut answer = Scripted::text(content);
    if let Ok(completion) = &mut answer.outcome {
        completion.usage = Some(Usage { input_tokens, cached_input_tokens: 0, output_tokens });
    }
    answer
}

pub(crate) fn memory() -> Arc<Store> {
    Arc::new(Store::in_memory().expect("a database in memory"))
}

/// A run of a study in which one provider speaks for everybody.
pub(crate) fn run(study: &Study, provider: &Arc<ScriptedProvider>, store: &Arc<Store>) -> Run {
    let seats = study.panel.iter().map(|member| (member.clone(), Arc::clone(provider) as Arc<dyn Provider>));
    let reserves = study.panel.iter().enumerate().flat_map(|(place, member)| {
        let provider = Arc::clone(provider) as Arc<dyn Provider>;
        member.fallbacks.iter().map(move |member| Reserve {
            place,
            member: member.clone(),
            provider: Arc::clone(&provider),
        })
    });
    Run::new(Settings::from(study), seats.collect(), Arc::new(Plain), Arc::clone(store))
        .and_then(|run| run.with_reserves(reserves.collect()))
        .expect("a run")
}

pub(crate) async fn execute(
    study: &Study,
    count: usize,
    provider: &Arc<ScriptedProvider>,
    store: &Arc<Store>,
) -> RunReport {
    run(study, provider, store).execute(questions(study, count)).await.expect("the run goes on")
}

pub(crate) fn derived(study: &Study, store: &Store) -> Vec<Derived> {
    drafts(store, &Plain, &study.panel).collect::<Result<_, _>>().expect("readable")
}

/// Everything that later stages see, as bytes; what tells how often and how long was asked is not in it.
pub(crate) fn bytes(study: &Study, store: &Store) -> String {
    let mut text = String::new();
    for mut record in derived(study, store) {
        for result in &mut record.results {
            result.latency_ms = 0;
            (result.attempts, result.repairs) = (0, 0);
            result.cost = consona::store::Money::ZERO;
        }
        text.push_str(&serde_json::to_string(record.drafts.drafts()).expect("valid"));
        text.push_str(&serde_json::to_string(&record.results).expect("valid"));
        text.push('\n');
    }
    text
}

/// The members of a record's results, in order.
pub(crate) fn models(record: &Derived) -> Vec<&str> {
    record.results.iter().map(|result| result.model.as_str()).collect()
}
