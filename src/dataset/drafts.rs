//! Existing persona drafts: our own JSONL, and the persona files of other tools.
//!
//! Three shapes are known: a line per draft (`{"record", "model", "sample", "persona": {…},
//! "alternatives", "reasons", "evidence"}`), a persona as an object with its traits, flat or inside
//! `demographics` and the like, and lists of either, bare or as `{"personas": […]}`, where fields
//! beside the list (`model`, `record`, `sample`) hold for all of it.

use std::collections::{HashMap, VecDeque};
use std::io::Read;

use serde_json::{Map, Value};

use super::own_results;
use super::source::{self, Entry, Held, Raw, Source, aside, stem};
use super::{DatasetError, Format, Loaded, SetAside, Split};
use crate::parse::read_fields;
use crate::persona::{Draft, ModelName, RecordId, TraitSchema};

/// Where a line keeps several personas.
const LISTS: [&str; 2] = ["personas", "drafts"];
/// What may stand beside `persona` instead of inside it.
const SIDECARS: [&str; 3] = ["alternatives", "reasons", "evidence"];

/// What a recording has in place of drafts.
const RECORDED: [&str; 2] = ["failures", "reply"];

/// What holds for drafts that do not say it themselves.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DraftDefaults {
    /// Who wrote drafts without `model`; the file's stem when `None`.
    pub model: Option<ModelName>,
    /// What drafts without `record` are about; `corpus` when `None`.
    pub record: Option<RecordId>,
    /// A field to take the record from before `record` and `record_id`, such as `id`.
    pub record_field: Option<String>,
    /// The format; by the name's ending, else by the look, when `None`.
    pub format: Option<Format>,
    /// Whether a draft that cannot be used stops the reading.
    pub strict: bool,
}

/// How many drafts each sitting (record, model, sample, part) has so far: lent to
/// every file, so that positions go on from one to the next.
#[derive(Debug, Default)]
pub struct Positions(HashMap<(RecordId, ModelName, u32, u32), u32>);

/// Drafts one by one. Gives `Err` at most once, as its last item.
pub struct Drafts<'a> {
    name: String,
    source: Source<'a>,
    defaults: DraftDefaults,
    schema: &'a TraitSchema,
    positions: Held<'a, Positions>,
    ready: VecDeque<Entry<Draft>>,
    ended: bool,
}

impl std::fmt::Debug for Drafts<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Drafts").field("name", &self.name).finish_non_exhaustive()
    }
}

/// Opens a file of drafts as a stream; traits are given the schema's names.
///
/// Of a draft with an unreadable trait, the trait is set aside and the draft kept.
///
/// # Errors
/// [`DatasetError`] for an input that is empty, binary or no JSON.
pub fn drafts<'a>(
    name: &str,
    input: impl Read + 'a,
    defaults: &DraftDefaults,
    schema: &'a TraitSchema,
) -> Result<Drafts<'a>, DatasetError> {
    open(Held::Own(Positions::default()), name, input, defaults, schema)
}

/// Like [`drafts`], for a further file: positions go on where the files before stopped.
///
/// # Errors
/// [`DatasetError`] for an input that is empty, binary or no JSON.
pub fn drafts_after<'a>(
    positions: &'a mut Positions,
    name: &str,
    input: impl Read + 'a,
    defaults: &DraftDefaults,
    schema: &'a TraitSchema,
) -> Result<Drafts<'a>, DatasetError> {
    open(Held::Lent(positions), name, input, defaults, schema)
}

fn open<'a>(
    positions: Held<'a, Positions>,
    name: &str,
    input: impl Read + 'a,
    defaults: &DraftDefaults,
    schema: &'a TraitSchema,
) -> Result<Drafts<'a>, DatasetError> {
    let format = defaults.format.or_else(|| Format::from_name(name));
    let source = source::open(name, format, input, Split::Whole)?;
    Ok(Drafts {
        name: name.to_owned(),
        source,
        defaults: defaults.clone(),
        schema,
        positions,
        ready: VecDeque::new(),
        ended: false,
    })
}

/// Reads a file of drafts whole.
///
/// # Errors
/// [`DatasetError`] for an input that cannot be read, and under `strict` for the first draft that
/// cannot be used.
pub fn read_drafts(
    name: &str,
    input: impl Read,
    defaults: &DraftDefaults,
    schema: &TraitSchema,
) -> Result<Loaded<Draft>, DatasetError> {
    source::gather(drafts(name, input, defaults, schema)?)
}

/// Who, about what, which time: said by a draft itself, or by what stands around it.
struct Header {
    record: RecordId,
    model: ModelName,
    sample: u32,
    part: u32,
}

impl Drafts<'_> {
    /// Takes an object apart into the drafts that it holds.
    fn take(&mut self, raw: &Raw) {
        let outer = [raw.outer.as_ref(), &raw.fields];
        let list = LISTS.iter().find_map(|key| match raw.fields.get(*key)? {
            Value::Array(items) if items.iter().any(Value::is_object) => Some((*key, items)),
            _ => None,
        });
        let Some((key, items)) = list else {
            return self.draft(raw, &[raw.outer.as_ref()], &raw.fields);
        };
        for (place, item) in items.iter().enumerate() {
            if let Value::Object(fields) = item {
                self.draft(raw, &outer, fields);
            } else {
                let reason = format!("element {} of `{key}` is no object", place + 1);
                self.set_aside(raw, Some(key), reason);
            }
        }
    }

    fn draft(&mut self, raw: &Raw, outer: &[&Map<String, Value>], fields: &Map<String, Value>) {
        if let Some(key) = RECORDED.into_iter().find(|key| fields.contains_key(*key))
            && !fields.contains_key("persona")
            && fields.contains_key("model")
        {
            let reason = format!("the line records `{key}` of a model, which is no draft");
            return self.set_aside(raw, Some(key), reason);
        }
        let header = match self.header(outer, fields) {
            Ok(header) => header,
            Err((field, reason)) => return self.set_aside(raw, field.as_deref(), reason),
        };
        let read = match fields.get("persona") {
            Some(Value::Object(persona)) => read_fields(self.schema, &beside(persona, fields), ""),
            _ => read_fields(self.schema, fields, ""),
        };
        for violation in &read.violations {
            let reason = format!("{violation}; the trait is left out, the draft kept");
            self.set_aside(raw, Some(&violation.path), reason);
        }
        for notice in read.notices {
            self.set_aside(raw, Some(&notice.path), notice.message);
        }
        if read.persona.traits.is_empty() {
            return self.set_aside(raw, None, "the draft says nothing: no trait has a value".to_owned());
        }
        let Header { record, model, sample, part } = header;
        let next = self.positions.0.entry((record.clone(), model.clone(), sample, part)).or_default();
        let position = *next;
        *next += 1;
        let origin = raw.origin(&self.name);
        let draft = read.persona.into_draft(record, model, sample, part, position, origin);
        self.ready.push_back(Entry::Item(draft));
    }

    fn header(
        &self,
        outer: &[&Map<String, Value>],
        fields: &Map<String, Value>,
    ) -> Result<Header, (Option<String>, String)> {
        let find = |key: &str| {
            std::iter::once(fields)
                .chain(outer.iter().rev().copied())
                .find_map(|object| object.get(key).filter(|value| is_scalar(value)))
        };
        let named = |key: &str, problem: String| (Some(key.to_owned()), problem);
        let mut record = self.defaults.record.clone();
        let mut keys = self.defaults.record_field.as_deref().into_iter().chain(["record", "record_id"]);
        if let Some((key, value)) = keys.find_map(|key| Some((key, find(key)?))) {
            record = Some(RecordId::new(&plain(value)).map_err(|error| named(key, error.to_string()))?);
        }
        let model = match (find("model"), &self.defaults.model) {
            (Some(value), _) => ModelName::new(&plain(value)),
            (None, Some(model)) => Ok(model.clone()),
            (None, None) => ModelName::new(stem(&self.name)),
        }
        .map_err(|error| named("model", error.to_string()))?;
        let number = |key: &str| match find(key) {
            None => Ok(0),
            Some(value) => plain(value)
                .parse()
                .map_err(|_| named(key, format!("{key} `{}` is not a whole number from 0", plain(value)))),
        };
        let (sample, part) = (number("sample")?, number("part")?);
        let record = match record {
            Some(record) => record,
            None => RecordId::new("corpus").map_err(|error| named("record", error.to_string()))?,
        };
        Ok(Header { record, model, sample, part })
    }

    fn set_aside(&mut self, raw: &Raw, field: Option<&str>, reason: String) {
        let reason = raw.placed(reason);
        self.ready.push_back(Entry::SetAside(aside(&self.name, raw.line, field, reason)));
    }

    fn strict(&self, reason: SetAside) -> Result<Entry<Draft>, DatasetError> {
        if self.defaults.strict { Err(DatasetError::Strict(reason)) } else { Ok(Entry::SetAside(reason)) }
    }
}

/// A persona together with the alternatives, reasons and evidence that stand beside it.
fn beside(persona: &Map<String, Value>, line: &Map<String, Value>) -> Map<String, Value> {
    let mut whole = persona.clone();
    for key in SIDECARS {
        if let Some(value) = line.get(key) {
            whole.entry(key).or_insert_with(|| value.clone());
        }
    }
    whole
}

fn is_scalar(value: &Value) -> bool {
    matches!(value, Value::String(_) | Value::Number(_))
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

impl Iterator for Drafts<'_> {
    type Item = Result<Entry<Draft>, DatasetError>;

    fn next(&mut self) -> Option<Self::Item> {
        while !self.ended {
            let item = match self.ready.pop_front() {
                Some(Entry::SetAside(reason)) => self.strict(reason),
                Some(item) => Ok(item),
                None => match self.source.next()? {
                    Ok(Entry::Item(raw)) => {
                        if let Some(what) = own_results::kind(&raw.fields) {
                            Err(DatasetError::OwnResult { name: self.name.clone(), what })
                        } else {
                            self.take(&raw);
                            continue;
                        }
                    }
                    Ok(Entry::SetAside(reason)) => self.strict(reason),
                    Err(error) => Err(error),
                },
            };
            self.ended = item.is_err();
            return Some(item);
        }
        None
    }
}
