//! What became of the traits of a persona that is in both runs.

use std::collections::BTreeSet;

use serde::Serialize;

use super::Matched;
use crate::consensus::{ConsensusPersona, TraitConsensus};
use crate::embed::{EmbedError, Embedder, Ruler};
use crate::normalise::{Phrase, Reading, read};
use crate::persona::{TraitSchema, TraitValue};

/// A smaller change of confidence is not told.
const TOLD: f64 = 0.05;
/// From this likeness on two wordings mean the same: where rewordings stand on the embedder's scale.
const REWORDED: f64 = 0.75;

/// What became of a trait.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Change {
    /// It has a value only in the second run.
    Appeared,
    /// It has a value only in the first run.
    Vanished,
    /// The values mean different things.
    Changed,
    /// The values are the same in other words, as far as the embedder can tell.
    Reworded,
    /// The value is the same; its confidence moved by at least 0.05, or the models began or ceased to
    /// disagree. Not told of traits of weight 0, such as names.
    Confidence,
}

/// A trait that is not the same in both runs.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TraitChange {
    /// The trait.
    #[serde(rename = "trait")]
    pub name: String,
    /// What became of it.
    pub change: Change,
    /// The value in the first run.
    pub before: Option<String>,
    /// The value in the second run.
    pub after: Option<String>,
    /// Of a list: items of the first run only.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub items_vanished: Vec<String>,
    /// Of a list: items of the second run only.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub items_appeared: Vec<String>,
    /// Of a list: items that are in both runs in other words, before and after.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub items_reworded: Vec<[String; 2]>,
    /// Confidence in the first and the second run.
    pub confidence: [Option<f64>; 2],
    /// Whether the models disagree, in the first and the second run.
    pub divergent: [Option<bool>; 2],
    /// Of changed words: how alike they are in meaning, from unrelated (0) to equal (1).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub likeness: Option<f64>,
}

/// The traits that are not the same, by name. Whether other words mean the same is measured later.
pub(super) fn changes(
    before: &ConsensusPersona,
    after: &ConsensusPersona,
    schema: &TraitSchema,
) -> Vec<TraitChange> {
    let names: BTreeSet<&String> = before.traits.keys().chain(after.traits.keys()).collect();
    names.into_iter().filter_map(|name| change(name, before, after, schema)).collect()
}

fn change(
    name: &str,
    before: &ConsensusPersona,
    after: &ConsensusPersona,
    schema: &TraitSchema,
) -> Option<TraitChange> {
    let sides = [before.traits.get(name), after.traits.get(name)];
    let change = match sides {
        [None, None] => return None,
        [None, Some(_)] => Change::Appeared,
        [Some(_), None] => Change::Vanished,
        [Some(one), Some(other)] if !is_same(name, &one.value, &other.value, schema) => Change::Changed,
        [Some(one), Some(other)] => {
            let moved = (one.confidence - other.confidence).abs() >= TOLD;
            let counts = schema.get(name).is_none_or(|definition| definition.weight > 0.0);
            if !counts || !moved && one.divergent == other.divergent {
                return None;
            }
            Change::Confidence
        }
    };
    let of = |side: usize, other: usize| match (change, sides[side], sides[other]) {
        (Change::Changed, Some(one), Some(other)) => only(&one.value, &other.value),
        _ => Vec::new(),
    };
    let value = |found: Option<&TraitConsensus>| found.map(|found| found.value.to_string());
    Some(TraitChange {
        name: name.to_owned(),
        change,
        before: value(sides[0]),
        after: value(sides[1]),
        items_vanished: of(0, 1),
        items_appeared: of(1, 0),
        items_reworded: Vec::new(),
        confidence: sides.map(|found| found.map(|found| found.confidence)),
        divergent: sides.map(|found| found.map(|found| found.divergent)),
        likeness: None,
    })
}

/// Whether two values mean the same, whatever their wording; the order of a list says nothing.
fn is_same(name: &str, one: &TraitValue, other: &TraitValue, schema: &TraitSchema) -> bool {
    let keys =
        |items: &[Phrase]| -> BTreeSet<String> { items.iter().map(|item| item.key().to_owned()).collect() };
    let Some(definition) = schema.get(name) else { return one == other };
    match (read(one, definition), read(other, definition)) {
        (Reading::Phrase(one), Reading::Phrase(other)) | (Reading::Prose(one), Reading::Prose(other)) => {
            one.key() == other.key()
        }
        (Reading::Items(one), Reading::Items(other)) => keys(&one) == keys(&other),
        (one, other) => one == other,
    }
}

/// Items of a list that another does not have.
fn only(one: &TraitValue, other: &TraitValue) -> Vec<String> {
    let (TraitValue::List(one), TraitValue::List(other)) = (one, other) else { return Vec::new() };
    let known: BTreeSet<String> = other.iter().map(|item| Phrase::new(item).key().to_owned()).collect();
    one.iter().filter(|item| !known.contains(Phrase::new(item).key())).cloned().collect()
}

/// Says of all changed words how alike they are, whole values and items of lists: one call to the embedder.
pub(super) fn measure(matched: &mut [Matched], embedder: &dyn Embedder) -> Result<(), EmbedError> {
    let changed: Vec<&mut TraitChange> = matched
        .iter_mut()
        .flat_map(|pair| &mut pair.traits)
        .filter(|change| change.change == Change::Changed)
        .collect();
    let texts: Vec<String> = changed.iter().flat_map(|change| change.texts()).collect();
    if texts.is_empty() {
        return Ok(());
    }
    let ruler = Ruler::measure(embedder)?;
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let rows = embedder.embed(&texts)?;
    let likeness = |one: usize, other: usize| f64::from(ruler.grade(rows.cosine(one, other)));
    let mut first = 0;
    for change in changed {
        let count = change.texts().len();
        change.judge(first, &likeness);
        first += count;
    }
    Ok(())
}

impl TraitChange {
    /// What is embedded: the items that only one side has; of other words, both values.
    fn texts(&self) -> Vec<String> {
        if !self.items_vanished.is_empty() || !self.items_appeared.is_empty() {
            return self.items_vanished.iter().chain(&self.items_appeared).cloned().collect();
        }
        let is_words = |text: &&String| text.chars().any(char::is_alphabetic);
        match (self.before.as_ref().filter(is_words), self.after.as_ref().filter(is_words)) {
            (Some(before), Some(after)) => vec![before.clone(), after.clone()],
            _ => Vec::new(),
        }
    }

    /// Tells other words from other things; the row of the first text is `first`.
    fn judge(&mut self, first: usize, likeness: &dyn Fn(usize, usize) -> f64) {
        let (vanished, appeared) = (self.items_vanished.len(), self.items_appeared.len());
        if vanished + appeared == 0 {
            if self.texts().len() == 2 {
                let likeness = likeness(first, first + 1);
                self.likeness = Some(likeness);
                if likeness >= REWORDED {
                    self.change = Change::Reworded;
                }
            }
            return;
        }
        let mut pairs: Vec<(usize, usize, f64)> = (0..vanished)
            .flat_map(|one| (0..appeared).map(move |other| (one, other)))
            .map(|(one, other)| (one, other, likeness(first + one, first + vanished + other)))
            .filter(|(.., likeness)| *likeness >= REWORDED)
            .collect();
        // The most alike first; of equals, in the order of the lists.
        pairs.sort_by(|one, other| other.2.total_cmp(&one.2));
        let (mut gone, mut new): (BTreeSet<usize>, BTreeSet<usize>) = (BTreeSet::new(), BTreeSet::new());
        for (one, other, _) in pairs {
            if !gone.contains(&one) && !new.contains(&other) {
                gone.insert(one);
                new.insert(other);
                self.items_reworded
                    .push([self.items_vanished[one].clone(), self.items_appeared[other].clone()]);
            }
        }
        let left = |items: &[String], taken: &BTreeSet<usize>| -> Vec<String> {
            items
                .iter()
                .zip(0..)
                .filter(|(_, place)| !taken.contains(place))
                .map(|(item, _)| item.clone())
                .collect()
        };
        self.items_vanished = left(&self.items_vanished, &gone);
        self.items_appeared = left(&self.items_appeared, &new);
        if self.items_vanished.is_empty() && self.items_appeared.is_empty() {
            self.change = Change::Reworded;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::consensus::testing::{about, personas};

    fn told(one: &[(&str, &str)], other: &[(&str, &str)]) -> Vec<TraitChange> {
        let all = personas(&[about("x", "a", one), about("y", "a", other)]);
        changes(&all[0], &all[1], &TraitSchema::default_persona())
    }

    #[test]
    fn items_of_a_list_are_told_one_by_one_and_their_order_says_nothing() {
        assert!(told(&[("goals", "Sleep;Read")], &[("goals", "read.;sleep")]).is_empty());
        let found = told(&[("goals", "Sleep;Read")], &[("goals", "Read;Run")]).remove(0);
        assert_eq!(
            (found.items_vanished, found.items_appeared),
            (vec!["Sleep".to_owned()], vec!["Run".to_owned()])
        );
    }

    #[test]
    fn an_item_in_other_words_neither_vanished_nor_appeared() {
        // By hand: `a` is `c` in other words, `b` is like nothing.
        let alike = |one: usize, other: usize| if (one, other) == (0, 2) { 0.8 } else { 0.1 };
        let mut change = told(&[("goals", "Run far;Bake")], &[("goals", "Go running;Sing")]).remove(0);
        change.items_vanished = vec!["Run far".to_owned(), "Bake".to_owned()];
        change.items_appeared = vec!["Go running".to_owned(), "Sing".to_owned()];
        assert_eq!(change.texts(), ["Run far", "Bake", "Go running", "Sing"]);
        change.judge(0, &alike);
        assert_eq!(change.items_reworded, [["Run far".to_owned(), "Go running".to_owned()]]);
        assert_eq!(
            (change.items_vanished, change.items_appeared),
            (vec!["Bake".to_owned()], vec!["Sing".to_owned()])
        );
        assert_eq!(change.change, Change::Changed);
        let mut only = told(&[("goals", "Run far")], &[("goals", "Go running")]).remove(0);
        only.judge(0, &|_, _| 0.75);
        assert_eq!((only.change, only.items_vanished.len()), (Change::Reworded, 0));
    }

    #[test]
    fn a_confidence_that_moves_is_told_and_one_that_trembles_is_not() {
        let mut all = personas(&[about("x", "a", &[("age", "30")]), about("y", "a", &[("age", "30")])]);
        let schema = TraitSchema::default_persona();
        let mut at = |confidence: f64| {
            all[0].traits.get_mut("age").expect("said").confidence = 0.5;
            all[1].traits.get_mut("age").expect("said").confidence = confidence;
            changes(&all[0], &all[1], &schema)
        };
        assert!(at(0.54).is_empty());
        let moved = at(0.56).remove(0);
        assert_eq!((moved.change, moved.confidence), (Change::Confidence, [Some(0.5), Some(0.56)]));
    }
}
