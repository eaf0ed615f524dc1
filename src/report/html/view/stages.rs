//! What the stages of a pipeline add: who decided what, what a reviewer says, and which rows nobody speaks for.

use serde::Serialize;

use super::Material;
use super::flow::some_of;
use super::words::{label, moment, part, shown};
use crate::report::html::stages::{Conflict, Covered, Decided, Quality, Reviewed, StoredStages, Told};

/// Rows, edits and findings that are named, at most.
const NAMED: usize = 20;
/// Records whose review is shown, at most.
const REVIEWS: usize = 40;

#[derive(Debug, Serialize)]
pub(super) struct Stages {
    decisions: Vec<String>,
    edited: Option<String>,
    reviews: Vec<Review>,
    /// Said where not all reviews are shown.
    partial: Option<String>,
    checks: Vec<String>,
    /// Whether anything of the above, the decisions apart, is there.
    has_checks: bool,
}

/// A reviewer's words on one record.
#[derive(Debug, Serialize)]
struct Review {
    record: String,
    reviewer: Option<String>,
    summary: String,
    points: Vec<String>,
}

/// A narrative on its persona's card.
#[derive(Debug, Serialize)]
pub(super) struct Narrative {
    text: String,
    author: String,
    /// Sentences that were taken out.
    removed: Vec<String>,
}

pub(super) fn stages(stored: &StoredStages, material: &Material<'_>) -> Stages {
    let n = stored.reviews.len();
    let shown_reviews = stored.reviews.iter().take(REVIEWS).map(|one| review(one, material)).collect();
    let mut checks: Vec<String> = stored.coverage.iter().map(coverage).collect();
    checks.extend(stored.quality.iter().flat_map(quality));
    Stages {
        decisions: stored.decisions.iter().map(decision).collect(),
        edited: (!stored.edited.is_empty())
            .then(|| some_of(&stored.edited[..stored.edited.len().min(NAMED)], stored.edited.len())),
        reviews: shown_reviews,
        partial: (n > REVIEWS)
            .then(|| format!("The first {REVIEWS} of {n}; all are in artefacts/review.json.")),
        has_checks: !(stored.reviews.is_empty() && checks.is_empty()),
        checks,
    }
}

/// Who decided what, and why.
fn decision(said: &Decided) -> String {
    let by_flag = said.reason.as_deref() == Some("--yes");
    let who = if by_flag { "`--yes`, so that no person looked," } else { "A person" };
    let what = match said.decision.as_str() {
        "approve" => "approved them".to_owned(),
        "reject" => "rejected them".to_owned(),
        "modify" => "changed them".to_owned(),
        other => format!("said {}", shown(other)),
    };
    let when = said.at_ms.map(|at| format!(" ({} UTC)", moment(at))).unwrap_or_default();
    let reason = said.reason.as_deref().filter(|_| !by_flag);
    let why = reason.map(|why| format!(": {}", shown(why))).unwrap_or_default();
    format!("{who} {what}{when}{why}")
}

fn review(said: &Reviewed, material: &Material<'_>) -> Review {
    // A person may have removed a persona.
    let ids: Vec<&str> =
        material.sample.records().into_iter().flatten().map(|one| one.persona_id.as_str()).collect();
    let is_there =
        |conflict: &&Conflict| material.sample.is_partial() || ids.contains(&conflict.persona_id.as_str());
    let mut points: Vec<String> = said.review.conflicts.iter().filter(is_there).map(conflict).collect();
    points.extend(
        said.review
            .missing
            .iter()
            .map(|gap| format!("Missing: {}. To collect: {}", shown(&gap.what), shown(&gap.collect))),
    );
    Review {
        record: shown(&said.record),
        reviewer: said.reviewer.as_deref().map(shown),
        summary: shown(&said.review.summary),
        points,
    }
}

fn conflict(found: &Conflict) -> String {
    let value = |value: &serde_json::Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let sides = found.sides.iter().map(|side| {
        let models: Vec<String> = side.models.iter().map(|model| shown(model)).collect();
        format!("{} ({})", shown(&value(&side.value)), models.join(", "))
    });
    let sides = sides.collect::<Vec<_>>().join("; ");
    let resolution =
        found.resolution.as_deref().map(|words| format!(". {}", shown(words))).unwrap_or_default();
    let (name, of, judged) = (label(&found.name), shown(&found.persona_id), shown(&found.judged));
    format!("{name} of {of}, {judged}: {sides}{resolution}")
}

fn coverage(found: &Covered) -> String {
    let said = format!("Rows that a persona speaks for: {}.", part(found.spoken_for, found.rows));
    if found.uncovered.is_empty() {
        return said;
    }
    let named: Vec<String> = found.uncovered.iter().take(NAMED).map(|row| row.row.clone()).collect();
    format!("{said} Nobody speaks for {}.", some_of(&named, found.uncovered.len()))
}

/// The verdict, then every finding that keeps it from being a plain pass.
fn quality(found: &Quality) -> Vec<String> {
    let grave: Vec<String> = found
        .findings
        .iter()
        .filter(|finding| finding.gravity != "pass")
        .map(|finding| match &finding.persona_id {
            Some(id) => format!("{}: {}", shown(id), shown(&finding.reason)),
            None => shown(&finding.reason),
        })
        .collect();
    let more = grave.len().saturating_sub(NAMED);
    let mut said = vec![format!("Quality check: {}.", shown(&found.verdict))];
    said.extend(grave.into_iter().take(NAMED));
    if more > 0 {
        said.push(format!("and {more} more in artefacts/quality.json"));
    }
    said
}

/// The narrative of a persona.
pub(super) fn narrative(told: &Told) -> Narrative {
    Narrative {
        text: shown(&told.text),
        author: match told.author.as_deref() {
            None => "Cut from the values below; no model wrote it.".to_owned(),
            Some("person") => "Written by a person at the approval.".to_owned(),
            Some(model) => format!(
                "Written by {}; every sentence was held against the values below, and those in doubt carry a mark.",
                shown(model)
            ),
        },
        removed: told.removed().map(shown).collect(),
    }
}
