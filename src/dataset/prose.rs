//! Markdown and plain text: a file is one record, or is cut at headings, lines or blank lines.

use serde_json::{Map, Value};

use super::source::{Entry, Raw, Source, TextInput, read_all, stem};
use super::{DatasetError, Format, Split};

pub(super) fn open<'a>(
    name: &str,
    input: TextInput<'a>,
    format: Format,
    split: Split,
) -> Result<Source<'a>, DatasetError> {
    let text = read_all(name, input)?;
    let lines: Vec<&str> = text.trim_start_matches('\u{feff}').lines().collect();
    let (front, start) = if format == Format::Markdown { front_matter(&lines) } else { (Map::new(), 0) };
    let body = &lines[start..];
    let pieces = match split {
        Split::Whole => vec![Piece { line: start, heading: None, lines: body }],
        Split::Headings => at_headings(body, start),
        Split::Lines => {
            body.chunks(1).zip(start..).map(|(lines, line)| Piece { line, heading: None, lines }).collect()
        }
        Split::Blocks => blocks(body, start),
    };
    let whole = pieces.len() == 1 && split == Split::Whole;
    let raws: Vec<Raw> = pieces
        .into_iter()
        .filter(|piece| !piece.text().is_empty() || (whole && !front.is_empty()))
        .map(|piece| {
            let mut fields = front.clone();
            if let Some(heading) = piece.heading {
                fields.insert("heading".to_owned(), Value::String(heading.to_owned()));
            }
            fields.insert("text".to_owned(), Value::String(piece.text()));
            let file_id = whole.then(|| stem(name).to_owned());
            Raw { line: (!whole).then_some(piece.line as u64 + 1), fields, file_id, ..Raw::default() }
        })
        .collect();
    Ok(Box::new(raws.into_iter().map(|raw| Ok(Entry::Item(raw)))))
}

/// Some lines of a file that belong together.
struct Piece<'t> {
    /// The first line's index in the file.
    line: usize,
    heading: Option<&'t str>,
    lines: &'t [&'t str],
}

impl Piece<'_> {
    fn text(&self) -> String {
        self.lines.join("\n").trim().to_owned()
    }
}

/// Fields between two `---` lines at the top, and how many lines they take.
///
/// Only what notes really have is read: `key: value`, `key: [a, b]`, and `- item` lines under a
/// key. Any other line ends the attempt, and the file is taken as it stands.
fn front_matter(lines: &[&str]) -> (Map<String, Value>, usize) {
    let nothing = (Map::new(), 0);
    if lines.first().map(|line| line.trim_end()) != Some("---") {
        return nothing;
    }
    let Some(end) = lines.iter().skip(1).position(|line| matches!(line.trim_end(), "---" | "...")) else {
        return nothing;
    };
    let mut fields = Map::new();
    let mut current: Option<String> = None;
    for line in lines[1..=end].iter().filter(|line| !line.trim().is_empty() && !line.starts_with('#')) {
        let item = line.trim_start().strip_prefix("- ");
        match (item, &current, line.split_once(':')) {
            (Some(item), Some(key), _) => append(&mut fields, key, item),
            (None, _, Some((key, value))) if !key.starts_with(char::is_whitespace) => {
                let key = key.trim().to_owned();
                fields.insert(key.clone(), scalar_or_list(value.trim()));
                current = Some(key);
            }
            _ => return nothing,
        }
    }
    (fields, end + 2)
}

fn append(fields: &mut Map<String, Value>, key: &str, item: &str) {
    let item = Value::String(unquote(item).to_owned());
    match fields.get_mut(key) {
        Some(Value::Array(items)) => items.push(item),
        _ => {
            fields.insert(key.to_owned(), Value::Array(vec![item]));
        }
    }
}

fn scalar_or_list(text: &str) -> Value {
    match text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        Some(items) => items
            .split(',')
            .map(unquote)
            .filter(|item| !item.is_empty())
            .map(|item| Value::String(item.to_owned()))
            .collect(),
        None => Value::String(unquote(text).to_owned()),
    }
}

fn unquote(text: &str) -> &str {
    let text = text.trim();
    ['"', '\''].into_iter().find_map(|quote| text.strip_prefix(quote)?.strip_suffix(quote)).unwrap_or(text)
}

/// Headings as `(line index, level, title)`, without those inside code fences.
fn headings<'t>(lines: &[&'t str]) -> Vec<(usize, usize, &'t str)> {
    let mut fenced = false;
    let mut found = Vec::new();
    for (index, line) in lines.iter().enumerate() {
        if line.trim_start().starts_with("```") || line.trim_start().starts_with("~~~") {
            fenced = !fenced;
        } else if !fenced {
            let level = line.chars().take_while(|&c| c == '#').count();
            match line[level..].strip_prefix(' ') {
                Some(title) if level == 1 || level == 2 => found.push((index, level, title.trim())),
                _ => {}
            }
        }
    }
    found
}

/// Cuts at the topmost level with several headings, else at the level of the only one. What stands
/// before the first heading is a piece of its own.
fn at_headings<'t>(lines: &'t [&'t str], start: usize) -> Vec<Piece<'t>> {
    let all = headings(lines);
    let several = |level: usize| all.iter().filter(|heading| heading.1 == level).count() > 1;
    let level = if several(1) || !all.iter().any(|heading| heading.1 == 2) { 1 } else { 2 };
    let cuts: Vec<(usize, &str)> =
        all.iter().filter(|heading| heading.1 <= level).map(|heading| (heading.0, heading.2)).collect();
    let first = cuts.first().map_or(lines.len(), |cut| cut.0);
    let mut pieces = vec![Piece { line: start, heading: None, lines: &lines[..first] }];
    for (place, &(line, title)) in cuts.iter().enumerate() {
        let end = cuts.get(place + 1).map_or(lines.len(), |next| next.0);
        pieces.push(Piece { line: start + line, heading: Some(title), lines: &lines[line + 1..end] });
    }
    pieces
}

fn blocks<'t>(lines: &'t [&'t str], start: usize) -> Vec<Piece<'t>> {
    let mut line = start;
    lines
        .split(|line| line.trim().is_empty())
        .map(|lines| {
            let piece = Piece { line, heading: None, lines };
            line += lines.len() + 1;
            piece
        })
        .collect()
}
