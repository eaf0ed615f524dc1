//! Quality: whether personas answer the request, are complete, fit the schema, and what stays open.
//!
//! A list of findings, each with a gravity, and a verdict that is the gravest of them: `pass` (notes only), `rework`
//! (asking again could mend it) or `fail` (there is nothing to go on with). How often rework is tried is decided
//! by whoever runs the stages.
//!
//! | check | finding |
//! |---|---|
//! | number | no persona: fail; a record with fewer or more consensus personas than asked: rework |
//! | request | no persona shares a word with the question, or is near to it in meaning: rework |
//! | completeness | below 80 % of the schema's traits with a value, per persona: rework |
//! | schema | a value that the schema cannot read as what it asks for: rework |
//! | coverage | below the share of rows that was asked for: rework |
//! | narrative | below the share of supported sentences that was asked for, per persona: rework |
//! | uncertain | a persona above the uncertainty that the adaptive rules name: what is taken for right although it is open, and what no passage stands behind: a note; rework where no passage stands behind more than half of its traits |
//! | open questions | divergent traits, confidence below ½, echoes: notes; divergent or below ½ in more than half of a persona's traits: rework |
//!
//! Traits of weight 0 (names, quotes) are nobody's open question.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};

use super::statements;
use super::uncertainty::uncertainty;
use super::words::content;
use crate::consensus::grounding::{Basis, Citations};
use crate::consensus::{ConsensusPersona, PersonaKind, TraitConsensus};
use crate::embed::{EmbedError, Embedder, Ruler};
use crate::normalise::{Reading, read};
use crate::persona::{Comparison, TraitDefinition, TraitKind, TraitSchema};

/// A confidence below this leaves a trait open.
const UNSURE: f64 = 0.5;
/// More open traits than this share ask for rework.
const MOST_OPEN: f64 = 0.5;

/// What was asked for.
#[derive(Clone, Debug)]
pub struct Request<'a> {
    /// What the study wants to know.
    pub question: Option<&'a str>,
    /// How many personas a record should have.
    pub personas: RangeInclusive<usize>,
    /// The traits that were asked for.
    pub schema: &'a TraitSchema,
    /// The least share of traits with a value, 0..=1.
    pub completeness: f64,
    /// The least share of rows that personas speak for, 0..=1.
    pub coverage: f64,
    /// The least share of sentences that statements support, 0..=1.
    pub grounded: f64,
    /// The uncertainty above which a persona's evidence is looked at too, 0..=100; nothing without adaptive rules.
    pub uncertain_above: Option<f64>,
}

impl<'a> Request<'a> {
    /// Four fifths of the traits, half of the rows and half of the sentences.
    #[must_use]
    pub fn new(question: Option<&'a str>, personas: RangeInclusive<usize>, schema: &'a TraitSchema) -> Self {
        Self {
            question,
            personas,
            schema,
            completeness: 0.8,
            coverage: 0.5,
            grounded: 0.5,
            uncertain_above: None,
        }
    }
}

/// What earlier stages measured, where there were such stages.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Measured {
    /// Share of rows that personas speak for.
    pub coverage: Option<f64>,
    /// Share of the sentences that a model wrote about a persona which statements support, by its id: what is invented
    /// about one is not made good by what is true of the others.
    pub grounded: BTreeMap<String, f64>,
}

/// Whether the result can be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It can.
    Pass,
    /// Asking again could mend it.
    Rework,
    /// There is nothing to go on with.
    Fail,
}

/// What is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Check {
    /// The number of personas.
    Number,
    /// The question.
    Request,
    /// Traits with a value.
    Completeness,
    /// Values that the schema can read.
    Schema,
    /// Rows that personas speak for.
    Coverage,
    /// Sentences that statements support.
    Narrative,
    /// A persona of which little is certain.
    Uncertain,
    /// What the models do not agree on, or are not sure of.
    OpenQuestion,
}

/// Something to be said about the result.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// What was looked at.
    pub check: Check,
    /// `pass` for a note.
    pub gravity: Verdict,
    /// About one persona, or about all of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub persona_id: Option<String>,
    /// In a sentence, with the values.
    pub reason: String,
}

/// What the checks came to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Quality {
    /// The gravest finding.
    pub verdict: Verdict,
    /// How near the best persona is to the question, 0..=1; nothing without a question.
    pub alignment: Option<f64>,
    /// Mean share of the schema's traits with a value, 0..=1; nothing without personas or traits.
    pub completeness: Option<f64>,
    /// By check, then in the order of the personas.
    pub findings: Vec<Finding>,
}

/// Checks personas against what was asked for.
///
/// # Errors
/// [`EmbedError`] of the embedder.
pub fn quality(
    request: &Request<'_>,
    personas: &[ConsensusPersona],
    measured: &Measured,
    embedder: &dyn Embedder,
) -> Result<Quality, EmbedError> {
    let mut findings = number(request, personas);
    let alignment = alignment(request.question, personas, embedder)?;
    if let (Some(0.0), Some(question)) = (alignment, request.question) {
        let reason = format!("no persona has anything to do with the question `{question}`");
        findings.push(finding(Check::Request, Verdict::Rework, None, reason));
    }
    let mut shares = Vec::new();
    for persona in personas {
        if let Some((share, lacks)) = completeness(request.schema, persona) {
            shares.push(share);
            if share < request.completeness {
                let percent = share * 100.0;
                let reason =
                    format!("{percent:.0} % of the traits have a value; it lacks {}", lacks.join(", "));
                findings.push(finding(Check::Completeness, Verdict::Rework, Some(persona), reason));
            }
        }
        findings.extend(unreadable(request.schema, persona));
        findings.extend(uncertain(request, persona));
        findings.extend(open_questions(request.schema, persona));
    }
    if let Some(reason) =
        measured.coverage.and_then(|share| below(share, request.coverage, "rows are spoken for"))
    {
        findings.push(finding(Check::Coverage, Verdict::Rework, None, reason));
    }
    let what = "sentences are supported by the consensus";
    for persona in personas {
        let share = measured.grounded.get(&persona.persona_id);
        if let Some(reason) = share.and_then(|&share| below(share, request.grounded, what)) {
            findings.push(finding(Check::Narrative, Verdict::Rework, Some(persona), reason));
        }
    }
    findings.sort_by_key(|finding| finding.check);
    Ok(Quality {
        verdict: findings.iter().map(|finding| finding.gravity).max().unwrap_or(Verdict::Pass),
        alignment,
        completeness: (!shares.is_empty()).then(|| shares.iter().sum::<f64>() / shares.len() as f64),
        findings,
    })
}

/// What is to be said of a share that is too small.
fn below(share: f64, least: f64, what: &str) -> Option<String> {
    let (percent, least_percent) = (share * 100.0, least * 100.0);
    (share < least)
        .then(|| format!("{percent:.0} % of the {what}; at least {least_percent:.0} % were asked for"))
}

fn finding(check: Check, gravity: Verdict, persona: Option<&ConsensusPersona>, reason: String) -> Finding {
    Finding { check, gravity, persona_id: persona.map(|persona| persona.persona_id.clone()), reason }
}

fn number(request: &Request<'_>, personas: &[ConsensusPersona]) -> Vec<Finding> {
    if personas.is_empty() {
        return vec![finding(Check::Number, Verdict::Fail, None, "there is no persona".to_owned())];
    }
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for persona in personas {
        *counts.entry(persona.record.as_str()).or_default() +=
            usize::from(persona.kind == PersonaKind::Consensus);
    }
    let (least, most) = (request.personas.start(), request.personas.end());
    let outside = counts.into_iter().filter(|(_, count)| !request.personas.contains(count));
    outside
        .map(|(record, count)| {
            let reason =
                format!("`{record}` has {count} consensus personas; {least} to {most} were asked for");
            finding(Check::Number, Verdict::Rework, None, reason)
        })
        .collect()
}

/// How near the best persona is to the question: the share of the question's words that the persona uses, or
/// the likeness in meaning from unrelated (0) to the same in other words (1), whichever is larger.
fn alignment(
    question: Option<&str>,
    personas: &[ConsensusPersona],
    embedder: &dyn Embedder,
) -> Result<Option<f64>, EmbedError> {
    let Some(question) = question.filter(|question| !question.trim().is_empty() && !personas.is_empty())
    else {
        return Ok(None);
    };
    let ruler = Ruler::measure(embedder)?;
    let described: Vec<String> = personas.iter().map(describe).collect();
    let mut texts = vec![question];
    texts.extend(described.iter().map(String::as_str));
    let rows = embedder.embed(&texts)?;
    let asked = content(question);
    let nearness = |place: usize| {
        let shared = asked.intersection(&content(texts[place])).count();
        let words = if asked.is_empty() { 0.0 } else { shared as f64 / asked.len() as f64 };
        words.max(f64::from(ruler.grade(rows.cosine(0, place))))
    };
    Ok(Some((1..texts.len()).map(nearness).fold(0.0, f64::max)))
}

fn describe(persona: &ConsensusPersona) -> String {
    statements(persona).into_iter().map(|statement| statement.value).collect::<Vec<_>>().join(". ")
}

/// The share of the traits that count and have a value, and the names of the others.
fn completeness(schema: &TraitSchema, persona: &ConsensusPersona) -> Option<(f64, Vec<String>)> {
    let asked: Vec<&TraitDefinition> = schema.definitions().iter().filter(|one| one.weight > 0.0).collect();
    let lacks: Vec<String> = asked
        .iter()
        .filter(|one| !persona.traits.contains_key(&one.name))
        .map(|one| format!("`{}`", one.name))
        .collect();
    (!asked.is_empty()).then(|| (1.0 - lacks.len() as f64 / asked.len() as f64, lacks))
}

/// Values that are not what the schema asks for.
fn unreadable(schema: &TraitSchema, persona: &ConsensusPersona) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (name, found) in &persona.traits {
        let Some(definition) = schema.get(name) else { continue };
        let fits = match (read(&found.value, definition), &definition.kind) {
            (Reading::Range(_), TraitKind::Numeric { .. })
            | (Reading::Levels(_), TraitKind::Ordinal { .. })
            | (Reading::Category(_) | Reading::Place(_), TraitKind::Categorical { .. }) => true,
            (Reading::Abstain, _) | (_, TraitKind::Numeric { .. } | TraitKind::Ordinal { .. }) => false,
            (Reading::Phrase(_), TraitKind::Categorical { categories, comparison }) => {
                categories.is_empty() || *comparison != Comparison::Exact
            }
            _ => true,
        };
        if !fits {
            let (value, kind) = (&found.value, definition.kind.name());
            let reason = format!("`{name}` is `{value}`, which is no {kind} value of the schema");
            findings.push(finding(Check::Schema, Verdict::Rework, Some(persona), reason));
        }
    }
    findings
}

/// The further look at a persona of which little is certain: what is assumed, and what rests on no passage.
fn uncertain(request: &Request<'_>, persona: &ConsensusPersona) -> Option<Finding> {
    let found = uncertainty(persona, request.schema);
    let above = request.uncertain_above.filter(|above| found.score.value > *above)?;
    let counts = |name: &str| request.schema.get(name).is_none_or(|definition| definition.weight > 0.0);
    let told: Vec<_> = persona.traits.iter().filter(|(name, _)| counts(name)).collect();
    let bare = told.iter().filter(|(_, one)| one.backing.is_some_and(|it| it.basis != Basis::Evidence));
    let bare: Vec<&str> = bare.map(|(name, _)| name.as_str()).collect();
    let list = |names: &[&str]| if names.is_empty() { "nothing".to_owned() } else { names.join(", ") };
    let open: Vec<&str> =
        found.traits.iter().map(String::as_str).filter(|name| persona.traits.contains_key(*name)).collect();
    let reason = format!(
        "uncertainty {:.0} is above {above:.0}; taken for right although open: {}; without a passage in the source: {}",
        found.score.value,
        list(&open),
        list(&bare)
    );
    let most = bare.len() as f64 > MOST_OPEN * told.len() as f64;
    let gravity = if most { Verdict::Rework } else { Verdict::Pass };
    Some(finding(Check::Uncertain, gravity, Some(persona), reason))
}

/// Traits that stay open, and rework where more than half of them are divergent or unsure. An echo is a note:
/// asking again would only bring it back.
fn open_questions(schema: &TraitSchema, persona: &ConsensusPersona) -> Vec<Finding> {
    let counts = |name: &str| schema.get(name).is_none_or(|definition| definition.weight > 0.0);
    let (mut all, mut open, mut findings) = (0_u32, 0_u32, Vec::new());
    for (name, found) in persona.traits.iter().filter(|(name, _)| counts(name)) {
        all += 1;
        open += u32::from(found.divergent || found.confidence < UNSURE);
        if let Some(why) = why_open(found) {
            findings.push(finding(
                Check::OpenQuestion,
                Verdict::Pass,
                Some(persona),
                format!("`{name}`: {why}"),
            ));
        }
    }
    if f64::from(open) > MOST_OPEN * f64::from(all) {
        let reason = format!("{open} of {all} traits are open");
        findings.push(finding(Check::OpenQuestion, Verdict::Rework, Some(persona), reason));
    }
    findings
}

fn why_open(found: &TraitConsensus) -> Option<String> {
    let mut why = Vec::new();
    if found.divergent {
        let sides: Vec<String> =
            found.variants.iter().take(4).map(|one| format!("`{}`", one.value)).collect();
        why.push(format!("the models say {}", sides.join(", ")));
    }
    if found.confidence < UNSURE {
        why.push(format!("confidence {:.2}", found.confidence));
    }
    if let Some(backing) = found.backing.filter(|backing| backing.basis == Basis::Echo) {
        let reason = match backing.citations {
            Citations::Nothing => "several models say it and nothing is cited for it",
            _ => "several models say it and what they cite for it is not in the source",
        };
        why.push(reason.to_owned());
    }
    (!why.is_empty()).then(|| why.join("; "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::consensus::testing::{about, embedder, personas};
    use crate::persona::TraitValue;

    fn schema(names: &[&str]) -> TraitSchema {
        let known = TraitSchema::default_persona();
        TraitSchema::new(names.iter().map(|name| known.get(name).cloned().expect("known")).collect())
            .expect("valid")
    }

    fn nurses() -> Vec<ConsensusPersona> {
        personas(&[
            about("x", "a", &[("occupation", "Nurse at the library"), ("age", "30")]),
            about("x", "b", &[("occupation", "Nurse at the library"), ("age", "30")]),
            about("x", "c", &[("occupation", "Nurse at the library"), ("age", "31")]),
        ])
    }

    fn checked(
        question: &str,
        wanted: RangeInclusive<usize>,
        names: &[&str],
        of: &[ConsensusPersona],
    ) -> Quality {
        let schema = schema(names);
        let request = Request::new(Some(question), wanted, &schema);
        quality(&request, of, &Measured::default(), embedder()).expect("embeds")
    }

    #[test]
    fn what_was_asked_for_passes() {
        let found = checked("Who comes to the library?", 1..=2, &["occupation", "age"], &nurses());
        assert_eq!((found.verdict, found.completeness), (Verdict::Pass, Some(1.0)), "{found:?}");
        assert!(found.alignment.is_some_and(|alignment| alignment >= 0.5), "{found:?}");
    }

    #[test]
    fn no_persona_fails_and_another_number_is_reworked() {
        assert_eq!(checked("Who?", 1..=2, &["age"], &[]).verdict, Verdict::Fail);
        let found = checked("library nurse", 2..=3, &["occupation", "age"], &nurses());
        assert_eq!(found.verdict, Verdict::Rework);
        assert_eq!(found.findings[0].reason, "`x` has 1 consensus personas; 2 to 3 were asked for");
    }

    #[test]
    fn gaps_and_values_outside_the_schema_are_named() {
        let mut all = nurses();
        let found = checked("library", 1..=1, &["occupation", "age", "location", "goals"], &all);
        // Two of four traits.
        assert_eq!((found.completeness, found.verdict), (Some(0.5), Verdict::Rework));
        assert_eq!(found.findings[0].reason, "50 % of the traits have a value; it lacks `location`, `goals`");
        all[0].traits.get_mut("age").expect("said").value = TraitValue::Text("turquoise".to_owned());
        let found = checked("library", 1..=1, &["occupation", "age"], &all);
        assert_eq!(found.findings[0].reason, "`age` is `turquoise`, which is no numeric value of the schema");
        assert_eq!((found.findings[0].check, found.verdict), (Check::Schema, Verdict::Rework));
    }

    #[test]
    fn p6_open_questions_are_notes_until_they_are_the_rule() {
        let divided = personas(&[
            about("x", "a", &[("occupation", "nurse"), ("age", "30"), ("location", "Oslo")]),
            about("x", "b", &[("occupation", "plumber"), ("age", "30"), ("location", "Oslo")]),
        ]);
        let found = checked("nurse", 1..=1, &["occupation", "age", "location"], &divided);
        assert_eq!(found.verdict, Verdict::Pass, "{found:?}");
        assert!(found.findings[0].reason.starts_with("`occupation`: the models say `"), "{found:?}");
        let mut torn = divided.clone();
        torn[0].traits.remove("location");
        torn[0].traits.get_mut("age").expect("said").confidence = 0.3;
        let found = checked("nurse", 1..=1, &["occupation", "age"], &torn);
        assert_eq!(found.verdict, Verdict::Rework);
        assert!(found.findings.iter().any(|finding| finding.reason == "2 of 2 traits are open"), "{found:?}");
    }

    #[test]
    fn p10_an_uncertain_persona_is_looked_at_twice_and_what_is_assumed_is_written_down() {
        let torn = personas(&[
            about("x", "a", &[("occupation", "nurse"), ("age", "30")]),
            about("x", "b", &[("occupation", "plumber"), ("age", "60")]),
        ]);
        let schema = schema(&["occupation", "age"]);
        let plain = Request::new(None, 1..=1, &schema);
        let adaptive = Request { uncertain_above: Some(30.0), ..plain.clone() };
        let of = |request: &Request<'_>| {
            let found = quality(request, &torn, &Measured::default(), embedder()).expect("embeds");
            found.findings.into_iter().filter(|one| one.check == Check::Uncertain).collect::<Vec<_>>()
        };
        assert!(of(&plain).is_empty());
        let said = &of(&adaptive)[0].reason;
        assert!(said.contains("is above 30; taken for right although open: age, occupation"), "{said}");
        let calm = Request { uncertain_above: Some(100.0), ..plain };
        assert!(of(&calm).is_empty());
    }

    #[test]
    fn measures_of_other_stages_are_held_against_the_request() {
        let schema = schema(&["occupation", "age"]);
        let request = Request::new(None, 1..=1, &schema);
        let of = |measured: &Measured| quality(&request, &nurses(), measured, embedder()).expect("embeds");
        let found = of(&Measured { coverage: Some(0.4), ..Measured::default() });
        assert_eq!((found.alignment, found.verdict), (None, Verdict::Rework));
        assert_eq!(found.findings[0].reason, "40 % of the rows are spoken for; at least 50 % were asked for");
    }

    #[test]
    fn p6_what_is_invented_about_one_persona_is_not_made_good_by_the_others() {
        let schema = schema(&["occupation", "age"]);
        let request = Request::new(None, 1..=1, &schema);
        let id = nurses()[0].persona_id.clone();
        let grounded = BTreeMap::from([(id.clone(), 0.25), ("other/1".to_owned(), 1.0)]);
        let measured = Measured { grounded, ..Measured::default() };
        let found = quality(&request, &nurses(), &measured, embedder()).expect("embeds");
        assert_eq!((found.verdict, found.findings[0].check), (Verdict::Rework, Check::Narrative));
        assert_eq!(found.findings[0].persona_id, Some(id));
        assert!(found.findings[0].reason.starts_with("25 % of the sentences are supported"), "{found:?}");
    }
}
