//! Numbers and foreign text as they are shown.

use crate::consensus::ConfidenceStatus;
use crate::report::html::sample::LONGEST;
use crate::report::safe;

/// Text of a model or a user: without invisible characters, cut where it is very long, and said so.
pub(super) fn shown(text: &str) -> String {
    let text = match (safe::lines(text.trim()).trim(), text.is_empty()) {
        ("", false) => "(nothing visible)".to_owned(),
        (visible, _) => visible.to_owned(),
    };
    let length = text.chars().count();
    if length <= LONGEST {
        return text;
    }
    let start: String = text.chars().take(LONGEST).collect();
    format!("{start}… ({} more characters)", length - LONGEST)
}

/// A trait's name for people.
pub(super) fn label(name: &str) -> String {
    shown(&name.replace('_', " "))
}

/// A share as a percentage: `83 %`, and never 100 % for less than all.
pub(super) fn percent(share: f64) -> String {
    let whole = (share * 100.0).round();
    match whole {
        w if w >= 100.0 && share < 1.0 => "> 99 %".to_owned(),
        w if w <= 0.0 && share > 0.0 => "< 1 %".to_owned(),
        w => format!("{w:.0} %"),
    }
}

/// A part of a whole with its share: `15 of 36 (42 %)`.
pub(super) fn part(count: usize, whole: usize) -> String {
    if whole == 0 {
        "0 of 0".to_owned()
    } else {
        format!(
            "{} of {} ({})",
            thousands(count as u64),
            thousands(whole as u64),
            percent(count as f64 / whole as f64)
        )
    }
}

/// A whole number with thin spaces between thousands.
pub(super) fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut shown = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            shown.push('\u{202f}');
        }
        shown.push(digit);
    }
    shown
}

/// A confidence: a probability in percent, or a score, which is marked so that nobody compares the two.
pub(super) fn confidence(confidence: f64, status: ConfidenceStatus) -> String {
    match status {
        ConfidenceStatus::Uncalibrated => format!("~{confidence:.2}"),
        ConfidenceStatus::SetByPerson => self::status(status).to_owned(),
        _ => percent(confidence),
    }
}

/// What a confidence may be taken for, in few words.
pub(super) fn status(status: ConfidenceStatus) -> &'static str {
    match status {
        ConfidenceStatus::Uncalibrated => "score, uncalibrated",
        ConfidenceStatus::CalibratedOnOtherData => "probability, calibrated on other data",
        ConfidenceStatus::Calibrated => "probability, calibrated",
        ConfidenceStatus::SetByPerson => "set by a person",
    }
}

/// An amount of money; the currency is that of the prices.
pub(super) fn money(amount: f64) -> String {
    if amount == 0.0 {
        "0".to_owned()
    } else if amount < 0.01 {
        format!("{amount:.2e}")
    } else {
        format!("{amount:.2}")
    }
}

/// What a cell is sorted by: a number of ours, for an attribute.
pub(super) fn sorted(number: f64) -> String {
    format!("{number:.9}")
}

/// A moment, in milliseconds since 1970: `2026-11-30 18:17`. The date is that of the proleptic Gregorian calendar (Howard
/// Hinnant, *chrono-Compatible Low-Level Date Algorithms*, `civil_from_days`).
pub(super) fn moment(milliseconds: u64) -> String {
    let minutes = milliseconds / 60_000;
    let (hour, minute) = (minutes / 60 % 24, minutes % 60);
    let days = minutes / (60 * 24) + 719_468;
    let (era, of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    format!("{year}-{month:02}-{day:02} {hour:02}:{minute:02}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn almost_all_is_not_all() {
        assert_eq!([0.0, 0.001, 0.834, 0.999, 1.0].map(percent), ["0 %", "< 1 %", "83 %", "> 99 %", "100 %"]);
    }

    #[test]
    fn long_texts_are_cut_and_say_so() {
        let text = shown(&"x".repeat(LONGEST + 5));
        assert!(text.ends_with("… (5 more characters)") && text.starts_with("xxx"), "{text}");
        assert_eq!(shown(" a\u{202e}b \n"), "ab");
        assert_eq!((shown("\u{202e}\u{1}"), shown("")), ("(nothing visible)".to_owned(), String::new()));
    }

    #[test]
    fn a_moment_is_a_date_and_a_time() {
        // `date -u -d @1796062603` says Mon Nov 30 18:16:43 UTC 2026.
        assert_eq!(moment(1_796_062_603_617), "2026-11-30 18:16");
        assert_eq!([0, 951_782_400_000].map(moment), ["1970-01-01 00:00", "2000-02-29 00:00"]);
    }

    #[test]
    fn thousands_are_set_apart() {
        assert_eq!(thousands(1_234_567), "1\u{202f}234\u{202f}567");
        assert_eq!(thousands(999), "999");
    }
}
