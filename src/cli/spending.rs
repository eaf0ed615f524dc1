//! What a plan may cost: asked, and said, before anybody is paid.

use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;

use super::console::Console;
use super::error::CliError;
use crate::report::counted;
use crate::run::stages::StageEstimate;
use crate::run::{PlanSummary, Study};
use crate::store::Money;

/// What is asked beside the panel: an ablation, or stages.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Beside {
    /// About, where prices are given.
    pub(super) cost: Money,
    /// How many.
    pub(super) calls: u64,
    /// Models without a price.
    pub(super) unpriced: usize,
}

impl Beside {
    /// The members of the panel are counted with the panel.
    pub(super) fn of_ablation(plan: &PlanSummary) -> Self {
        Self { cost: plan.cost, calls: plan.calls, unpriced: 0 }
    }

    pub(super) fn of_stages(stages: &[StageEstimate]) -> Self {
        let unpriced = stages.iter().filter(|stage| stage.cost.is_none()).count();
        let calls = stages.iter().map(|stage| stage.calls).sum();
        Self { cost: stages.iter().filter_map(|stage| stage.cost).sum(), calls, unpriced }
    }
}

/// Whether somebody agrees to what a plan costs; says what of it a limit will leave undone.
pub(super) fn agreed(
    study: &Study,
    plan: &PlanSummary,
    beside: Beside,
    yes: bool,
    console: Console,
) -> Result<bool, CliError> {
    let agreed = confirmed(study, plan, beside, yes, console)?;
    if let Some(said) = above_limit(study, plan, beside).filter(|_| agreed) {
        console.note(&said);
    }
    Ok(agreed)
}

/// Whether a plan may be paid for: it is cheap enough, or somebody says so.
fn confirmed(
    study: &Study,
    plan: &PlanSummary,
    beside: Beside,
    yes: bool,
    console: Console,
) -> Result<bool, CliError> {
    let Some(above) = study.limits.confirm_above else { return Ok(true) };
    let (cost, unpriced) = (plan.cost + beside.cost, plan.unpriced.len() + beside.unpriced);
    if yes || (cost <= above && unpriced == 0) {
        return Ok(true);
    }
    let unknown = match unpriced {
        0 => String::new(),
        unpriced => format!(", and nobody knows what {unpriced} of its models cost"),
    };
    says_yes(&format!("the plan costs about {cost}{unknown}; `confirm_above` is {above}"), console)
}

/// Whether whoever sits at the terminal says yes to what a question tells; where nobody does, what to give instead.
pub(super) fn says_yes(question: &str, console: Console) -> Result<bool, CliError> {
    if !(io::stdin().is_terminal() && io::stderr().is_terminal()) {
        console.note(&format!("{question}. Give --yes to go ahead"));
        return Ok(false);
    }
    let mut stderr = io::stderr().lock();
    let asked = write!(stderr, "{question}. Go ahead? [y/N] ").and_then(|()| stderr.flush());
    asked.map_err(|source| CliError::Write { path: PathBuf::from("standard error"), source })?;
    drop(stderr);
    let mut answer = String::new();
    let read = io::stdin().read_line(&mut answer);
    read.map_err(|source| CliError::Read { path: PathBuf::from("standard input"), source })?;
    Ok(matches!(answer.trim().to_lowercase().as_str(), "y" | "yes"))
}

/// That a plan costs more than may be spent, with what will come of that.
pub(super) fn above_limit(study: &Study, plan: &PlanSummary, beside: Beside) -> Option<String> {
    let limit = study.limits.max_cost?;
    let (cost, calls) = (plan.cost + beside.cost, plan.calls + beside.calls);
    (cost > limit).then(|| {
        let share = limit.amount() / cost.amount();
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share of a count")]
        let asked = (share * calls as f64).floor() as u64;
        format!(
            "the plan costs about {cost}, above `max_cost` ({limit}): about {asked} of {} will be asked; raise \
             `max_cost`, or ask for less",
            counted(calls, "call")
        )
    })
}
