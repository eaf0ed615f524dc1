//! Coverage: which rows of the input no persona speaks for.
//!
//! A row is spoken for when a persona is about that very row, when a passage that was found in it backs
//! a persona's consensus, or when it is nearer to a persona's text than rows usually are to personas that
//! are not about them. How near that is depends on the data and the embedder, so it is measured:
//!
//! *Background*: the cosines of every row with every persona except its nearest one. Where that gives fewer
//! than eight pairs (one persona, few rows), the cosines of every row with every other row.
//! *Threshold*: the background's median plus `deviations` (3) times its median absolute deviation, which is
//! two standard deviations of a normal background (F. R. Hampel, *The influence curve and its role in robust
//! estimation*, 1974). Without eight pairs of any kind there is no threshold, and only passages count.
//!
//! It is a pointer to rows that are worth reading, not a verdict: rows that resemble everything raise
//! the background, and a row that says little resembles nothing.

use std::collections::{BTreeMap, BTreeSet};

use ndarray::Array2;
use serde::{Deserialize, Serialize};

use super::statements;
use crate::consensus::grounding::FoundBy;
use crate::consensus::{ConsensusPersona, PersonaKind};
use crate::embed::{EmbedError, Embedder};

/// Fewer pairs than this tell nothing about what is usual.
const FEWEST_PAIRS: usize = 8;
/// More pairs than this are thinned out evenly: they would only cost memory.
const MOST_PAIRS: usize = 1_000_000;
/// Rows embedded at a time.
const CHUNK: usize = 1024;
/// Rows whose mutual cosines are looked at, where the background is made of rows.
const MOST_ROWS: usize = 512;
/// How far above the background's median a row is no longer background, in median deviations.
pub const DEVIATIONS: f32 = 3.0;

/// A row of the input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row<'a> {
    /// Its id, as evidence names it.
    pub id: &'a str,
    /// Everything that can be read in it.
    pub text: &'a str,
}

/// How near rows are to personas that are not about them.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Background {
    /// Pairs it was measured on.
    pub pairs: usize,
    /// Median cosine, -1..=1.
    pub median: f32,
    /// Median absolute deviation from it.
    pub deviation: f32,
}

/// The rows that one persona speaks for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SpokenFor {
    /// The persona.
    pub persona_id: String,
    /// Consensus or minority.
    pub kind: PersonaKind,
    /// Rows in which a passage of its evidence was found, or that it is about; by id.
    pub quoted: Vec<String>,
    /// Further rows whose nearest persona it is, above the threshold; by id.
    pub near: Vec<String>,
}

/// A row that no persona speaks for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Uncovered {
    /// The row.
    pub row: String,
    /// The persona that it is nearest to.
    pub nearest: Option<String>,
    /// The cosine with it, -1..=1.
    pub similarity: Option<f32>,
}

/// Which rows personas speak for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Coverage {
    /// Rows.
    pub rows: usize,
    /// Rows that a persona speaks for.
    pub covered: usize,
    /// `covered / rows`; nothing for no rows.
    pub share: Option<f64>,
    /// The cosine from which on a row counts as near.
    pub threshold: Option<f32>,
    /// What the threshold was made of.
    pub background: Option<Background>,
    /// The personas, in the order given.
    pub personas: Vec<SpokenFor>,
    /// The rows that no persona speaks for, farthest first.
    pub uncovered: Vec<Uncovered>,
}

/// Says which rows personas speak for. The order of the rows changes nothing; of rows with one id the
/// first counts.
///
/// # Errors
/// [`EmbedError`] of the embedder.
pub fn coverage(
    rows: &[Row<'_>],
    personas: &[ConsensusPersona],
    embedder: &dyn Embedder,
) -> Result<Coverage, EmbedError> {
    let texts: BTreeMap<&str, &str> = rows.iter().rev().map(|row| (row.id, row.text)).collect();
    let mut spoken: Vec<SpokenFor> = personas.iter().map(|persona| quoted(persona, &texts)).collect();
    let known: BTreeSet<String> = spoken.iter().flat_map(|one| one.quoted.iter().cloned()).collect();
    let everybody_is_known = known.len() == texts.len();
    let ids: Vec<&str> = texts.keys().copied().collect();
    let (mut threshold, mut background, mut uncovered) = (None, None, Vec::new());
    if !everybody_is_known {
        let near = Nearness::measure(&texts, personas, embedder)?;
        background = near.background;
        threshold = background.map(|found| found.median + DEVIATIONS * found.deviation);
        for (id, nearest) in ids.iter().zip(&near.nearest) {
            if known.contains(*id) {
                continue;
            }
            match (nearest, threshold) {
                (Some((place, similarity)), Some(least)) if *similarity >= least => {
                    spoken[*place].near.push((*id).to_owned());
                }
                _ => uncovered.push(Uncovered {
                    row: (*id).to_owned(),
                    nearest: nearest.map(|(place, _)| personas[place].persona_id.clone()),
                    similarity: nearest.map(|(_, similarity)| similarity),
                }),
            }
        }
    }
    uncovered.sort_by(|one, other| {
        let key = |found: &Uncovered| found.similarity.unwrap_or(-1.0);
        key(one).total_cmp(&key(other)).then_with(|| one.row.cmp(&other.row))
    });
    let covered = ids.len() - uncovered.len();
    let share = (!ids.is_empty()).then(|| covered as f64 / ids.len() as f64);
    Ok(Coverage { rows: ids.len(), covered, share, threshold, background, personas: spoken, uncovered })
}

/// The rows that a persona is about or that back it.
fn quoted(persona: &ConsensusPersona, rows: &BTreeMap<&str, &str>) -> SpokenFor {
    let cited = persona.traits.values().flat_map(|found| &found.evidence);
    let found = cited.filter_map(|cited| cited.found.as_ref()).filter(|found| found.by != FoundBy::Nothing);
    let rows: BTreeSet<String> = found
        .filter_map(|found| found.row.clone())
        .chain([persona.record.as_str().to_owned()])
        .filter(|row| rows.contains_key(row.as_str()))
        .collect();
    SpokenFor {
        persona_id: persona.persona_id.clone(),
        kind: persona.kind,
        quoted: rows.into_iter().collect(),
        near: Vec::new(),
    }
}

/// Which persona each row is nearest to, and what is usual.
struct Nearness {
    /// In the order of the rows' ids: the persona's place and the cosine.
    nearest: Vec<Option<(usize, f32)>>,
    background: Option<Background>,
}

impl Nearness {
    fn measure(
        rows: &BTreeMap<&str, &str>,
        personas: &[ConsensusPersona],
        embedder: &dyn Embedder,
    ) -> Result<Self, EmbedError> {
        let texts: Vec<&str> = rows.values().copied().collect();
        let described: Vec<String> = personas.iter().map(describe).collect();
        let described: Vec<&str> = described.iter().map(String::as_str).collect();
        let others = texts.len() * described.len().saturating_sub(1);
        let stride = others.div_ceil(MOST_PAIRS).max(1);
        let (mut nearest, mut usual, mut pair) = (Vec::with_capacity(texts.len()), Vec::new(), 0);
        let personas = if described.is_empty() { None } else { Some(embedder.embed(&described)?) };
        for chunk in texts.chunks(CHUNK) {
            let Some(personas) = &personas else {
                nearest.extend(chunk.iter().map(|_| None));
                continue;
            };
            let cosines = embedder.embed(chunk)?.view().dot(&personas.view().t());
            for cosines in cosines.outer_iter() {
                let best = best(cosines.iter().copied());
                for (place, cosine) in cosines.iter().enumerate() {
                    if best.is_some_and(|(best, _)| best != place) {
                        if pair % stride == 0 {
                            usual.push(*cosine);
                        }
                        pair += 1;
                    }
                }
                nearest.push(best);
            }
        }
        if usual.len() < FEWEST_PAIRS {
            usual = between_rows(&texts, embedder)?;
        }
        Ok(Self { nearest, background: Background::of(usual) })
    }
}

/// The place and value of the largest; the first of equals.
fn best(values: impl Iterator<Item = f32>) -> Option<(usize, f32)> {
    values.enumerate().fold(None, |best, (place, value)| match best {
        Some((_, most)) if most >= value => best,
        _ => Some((place, value.clamp(-1.0, 1.0))),
    })
}

/// Cosines between rows: of at most 512, taken evenly.
fn between_rows(texts: &[&str], embedder: &dyn Embedder) -> Result<Vec<f32>, EmbedError> {
    if texts.len() < 2 {
        return Ok(Vec::new());
    }
    let taken: Vec<&str> = texts.iter().step_by(texts.len().div_ceil(MOST_ROWS)).copied().collect();
    let rows = embedder.embed(&taken)?;
    let cosines: Array2<f32> = rows.view().dot(&rows.view().t());
    Ok((0..taken.len())
        .flat_map(|one| (0..one).map(move |other| (one, other)))
        .map(|at| cosines[at])
        .collect())
}

impl Background {
    fn of(mut cosines: Vec<f32>) -> Option<Self> {
        let pairs = cosines.len();
        if pairs < FEWEST_PAIRS {
            return None;
        }
        let median = median(&mut cosines);
        let mut away: Vec<f32> = cosines.iter().map(|cosine| (cosine - median).abs()).collect();
        Some(Self { pairs, median, deviation: self::median(&mut away) })
    }
}

/// The middle value; of an even number the mean of the two in the middle.
fn median(values: &mut [f32]) -> f32 {
    values.sort_by(f32::total_cmp);
    let (half, odd) = (values.len() / 2, values.len() % 2 == 1);
    match values {
        [] => 0.0,
        values if odd => values[half],
        values => f32::midpoint(values[half - 1], values[half]),
    }
}

/// What a persona's consensus says, as one text.
fn describe(persona: &ConsensusPersona) -> String {
    let said: Vec<String> = statements(persona).into_iter().map(|statement| statement.value).collect();
    said.join(". ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::consensus::CitedEvidence;
    use crate::consensus::grounding::Found;
    use crate::consensus::testing::{about, embedder, personas};
    use crate::embed::FeatureMatrix;
    use proptest::prelude::*;
    use std::sync::LazyLock;

    /// A text that is a number of degrees becomes that direction; any other text, 0°.
    #[derive(Debug)]
    struct Compass;

    impl Embedder for Compass {
        fn name(&self) -> &'static str {
            "compass"
        }

        fn dimension(&self) -> usize {
            2
        }

        fn embed(&self, texts: &[&str]) -> Result<FeatureMatrix, EmbedError> {
            let mut rows = Array2::zeros((texts.len(), 2));
            for (mut row, text) in rows.outer_iter_mut().zip(texts) {
                let degrees: f32 = text.trim().parse().unwrap_or(0.0);
                row[0] = degrees.to_radians().cos();
                row[1] = degrees.to_radians().sin();
            }
            Ok(FeatureMatrix::normalise(rows).expect("directions"))
        }
    }

    /// Personas that say one thing each.
    fn saying(values: &[&str]) -> Vec<ConsensusPersona> {
        let drafts: Vec<_> = values
            .iter()
            .enumerate()
            .map(|(place, value)| about(&format!("p{place}"), "m", &[("occupation", value)]))
            .collect();
        personas(&drafts)
    }

    #[test]
    fn the_threshold_is_the_background_and_three_deviations() {
        // Personas at 0° and 90°. Rows at 0, 10, 20, 30 (nearest: 0°) and 60, 70, 80, 90 (nearest: 90°). With the
        // other persona they have the cosines sin 0 = 0, sin 10 = .1736, sin 20 = .3420, sin 30 = .5 and the
        // same again: median (.1736 + .3420) / 2 = .2578; distances .2578, .0842, .0842, .2422, each twice:
        // median (.0842 + .2422) / 2 = .1632; threshold .2578 + 3 · .1632 = .7474. Cosines with the nearest
        // are 1, .985, .940 and .866: all near.
        let degrees = ["0", "10", "20", "30", "60", "70", "80", "90"];
        let rows: Vec<Row> = degrees.iter().map(|id| Row { id, text: id }).collect();
        let found = coverage(&rows, &saying(&["0", "90"]), &Compass).expect("embeds");
        let background = found.background.expect("eight pairs");
        assert_eq!(background.pairs, 8);
        assert!((background.median - 0.2578).abs() < 1e-3, "{background:?}");
        assert!((background.deviation - 0.1632).abs() < 1e-3, "{background:?}");
        assert!((found.threshold.expect("measured") - 0.7474).abs() < 2e-3, "{found:?}");
        assert_eq!((found.covered, found.share), (8, Some(1.0)));
        assert_eq!(found.personas[1].near, ["60", "70", "80", "90"]);
    }

    #[test]
    fn a_row_that_resembles_no_persona_is_named_with_the_nearest() {
        let mut rows: Vec<Row> = ["0", "10", "20", "80", "85", "90", "1", "2", "88", "89"]
            .iter()
            .map(|id| Row { id, text: id })
            .collect();
        rows.push(Row { id: "lost", text: "200" });
        let found = coverage(&rows, &saying(&["0", "90"]), &Compass).expect("embeds");
        assert_eq!((found.rows, found.covered), (11, 10), "{found:?}");
        let lost = &found.uncovered[0];
        // cos 110° = -.342 is more than cos 200° = -.940.
        assert_eq!((lost.row.as_str(), lost.nearest.as_deref()), ("lost", Some("p1/1")));
        assert!((lost.similarity.expect("measured") + 0.342).abs() < 1e-3, "{lost:?}");
    }

    #[test]
    fn a_passage_that_was_found_speaks_for_its_row_and_one_that_was_not_does_not() {
        let mut all = saying(&["0"]);
        let cited = |row: &str, by: FoundBy| CitedEvidence {
            model: "m".parse().expect("valid"),
            quote: "words".to_owned(),
            row: Some(row.to_owned()),
            item: None,
            found: Some(Found { by, score: 1.0, row: (by != FoundBy::Nothing).then(|| row.to_owned()) }),
        };
        let occupation = all[0].traits.get_mut("occupation").expect("said");
        occupation.evidence = vec![cited("a", FoundBy::Exact), cited("b", FoundBy::Nothing)];
        let rows = [Row { id: "a", text: "90" }, Row { id: "b", text: "90" }, Row { id: "p0", text: "90" }];
        let found = coverage(&rows, &all, &Compass).expect("embeds");
        assert_eq!(found.threshold, None, "three pairs tell nothing");
        assert_eq!(found.personas[0].quoted, ["a", "p0"], "a passage, and the record that it is about");
        assert_eq!(found.uncovered.len(), 1);
        assert_eq!(found.uncovered[0].row, "b");
    }

    #[test]
    fn without_personas_nobody_is_spoken_for() {
        let rows = [Row { id: "a", text: "0" }];
        let found = coverage(&rows, &[], &Compass).expect("embeds");
        assert_eq!((found.covered, found.share), (0, Some(0.0)));
        assert_eq!(found.uncovered[0].nearest, None);
        assert_eq!(coverage(&[], &[], &Compass).expect("embeds").share, None);
    }

    static ALL: LazyLock<Vec<ConsensusPersona>> = LazyLock::new(|| saying(&["abba cade", "bed dead"]));

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn the_order_of_the_rows_changes_nothing(
            texts in prop::collection::vec("[a-e ]{0,12}", 0..14), seed in 0_usize..1000,
        ) {
            let all = &*ALL;
            let ids: Vec<String> = (0..texts.len()).map(|id| id.to_string()).collect();
            let rows: Vec<Row> = ids.iter().zip(&texts).map(|(id, text)| Row { id, text }).collect();
            let mut turned = rows.clone();
            turned.rotate_left(seed % rows.len().max(1));
            turned.reverse();
            let (one, other) = (coverage(&rows, all, embedder()), coverage(&turned, all, embedder()));
            let one = one.expect("embeds");
            prop_assert_eq!(&one, &other.expect("embeds"));
            let near: usize = one.personas.iter().map(|found| found.near.len() + found.quoted.len()).sum();
            prop_assert_eq!((one.covered, one.covered + one.uncovered.len()), (near, one.rows));
        }
    }
}
