//! Amounts of money, exact: a ledger of floating point numbers never balances.

use std::fmt;
use std::iter::Sum;
use std::ops::{Add, AddAssign};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// An amount in units of 10⁻¹² of the currency in which prices are given.
///
/// A price of 1 per million tokens is 10⁶ such units per token, so prices with up to six decimals are exact.
/// Sums saturate at 1.8 × 10⁷ currency units.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Money(u64);

/// How many units make 1 of the currency.
const UNITS: f64 = 1e12;

impl Money {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// An amount in units of 10⁻¹² of the currency.
    #[must_use]
    pub fn from_units(units: u64) -> Self {
        Self(units)
    }

    /// Units of 10⁻¹² of the currency.
    #[must_use]
    pub fn units(self) -> u64 {
        self.0
    }

    /// An amount of the currency, rounded to the nearest unit; negative amounts and NaN are nothing.
    #[must_use]
    pub fn from_amount(amount: f64) -> Self {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "the cast saturates, and takes NaN and negative numbers to 0"
        )]
        let units = (amount * UNITS).round() as u64;
        Self(units)
    }

    /// The amount in the currency, for people to read.
    #[must_use]
    pub fn amount(self) -> f64 {
        self.0 as f64 / UNITS
    }

    /// What is left after taking `other` away; nothing when `other` is more.
    #[must_use]
    pub fn less(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }

    /// As often as `count` says.
    #[must_use]
    pub fn times(self, count: u64) -> Self {
        Self(self.0.saturating_mul(count))
    }
}

impl Add for Money {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl AddAssign for Money {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl Sum for Money {
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        amounts.fold(Self::ZERO, Add::add)
    }
}

impl fmt::Display for Money {
    /// Cents where that says enough, else down to the millionth.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let amount = self.amount();
        if amount == 0.0 || amount >= 1.0 { write!(f, "{amount:.2}") } else { write!(f, "{amount:.6}") }
    }
}

impl Serialize for Money {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.amount().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Money {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        f64::deserialize(deserializer).map(Self::from_amount)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_add_up_exactly() {
        // 0.1 three times is 0.30000000000000004 in floating point.
        let three: Money = std::iter::repeat_n(Money::from_amount(0.1), 3).sum();
        assert_eq!(three, Money::from_amount(0.3));
        assert_eq!(Money::from_amount(0.15).times(1_000_000), Money::from_amount(150_000.0));
    }

    #[test]
    fn no_amount_is_below_nothing() {
        assert_eq!(Money::from_amount(-1.0), Money::ZERO);
        assert_eq!(Money::from_amount(f64::NAN), Money::ZERO);
        assert_eq!(Money::from_amount(1.0).less(Money::from_amount(2.0)), Money::ZERO);
    }

    #[test]
    fn small_amounts_are_shown_with_their_digits() {
        assert_eq!(Money::from_amount(12.345).to_string(), "12.35");
        assert_eq!(Money::from_amount(0.001_234).to_string(), "0.001234");
        assert_eq!(Money::ZERO.to_string(), "0.00");
    }
}
