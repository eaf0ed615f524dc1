//! From input to personas: how many of what, and where every difference went.

use serde::Serialize;

use super::Material;
use super::words::{shown, thousands};
use crate::report::{Asked, counted};

/// One row. What is lost is taken from the whole above it; the next whole is what is left.
#[derive(Debug, Serialize)]
pub(super) struct Step {
    what: String,
    n: String,
    why: String,
    lost: bool,
}

#[derive(Debug, Default)]
struct Flow(Vec<Step>);

impl Flow {
    fn whole(&mut self, what: &str, n: usize, why: String) {
        self.0.push(Step { what: what.to_owned(), n: thousands(n as u64), why, lost: false });
    }

    fn lost(&mut self, what: &str, n: usize, why: String) {
        if n > 0 {
            let n = format!("−\u{202f}{}", thousands(n as u64));
            self.0.push(Step { what: what.to_owned(), n, why, lost: true });
        }
    }
}

pub(super) fn flow(material: &Material<'_>) -> Vec<Step> {
    let mut flow = Flow::default();
    if let Some(asked) = &material.summary.asked {
        if material.summary.nothing.is_none() {
            records(&mut flow, asked);
        } else {
            flow.whole("Questions to each model", whole(asked.units), String::new());
        }
        calls(&mut flow, asked);
    }
    if material.summary.nothing.is_none() {
        drafts(&mut flow, material);
        personas(&mut flow, material);
    }
    flow.0
}

fn records(flow: &mut Flow, asked: &Asked) {
    flow.whole("Records in the input", asked.records_read + asked.records_set_aside, String::new());
    flow.lost(
        "cannot be used",
        asked.records_set_aside,
        "each with its reason in set_aside.jsonl".to_owned(),
    );
    flow.lost(
        "beyond the limit",
        asked.records_beyond_limit,
        "the study asks about the first ones only".to_owned(),
    );
    let left = asked.records_read.saturating_sub(asked.records_beyond_limit);
    if asked.records_set_aside + asked.records_beyond_limit > 0 {
        flow.whole("Records to ask about", left, String::new());
    }
    let units = whole(asked.units);
    let why = if units == left { "one per record" } else { "records go together, or in parts of the corpus" };
    flow.whole("Questions to each model", units, why.to_owned());
}

fn calls(flow: &mut Flow, asked: &Asked) {
    let answered: u64 = asked.answers.values().map(|answers| answers.answered).sum();
    let lost: u64 = asked.answers.values().map(|answers| answers.unanswered).sum();
    let members = asked.answers.len();
    let how = if answered + lost == asked.units * members as u64 {
        let (questions, models) = (counted(asked.units, "question"), counted(members, "model"));
        format!("{questions} to each of {models}")
    } else {
        "what each model is asked, and how often, is up to the study".to_owned()
    };
    flow.whole("Calls made", whole(answered + lost), how);
    flow.lost("without a usable answer", whole(lost), reasons(asked));
    if lost > 0 {
        flow.whole("Calls answered", whole(answered), String::new());
    }
}

/// Why there are no usable answers, by model. Of many reasons of one model only the first are kept.
fn reasons(asked: &Asked) -> String {
    let mut said = Vec::new();
    for (model, answers) in &asked.answers {
        let model = shown(model.as_str());
        said.extend(answers.reasons.iter().map(|(reason, n)| format!("{model}: {} ({n})", shown(reason))));
        let known: u64 = answers.reasons.values().sum();
        let others = answers.unanswered.saturating_sub(known);
        if others > 0 {
            said.push(format!("{model}: other reasons ({others})"));
        }
    }
    said.join("; ")
}

fn drafts(flow: &mut Flow, material: &Material<'_>) {
    let (summary, counts) = (material.summary, &material.summary.counts);
    let inputs: Vec<String> = summary.inputs.iter().take(12).map(|input| shown(&input.file)).collect();
    let answered = summary
        .asked
        .as_ref()
        .map(|asked| asked.answers.values().map(|answers| whole(answers.answered)).sum::<usize>());
    let why = match answered {
        Some(answered) if answered == counts.drafts => "one in each answer".to_owned(),
        Some(_) => "an answer may describe several personas, or none".to_owned(),
        None => inputs.join(", "),
    };
    flow.whole("Drafts read", counts.drafts, why);
    flow.lost("of models outside the panel", counts.drafts_of_other_models, "left out".to_owned());
    flow.lost("said twice in one sitting", counts.duplicates_merged, "counted once".to_owned());
    let lost = counts.drafts_of_other_models + counts.duplicates_merged;
    if lost > 0 {
        flow.whole("Drafts used", counts.drafts.saturating_sub(lost), String::new());
    }
    if counts.set_aside > 0 {
        let why =
            "not among the drafts read, or read without the trait; each with its reason in set_aside.jsonl";
        flow.whole("Drafts or single traits set aside", counts.set_aside, why.to_owned());
    }
}

fn personas(flow: &mut Flow, material: &Material<'_>) {
    let (counts, asked) = (&material.summary.counts, &material.tallies.asked);
    if asked.asked > counts.records {
        flow.whole("Records asked about", asked.asked, "drafts of several models about each".to_owned());
        let without = asked.asked - counts.records;
        let silent = asked.unanswered.min(without);
        flow.lost(
            "without personas",
            silent,
            format!("no model answered: {}", some_of(&asked.named, silent)),
        );
        flow.lost(
            "without personas, although answered",
            without - silent,
            "no answer holds a draft".to_owned(),
        );
    }
    flow.whole("Records with personas", counts.records, String::new());
    flow.whole(
        "Personas",
        counts.personas,
        format!("{} consensus, {} minority", counts.consensus, counts.minority),
    );
    let removed = counts.personas.saturating_sub(material.tallies.personas);
    if material.notice.is_some() && removed > 0 {
        flow.lost("removed", removed, "by the person who approved the others".to_owned());
        flow.whole("Personas below", material.tallies.personas, "as a person approved them".to_owned());
    }
}

/// Names in a row, and how many more there are.
pub(super) fn some_of(names: &[String], all: usize) -> String {
    let mut said: Vec<String> = names.iter().map(|name| shown(name)).collect();
    let more = all.saturating_sub(names.len());
    if more > 0 {
        said.push(format!("and {} more", thousands(more as u64)));
    }
    said.join(", ")
}

fn whole(count: u64) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX)
}
