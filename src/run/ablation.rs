//! The same panel asked without the evidence: what it would have said anyway.
//!
//! A trait on which models agree may be read from the data, or may be what they were trained to expect. Some
//! units are asked about once more with their data taken away; what the panel then says all the same is an
//! echo of its training ([`crate::consensus::ablation`] compares the two).

use rand::SeedableRng;
use rand::seq::index::sample;
use rand_xoshiro::Xoshiro256Plus;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::plan::Unit;
use crate::dataset::Record;

/// What models read in place of the data.
const WITHHELD: &str = "(no data are given for this record)";

/// What happens to the evidence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Evidence {
    /// It is taken away: a line says that there is none.
    Withheld,
    /// Another unit's takes its place. A study of one unit has no other: there it is withheld.
    Shuffled,
}

/// An ablation: what is done, to how many units at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ablation {
    /// What happens to the evidence.
    pub evidence: Evidence,
    /// How many units are asked about once more, drawn by the seed; all when there are fewer.
    #[serde(default = "twenty")]
    pub units: usize,
}

fn twenty() -> usize {
    20
}

/// The units of an ablation, in the order of the input, numbered from 0. Each keeps its record's id, so that
/// its personas can be compared with those of the run.
#[must_use]
pub fn ablated(units: &[Unit], ablation: Ablation, seed: u64) -> Vec<Unit> {
    let mut random = Xoshiro256Plus::seed_from_u64(seed);
    let mut drawn = sample(&mut random, units.len(), ablation.units.min(units.len())).into_vec();
    drawn.sort_unstable();
    let other = |place: usize| (place + units.len() / 2) % units.len();
    (0_u64..)
        .zip(drawn)
        .map(|(number, place)| {
            let unit = &units[place];
            let records = match ablation.evidence {
                Evidence::Shuffled if other(place) != place => exchanged(unit, &units[other(place)]),
                _ => withheld(unit),
            };
            Unit { number, records, ..unit.clone() }
        })
        .collect()
}

/// The unit with the data of another under its own ids.
fn exchanged(unit: &Unit, other: &Unit) -> Vec<Record> {
    let own =
        unit.records.iter().map(|record| &record.id).chain(other.records.iter().map(|record| &record.id));
    other.records.iter().zip(own).map(|(record, id)| Record { id: id.clone(), ..record.clone() }).collect()
}

fn withheld(unit: &Unit) -> Vec<Record> {
    let fields: Map<String, Value> = [("text".to_owned(), Value::from(WITHHELD))].into_iter().collect();
    unit.records.iter().take(1).map(|record| Record { fields: fields.clone(), ..record.clone() }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::persona::RecordId;
    use crate::run::Scope;

    fn units(count: u64) -> Vec<Unit> {
        (0..count)
            .map(|number| {
                let id = RecordId::new(&format!("r{number}")).expect("valid");
                let fields: Map<String, Value> =
                    [("text".to_owned(), Value::from(format!("text {number}")))].into_iter().collect();
                let record = Record { id: id.clone(), fields, origin: String::new() };
                Unit { number, record: id, part: 0, records: vec![record], scope: Scope::default() }
            })
            .collect()
    }

    fn texts(units: &[Unit]) -> Vec<(String, String)> {
        let text = |unit: &Unit| unit.records[0].fields["text"].as_str().unwrap_or_default().to_owned();
        units.iter().map(|unit| (unit.record.to_string(), text(unit))).collect()
    }

    #[test]
    fn no_unit_keeps_its_evidence_and_every_one_its_name() {
        let all = units(6);
        let withheld = ablated(&all, Ablation { evidence: Evidence::Withheld, units: 3 }, 1);
        assert_eq!(withheld.iter().map(|unit| unit.number).collect::<Vec<_>>(), [0, 1, 2]);
        assert!(texts(&withheld).iter().all(|(_, text)| text == WITHHELD));
        let shuffled = ablated(&all, Ablation { evidence: Evidence::Shuffled, units: 9 }, 1);
        assert_eq!(shuffled.len(), 6);
        for (unit, (own, _)) in texts(&shuffled).into_iter().zip(texts(&all)) {
            assert_eq!(unit.0, own);
            assert!(unit.1.starts_with("text ") && unit.1 != own.replace('r', "text "), "{unit:?}");
        }
        let lone = ablated(&units(1), Ablation { evidence: Evidence::Shuffled, units: 9 }, 1);
        assert_eq!(texts(&lone)[0].1, WITHHELD);
    }
}
