//! `consona embed`: a field of every record as a vector.

use std::time::Instant;

use ndarray::{ArrayView2, Axis};
use serde::Serialize;
use serde_json::Value;

use super::arguments::EmbedOptions;
use super::console::Console;
use super::embedder::{BULK, open};
use super::error::CliError;
use super::exit::Exit;
use crate::dataset::{ReadOptions, Record};
use crate::embed::Embedder;
use crate::files::{OutputFile, read_dataset, write_file, write_npy};
use crate::report::{counted, safe};

/// What came of it.
#[derive(Serialize)]
struct Embedded<'a> {
    embedder: &'a str,
    rows: usize,
    dimension: usize,
    set_aside: usize,
    seconds: f64,
    file: &'a std::path::Path,
}

/// Embeds a field of every record and writes the vectors, one row per record, in their order.
pub(super) fn embed(options: &EmbedOptions, console: Console) -> Result<Exit, CliError> {
    // Next to `vectors.npy` stands `vectors/`, with the database of an endpoint's vectors.
    let beside = options.out.with_extension("");
    let embedder = open(&options.embedder, Some(&beside))?;
    // A folder that cannot be written to is known before any text is paid for.
    drop(OutputFile::create_with_folder(&options.out)?);
    if let Some(path) = &options.ids {
        drop(OutputFile::create_with_folder(path)?);
    }
    let read = ReadOptions { id_field: options.id.clone(), ..ReadOptions::default() };
    let records = read_dataset(&options.files, options.format.map(Into::into), &read)?;
    for reason in &records.set_aside {
        console.note(&format!("set aside: {reason}"));
    }
    let mut kept: Vec<(&Record, String)> = Vec::new();
    let mut without = 0_usize;
    for record in &records.items {
        if let Some(text) = record.fields.get(&options.field).and_then(text_of) {
            kept.push((record, text));
        } else {
            without += 1;
            console.note(&format!("set aside: {} has no text in `{}`", record.origin, options.field));
        }
    }
    if kept.is_empty() {
        return Err(no_field(&options.field, &records.items));
    }
    let started = Instant::now();
    let vectors = vectors(embedder.as_ref(), &kept, console)?;
    let seconds = started.elapsed().as_secs_f64();
    let shape = (kept.len(), vectors.len() / kept.len());
    let rows = ArrayView2::from_shape(shape, &vectors).map_err(|error| CliError::Usage(error.to_string()))?;
    write_npy(&options.out, rows)?;
    if let Some(path) = &options.ids {
        let mut ids = kept.iter().map(|(record, _)| record.id.as_str()).collect::<Vec<_>>().join("\n");
        ids.push('\n');
        write_file(path, ids.as_bytes())?;
    }
    let embedded = Embedded {
        embedder: embedder.name(),
        rows: rows.len_of(Axis(0)),
        dimension: rows.len_of(Axis(1)),
        set_aside: records.set_aside.len() + without,
        seconds,
        file: &options.out,
    };
    console.answer(&embedded, || text(&embedded))?;
    Ok(Exit::Done)
}

/// Rows of all texts, one after the other.
fn vectors(
    embedder: &dyn Embedder,
    kept: &[(&Record, String)],
    console: Console,
) -> Result<Vec<f32>, CliError> {
    let mut vectors = Vec::new();
    let bar = console.progress("embedding", kept.len());
    for some in kept.chunks(BULK) {
        let texts: Vec<&str> = some.iter().map(|(_, text)| text.as_str()).collect();
        let rows = embedder.embed(&texts)?;
        for row in rows.view().outer_iter() {
            vectors.extend(row.iter());
        }
        bar.inc(some.len() as u64);
    }
    bar.finish_and_clear();
    Ok(vectors)
}

/// A value as one text: lists of texts are joined, what is empty is none.
fn text_of(value: &Value) -> Option<String> {
    let text = match value {
        Value::String(text) => text.trim().to_owned(),
        Value::Number(number) => number.to_string(),
        Value::Array(items) => items.iter().map(text_of).collect::<Option<Vec<_>>>()?.join("\n"),
        _ => return None,
    };
    (!text.is_empty()).then_some(text)
}

fn no_field(field: &str, records: &[Record]) -> CliError {
    let known = records.first().map(|record| record.fields.keys().cloned().collect::<Vec<_>>().join("`, `"));
    CliError::NoRecords {
        why: match known {
            Some(known) => format!("no record has a text in `{field}`; the first one has `{known}`"),
            None => "there are none".to_owned(),
        },
    }
}

fn text(embedded: &Embedded<'_>) -> String {
    let aside = match embedded.set_aside {
        0 => String::new(),
        some => format!(", {} set aside (`--ids` says which stayed)", counted(some, "record")),
    };
    format!(
        "{} of {} components by {} in {:.1} s{aside}\n  {}\n",
        counted(embedded.rows, "vector"),
        embedded.dimension,
        safe::line(embedded.embedder),
        embedded.seconds,
        safe::line(&embedded.file.display().to_string())
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_can_be_read_as_one_text_is() {
        assert_eq!(text_of(&json!(" a ")), Some("a".to_owned()));
        assert_eq!(text_of(&json!(["a", "b", 3])), Some("a\nb\n3".to_owned()));
        for nothing in [json!(null), json!(""), json!(" "), json!([]), json!({"a": 1}), json!(["a", null])] {
            assert_eq!(text_of(&nothing), None, "{nothing}");
        }
    }
}
