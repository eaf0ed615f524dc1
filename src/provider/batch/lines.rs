//! A reply read line by line, so that results of any number need no more memory than one of them.

use reqwest::Response;

use crate::provider::ProviderError;
use crate::provider::http::{Clock, HttpProvider, next_piece};

/// No line is longer, in bytes: as for a single answer, and some for the envelope.
const LINE_LIMIT: usize = 9 << 20;

/// No results are longer: 50,000 answers of 80 KiB each.
const TOTAL_LIMIT: usize = 4 << 30;

/// The lines of a reply.
pub(super) struct Lines<'a> {
    provider: &'a HttpProvider,
    response: Response,
    clock: Clock,
    buffer: Vec<u8>,
    /// How far the buffer has no line's end.
    looked: usize,
    read: usize,
    skipping: bool,
    ended: bool,
}

/// A line as it was read.
pub(super) enum Line {
    Whole(Vec<u8>),
    TooLong,
}

impl<'a> Lines<'a> {
    pub(super) fn new(provider: &'a HttpProvider, response: Response, clock: Clock) -> Self {
        let buffer = Vec::new();
        Self { provider, response, clock, buffer, looked: 0, read: 0, skipping: false, ended: false }
    }

    /// The next line that is not blank; `None` after the last one.
    ///
    /// # Errors
    /// When the reply breaks off, comes too slowly or is longer than anybody's.
    pub(super) async fn next(&mut self) -> Result<Option<Line>, ProviderError> {
        loop {
            if let Some(line) = self.take() {
                return Ok(Some(line));
            }
            if self.ended {
                return Ok(None);
            }
            if self.buffer.len() > LINE_LIMIT {
                self.skipping = true;
            }
            if self.skipping {
                self.buffer.clear();
                self.looked = 0;
            }
            let piece = next_piece(&mut self.response, &self.clock, self.provider.key()).await?;
            self.ended = piece.is_none();
            // The last line need not end.
            let piece = piece.unwrap_or_else(|| b"\n".to_vec());
            self.read += piece.len();
            if self.read > TOTAL_LIMIT {
                return Err(self.provider.too_large(TOTAL_LIMIT));
            }
            self.buffer.extend_from_slice(&piece);
        }
    }

    /// A whole line out of what has been read.
    fn take(&mut self) -> Option<Line> {
        while let Some(at) = self.buffer[self.looked..].iter().position(|&byte| byte == b'\n') {
            let rest = self.buffer.split_off(self.looked + at + 1);
            let line = std::mem::replace(&mut self.buffer, rest);
            self.looked = 0;
            if std::mem::take(&mut self.skipping) || line.len() > LINE_LIMIT {
                return Some(Line::TooLong);
            }
            if !line.trim_ascii().is_empty() {
                return Some(Line::Whole(line));
            }
        }
        self.looked = self.buffer.len();
        None
    }
}
