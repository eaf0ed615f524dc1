//! Quotes that are opened and not closed where they should be.
//!
//! The csv crate reads a field whose quote is never closed up to the end of the file without a word: ten people
//! become one. This reader follows the quotes beside it, by the same rules, and keeps the text that such a
//! field took in, so that it can be read once more.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::io::{self, Read};
use std::rc::Rc;

/// A row with a quote that does not fit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Broken {
    /// Offset of the quote that was opened.
    pub(super) opened: u64,
    /// Everything from that quote to the end of the row, as the quotes have it.
    pub(super) text: Vec<u8>,
    /// Whether some later quote closed it, with text right behind: in a sound file none does.
    pub(super) closed: bool,
}

impl Broken {
    /// How many lines beside its own the field takes in.
    pub(super) fn lines(&self) -> usize {
        let text = self.text.strip_suffix(b"\n").unwrap_or(&self.text);
        text.split(|&byte| byte == b'\n').count() - 1
    }

    /// What follows the line on which the quote was opened, with the offset where it begins.
    pub(super) fn rest(&self) -> (u64, &[u8]) {
        let own = self.text.iter().position(|&byte| byte == b'\n').map_or(self.text.len(), |end| end + 1);
        (self.opened + own as u64, &self.text[own..])
    }
}

/// What was found so far, in order.
#[derive(Debug, Default)]
struct Findings {
    broken: VecDeque<Broken>,
    /// Offsets of quotes in the middle of fields that none opened.
    strays: VecDeque<u64>,
}

/// The rows whose quotes do not fit, in order, as far as was read.
#[derive(Clone, Debug, Default)]
pub(super) struct Found(Rc<RefCell<Findings>>);

impl Found {
    /// The first such row whose quote stands before an offset; those before it are forgotten.
    pub(super) fn before(&self, end: u64) -> Option<Broken> {
        let mut found = self.0.borrow_mut();
        let mut first = None;
        while found.broken.front().is_some_and(|broken| broken.opened < end) {
            let broken = found.broken.pop_front();
            first = first.or(broken);
        }
        first
    }

    /// Whether a quote stands in the middle of a field before an offset; those before it are forgotten.
    pub(super) fn stray_before(&self, end: u64) -> bool {
        let mut found = self.0.borrow_mut();
        let mut any = false;
        while found.strays.front().is_some_and(|&stray| stray < end) {
            found.strays.pop_front();
            any = true;
        }
        any
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Start,
    Plain,
    Quoted,
    /// Behind a quote within a quoted field: it ends there, or the quote is doubled.
    Closing,
}

/// Passes bytes on and follows the quotes in them.
pub(super) struct Quotes<R> {
    input: R,
    delimiter: u8,
    state: State,
    offset: u64,
    opened: u64,
    /// The text since the quote, while it may be needed.
    kept: Vec<u8>,
    broken: bool,
    found: Found,
}

impl<R: Read> Quotes<R> {
    pub(super) fn new(input: R, delimiter: u8) -> (Self, Found) {
        let found = Found::default();
        let reader = Self {
            input,
            delimiter,
            state: State::Start,
            offset: 0,
            opened: 0,
            kept: Vec::new(),
            broken: false,
            found: found.clone(),
        };
        (reader, found)
    }

    fn step(&mut self, byte: u8) {
        let ends_row = matches!(byte, b'\n' | b'\r');
        let ends_field = ends_row || byte == self.delimiter;
        let before = self.state;
        if before == State::Plain && byte == b'"' {
            self.found.0.borrow_mut().strays.push_back(self.offset);
        }
        self.state = match before {
            State::Start if byte == b'"' => {
                if !self.broken {
                    self.opened = self.offset;
                    self.kept.clear();
                }
                State::Quoted
            }
            State::Quoted if byte == b'"' => State::Closing,
            State::Closing if byte == b'"' => State::Quoted,
            State::Quoted => State::Quoted,
            _ if ends_field => State::Start,
            State::Closing => {
                self.broken |= self.kept.contains(&b'\n');
                State::Plain
            }
            State::Start | State::Plain => State::Plain,
        };
        if self.broken || matches!(self.state, State::Quoted | State::Closing) {
            self.kept.push(byte);
        }
        if ends_row && self.state == State::Start && self.broken {
            self.note(true);
        }
        self.offset += 1;
    }

    fn note(&mut self, closed: bool) {
        let text = std::mem::take(&mut self.kept);
        self.found.0.borrow_mut().broken.push_back(Broken { opened: self.opened, text, closed });
        self.broken = false;
    }
}

impl<R: Read> Read for Quotes<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let count = self.input.read(out)?;
        for &byte in &out[..count] {
            self.step(byte);
        }
        if count == 0 && !out.is_empty() {
            let unclosed = self.state == State::Quoted;
            if unclosed || self.broken {
                self.note(!unclosed);
            }
            self.state = State::Start;
        }
        Ok(count)
    }
}

/// Whether all quotes of a text fit.
pub(super) fn fit(text: &[u8], delimiter: u8) -> bool {
    let (mut reader, found) = Quotes::new(text, delimiter);
    // Memory cannot fail to be read.
    io::copy(&mut reader, &mut io::sink()).is_ok() && found.before(u64::MAX).is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Option<Broken> {
        let (mut reader, found) = Quotes::new(text.as_bytes(), b',');
        io::copy(&mut reader, &mut io::sink()).expect("memory");
        found.before(u64::MAX)
    }

    #[test]
    fn sound_quotes_are_no_finding() {
        for text in
            ["a,\"b\nc\",d\n", "\"say \"\"x\"\"\n\",y\n", "5\" pipe,x\n", "\"one\" two,x\n", "a,\"b\""]
        {
            assert_eq!(found(text), None, "{text:?}");
        }
    }

    #[test]
    fn a_quote_that_is_never_closed_is_found_with_what_it_swallows() {
        let broken = found("a,b\n1,\"x\n2,y\n3,z\n").expect("broken");
        // `a,b\n1,` are six bytes.
        assert_eq!((broken.opened, broken.closed, broken.lines()), (6, false, 2));
        assert_eq!(broken.rest(), (9, &b"2,y\n3,z\n"[..]));
    }

    #[test]
    fn a_quote_that_the_next_quote_closes_is_found_too() {
        let broken = found("a,b\n1,\"x\n2,\"y, z\"\n3,w\n").expect("broken");
        assert_eq!((broken.opened, broken.closed, broken.lines()), (6, true, 1));
        assert_eq!(broken.rest(), (9, &b"2,\"y, z\"\n"[..]));
        assert!(fit(broken.rest().1, b','));
    }
}
