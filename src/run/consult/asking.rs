//! All voices are asked at once, and what they say is put together.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::mpsc::UnboundedSender;

use super::estimate::needed;
use super::roster::Seated;
use super::{Confirmation, ConsultError, MOST_TEXT, Roster};
use crate::consult::{
    Agreement, Answer, AnswerMetadata, Consultation, Embedder, Question, Status, Synthesis, Transcript,
    Voice, Voter, agreement, extractive, prompt, synthesis_prompt,
};
use crate::persona::{Draft, ModelName, RecordId};
use crate::prompt::Prompt;
use crate::provider::{Completion, FinishReason};
use crate::run::interpreter::{Interpreter, Reading, RenderError};
use crate::run::status::milliseconds;
use crate::run::study::PanelMember;
use crate::run::{Budget, Event, Run, RunError, Scope, Unit};
use crate::store::{Money, Slot, SlotStatus, Store, StoredReply, StoredSlot};

/// What recordings file the answers of a consultation under; the turn, from 0, is their `part`.
const RECORD: &str = "consultation";
/// The same for the model that writes the synthesis.
const SYNTHESIS: &str = "synthesis";

/// What is asked of whom.
#[derive(Clone, Debug)]
pub struct Request {
    /// The question.
    pub question: Question,
    /// Who is asked, in the order of the answers; nobody for those of the turn before.
    pub voices: Vec<Voice>,
    /// The model that writes the synthesis; without one it consists of the models' own sentences.
    pub synthesiser: Option<String>,
    /// What was said before.
    pub earlier: Transcript,
    /// Whether somebody has said yes to what it costs ([`confirmation`]).
    pub confirmed: bool,
}

/// A request held against the roster; nobody has been asked yet.
pub(super) struct Planned {
    pub(super) voices: Vec<Voice>,
    pub(super) seated: Seated,
    pub(super) writer: Option<Writer>,
    pub(super) message: String,
    pub(super) prompts: Vec<Prompt>,
    turn: u32,
    endpoints: BTreeMap<String, String>,
}

impl Planned {
    fn new(roster: &Roster, request: &Request) -> Result<Self, ConsultError> {
        let Request { question, voices, synthesiser, earlier, .. } = request;
        if question.text.trim().is_empty() {
            return Err(ConsultError::NoQuestion);
        }
        let voices = if voices.is_empty() { earlier.voices.clone() } else { voices.clone() };
        let seated = roster.seat(&voices)?;
        let writer = synthesiser.as_ref().map(|name| Writer::find(roster, name)).transpose()?;
        let message = question.message();
        let bytes = message.len() + earlier.bytes();
        if bytes > MOST_TEXT {
            return Err(ConsultError::TooLarge { bytes, most: MOST_TEXT });
        }
        let endpoints = same_endpoints(&voices, &seated, earlier)?;
        let prompts = voices.iter().map(|voice| prompt(&message, voice, earlier)).collect();
        let turn = u32::try_from(earlier.turns.len()).unwrap_or(u32::MAX);
        Ok(Self { voices, seated, writer, message, prompts, turn, endpoints })
    }
}

/// Where the models of a consultation are asked: those that were asked before at the same place as then.
fn same_endpoints(
    voices: &[Voice],
    seated: &Seated,
    earlier: &Transcript,
) -> Result<BTreeMap<String, String>, ConsultError> {
    let mut endpoints = earlier.endpoints.clone();
    for (voice, now) in voices.iter().zip(seated.endpoints()) {
        match endpoints.insert(voice.model.clone(), now.clone()) {
            Some(before) if before != now => {
                return Err(ConsultError::Moved { model: voice.model.clone(), before, now });
            }
            _ => {}
        }
    }
    Ok(endpoints)
}

/// What a person has to say yes to before this is asked, where it costs more than the study's `confirm_above`.
///
/// # Errors
/// What [`consult`] fails with before anybody is asked.
pub fn confirmation(roster: &Roster, request: &Request) -> Result<Option<Confirmation>, ConsultError> {
    Ok(needed(roster, &Planned::new(roster, request)?, request))
}

/// Asks all voices at once and puts together what they say; gives the transcript to carry on with.
///
/// Answers are in the order of the voices. Dropping the future abandons the calls. What the voices and the synthesis
/// cost together stays within the study's `max_cost`.
///
/// # Errors
/// [`ConsultError`] before anybody is asked, or when calls cannot be stored or answers not compared. That models do
/// not answer is no error.
pub async fn consult(
    roster: &Roster,
    request: Request,
    embedder: Arc<dyn Embedder>,
    events: Option<UnboundedSender<Event>>,
) -> Result<(Consultation, Transcript), ConsultError> {
    let planned = Planned::new(roster, &request)?;
    if let Some(confirmation) = needed(roster, &planned, &request) {
        return Err(ConsultError::Confirmation(confirmation));
    }
    let Planned { voices, seated, writer, message, prompts, turn, endpoints } = planned;
    let budget = Budget::new(roster.settings.max_cost, Money::ZERO);
    let course = Course { roster, budget: &budget, events, turn };
    let asked = course.ask(&seated, prompts, RECORD).await?;
    let (answers, mut remarks) = answers(&voices, &asked);
    let mut metadata = metadata(&voices, &seated, &asked);
    let measured = measure(&answers, seated.voters, embedder).await?;
    let mut written = None;
    if let (Some(writer), Some(measured)) = (&writer, &measured) {
        let prompt = synthesis_prompt(&message, &answers, measured);
        let (text, told) = writer.write(&course, prompt, &mut remarks).await?;
        written = text;
        metadata.extend(told);
    }
    let synthesis = measured
        .as_ref()
        .map(|measured| written.unwrap_or_else(|| Synthesis { by: None, text: extractive(measured) }));
    let transcript = Transcript { endpoints, ..request.earlier.and(voices, message, &answers) };
    let priced = metadata.iter().all(|call| call.cost.is_some());
    let cost = priced.then(|| budget.spent().amount());
    let consultation = Consultation::of_answers(answers, &remarks);
    Ok((Consultation { synthesis, agreement: measured, metadata, cost, ..consultation }, transcript))
}

/// What the calls of one turn have in common.
struct Course<'a> {
    roster: &'a Roster,
    budget: &'a Budget,
    events: Option<UnboundedSender<Event>>,
    turn: u32,
}

impl Course<'_> {
    /// One call each, all at the same moment; how they stand, in the order of the seats.
    async fn ask(
        &self,
        seated: &Seated,
        prompts: Vec<Prompt>,
        record: &str,
    ) -> Result<Vec<Option<StoredSlot>>, ConsultError> {
        let names: Vec<ModelName> = seated.seats.iter().map(|(member, _)| member.name.clone()).collect();
        let consulting = Consulting(names.iter().cloned().zip(prompts).collect());
        let store = Arc::new(Store::in_memory().map_err(RunError::from)?);
        let (seats, settings) = (seated.seats.clone(), self.roster.settings);
        let mut run = Run::new(settings, seats, Arc::new(consulting), Arc::clone(&store))?
            .with_reserves(seated.reserves.clone())?
            .with_patience(&self.roster.patience)
            .with_budget(self.budget);
        if let Some(events) = &self.events {
            run = run.with_events(events.clone());
        }
        let refuse = |error: crate::persona::IdError| ConsultError::Broken(error.to_string());
        let record = RecordId::new(record).map_err(refuse)?;
        let unit = Unit { number: 0, record, part: self.turn, records: Vec::new(), scope: Scope::default() };
        run.execute([unit]).await?;
        let stored = store.slots(0..1).map_err(RunError::from)?;
        let of = |name: &ModelName| stored.iter().find(|stored| stored.slot.member == *name).cloned();
        Ok(names.iter().map(of).collect())
    }
}

/// What the providers told about the calls.
fn metadata(voices: &[Voice], seated: &Seated, asked: &[Option<StoredSlot>]) -> Vec<AnswerMetadata> {
    let told = |(place, (voice, stored)): (usize, (&Voice, &Option<StoredSlot>))| {
        let note = stored.as_ref().and_then(|stored| stored.reason.as_deref());
        let speaker = seated.speaker(place, note);
        let completion = stored.as_ref().and_then(|stored| Some(&stored.reply.as_ref()?.completion));
        let usage = completion.and_then(|completion| completion.usage);
        let cost = stored.as_ref().map_or(Money::ZERO, |stored| stored.cost);
        AnswerMetadata {
            model: voice.model.clone(),
            stance: voice.stance,
            provider: speaker.provider.clone(),
            response_model: completion.and_then(|completion| completion.response_model.clone()),
            finish_reason: completion.map(|completion| completion.finish_reason.name().to_owned()),
            input_tokens: usage.map(|usage| usage.input_tokens),
            output_tokens: usage.map(|usage| usage.output_tokens),
            cost: speaker.price.map(|_| cost.amount()),
            attempts: stored.as_ref().map_or(0, |stored| stored.attempts),
            latency_ms: milliseconds(stored.as_ref().map(|stored| stored.latency).unwrap_or_default()),
        }
    };
    voices.iter().zip(asked).enumerate().map(told).collect()
}

/// Answers in the order of the voices, and what a reader must know about them.
fn answers(voices: &[Voice], asked: &[Option<StoredSlot>]) -> (Vec<Answer>, Vec<String>) {
    let mut remarks = Vec::new();
    let mut answers = Vec::new();
    for (voice, stored) in voices.iter().zip(asked) {
        let completion = completion(stored.as_ref());
        if completion.as_ref().is_ok_and(|completion| completion.finish_reason == FinishReason::Length) {
            remarks.push(format!(
                "The answer of {} ({}) was cut at its limit of tokens.",
                voice.model, voice.stance
            ));
        }
        // Of an answer, the reason says who gave it instead of the model itself.
        let note = stored.as_ref().filter(|_| completion.is_ok()).and_then(|stored| stored.reason.as_deref());
        if let Some(note) = note {
            remarks.push(format!("For {} ({}), {note}.", voice.model, voice.stance));
        }
        let latency = stored.as_ref().map(|stored| stored.latency).unwrap_or_default();
        answers.push(Answer {
            model: voice.model.clone(),
            stance: voice.stance,
            status: if completion.is_ok() { Status::Success } else { Status::Error },
            content: completion.as_ref().ok().map(|completion| completion.content.clone()),
            error_message: completion.err(),
            latency_ms: milliseconds(latency),
        });
    }
    (answers, remarks)
}

/// The answer of a call, or why there is none.
fn completion(stored: Option<&StoredSlot>) -> Result<&Completion, String> {
    let stored = stored.ok_or("it was not asked: the limit of cost would have been exceeded")?;
    match &stored.reply {
        Some(reply) if stored.status == SlotStatus::Answered => Ok(&reply.completion),
        _ => Err(stored.reason.clone().unwrap_or_else(|| format!("the call is {}", stored.status.name()))),
    }
}

/// What the answers have in common, off the threads that wait for answers; nothing where there is no answer.
async fn measure(
    answers: &[Answer],
    voters: Vec<Voter>,
    embedder: Arc<dyn Embedder>,
) -> Result<Option<Agreement>, ConsultError> {
    if answers.iter().all(|answer| answer.success().is_none()) {
        return Ok(None);
    }
    let answers = answers.to_vec();
    let measuring = tokio::task::spawn_blocking(move || agreement(&answers, &voters, embedder.as_ref()));
    let measured = measuring.await.map_err(|error| ConsultError::Broken(error.to_string()))?;
    Ok(Some(measured?))
}

/// The model that writes the synthesis.
pub(super) struct Writer {
    voice: Voice,
    pub(super) seated: Seated,
}

impl Writer {
    fn find(roster: &Roster, name: &str) -> Result<Self, ConsultError> {
        let voice = Voice { stance: crate::consult::Stance::Neutral, ..roster.voice(name, None, None)? };
        let seated = roster.seat(std::slice::from_ref(&voice))?;
        Ok(Self { voice: Voice { model: name.to_owned(), ..voice }, seated })
    }

    /// The synthesis, and what is known about the call; where the model does not write one, a remark that says so.
    async fn write(
        &self,
        course: &Course<'_>,
        prompt: Prompt,
        remarks: &mut Vec<String>,
    ) -> Result<(Option<Synthesis>, Vec<AnswerMetadata>), ConsultError> {
        let asked = course.ask(&self.seated, vec![prompt], SYNTHESIS).await?;
        let told = metadata(std::slice::from_ref(&self.voice), &self.seated, &asked);
        let name = &self.voice.model;
        let written = match completion(asked.first().and_then(Option::as_ref)) {
            Ok(completion) => {
                Some(Synthesis { by: Some(name.clone()), text: completion.content.trim().to_owned() })
            }
            Err(reason) => {
                remarks.push(format!(
                    "{name} wrote no synthesis ({reason}); it consists of the models' own sentences."
                ));
                None
            }
        };
        Ok((written, told))
    }
}

/// Puts every member its prompt; any text is an answer.
#[derive(Debug)]
struct Consulting(BTreeMap<ModelName, Prompt>);

impl Interpreter for Consulting {
    fn version(&self) -> &'static str {
        "consultation"
    }

    fn prompt(&self, unit: &Unit, member: &PanelMember, _: &[Draft]) -> Result<Prompt, RenderError> {
        let missing = || RenderError(format!("`{}` is asked nothing about `{}`", member.name, unit.record));
        self.0.get(&member.name).cloned().ok_or_else(missing)
    }

    fn repair(&self, prompt: &Prompt, _: &Completion, _: &[String]) -> Result<Prompt, RenderError> {
        Ok(prompt.clone())
    }

    fn read(&self, _: &Slot, reply: &StoredReply) -> Reading {
        let completion = &reply.completion;
        if completion.finish_reason == FinishReason::Refusal {
            return Reading::Unusable(vec!["the model refused to answer".to_owned()]);
        }
        if completion.content.trim().is_empty() {
            return Reading::Unusable(vec!["the answer is empty".to_owned()]);
        }
        Reading::Usable(Vec::new())
    }
}
