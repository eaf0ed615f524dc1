//! Bytes become UTF-8 text, piece by piece.
//!
//! A byte order mark decides; without one the text is UTF-8 until a byte says otherwise. When that
//! happens before any character beyond ASCII, the file is Windows-1252 (old spreadsheets); when it
//! happens later, the file is damaged UTF-8 and an error says where. Zero bytes and other control
//! characters that no text has mean a binary file. UTF-16 without a mark is known by its zero bytes.

use std::io::{self, Read};

use encoding_rs::{DecoderResult, Encoding, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252};

/// How many bytes are read and decoded at once.
const PIECE: usize = 64 * 1024;

/// Why decoding stopped; travels inside an [`io::Error`] to the reader of the format.
#[derive(Debug, thiserror::Error)]
pub(super) enum DecodeError {
    #[error("byte 0x{byte:02x} at offset {offset} is not text")]
    Binary { byte: u8, offset: u64 },
    #[error("not {encoding} at offset {offset}")]
    Undecodable { encoding: &'static str, offset: u64 },
}

/// Reads any of the encodings as UTF-8.
pub(super) struct Utf8Reader<R> {
    input: R,
    encoding: &'static Encoding,
    decoder: encoding_rs::Decoder,
    /// Bytes that are read and not yet decoded.
    raw: Vec<u8>,
    /// Offset of `raw[0]` in the file.
    offset: u64,
    /// Whether a character beyond ASCII was decoded.
    beyond_ascii: bool,
    started: bool,
    at_end: bool,
    text: Vec<u8>,
    taken: usize,
}

impl<R: Read> Utf8Reader<R> {
    pub(super) fn new(input: R) -> Self {
        Self {
            input,
            encoding: UTF_8,
            decoder: UTF_8.new_decoder_without_bom_handling(),
            raw: Vec::new(),
            offset: 0,
            beyond_ascii: false,
            started: false,
            at_end: false,
            text: Vec::new(),
            taken: 0,
        }
    }

    fn switch(&mut self, encoding: &'static Encoding) {
        self.encoding = encoding;
        self.decoder = encoding.new_decoder_without_bom_handling();
    }

    /// Reads more bytes; a piece is full unless the input ends.
    fn read_piece(&mut self) -> io::Result<()> {
        let wanted = (PIECE - self.raw.len().min(PIECE - 1)) as u64;
        let got = (&mut self.input).take(wanted).read_to_end(&mut self.raw)?;
        self.at_end = (got as u64) < wanted;
        if !self.started {
            self.started = true;
            let (encoding, mark) = first_guess(&self.raw);
            if encoding != UTF_8 {
                self.switch(encoding);
            }
            self.consume(mark);
        }
        Ok(())
    }

    fn consume(&mut self, count: usize) {
        self.raw.drain(..count);
        self.offset += count as u64;
    }

    fn decode(&mut self) -> io::Result<()> {
        self.text.clear();
        self.taken = 0;
        if self.encoding == UTF_8 {
            self.decode_utf8()?;
        }
        if self.encoding != UTF_8 {
            self.decode_other()?;
        }
        Ok(())
    }

    /// Takes the valid part; an invalid byte after nothing but ASCII switches to Windows-1252.
    fn decode_utf8(&mut self) -> io::Result<()> {
        let (valid, broken) = match std::str::from_utf8(&self.raw) {
            Ok(_) => (self.raw.len(), false),
            Err(error) => (error.valid_up_to(), error.error_len().is_some() || self.at_end),
        };
        let part = &self.raw[..valid];
        if let Some(place) = part.iter().position(|&byte| is_binary(byte)) {
            let offset = self.offset + place as u64;
            return Err(refuse(DecodeError::Binary { byte: part[place], offset }));
        }
        self.beyond_ascii |= !part.is_ascii();
        self.text.extend_from_slice(part);
        self.consume(valid);
        if !broken {
            return Ok(());
        }
        if self.beyond_ascii {
            return Err(refuse(DecodeError::Undecodable { encoding: "UTF-8", offset: self.offset }));
        }
        self.switch(WINDOWS_1252);
        Ok(())
    }

    fn decode_other(&mut self) -> io::Result<()> {
        let raw = std::mem::take(&mut self.raw);
        let room = self.decoder.max_utf8_buffer_length(raw.len()).unwrap_or(raw.len() * 4);
        let mut text = String::with_capacity(room);
        let (result, read) = self.decoder.decode_to_string_without_replacement(&raw, &mut text, self.at_end);
        if matches!(result, DecoderResult::Malformed(..)) {
            let offset = self.offset + read as u64;
            return Err(refuse(DecodeError::Undecodable { encoding: self.encoding.name(), offset }));
        }
        // The undefined bytes of Windows-1252 decode to control characters, and no text has those.
        let undefined = |c: char| self.encoding == WINDOWS_1252 && ('\u{80}'..'\u{a0}').contains(&c);
        if let Some(found) = text.chars().find(|&c| is_control(c) || undefined(c)) {
            let byte = u8::try_from(u32::from(found)).unwrap_or_default();
            return Err(refuse(DecodeError::Binary { byte, offset: self.offset }));
        }
        self.offset += raw.len() as u64;
        self.text.extend_from_slice(text.as_bytes());
        Ok(())
    }
}

fn refuse(error: DecodeError) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}

/// Zero and the control characters that no editor writes. Escape is left to those who show text.
fn is_binary(byte: u8) -> bool {
    matches!(byte, 0..=0x08 | 0x0e..=0x1a)
}

fn is_control(c: char) -> bool {
    u8::try_from(u32::from(c)).is_ok_and(is_binary)
}

/// The encoding by its mark, or by where its zero bytes stand, and the length of the mark.
fn first_guess(head: &[u8]) -> (&'static Encoding, usize) {
    if let Some(found) = Encoding::for_bom(head) {
        return found;
    }
    let head = &head[..head.len().min(1024) & !1];
    let zeros = |parity: usize| head.iter().skip(parity).step_by(2).filter(|&&byte| byte == 0).count();
    let (even, odd) = (zeros(0), zeros(1));
    // Text in Latin letters has a zero in nearly every pair; only text has none on the other side.
    if odd * 5 > head.len() * 2 && even == 0 {
        (UTF_16LE, 0)
    } else if even * 5 > head.len() * 2 && odd == 0 {
        (UTF_16BE, 0)
    } else {
        (UTF_8, 0)
    }
}

impl<R: Read> Read for Utf8Reader<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        while self.taken == self.text.len() {
            if self.at_end {
                return Ok(0);
            }
            self.read_piece()?;
            self.decode()?;
        }
        let count = out.len().min(self.text.len() - self.taken);
        out[..count].copy_from_slice(&self.text[self.taken..self.taken + count]);
        self.taken += count;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(bytes: &[u8]) -> Result<String, String> {
        let mut text = String::new();
        Utf8Reader::new(bytes).read_to_string(&mut text).map(|_| text).map_err(|error| error.to_string())
    }

    #[test]
    fn the_four_encodings_of_spreadsheets_are_read() {
        let utf16 = |units: Vec<[u8; 2]>| units.concat();
        let text = "Zoë;é €";
        assert_eq!(decoded(text.as_bytes()).as_deref(), Ok(text));
        assert_eq!(decoded(format!("\u{feff}{text}").as_bytes()).as_deref(), Ok(text));
        let little = utf16(format!("\u{feff}{text}").encode_utf16().map(u16::to_le_bytes).collect());
        assert_eq!(decoded(&little).as_deref(), Ok(text));
        let big = utf16(format!("\u{feff}{text}").encode_utf16().map(u16::to_be_bytes).collect());
        assert_eq!(decoded(&big).as_deref(), Ok(text));
        let bare = utf16("name,age\nAnn,3".encode_utf16().map(u16::to_le_bytes).collect());
        assert_eq!(decoded(&bare).as_deref(), Ok("name,age\nAnn,3"));
        assert_eq!(decoded(b"Zo\xeb;\xe9 \x80").as_deref(), Ok(text));
    }

    #[test]
    fn binary_and_damaged_files_are_refused_with_the_place() {
        assert_eq!(decoded(b"ab\0c"), Err("byte 0x00 at offset 2 is not text".to_owned()));
        assert!(decoded(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR").is_err());
        assert_eq!(decoded(b"\xc3\xa9 \xff"), Err("not UTF-8 at offset 3".to_owned()));
    }

    #[test]
    fn characters_may_straddle_the_pieces() {
        for shift in 0..4 {
            let text = format!("{}{}", "x".repeat(PIECE - shift), "😀é".repeat(3));
            assert_eq!(decoded(text.as_bytes()).as_deref(), Ok(text.as_str()), "{shift}");
        }
    }
}
