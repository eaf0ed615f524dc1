//! What the footer says, looked over before anybody believes it.
//!
//! The schema is a flat list whose nodes say how many children follow. The `parquet` crate reserves room for as many
//! as are said, and walks down recursively: a few bytes would exhaust the memory or the stack, neither of which is an
//! error that could be caught. Here the list is walked without recursion, by Thrift's compact protocol
//! (<https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md>).

use super::{DEEPEST, LARGEST_FOOTER, MOST_COLUMNS};

/// Marks of a plain and of an encrypted footer.
const PLAIN: &[u8] = b"PAR1";
const ENCRYPTED: &[u8] = b"PARE";
/// Fields of `FileMetaData` and `SchemaElement`.
const SCHEMA: i16 = 2;
const ENCRYPTION: i16 = 8;
const CHILDREN: i16 = 5;
/// How deep structures of a footer are nested at most; those of the format stay below ten.
const DEEPEST_STRUCTURE: usize = 24;

const IS_ENCRYPTED: &str = "it is encrypted; decrypt it with the program that wrote it";

/// The bytes of the footer, once they are known to be harmless.
///
/// # Errors
/// What is wrong with the file and what to do.
pub(super) fn checked(file: &[u8]) -> Result<&[u8], String> {
    if file.starts_with(ENCRYPTED) || file.ends_with(ENCRYPTED) {
        return Err(IS_ENCRYPTED.to_owned());
    }
    if !file.starts_with(PLAIN) {
        return Err("it does not begin with `PAR1`; is it Parquet at all?".to_owned());
    }
    let cut = || "it ends in the middle; copy or write it again".to_owned();
    let body = file.strip_suffix(PLAIN).ok_or_else(cut)?;
    let (rest, length) = body.split_last_chunk::<4>().ok_or_else(cut)?;
    let length = u32::from_le_bytes(*length) as usize;
    if length > LARGEST_FOOTER {
        return Err(format!(
            "its footer of {length} bytes is longer than {LARGEST_FOOTER}; write fewer row groups"
        ));
    }
    // The first mark is no part of the footer.
    let begin = rest.len().checked_sub(length).filter(|&begin| begin >= PLAIN.len()).ok_or_else(cut)?;
    let footer = &rest[begin..];
    let mut children = Vec::new();
    let mut encrypted = false;
    let mut reader = Compact { bytes: footer, at: 0 };
    let read = reader.structure(0, &mut |reader, field, kind| match (field, kind) {
        (SCHEMA, Kind::List) => reader.schema(&mut children),
        (ENCRYPTION, _) => {
            encrypted = true;
            reader.skip(kind, 1)
        }
        _ => reader.skip(kind, 1),
    });
    read.ok_or("its footer is damaged; write it again")?;
    if encrypted {
        return Err(IS_ENCRYPTED.to_owned());
    }
    check_tree(&children)?;
    Ok(footer)
}

/// Nodes in the order of the walk, each with its number of children.
fn check_tree(children: &[i32]) -> Result<(), String> {
    if children.len() > MOST_COLUMNS {
        let found = children.len() - 1;
        return Err(format!(
            "it has {found} columns and groups, more than {MOST_COLUMNS}; save the ones you need"
        ));
    }
    // How many children are still to come, from the root down.
    let mut open: Vec<i32> = Vec::new();
    for &count in children {
        if let Some(left) = open.last_mut() {
            *left -= 1;
        }
        // A number that the list cannot hold would make the crate reserve room for it.
        if usize::try_from(count).is_ok_and(|count| count > children.len()) {
            return Err("its schema announces more columns than it has; write it again".to_owned());
        }
        if count > 0 {
            open.push(count);
        }
        if open.len() > DEEPEST {
            return Err(format!("its columns are nested more than {DEEPEST} deep; flatten them"));
        }
        while open.last().is_some_and(|&left| left == 0) {
            open.pop();
        }
    }
    Ok(())
}

/// Kinds of values on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Flag,
    Byte,
    Whole,
    Double,
    Bytes,
    List,
    Map,
    Structure,
}

impl Kind {
    fn of(code: u8) -> Option<Self> {
        Some(match code {
            1 | 2 => Self::Flag,
            3 => Self::Byte,
            4..=6 => Self::Whole,
            7 => Self::Double,
            8 => Self::Bytes,
            9 | 10 => Self::List,
            11 => Self::Map,
            12 => Self::Structure,
            _ => return None,
        })
    }
}

/// Reads Thrift's compact protocol; `None` is damaged.
struct Compact<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Compact<'_> {
    fn byte(&mut self) -> Option<u8> {
        let byte = *self.bytes.get(self.at)?;
        self.at += 1;
        Some(byte)
    }

    fn pass(&mut self, count: usize) -> Option<()> {
        self.at = self.at.checked_add(count).filter(|&at| at <= self.bytes.len())?;
        Some(())
    }

    fn unsigned(&mut self) -> Option<u64> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    }

    fn signed(&mut self) -> Option<i64> {
        let value = self.unsigned()?;
        Some((value >> 1).cast_signed() ^ -(value & 1).cast_signed())
    }

    /// How many elements a list has, and of which kind; no more than there are bytes left.
    fn list(&mut self) -> Option<(usize, Kind)> {
        let head = self.byte()?;
        let count = match head >> 4 {
            15 => usize::try_from(self.unsigned()?).ok()?,
            short => usize::from(short),
        };
        (count <= self.bytes.len() - self.at).then_some((count, Kind::of(head & 0x0f)?))
    }

    /// Walks over the fields of a structure; `visit` reads or skips each.
    fn structure(
        &mut self,
        depth: usize,
        visit: &mut dyn FnMut(&mut Self, i16, Kind) -> Option<()>,
    ) -> Option<()> {
        let mut field = 0_i16;
        if depth > DEEPEST_STRUCTURE {
            return None;
        }
        loop {
            let head = self.byte()?;
            if head == 0 {
                return Some(());
            }
            field = match head >> 4 {
                0 => i16::try_from(self.signed()?).ok()?,
                step => field.checked_add(i16::from(step))?,
            };
            visit(self, field, Kind::of(head & 0x0f)?)?;
        }
    }

    fn skip(&mut self, kind: Kind, depth: usize) -> Option<()> {
        match kind {
            Kind::Flag => Some(()),
            Kind::Byte => self.pass(1),
            Kind::Whole => self.unsigned().map(|_| ()),
            Kind::Double => self.pass(8),
            Kind::Bytes => {
                let length = usize::try_from(self.unsigned()?).ok()?;
                self.pass(length)
            }
            Kind::List => {
                let (count, kind) = self.list()?;
                (0..count).try_for_each(|_| self.element(kind, depth))
            }
            Kind::Map => self.skip_map(depth),
            Kind::Structure => self.structure(depth + 1, &mut |reader, _, kind| reader.skip(kind, depth + 1)),
        }
    }

    /// In lists a truth value takes a byte; in structures it is part of the field's head.
    fn element(&mut self, kind: Kind, depth: usize) -> Option<()> {
        if depth > DEEPEST_STRUCTURE {
            return None;
        }
        if kind == Kind::Flag { self.pass(1) } else { self.skip(kind, depth + 1) }
    }

    fn skip_map(&mut self, depth: usize) -> Option<()> {
        let count = usize::try_from(self.unsigned()?).ok()?;
        if count == 0 {
            return Some(());
        }
        let kinds = self.byte()?;
        let (key, value) = (Kind::of(kinds >> 4)?, Kind::of(kinds & 0x0f)?);
        (0..count).try_for_each(|_| {
            self.element(key, depth)?;
            self.element(value, depth)
        })
    }

    /// The nodes of the schema: how many children each has.
    fn schema(&mut self, children: &mut Vec<i32>) -> Option<()> {
        let (count, kind) = self.list()?;
        if kind != Kind::Structure {
            return None;
        }
        for _ in 0..count {
            let mut found = 0;
            self.structure(1, &mut |reader, field, kind| {
                if (field, kind) == (CHILDREN, Kind::Whole) {
                    found = i32::try_from(reader.signed()?).ok()?;
                    return Some(());
                }
                reader.skip(kind, 1)
            })?;
            children.push(found);
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(footer: &[u8]) -> Vec<u8> {
        let length = u32::try_from(footer.len()).expect("short").to_le_bytes();
        [PLAIN, footer, &length, PLAIN].concat()
    }

    /// A footer with these numbers of children: version 1, then the list.
    fn schema(children: &[i32]) -> Vec<u8> {
        let mut bytes = vec![0x15, 2, 0x19, 0xfc];
        let unsigned = |mut value: u64, bytes: &mut Vec<u8>| {
            while value >= 0x80 {
                bytes.push(u8::try_from(value & 0x7f).expect("seven bits") | 0x80);
                value >>= 7;
            }
            bytes.push(u8::try_from(value).expect("seven bits"));
        };
        unsigned(children.len() as u64, &mut bytes);
        for &count in children {
            // Field 5, a whole number in zigzag: twice the count.
            bytes.push(0x55);
            unsigned(u64::try_from(count).expect("positive") * 2, &mut bytes);
            bytes.push(0);
        }
        bytes.push(0);
        bytes
    }

    #[test]
    fn a_footer_is_found_and_its_schema_believed_only_where_it_fits() {
        let sound = file(&schema(&[2, 0, 0]));
        assert_eq!(checked(&sound).map(<[u8]>::len), Ok(schema(&[2, 0, 0]).len()));
        let reason = |children: &[i32]| checked(&file(&schema(children))).unwrap_err();
        assert!(reason(&[i32::MAX]).contains("announces more columns than it has"));
        assert!(reason(&[1; 40]).contains("nested more than 32 deep"));
        assert!(reason(&vec![0; MOST_COLUMNS + 1]).contains("10000 columns"));
    }

    #[test]
    fn what_is_no_whole_file_is_told_apart() {
        let reason = |bytes: &[u8]| checked(bytes).unwrap_err();
        assert!(reason(b"id,text\n").contains("does not begin with `PAR1`"));
        assert!(reason(b"PAR1").contains("ends in the middle"));
        assert!(reason(b"PAR1\x15\x00PAR1").contains("ends in the middle"));
        assert!(reason(b"PARE\x15\x00\x00\x00PARE").contains("encrypted"));
        assert!(reason(&file(&[0x15])).contains("damaged"));
        // Field 8 of the footer names the algorithm where only the columns are encrypted.
        assert!(reason(&file(&[0x8c, 0, 0])).contains("encrypted"));
        // A list of lists of lists … ends before the stack does.
        assert!(reason(&file(&[&[0x39][..], &[0x19; 5_000]].concat())).contains("damaged"));
    }
}
