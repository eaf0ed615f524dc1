//! All voices are asked at once, and what they say is put together.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::mpsc::UnboundedSender;

use super::{ConsultError, Roster};
use crate::consult::{
    Agreement, Answer, Consultation, Embedder, Question, Status, Synthesis, Transcript, Voice, agreement,
    extractive, prompt, synthesis_prompt,
};
use crate::persona::{Draft, ModelName, RecordId};
use crate::prompt::Prompt;
use crate::provider::{Completion, FinishReason};
use crate::run::interpreter::{Interpreter, Reading, RenderError};
use crate::run::status::milliseconds;
use crate::run::study::PanelMember;
use crate::run::{Event, Run, RunError, Scope, Seats, Unit};
use crate::store::{Slot, SlotStatus, Store, StoredReply, StoredSlot};

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
}

/// Asks all voices at once and puts together what they say; gives the transcript to carry on with.
///
/// Answers are in the order of the voices. Dropping the future abandons the calls.
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
    let Request { question, mut voices, synthesiser, earlier } = request;
    if question.text.trim().is_empty() {
        return Err(ConsultError::NoQuestion);
    }
    if voices.is_empty() {
        voices.clone_from(&earlier.voices);
    }
    let (seats, voters) = roster.seat(&voices)?;
    let synthesiser = synthesiser.map(|name| Writer::find(roster, &name)).transpose()?;
    let message = question.message();
    let prompts = voices.iter().map(|voice| prompt(&message, voice, &earlier)).collect();
    let turn = u32::try_from(earlier.turns.len()).unwrap_or(u32::MAX);
    let asked = ask(roster, seats, prompts, (RECORD, turn), events.clone()).await?;
    let (answers, mut remarks) = answers(&voices, &asked);
    let measured = measure(&answers, voters, embedder).await?;
    let written = match (&synthesiser, &measured) {
        (Some(writer), Some(measured)) => {
            let prompt = synthesis_prompt(&message, &answers, measured);
            writer.write(roster, prompt, turn, events, &mut remarks).await?
        }
        _ => None,
    };
    let synthesis = measured
        .as_ref()
        .map(|measured| written.unwrap_or_else(|| Synthesis { by: None, text: extractive(measured) }));
    let transcript = earlier.and(voices, message, &answers);
    let consultation = Consultation::of_answers(answers, &remarks);
    Ok((Consultation { synthesis, agreement: measured, ..consultation }, transcript))
}

/// One call each, all at the same moment; how they stand, in the order of the seats.
async fn ask(
    roster: &Roster,
    seats: Seats,
    prompts: Vec<Prompt>,
    (record, part): (&str, u32),
    events: Option<UnboundedSender<Event>>,
) -> Result<Vec<Option<StoredSlot>>, ConsultError> {
    let names: Vec<ModelName> = seats.iter().map(|(member, _)| member.name.clone()).collect();
    let consulting = Consulting(names.iter().cloned().zip(prompts).collect());
    let store = Arc::new(Store::in_memory().map_err(RunError::from)?);
    let mut run = Run::new(roster.settings, seats, Arc::new(consulting), Arc::clone(&store))?;
    if let Some(events) = events {
        run = run.with_events(events);
    }
    let refuse = |error: crate::persona::IdError| ConsultError::Broken(error.to_string());
    let record = RecordId::new(record).map_err(refuse)?;
    let unit = Unit { number: 0, record, part, records: Vec::new(), scope: Scope::default() };
    run.execute([unit]).await?;
    let stored = store.slots(0..1).map_err(RunError::from)?;
    Ok(names.iter().map(|name| stored.iter().find(|stored| stored.slot.member == *name).cloned()).collect())
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
    voters: Vec<usize>,
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
struct Writer {
    name: String,
    seats: Seats,
}

impl Writer {
    fn find(roster: &Roster, name: &str) -> Result<Self, ConsultError> {
        let voice = Voice { stance: crate::consult::Stance::Neutral, ..roster.voice(name, None, None)? };
        let (seats, _) = roster.seat(&[voice])?;
        Ok(Self { name: name.to_owned(), seats })
    }

    /// The synthesis; where the model does not write one, a remark that says so.
    async fn write(
        &self,
        roster: &Roster,
        prompt: Prompt,
        turn: u32,
        events: Option<UnboundedSender<Event>>,
        remarks: &mut Vec<String>,
    ) -> Result<Option<Synthesis>, ConsultError> {
        let asked = ask(roster, self.seats.clone(), vec![prompt], (SYNTHESIS, turn), events).await?;
        match completion(asked.first().and_then(Option::as_ref)) {
            Ok(completion) => Ok(Some(Synthesis {
                by: Some(self.name.clone()),
                text: completion.content.trim().to_owned(),
            })),
            Err(reason) => {
                let name = &self.name;
                remarks.push(format!(
                    "{name} wrote no synthesis ({reason}); it consists of the models' own sentences."
                ));
                Ok(None)
            }
        }
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
