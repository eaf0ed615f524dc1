//! On which line a byte stands.
//!
//! The csv crate counts a row's line before it has skipped the `\n` of `\r\n` and blank lines, so
//! that rows of Windows files are reported a line too early. This reader remembers the line ends
//! that have passed by and not yet been asked for.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::io::{self, Read};
use std::rc::Rc;

#[derive(Debug, Default)]
struct Ends {
    /// Offset of each `\n`, and whether the line that it ends is blank.
    waiting: VecDeque<(u64, bool)>,
    /// How many line ends have been asked for.
    passed: u64,
}

/// Answers on which line a row begins; offsets must not go down.
#[derive(Clone, Debug, Default)]
pub(super) struct Lines(Rc<RefCell<Ends>>);

impl Lines {
    /// The line, from 1, of the first line with anything on it at or after an offset.
    pub(super) fn at(&self, offset: u64) -> u64 {
        let mut ends = self.0.borrow_mut();
        while ends.waiting.front().is_some_and(|&(end, _)| end <= offset) {
            ends.waiting.pop_front();
            ends.passed += 1;
        }
        while ends.waiting.front().is_some_and(|&(_, blank)| blank) {
            ends.waiting.pop_front();
            ends.passed += 1;
        }
        ends.passed + 1
    }
}

/// Passes bytes on and notes where lines end.
pub(super) struct LineEnds<R> {
    input: R,
    lines: Lines,
    offset: u64,
    blank: bool,
}

impl<R: Read> LineEnds<R> {
    pub(super) fn new(input: R) -> (Self, Lines) {
        let lines = Lines::default();
        (Self { input, lines: lines.clone(), offset: 0, blank: true }, lines)
    }
}

impl<R: Read> Read for LineEnds<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let count = self.input.read(out)?;
        let mut ends = self.lines.0.borrow_mut();
        for (&byte, offset) in out[..count].iter().zip(self.offset..) {
            match byte {
                b'\n' => {
                    ends.waiting.push_back((offset, self.blank));
                    self.blank = true;
                }
                b'\r' => {}
                _ => self.blank = false,
            }
        }
        self.offset += count as u64;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_counted_over_both_line_ends_and_blank_lines() {
        // Offsets: a 0, \r 1, \n 2, \r 3, \n 4, b 5, \n 6, c 7.
        let (mut reader, lines) = LineEnds::new(&b"a\r\n\r\nb\nc"[..]);
        io::copy(&mut reader, &mut io::sink()).expect("memory");
        assert_eq!(lines.at(0), 1);
        // Where csv says that the second row begins: behind the first `\r`.
        assert_eq!(lines.at(2), 3);
        assert_eq!(lines.at(7), 4);
    }
}
