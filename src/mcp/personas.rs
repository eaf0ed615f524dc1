//! The tools `generate_personas` and `merge_personas`.

use std::collections::BTreeMap;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use tokio::sync::mpsc::UnboundedSender;

use super::answer::{Outcome, Refusal};
use super::configuration::Panel;
use super::consensus::no_panel;
use super::material::{Material, RecordParameter, drafts, records};
use super::place::Place;
use super::{AllowedFolders, Configuration};
use crate::consensus::grounding::Grounding;
use crate::consensus::{ConsensusPersona, ConsensusValidParams, Engine, PersonaKind};
use crate::consult::Status;
use crate::dataset::{Record, SetAside};
use crate::embed::Embedder;
use crate::files::{PanelDrafts, SpoolWriter};
use crate::persona::{Draft, ModelName, TraitInference, TraitSchema};
use crate::report::counted;
use crate::run::{
    self, CallStatus, Drafting, Event, Interpreter, Run, RunOutcome, Settings, Sources, Study, Unit,
    summarise, units,
};
use crate::store::Store;

/// What `generate_personas` is given: records in one or several of three ways.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct GenerateParameters {
    /// The records: objects with an `id`, or texts.
    #[serde(default)]
    records: Vec<RecordParameter>,
    /// Records as one text: CSV, JSON, JSON Lines, Markdown, or prose.
    text: Option<String>,
    /// Files of records, in the folders that the server may read.
    #[serde(default)]
    files: Vec<String>,
    /// What the personas are for; the question of the server's study when it is missing.
    question: Option<String>,
}

/// What `merge_personas` is given.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct MergeParameters {
    /// Drafts: `{"record", "model", "persona": {…}}`, or personas of other tools with a `model` beside them. Each names
    /// its `model`: what agrees is counted by models.
    #[serde(default)]
    drafts: Vec<Map<String, Value>>,
    /// Files of drafts, in the folders that the server may read.
    #[serde(default)]
    files: Vec<String>,
}

/// How often a model was asked, and how it did.
#[derive(Debug, Default, Serialize, JsonSchema)]
pub(super) struct MemberAnswers {
    /// The panel member.
    model: String,
    /// Usable answers.
    answered: usize,
    /// Calls without one.
    unanswered: usize,
    /// Why, each reason once.
    reasons: Vec<String>,
}

/// Consensus personas.
#[derive(Debug, Serialize, JsonSchema)]
#[expect(clippy::struct_field_names, reason = "the field's name is an interface")]
pub(super) struct Personas {
    /// Whether there are any.
    pub(super) status: Status,
    /// Why there are none.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// The personas, as a line of `consensus.jsonl` has them: `persona_id`, `record`, `kind` (consensus or minority),
    /// `confidence`, `support`, `models`, and `traits` with every value, its votes and its evidence.
    personas: Vec<Map<String, Value>>,
    /// Personas that two or more models described.
    consensus: usize,
    /// Personas that one model alone described, and others that were asked did not.
    minority: usize,
    /// Personas of the only model that there is: nobody else was asked, and so nobody agrees.
    alone: usize,
    /// Drafts behind them.
    drafts: usize,
    /// The models that had a vote.
    panel: Vec<String>,
    /// How the panel answered, where it was asked.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    answers: Vec<MemberAnswers>,
    /// What could not be used, and why.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    set_aside: Vec<String>,
}

/// Questions that can be put to a panel.
pub(super) struct Generation {
    panel: Panel,
    records: Material<Record>,
}

impl Generation {
    /// Holds what the caller gives against the configuration; nobody is asked yet.
    pub(super) fn new(configuration: &Configuration, given: GenerateParameters) -> Outcome<Self> {
        let mut panel = configuration.panel.clone().ok_or_else(no_panel)?;
        let records = records(given.records, given.text.as_deref(), &given.files, &configuration.allowed)?;
        if let Some(question) = given.question.filter(|question| !question.trim().is_empty()) {
            panel.study.question = Some(question);
        }
        Ok(Self { panel, records })
    }

    fn units(&self) -> Vec<Unit> {
        units(self.records.items.iter().cloned(), &self.panel.study.input).collect()
    }

    /// How many calls it takes.
    pub(super) fn calls(&self) -> usize {
        let samples: u32 = self.panel.study.panel.iter().map(|member| member.samples).sum();
        self.units().len() * samples as usize
    }

    /// Asks the panel and forms personas out of what it drafts.
    pub(super) async fn ask(
        self,
        embedder: Arc<dyn Embedder>,
        events: UnboundedSender<Event>,
        place: Place,
    ) -> Outcome<Personas> {
        let study = &self.panel.study;
        let drafting = Arc::new(Drafting::new(study)?);
        self.refuse_what_needs_confirmation(&drafting)?;
        let store = Arc::new(Store::in_memory()?);
        let (settings, seats) = (Settings::from(study), self.panel.seats.clone());
        let run = Run::new(settings, seats, drafting.clone(), Arc::clone(&store))?
            .with_reserves(self.panel.reserves.clone())?
            .with_patience(&self.panel.roster.patience)
            .with_events(events);
        let report = run.execute(self.units()).await?;
        // Its sender goes with it, and so the progress ends.
        drop(run);
        let (drafts, answers) = read_back(&store, &drafting, study)?;
        if report.outcome != RunOutcome::Complete || drafts.is_empty() {
            let none = Personas::none(&study.members(), &self.records.set_aside);
            let reason = why(&report.outcome, study);
            return Ok(Personas { reason, answers, ..none });
        }
        let forming = Forming {
            schema: study.schema.clone(),
            settings: self.panel.settings.clone(),
            sources: Some(Sources::of_units(self.units())),
            panel: study.members(),
            embedder,
            drafts,
        };
        let personas = forming.off_thread(place).await?;
        Ok(Personas { answers, ..personas.with_set_aside(&self.records.set_aside) })
    }

    /// A plan above `confirm_above` needs a person, and there is none.
    fn refuse_what_needs_confirmation(&self, drafting: &Drafting) -> Outcome<()> {
        let study = &self.panel.study;
        let Some(above) = study.limits.confirm_above else { return Ok(()) };
        let prompt = |unit: &Unit, member: &_| drafting.prompt(unit, member, &[]);
        let plan = summarise(self.units(), &study.panel, study.personas.max, prompt);
        let plan = plan?;
        if plan.cost <= above && plan.unpriced.is_empty() {
            return Ok(());
        }
        let cost = plan.cost;
        Err(Refusal::new(format!(
            "the plan costs about {cost} or more, and above {above} a person has to confirm; send fewer records"
        )))
    }
}

/// Why a run came to no personas.
fn why(outcome: &RunOutcome, study: &Study) -> Option<String> {
    match outcome {
        RunOutcome::Complete => None,
        RunOutcome::TooFewModels => Some("too few models answered".to_owned()),
        RunOutcome::Interrupted { outstanding } => {
            Some(format!("stopped with {} outstanding", counted(*outstanding, "call")))
        }
        RunOutcome::LimitReached { outstanding } => {
            let limit = study.limits.max_cost.map(|limit| format!(" ({limit})")).unwrap_or_default();
            let calls = counted(*outstanding, "call");
            Some(format!(
                "the server's `max_cost`{limit} is reached, with {calls} outstanding; send fewer records"
            ))
        }
    }
}

/// What the panel drafted, and how its members did, in its order.
fn read_back(store: &Store, drafting: &Drafting, study: &Study) -> Outcome<(Vec<Draft>, Vec<MemberAnswers>)> {
    let mut drafts = Vec::new();
    let mut answers: BTreeMap<ModelName, MemberAnswers> = BTreeMap::new();
    for derived in run::drafts(store, drafting, &study.panel) {
        let derived = derived?;
        drafts.extend_from_slice(derived.drafts.drafts());
        for result in &derived.results {
            let member = answers.entry(result.model.clone()).or_default();
            count(member, result.status, result.error_message.as_deref());
        }
    }
    Ok((drafts, in_order(&study.members(), answers)))
}

fn count(answers: &mut MemberAnswers, status: CallStatus, reason: Option<&str>) {
    match status {
        CallStatus::Success => answers.answered += 1,
        CallStatus::Error => {
            answers.unanswered += 1;
            let reason = reason.unwrap_or_default().to_owned();
            if !answers.reasons.contains(&reason) && answers.reasons.len() < 10 {
                answers.reasons.push(reason);
            }
        }
    }
}

fn in_order(panel: &[ModelName], mut answers: BTreeMap<ModelName, MemberAnswers>) -> Vec<MemberAnswers> {
    let of = |name: &ModelName| MemberAnswers {
        model: name.to_string(),
        ..answers.remove(name).unwrap_or_default()
    };
    panel.iter().map(of).collect()
}

/// Forms personas out of drafts that the caller brings.
pub(super) async fn merge(
    configuration: &Configuration,
    given: MergeParameters,
    place: Place,
) -> Outcome<Personas> {
    let schema = configuration
        .panel
        .as_ref()
        .map_or_else(TraitSchema::default_persona, |panel| panel.study.schema.clone());
    let material = read(&given, &configuration.allowed, &schema)?;
    let mut panel: Vec<ModelName> = Vec::new();
    for draft in &material.items {
        if !panel.contains(&draft.model) {
            panel.push(draft.model.clone());
        }
    }
    let forming = Forming {
        schema,
        settings: configuration.settings.clone(),
        sources: None,
        panel,
        embedder: Arc::clone(&configuration.embedder),
        drafts: material.items,
    };
    Ok(forming.off_thread(place).await?.with_set_aside(&material.set_aside))
}

fn read(given: &MergeParameters, allowed: &AllowedFolders, schema: &TraitSchema) -> Outcome<Material<Draft>> {
    drafts(&given.drafts, &given.files, allowed, schema)
}

/// Everything that personas are formed of.
struct Forming {
    schema: TraitSchema,
    settings: ConsensusValidParams,
    sources: Option<Sources>,
    panel: Vec<ModelName>,
    embedder: Arc<dyn Embedder>,
    drafts: Vec<Draft>,
}

impl Forming {
    /// Forms them where nobody waits for answers of models. The work keeps its place until it is done, also when
    /// whoever wanted it has gone, for a thread cannot be stopped.
    async fn off_thread(self, place: Place) -> Outcome<Personas> {
        let forming = move || {
            let _place = place;
            self.form()
        };
        let formed = tokio::task::spawn_blocking(forming).await;
        formed.map_err(|error| Refusal::new(format!("the consensus broke down: {error}")))?
    }

    fn form(self) -> Outcome<Personas> {
        let mut inference = TraitInference::new(&self.schema);
        let mut spool = SpoolWriter::new()?;
        for draft in &self.drafts {
            inference.observe(draft);
            spool.push(draft)?;
        }
        let (schema, spool) = (inference.finish(), spool.finish()?);
        let source = PanelDrafts::new(&spool, &self.panel);
        let embedder = self.embedder.as_ref();
        let engine = Engine::new(&schema, embedder, self.panel.clone(), self.settings.clone())?;
        let learned = engine.learn(&source)?;
        let mut formed = Vec::new();
        engine.decide(&source, &learned, |personas| {
            formed.extend(personas);
            Ok(())
        })?;
        self.ground(&mut formed)?;
        Personas::of(&formed, self.drafts.len(), &self.panel)
    }

    /// Looks for the cited passages in the records.
    fn ground(&self, personas: &mut [ConsensusPersona]) -> Outcome<()> {
        let Some(sources) = &self.sources else { return Ok(()) };
        let grounding = Grounding::new(self.embedder.as_ref())?;
        for of_record in personas.chunk_by_mut(|one, other| one.record == other.record) {
            if let Some(source) = of_record.first().and_then(|persona| sources.get(&persona.record)) {
                grounding.check(of_record, &source)?;
            }
        }
        Ok(())
    }
}

impl Personas {
    fn of(formed: &[ConsensusPersona], drafts: usize, panel: &[ModelName]) -> Outcome<Self> {
        let mut personas = Vec::new();
        for persona in formed {
            match serde_json::to_value(persona) {
                Ok(Value::Object(fields)) => personas.push(fields),
                _ => return Err(Refusal::new(format!("`{}` has no JSON form", persona.persona_id))),
            }
        }
        // With one model in all, its personas are not called a minority, and nobody agrees on them either.
        let consensus = formed.iter().filter(|persona| persona.support > 1).count();
        let minority = formed.iter().filter(|persona| persona.kind == PersonaKind::Minority).count();
        Ok(Self {
            status: Status::Success,
            reason: None,
            consensus,
            minority,
            alone: personas.len() - consensus - minority,
            drafts,
            panel: panel.iter().map(ToString::to_string).collect(),
            answers: Vec::new(),
            set_aside: Vec::new(),
            personas,
        })
    }

    /// Too few models answered.
    fn none(panel: &[ModelName], set_aside: &[SetAside]) -> Self {
        Self {
            status: Status::Error,
            reason: None,
            personas: Vec::new(),
            consensus: 0,
            minority: 0,
            alone: 0,
            drafts: 0,
            panel: panel.iter().map(ToString::to_string).collect(),
            answers: Vec::new(),
            set_aside: set_aside.iter().map(ToString::to_string).collect(),
        }
    }

    fn with_set_aside(self, set_aside: &[SetAside]) -> Self {
        Self { set_aside: set_aside.iter().map(ToString::to_string).collect(), ..self }
    }
}
