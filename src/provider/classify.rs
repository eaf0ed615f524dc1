//! What a failure means for the next attempt: the only place where that is decided.
//!
//! Status, vendor's error body and transport stage come in, a [`ProviderError`] goes out. What
//! follows from its [`FailureKind`] is not decided here but in [`crate::run`].

use std::time::Duration;

use super::legible::legible;
use super::retry_after;
use super::vendor_error::VendorError;
use super::wire::HttpReply;
use super::{ApiKey, FailureKind, ProviderError, Usage};

/// How far an exchange came before it failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TransportFault {
    /// No request could be made of the call.
    NotBuilt,
    /// No connection, so nothing was sent.
    NotConnected,
    /// The connection ended, or its bytes made no sense, after the request may have left.
    Cut,
    /// A time limit ended the wait after the request may have left.
    TimedOut {
        /// Which limit.
        limit: &'static str,
        /// How long it was.
        after: Duration,
    },
    /// The body came, but its compression is broken.
    Undecodable,
    /// The body is longer than anyone's answer.
    TooLarge {
        /// The limit, in bytes.
        limit: usize,
    },
}

/// The error of an exchange that gave no whole reply; `detail` is the innermost cause.
pub(crate) fn transport(fault: TransportFault, detail: &str, secret: Option<&ApiKey>) -> ProviderError {
    use TransportFault as Fault;
    let detail = match legible(detail, secret) {
        text if text.is_empty() => text,
        text => format!(": {text}"),
    };
    let (kind, message) = match fault {
        Fault::NotBuilt => (FailureKind::ProviderRejected, format!("the request could not be built{detail}")),
        Fault::NotConnected => (FailureKind::NotSent, format!("no connection{detail}")),
        Fault::Cut => {
            (FailureKind::UnknownOutcome, format!("the connection ended before the answer did{detail}"))
        }
        Fault::TimedOut { limit, after } => {
            let seconds = after.as_secs_f64();
            (FailureKind::UnknownOutcome, format!("no whole answer within the {limit} limit of {seconds} s"))
        }
        Fault::Undecodable => (FailureKind::Unusable, format!("the answer's compression is broken{detail}")),
        Fault::TooLarge { limit } => {
            (FailureKind::Unusable, format!("the answer is longer than {} MiB", limit >> 20))
        }
    };
    ProviderError::new(kind, message)
}

/// The error of a reply whose status is not a success.
pub(crate) fn refused(reply: &HttpReply) -> ProviderError {
    let error = VendorError::read(&reply.body);
    let kind = kind_of_status(reply.status, &error);
    let waits = matches!(kind, FailureKind::RateLimited | FailureKind::Transient);
    let mut message = format!("HTTP {}", reply.status);
    let said = legible(&error.message, reply.secret.as_ref());
    if !said.is_empty() {
        message = format!("{message}: {said}");
    }
    if let Some(advice) = advice(reply.status).filter(|_| kind == FailureKind::ProviderRejected) {
        message = format!("{message} ({advice})");
    }
    ProviderError {
        status: Some(reply.status),
        retry_after: if waits { retry_after::hint(reply, &error) } else { None },
        ..ProviderError::new(kind, message)
    }
}

/// The error of a reply with a success status that holds no completion.
pub(crate) fn unusable(reply: &HttpReply, what: &str, usage: Option<Usage>) -> ProviderError {
    let what = legible(what, reply.secret.as_ref());
    ProviderError {
        status: Some(reply.status),
        usage,
        ..ProviderError::new(FailureKind::Unusable, format!("HTTP {}, but {what}", reply.status))
    }
}

/// An error as a recording tells it: by its status, by its kind, or both.
pub(crate) fn recorded(status: Option<u16>, kind: Option<FailureKind>, told: &str) -> ProviderError {
    let error = VendorError { message: told.to_owned(), ..VendorError::default() };
    let by_status = status.map_or(FailureKind::Transient, |status| kind_of_status(status, &error));
    let mut message = status.map_or_else(|| "recorded failure".to_owned(), |status| format!("HTTP {status}"));
    if !told.is_empty() {
        message = format!("{message}: {}", legible(told, None));
    }
    ProviderError { status, ..ProviderError::new(kind.unwrap_or(by_status), message) }
}

fn kind_of_status(status: u16, error: &VendorError) -> FailureKind {
    match status {
        400 | 429 if is_out_of_funds(error) => FailureKind::ProviderRejected,
        // Gemini answers a wrong key with 400.
        400 if error.is_any(&["api_key_invalid"]) => FailureKind::ProviderRejected,
        // Some servers report a long prompt as a fault of their own.
        500 if is_too_long(error) => FailureKind::RecordRejected,
        // A request that alone exceeds the limit per minute never fits, however long one waits.
        429 if error.says_any(&["request too large"]) => FailureKind::RecordRejected,
        429 | 503 | 529 => FailureKind::RateLimited,
        408 | 409 | 425 | 500..=599 => FailureKind::Transient,
        400 | 413 | 414 | 422 | 431 => FailureKind::RecordRejected,
        403 if error.flagged => FailureKind::RecordRejected,
        300..=499 => FailureKind::ProviderRejected,
        _ => FailureKind::Unusable,
    }
}

/// Whether the account, not the moment, is what is wrong.
///
/// Gemini says "You exceeded your current quota" for a limit per minute too; then it also names
/// the limit or the wait.
fn is_out_of_funds(error: &VendorError) -> bool {
    let words = ["insufficient_quota", "billing_hard_limit_reached", "billing_not_active", "billing_error"];
    if error.is_any(&words) || error.daily_quota == Some(true) {
        return true;
    }
    if error.says_any(&["credit balance is too low", "insufficient balance", "insufficient credits"]) {
        return true;
    }
    let waitable = error.retry_delay.is_some() || error.daily_quota.is_some();
    !waitable && error.says_any(&["exceeded your current quota"])
}

fn is_too_long(error: &VendorError) -> bool {
    error.is_any(&["context_length_exceeded", "exceed_context_size_error"])
        || error.says_any(&[
            "context length",
            "context window",
            "context size",
            "maximum context",
            "prompt is too long",
            "input is too long",
            "exceeds the maximum number of tokens",
        ])
}

/// What a person can do about a status.
fn advice(status: u16) -> Option<&'static str> {
    match status {
        300..=399 => Some("redirects are not followed; correct `base_url`"),
        401 | 403 => Some("is it the right key for this endpoint?"),
        404 | 405 => Some("are the model's name and `base_url` right?"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;
    use std::time::SystemTime;

    fn reply(status: u16, body: &str) -> HttpReply {
        HttpReply {
            status,
            headers: vec![("retry-after".into(), "3".into())],
            body: body.as_bytes().to_vec(),
            received_at: SystemTime::UNIX_EPOCH,
            secret: None,
        }
    }

    #[rstest]
    #[case(&[429, 503, 529], FailureKind::RateLimited)]
    #[case(&[500, 502, 504, 520, 599, 408, 409], FailureKind::Transient)]
    #[case(&[400, 413, 422], FailureKind::RecordRejected)]
    #[case(&[401, 402, 403, 404, 405, 410, 418, 301, 302, 303, 307, 308], FailureKind::ProviderRejected)]
    #[case(&[101, 600, 999], FailureKind::Unusable)]
    fn every_status_has_its_kind(#[case] statuses: &[u16], #[case] kind: FailureKind) {
        for &status in statuses {
            assert_eq!(refused(&reply(status, "<html>")).kind, kind, "{status}");
        }
    }

    #[test]
    fn only_failures_that_pass_are_told_when_to_come_back() {
        assert_eq!(refused(&reply(429, "")).retry_after, Some(Duration::from_secs(3)));
        assert_eq!(refused(&reply(500, "")).retry_after, Some(Duration::from_secs(3)));
        assert_eq!(refused(&reply(401, "")).retry_after, None);
    }

    #[test]
    fn nothing_is_known_after_sending_and_nothing_paid_before() {
        let kind = |fault| transport(fault, "", None).kind;
        assert_eq!(kind(TransportFault::NotConnected), FailureKind::NotSent);
        assert_eq!(kind(TransportFault::Cut), FailureKind::UnknownOutcome);
        let timed_out = TransportFault::TimedOut { limit: "idle", after: Duration::from_millis(1_500) };
        assert_eq!(transport(timed_out, "", None).message, "no whole answer within the idle limit of 1.5 s");
    }
}
