//! How long a provider asks to wait, in the many ways in which providers say it.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::vendor_error::VendorError;
use super::wire::HttpReply;

/// A bare number from here on is a point in time since 1970, not a number of seconds.
const EPOCH_FROM: f64 = 1e9;

/// The wait that `reply` asks for, or `None` when it asks for none that makes sense.
///
/// The first that holds a positive wait wins: `retry-after-ms`, `retry-after` (seconds or an HTTP
/// date, RFC 9110 section 10.2.3), Google's `RetryInfo` in the body, "try again in 6.2s" in the
/// message, and on a 429 the `x-ratelimit-reset-*` of a limit that is used up. Zero, negative, past
/// and unreadable values are no hint. Nothing is clamped here.
pub(crate) fn hint(reply: &HttpReply, error: &VendorError) -> Option<Duration> {
    let milliseconds = || number(reply.header("retry-after-ms")?).and_then(|ms| seconds(ms / 1e3));
    let header = || after(reply.header("retry-after")?, reply.received_at);
    milliseconds()
        .or_else(header)
        .or(error.retry_delay)
        .or_else(|| said(&error.message))
        .or_else(|| if reply.status == 429 { reset(reply) } else { None })
}

fn number(text: &str) -> Option<f64> {
    text.trim().parse().ok()
}

fn seconds(seconds: f64) -> Option<Duration> {
    Duration::try_from_secs_f64(seconds).ok().filter(|wait| !wait.is_zero())
}

/// Seconds or an HTTP date.
fn after(text: &str, now: SystemTime) -> Option<Duration> {
    if let Some(number) = number(text) {
        return seconds(number);
    }
    let date = httpdate::parse_http_date(text.trim()).ok()?;
    date.duration_since(now).ok().filter(|wait| !wait.is_zero())
}

/// The reset of the limits that are used up, the latest of them; without any count of what
/// remains, the nearest reset.
fn reset(reply: &HttpReply) -> Option<Duration> {
    let waits = ["requests", "tokens"].map(|what| {
        let wait = reply.header(&format!("x-ratelimit-reset-{what}"));
        let remaining = reply.header(&format!("x-ratelimit-remaining-{what}")).and_then(number);
        (wait.and_then(|text| span_or_moment(text, reply.received_at)), remaining)
    });
    let used_up = waits.iter().filter(|(_, left)| left.is_some_and(|left| left <= 0.0));
    used_up.filter_map(|(wait, _)| *wait).max().or_else(|| {
        let unknown = waits.iter().filter(|(_, left)| left.is_none());
        unknown.filter_map(|(wait, _)| *wait).min()
    })
}

fn span_or_moment(text: &str, now: SystemTime) -> Option<Duration> {
    match number(text) {
        Some(moment) if moment >= EPOCH_FROM => {
            // Milliseconds since 1970 have three digits more.
            let scale = if moment >= EPOCH_FROM * 1e3 { 1e3 } else { 1.0 };
            (UNIX_EPOCH + seconds(moment / scale)?).duration_since(now).ok().filter(|wait| !wait.is_zero())
        }
        Some(number) => seconds(number),
        None => span(text),
    }
}

/// A span such as `6m0s`, `1h2m3.5s`, `12ms`, `36s`.
pub(crate) fn span(text: &str) -> Option<Duration> {
    let mut rest = text.trim();
    let mut total = 0.0;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number_text, tail) = rest.split_at(digits);
        let unit_end = tail.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(unit_end);
        let scale = match unit {
            "ns" => 1e-9,
            "us" => 1e-6,
            "ms" => 1e-3,
            "s" | "sec" | "secs" | "second" | "seconds" => 1.0,
            "m" | "min" | "mins" | "minute" | "minutes" => 60.0,
            "h" | "hour" | "hours" => 3_600.0,
            "d" | "day" | "days" => 86_400.0,
            _ => return None,
        };
        total += number(number_text)? * scale;
        rest = tail;
    }
    seconds(total)
}

/// "Please try again in 5.289s." and its kin.
fn said(message: &str) -> Option<Duration> {
    let message = message.to_ascii_lowercase();
    let start = ["try again in ", "retry in ", "retry after "]
        .iter()
        .find_map(|phrase| message.find(phrase).map(|at| at + phrase.len()))?;
    let mut words = message[start..].split_whitespace();
    let trim = |word: &str| word.trim_end_matches(['.', ',', ';', ')']).to_owned();
    let first = trim(words.next()?);
    if number(&first).is_some() { span(&(first + &trim(words.next()?))) } else { span(&first) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    /// 2026-11-21 10:00:00 UTC.
    fn now() -> SystemTime {
        httpdate::parse_http_date("Sat, 21 Nov 2026 10:00:00 GMT").expect("a date")
    }

    fn wait(headers: &[(&str, &str)], message: &str) -> Option<f64> {
        let reply = HttpReply {
            status: 429,
            headers: headers.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect(),
            body: Vec::new(),
            received_at: now(),
            secret: None,
        };
        let error = VendorError { message: message.to_owned(), ..VendorError::default() };
        hint(&reply, &error).map(|wait| wait.as_secs_f64())
    }

    #[rstest]
    #[case(&[("retry-after", "7")], Some(7.0))]
    #[case(&[("Retry-After", " 1.5 ")], Some(1.5))]
    #[case(&[("retry-after-ms", "1500"), ("retry-after", "2")], Some(1.5))]
    #[case(&[("retry-after-ms", "0"), ("retry-after", "2")], Some(2.0))]
    #[case(&[("retry-after", "Sat, 21 Nov 2026 10:00:30 GMT")], Some(30.0))]
    #[case(&[("retry-after", "Sat, 21 Nov 2026 09:59:30 GMT")], None)]
    #[case(&[("retry-after", "0")], None)]
    #[case(&[("retry-after", "-5")], None)]
    #[case(&[("retry-after", "soon")], None)]
    #[case(&[("retry-after", "NaN")], None)]
    #[case(&[("retry-after", "1e400")], None)]
    #[case(&[("retry-after", "86400")], Some(86_400.0))]
    // Only the tokens are used up, so the wait of the requests does not count.
    #[case(&[("x-ratelimit-reset-requests", "12h"), ("x-ratelimit-remaining-requests", "9"),
             ("x-ratelimit-reset-tokens", "6m0s"), ("x-ratelimit-remaining-tokens", "0")], Some(360.0))]
    #[case(&[("x-ratelimit-reset-requests", "20ms")], Some(0.02))]
    // 1 795 255 210 s after 1970 is 10:00:10 on that day.
    #[case(&[("x-ratelimit-reset-requests", "1795255210")], Some(10.0))]
    #[case(&[("x-ratelimit-reset-requests", "1795255210000")], Some(10.0))]
    fn headers_say_how_long(#[case] headers: &[(&str, &str)], #[case] expected: Option<f64>) {
        assert_eq!(wait(headers, ""), expected);
    }

    #[rstest]
    #[case("Rate limit reached. Please try again in 1.5s.", Some(1.5))]
    #[case("Please try again in 7m12s. Visit", Some(432.0))]
    #[case("Please retry in 36.429760048s.", Some(36.429_760_048))]
    #[case("Try again in 2 seconds.", Some(2.0))]
    #[case("try again in a while", None)]
    #[case("Please try again in 0s.", None)]
    #[case("no hint", None)]
    fn messages_say_how_long(#[case] message: &str, #[case] expected: Option<f64>) {
        assert_eq!(wait(&[], message), expected);
    }

    #[test]
    fn spans_are_read_or_refused() {
        assert_eq!(span("1h2m3.5s"), seconds(3_723.5));
        for junk in ["", "s", "1", "1x", "-1s", "1s2", "..s", "1s "] {
            assert_eq!(span(junk).map(|d| d.as_secs()), if junk == "1s " { Some(1) } else { None }, "{junk}");
        }
    }
}
