//! The questions of a stage: asked, stored and paid for like those of the panel.
//!
//! Every stage has a run database of its own (`stages/NAME/run.sqlite`), so that its calls never stand among the
//! panel's; the [`Budget`] is one for all of them. Who has no answer from the first model is asked of the
//! fallback; below `min_success_ratio`, what is missing is asked once more, one by one.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::persona::{Draft, ModelName, RecordId};
use crate::prompt::{Message, Prompt, Role};
use crate::provider::{Completion, Endpoint, FinishReason, Provider, Timeouts};
use crate::run::interpreter::{Interpreter, Reading, RenderError};
use crate::run::retry::RetryPolicy;
use crate::run::status::milliseconds;
use crate::run::study::{Mode, PanelMember, Quorum};
use crate::run::{Budget, Run, RunError, RunOutcome, Scope, Settings, Unit};
use crate::stages::pipeline::StageSettings;
use crate::store::{Money, Slot, SlotStatus, Store, StoredReply, StoredSlot};

/// Changes with the words around a stage's questions that are this module's own.
const VERSION: &str = "stages-1";

/// How long an unusable answer is quoted to its author, in characters.
const QUOTED: usize = 8_000;

/// One question of a stage.
#[derive(Clone, Debug, PartialEq)]
pub struct Question {
    /// What it is about: a record, or a persona.
    pub about: RecordId,
    /// The question.
    pub prompt: Prompt,
}

/// Says what is wrong with the answer to the question at a place; nothing when it can be used.
pub type Check = Box<dyn Fn(usize, &str) -> Vec<String> + Send + Sync>;

/// A model that can be asked, and who asks it.
#[derive(Clone, Debug)]
pub struct Seat {
    /// The model.
    pub member: PanelMember,
    /// Who asks it.
    pub provider: Arc<dyn Provider>,
}

/// Where a stage's questions go.
#[derive(Clone, Debug)]
pub struct Desk {
    /// The stage's own folder in the run folder.
    pub folder: PathBuf,
    /// The model, then its fallback.
    pub seats: Vec<Seat>,
    /// How long, how often, how many at once.
    pub settings: StageSettings,
    /// What the study says about retries; the stage's own number of attempts counts.
    pub retry: RetryPolicy,
    /// What may be spent.
    pub max_cost: Option<Money>,
    /// What has been spent, by everybody.
    pub budget: Budget,
    /// The seed of the jitter.
    pub seed: u64,
    /// Which set of fresh answers, from 0.
    pub round: u32,
    /// No new call once it is cancelled.
    pub halt: CancellationToken,
}

/// An answer that can be used.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// Who gave it.
    pub model: ModelName,
    /// What was said.
    pub content: String,
}

/// A question without a usable answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Missing {
    /// What it is about.
    pub id: String,
    /// Why, as far as is known.
    pub error: String,
}

/// The calls of a stage in figures, all sittings together.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, serde::Deserialize)]
#[serde(default)]
pub struct CallFigures {
    /// Planned calls.
    pub calls: u64,
    /// Calls with a usable answer.
    pub answered: u64,
    /// Of those, calls that the first attempt answered.
    pub first_attempt: u64,
    /// Attempts after the first.
    pub retries: u64,
    /// Calls that the fallback model was asked.
    pub fallback: u64,
    /// Latencies of the last attempts, added up.
    pub busy_ms: u64,
    /// Tokens of the prompts.
    pub input_tokens: u64,
    /// Tokens of the answers.
    pub output_tokens: u64,
    /// Bytes of the answers.
    pub bytes: u64,
    /// What all attempts cost.
    pub cost: Money,
    /// Whether some of the calls were made in an earlier sitting, whose time nobody has measured.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub resumed: bool,
}

/// What came of a stage's questions.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Answers {
    /// One per question, in order; `None` where there is no usable answer.
    pub answers: Vec<Option<Answer>>,
    /// The questions without one.
    pub missing: Vec<Missing>,
    /// In figures.
    pub figures: CallFigures,
    /// Whether answers are enough.
    pub enough: bool,
    /// Whether it was stopped before everything was asked, and whether for money.
    pub interrupted: Option<bool>,
}

impl CallFigures {
    /// The figures of everything that a run database holds.
    ///
    /// # Errors
    /// [`StoreError`](crate::store::StoreError).
    pub fn of_store(store: &Store) -> Result<Self, crate::store::StoreError> {
        /// Units read at a time.
        const PAGE: u64 = 64;
        let (mut figures, end) = (Self::default(), store.units()?);
        let mut first = 0;
        while first < end {
            for slot in store.slots(first..(first + PAGE).min(end))? {
                figures.calls += 1;
                figures.add(&slot, true);
            }
            first += PAGE;
        }
        Ok(figures)
    }

    /// What there is more of than in earlier figures of the same calls.
    #[must_use]
    pub fn less(self, earlier: &Self) -> Self {
        Self {
            calls: self.calls.saturating_sub(earlier.calls),
            answered: self.answered.saturating_sub(earlier.answered),
            first_attempt: self.first_attempt.saturating_sub(earlier.first_attempt),
            retries: self.retries.saturating_sub(earlier.retries),
            fallback: self.fallback.saturating_sub(earlier.fallback),
            busy_ms: self.busy_ms.saturating_sub(earlier.busy_ms),
            input_tokens: self.input_tokens.saturating_sub(earlier.input_tokens),
            output_tokens: self.output_tokens.saturating_sub(earlier.output_tokens),
            bytes: self.bytes.saturating_sub(earlier.bytes),
            cost: self.cost.less(earlier.cost),
            resumed: self.resumed,
        }
    }

    /// Both together.
    #[must_use]
    pub fn plus(self, other: &Self) -> Self {
        Self {
            calls: self.calls + other.calls,
            answered: self.answered + other.answered,
            first_attempt: self.first_attempt + other.first_attempt,
            retries: self.retries + other.retries,
            fallback: self.fallback + other.fallback,
            busy_ms: self.busy_ms + other.busy_ms,
            input_tokens: self.input_tokens + other.input_tokens,
            output_tokens: self.output_tokens + other.output_tokens,
            bytes: self.bytes + other.bytes,
            cost: self.cost + other.cost,
            resumed: self.resumed || other.resumed,
        }
    }

    /// Counts one call; `primary` says that it is not the fallback's.
    fn add(&mut self, slot: &StoredSlot, primary: bool) {
        self.retries += u64::from(slot.attempts.saturating_sub(1));
        self.busy_ms += milliseconds(slot.latency);
        self.cost += slot.cost;
        let Some(reply) = &slot.reply else { return };
        if let Some(usage) = reply.completion.usage {
            self.input_tokens += usage.input_tokens;
            self.output_tokens += usage.output_tokens;
        }
        if slot.status == SlotStatus::Answered {
            self.answered += 1;
            self.first_attempt += u64::from(slot.attempts == 1 && primary);
            self.bytes += reply.completion.content.len() as u64;
        }
    }
}

impl Desk {
    /// Asks everything; answers that are stored are not asked for again.
    ///
    /// # Errors
    /// [`RunError`] when nothing can be stored, or nothing can be asked at all.
    pub async fn ask(&self, questions: &[Question], check: Check) -> Result<Answers, RunError> {
        self.ask_some(questions, &|_| true, check).await
    }

    /// Asks the questions at some places; the others have no answer and miss none.
    ///
    /// # Errors
    /// As [`Self::ask`].
    pub async fn ask_some(
        &self,
        questions: &[Question],
        wanted: &dyn Fn(usize) -> bool,
        check: Check,
    ) -> Result<Answers, RunError> {
        let store = Arc::new(Store::open(&self.folder)?);
        let asker =
            Arc::new(Asker { prompts: questions.iter().map(|one| one.prompt.clone()).collect(), check });
        let mut answers = Answers { answers: vec![None; questions.len()], ..Answers::default() };
        for one_by_one in [false, true] {
            for seat in 0..self.seats.len() {
                let is_open = |&at: &usize| wanted(at) && answers.answers[at].is_none();
                let open: Vec<usize> = (0..questions.len()).filter(is_open).collect();
                if open.is_empty() || answers.interrupted.is_some() {
                    continue;
                }
                let asking = Asking { desk: self, store: &store, asker: &asker, questions, wanted };
                answers.interrupted = asking.put(seat, &open, one_by_one).await?;
                asking.collect(&mut answers)?;
            }
            if answers.enough || answers.interrupted.is_some() {
                break;
            }
        }
        Ok(answers)
    }
}

/// The questions of a stage on their way.
struct Asking<'a> {
    desk: &'a Desk,
    store: &'a Arc<Store>,
    asker: &'a Arc<Asker>,
    questions: &'a [Question],
    wanted: &'a dyn Fn(usize) -> bool,
}

impl Asking<'_> {
    /// The number of a question for a seat: each seat and each round has numbers of its own.
    fn number(&self, seat: usize, question: usize) -> u64 {
        let set = 2 * u64::from(self.desk.round) + seat as u64;
        set * self.questions.len() as u64 + question as u64
    }

    /// Puts the open questions to one model; says when that was interrupted, and whether for money.
    async fn put(&self, seat: usize, open: &[usize], one_by_one: bool) -> Result<Option<bool>, RunError> {
        let desk = self.desk;
        let units: Vec<Unit> = open
            .iter()
            .map(|&at| Unit {
                number: self.number(seat, at),
                record: self.questions[at].about.clone(),
                part: 0,
                records: Vec::new(),
                scope: Scope::default(),
            })
            .collect();
        let settings = Settings {
            mode: Mode::Parallel,
            quorum: Quorum { min_models: 1, min_success_ratio: 0.0, laggards: None },
            retry: RetryPolicy { max_attempts: desk.settings.retries + 1, ..desk.retry },
            concurrency: Some(if one_by_one { 1 } else { desk.settings.concurrency }),
            max_cost: desk.max_cost,
            seed: desk.seed,
        };
        let Seat { member, provider } = desk.seats[seat].clone();
        let member = limited(member, desk);
        let run = Run::new(settings, vec![(member, provider)], self.asker.clone(), Arc::clone(self.store))?
            .with_budget(&desk.budget)
            .with_cancellation(&desk.halt);
        Ok(match run.execute(units).await?.outcome {
            RunOutcome::Interrupted { .. } => Some(false),
            RunOutcome::LimitReached { .. } => Some(true),
            RunOutcome::Complete | RunOutcome::TooFewModels => None,
        })
    }

    /// Reads what is stored: answers, what is missing, figures.
    fn collect(&self, answers: &mut Answers) -> Result<(), RunError> {
        let n = self.questions.len();
        let (mut figures, mut errors) = (CallFigures::default(), vec![String::new(); n]);
        let first = self.number(0, 0);
        for slot in self.store.slots(first..first + (self.desk.seats.len() * n) as u64)? {
            let offset = usize::try_from(slot.slot.unit - first).unwrap_or(0);
            let at = offset % n;
            figures.calls += u64::from(offset < n);
            figures.fallback += u64::from(offset >= n);
            figures.add(&slot, offset < n);
            match &slot.reply {
                Some(reply) if slot.status == SlotStatus::Answered => {
                    answers.answers[at].get_or_insert_with(|| Answer {
                        model: slot.slot.member.clone(),
                        content: reply.completion.content.clone(),
                    });
                }
                _ => errors[at] = slot.reason.unwrap_or_else(|| "it was not asked".to_owned()),
            }
        }
        let wanted = (0..n).filter(|&at| (self.wanted)(at)).count();
        let unanswered = (0..n).filter(|&at| (self.wanted)(at) && answers.answers[at].is_none());
        answers.missing = unanswered
            .map(|at| Missing { id: self.questions[at].about.to_string(), error: errors[at].clone() })
            .collect();
        let answered = wanted - answers.missing.len();
        answers.enough = answered as f64 >= self.desk.settings.min_success_ratio * wanted as f64
            && (answered > 0 || wanted == 0);
        answers.figures = figures;
        Ok(())
    }
}

/// A model with the limits of the stage. A round of fresh answers is a call that nobody has made yet.
fn limited(member: PanelMember, desk: &Desk) -> PanelMember {
    PanelMember {
        samples: 1,
        concurrency: Some(desk.settings.concurrency),
        twin: desk.round,
        ..in_time(member, desk.settings.timeout_seconds)
    }
}

/// A model whose calls take so many seconds at most. Whoever asks it is made from this: a provider that keeps the limit
/// itself names the cause, and needs no grace.
#[must_use]
pub fn in_time(member: PanelMember, limit: f64) -> PanelMember {
    let times = member.timeouts;
    let own = |time: Duration| time.as_secs_f64().min(limit);
    // A member whose first byte may take as long as the whole has no limit of its own for it.
    let first_byte = if times.first_byte() < times.total() { own(times.first_byte()) } else { limit };
    let timeouts = Timeouts::new(own(times.connect()), first_byte, own(times.idle()), limit);
    PanelMember { timeouts: timeouts.unwrap_or(member.timeouts), ..member }
}

/// Everything about a model, as it is asked, that may change its answer.
#[must_use]
pub fn identity(member: &PanelMember) -> Value {
    // Its recording is not among it: an answer that is stored is not read from there again.
    json!({
        "name": member.name, "model": member.reference(), "address": member.endpoint.as_ref().map(Endpoint::base_url),
        "options": member.options, "questions": VERSION,
    })
}

/// Renders a stage's questions and reads its answers, for the executor.
struct Asker {
    prompts: Vec<Prompt>,
    check: Check,
}

impl fmt::Debug for Asker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Asker").field("prompts", &self.prompts.len()).finish_non_exhaustive()
    }
}

impl Asker {
    fn place(&self, unit: u64) -> usize {
        usize::try_from(unit % self.prompts.len().max(1) as u64).unwrap_or(0)
    }
}

impl Interpreter for Asker {
    fn version(&self) -> &str {
        VERSION
    }

    fn prompt(&self, unit: &Unit, _: &PanelMember, _: &[Draft]) -> Result<Prompt, RenderError> {
        let prompt = self.prompts.get(self.place(unit.number));
        prompt.cloned().ok_or_else(|| RenderError("there is no such question".to_owned()))
    }

    fn repair(
        &self,
        prompt: &Prompt,
        reply: &Completion,
        problems: &[String],
    ) -> Result<Prompt, RenderError> {
        let said: String = match reply.content.trim() {
            "" => "(no answer)".to_owned(),
            text => text.chars().take(QUOTED).collect(),
        };
        let problems: Vec<String> = problems.iter().map(|problem| format!("- {problem}")).collect();
        let again = format!(
            "Your answer cannot be used:\n{}\n\nAnswer the same question again. Send the whole JSON \
             object in the form that was asked for, and nothing else: no explanation, no code fence.",
            problems.join("\n")
        );
        let mut messages = prompt.messages.clone();
        messages.push(Message { role: Role::Assistant, content: said });
        messages.push(Message { role: Role::User, content: again });
        Ok(Prompt { messages, ..prompt.clone() })
    }

    fn read(&self, slot: &Slot, reply: &StoredReply) -> Reading {
        let completion = &reply.completion;
        let problems = match completion.finish_reason {
            FinishReason::Refusal => vec!["the model refused to answer".to_owned()],
            FinishReason::Length => vec!["the answer was cut off; make it shorter".to_owned()],
            _ => (self.check)(self.place(slot.unit), &completion.content),
        };
        if problems.is_empty() { Reading::Usable(Vec::new()) } else { Reading::Unusable(problems) }
    }
}

#[cfg(test)]
#[path = "questions_tests.rs"]
mod tests;
