//! A share of a run, for a machine of its own.
//!
//! Which share a unit belongs to depends on its record alone, not on its place or on how many there are: every
//! machine decides alike without asking another, and records that are added move none of the others.

use std::fmt;
use std::str::FromStr;

use super::plan::Unit;

/// The `index`-th of `count` shares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shard {
    index: u64,
    count: u64,
}

/// A share that is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no shard; write I/N with I from 1 to N, such as 2/8")]
pub struct ShardError(String);

impl FromStr for Shard {
    type Err = ShardError;

    fn from_str(text: &str) -> Result<Self, ShardError> {
        let wrong = || ShardError(text.to_owned());
        let (index, count) = text.split_once('/').ok_or_else(wrong)?;
        let read = |number: &str| number.trim().parse::<u64>().map_err(|_| wrong());
        let (index, count) = (read(index)?, read(count)?);
        if (1..=count).contains(&index) { Ok(Self { index, count }) } else { Err(wrong()) }
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.index, self.count)
    }
}

impl Shard {
    /// The shares that are missing for the whole, where all that are given are of equally many; else none.
    #[must_use]
    pub fn missing(given: &[Self]) -> Vec<Self> {
        let Some(count) = given.first().map(|shard| shard.count) else { return Vec::new() };
        if given.iter().any(|shard| shard.count != count) {
            return Vec::new();
        }
        (1..=count).map(|index| Self { index, count }).filter(|shard| !given.contains(shard)).collect()
    }

    /// Whether a unit belongs to this share.
    #[must_use]
    pub fn holds(self, unit: &Unit) -> bool {
        let mut hasher = blake3::Hasher::new();
        hasher.update(unit.record.as_str().as_bytes()).update(&unit.part.to_le_bytes());
        let number =
            hasher.finalize().as_bytes().iter().take(8).fold(0, |n, &byte| (n << 8) | u64::from(byte));
        number % self.count == self.index - 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::persona::RecordId;
    use crate::run::Scope;

    #[test]
    fn every_unit_belongs_to_exactly_one_share() {
        let shards: Vec<Shard> = (1..=5).map(|index| format!("{index}/5").parse().unwrap()).collect();
        let mut sizes = [0; 5];
        for number in 0..500 {
            let record = RecordId::new(&format!("r{number}")).unwrap();
            let unit = Unit { number, record, part: 0, records: Vec::new(), scope: Scope::default() };
            let holders: Vec<usize> = (0..5).filter(|&shard| shards[shard].holds(&unit)).collect();
            assert_eq!(holders.len(), 1);
            sizes[holders[0]] += 1;
        }
        assert!(sizes.iter().all(|size| (70..130).contains(size)), "{sizes:?}");
    }

    #[test]
    fn shares_that_were_not_given_are_named() {
        let of = |given: &[&str]| -> Vec<String> {
            let given: Vec<Shard> = given.iter().map(|text| text.parse().unwrap()).collect();
            Shard::missing(&given).iter().map(ToString::to_string).collect()
        };
        assert_eq!(of(&["3/3", "1/3"]), ["2/3"]);
        assert_eq!(of(&["1/1"]), [""; 0]);
        assert_eq!(of(&["1/2", "1/3"]), [""; 0], "shares of different wholes say nothing");
        assert_eq!(of(&[]), [""; 0]);
    }

    #[test]
    fn what_is_no_share_is_refused() {
        for text in ["", "1", "0/3", "4/3", "1/0", "a/b", "-1/2"] {
            assert!(text.parse::<Shard>().is_err(), "{text}");
        }
        assert_eq!("2/8".parse::<Shard>().unwrap().to_string(), "2/8");
    }
}
