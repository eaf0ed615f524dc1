//! Parquet as data and as drafts: what pandas, polars and the crate itself write is read as the same lines of JSON
//! would be, and what is damaged or made to harm is an error.
#![cfg(all(feature = "cli", feature = "parquet"))]

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command as Process, Stdio};
use std::sync::Arc;

use assert_cmd::Command;
use consona::dataset::{DraftDefaults, Format, ReadOptions, Record, read_drafts, read_records};
use consona::persona::TraitSchema;
use parquet::basic::{Compression, Encoding};
use parquet::data_type::{BoolType, ByteArray, ByteArrayType, DataType, DoubleType, Int32Type, Int64Type};
use parquet::file::properties::{WriterProperties, WriterVersion};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;
use rand::{Rng, SeedableRng};
use rand_xoshiro::Xoshiro256Plus;
use serde_json::{Value, json};

/// A column: its values, and its levels where not every row has exactly one.
struct Column<'a, T: DataType>(&'a [T::T], Option<&'a [i16]>, Option<&'a [i16]>);

/// Writes a file of one row group; `columns` writes one after the other.
struct Table(SerializedFileWriter<Vec<u8>>);

impl Table {
    fn new(schema: &str, properties: WriterProperties) -> Self {
        let schema = Arc::new(parse_message_type(schema).expect("a schema"));
        Self(SerializedFileWriter::new(Vec::new(), schema, Arc::new(properties)).expect("memory"))
    }

    fn bytes(
        mut self,
        columns: impl FnOnce(&mut parquet::file::writer::SerializedRowGroupWriter<'_, Vec<u8>>),
    ) -> Vec<u8> {
        let mut group = self.0.next_row_group().expect("memory");
        columns(&mut group);
        group.close().expect("all columns");
        self.0.into_inner().expect("memory")
    }
}

type GroupWriter<'a> = parquet::file::writer::SerializedRowGroupWriter<'a, Vec<u8>>;

fn write<T: DataType>(group: &mut GroupWriter<'_>, Column(values, defined, repeated): Column<'_, T>) {
    let mut column = group.next_column().expect("memory").expect("a column");
    column.typed::<T>().write_batch(values, defined, repeated).expect("fits");
    column.close().expect("memory");
}

fn texts(values: &[&str]) -> Vec<ByteArray> {
    values.iter().map(|value| ByteArray::from(*value)).collect()
}

fn properties(codec: Compression) -> WriterProperties {
    WriterProperties::builder().set_compression(codec).build()
}

/// Three people, with a null, lists, an empty list, and times.
const PEOPLE: &str = "message people {
    required binary id (UTF8);
    optional binary note (UTF8);
    required int32 age;
    required double height;
    required boolean member;
    required int64 seen (TIMESTAMP(NANOS,true));
    required int32 born (DATE);
    optional group tags (LIST) { repeated group list { optional binary element (UTF8); } }
}";

fn people(properties: WriterProperties) -> Vec<u8> {
    Table::new(PEOPLE, properties).bytes(|group| {
        write::<ByteArrayType>(group, Column(&texts(&["p1", "p2", "p3"]), None, None));
        write::<ByteArrayType>(group, Column(&texts(&["I walk.", ""]), Some(&[1, 0, 1]), None));
        write::<Int32Type>(group, Column(&[34, -1, 61], None, None));
        write::<DoubleType>(group, Column(&[1.5, 0.1, 2.0], None, None));
        write::<BoolType>(group, Column(&[true, false, true], None, None));
        write::<Int64Type>(group, Column(&[0, 1_500_000_000, -1], None, None));
        write::<Int32Type>(group, Column(&[0, 11_016, -1], None, None));
        // ["a", null], [], null.
        write::<ByteArrayType>(group, Column(&texts(&["a"]), Some(&[3, 2, 1, 0]), Some(&[0, 1, 0, 0])));
    })
}

const PEOPLE_LINES: &str = r#"{"id":"p1","note":"I walk.","age":34,"height":1.5,"member":true,"seen":"1970-01-01T00:00:00Z","born":"1970-01-01","tags":["a",null]}
{"id":"p2","note":null,"age":-1,"height":0.1,"member":false,"seen":"1970-01-01T00:00:01.5Z","born":"2000-02-29","tags":[]}
{"id":"p3","note":"","age":61,"height":2.0,"member":true,"seen":"1969-12-31T23:59:59.999999999Z","born":"1969-12-31","tags":null}
"#;

fn records(name: &str, bytes: &[u8]) -> Result<Vec<Record>, String> {
    let format = Format::from_name(name);
    let read =
        read_records(name, format, bytes, &ReadOptions::default()).map_err(|error| error.to_string())?;
    assert_eq!(read.set_aside, [], "{name}");
    Ok(read.items)
}

fn reason(bytes: &[u8]) -> String {
    records("p.parquet", bytes).expect_err("unreadable")
}

/// Everything but where it stands.
fn content(records: Vec<Record>) -> Vec<(String, Value)> {
    records.into_iter().map(|record| (record.id.to_string(), Value::Object(record.fields))).collect()
}

/// What `tests/exports/write_parquet.py` wrote: pandas 3.1, pyarrow 26 and polars 2.1, or of today where
/// `CONSONA_PARQUET_DIR` says so.
fn fixture(name: &str) -> PathBuf {
    let kept = || Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/parquet");
    std::env::var_os("CONSONA_PARQUET_DIR").map_or_else(kept, PathBuf::from).join(name)
}

#[test]
fn d1_what_pandas_and_polars_write_is_what_the_same_lines_of_json_are() {
    let lines = fs::read(fixture("table.jsonl")).expect("readable");
    let expected = content(records("table.jsonl", &lines).expect("readable"));
    assert_eq!(expected.len(), 3);
    // Snappy and zstd are what the two take when nobody says anything.
    for name in ["pandas.parquet", "polars.parquet", "polars_gzip.parquet", "polars_lz4.parquet"] {
        let bytes = fs::read(fixture(name)).expect("readable");
        assert_eq!(content(records(name, &bytes).expect("readable")), expected, "{name}");
    }
    let brotli = reason(&fs::read(fixture("polars_brotli.parquet")).expect("readable"));
    assert!(brotli.contains("column `id` is compressed with Brotli; save the file with snappy"), "{brotli}");
}

#[test]
fn d1_a_table_is_the_same_under_every_version_codec_and_encoding() {
    let expected = content(records("p.jsonl", PEOPLE_LINES.as_bytes()).expect("readable"));
    let plain = WriterProperties::builder().set_dictionary_enabled(false).set_encoding(Encoding::PLAIN);
    let newer = WriterProperties::builder()
        .set_writer_version(WriterVersion::PARQUET_2_0)
        .set_column_encoding("id".into(), Encoding::PLAIN)
        .set_compression(Compression::SNAPPY);
    for properties in
        [properties(Compression::UNCOMPRESSED), properties(Compression::SNAPPY), plain.build(), newer.build()]
    {
        let read = records("p.parquet", &people(properties)).expect("readable");
        let places: Vec<&str> = read.iter().map(|record| record.origin.as_str()).collect();
        assert_eq!(places, ["p.parquet#1", "p.parquet#2", "p.parquet#3"]);
        assert_eq!(content(read), expected);
    }
}

#[test]
fn d1_texts_and_whole_numbers_are_the_cells_of_a_csv_file() {
    let schema = "message t { required binary id (UTF8); required binary  note (UTF8); }";
    let bytes = Table::new(schema, properties(Compression::SNAPPY)).bytes(|group| {
        write::<ByteArrayType>(group, Column(&texts(&["7", "8"]), None, None));
        write::<ByteArrayType>(group, Column(&texts(&["a, \"b\"", "c"]), None, None));
    });
    let csv = "id,note\n7,\"a, \"\"b\"\"\"\n8,c\n";
    let expected = content(records("p.csv", csv.as_bytes()).expect("readable"));
    assert_eq!(content(records("p.parquet", &bytes).expect("readable")), expected);
    // Numbers as ids are the same ids.
    let schema = "message t { required int64 id; required int64 answer; }";
    let bytes = Table::new(schema, properties(Compression::SNAPPY)).bytes(|group| {
        write::<Int64Type>(group, Column(&[7, 8], None, None));
        write::<Int64Type>(group, Column(&[i64::MAX, i64::MIN], None, None));
    });
    let read = content(records("p.parquet", &bytes).expect("readable"));
    assert_eq!(read[0], ("7".to_owned(), json!({"id": 7, "answer": i64::MAX})));
    assert_eq!(read[1], ("8".to_owned(), json!({"id": 8, "answer": i64::MIN})));
}

#[test]
fn d5_a_row_that_cannot_be_used_is_set_aside_with_its_number() {
    let schema = "message t { optional binary id (UTF8); required binary note (UTF8); }";
    let bytes = Table::new(schema, properties(Compression::SNAPPY)).bytes(|group| {
        write::<ByteArrayType>(group, Column(&texts(&["a", "a"]), Some(&[1, 0, 1]), None));
        write::<ByteArrayType>(group, Column(&texts(&["x", "y", "z"]), None, None));
    });
    let options = ReadOptions { id_field: Some("id".to_owned()), ..ReadOptions::default() };
    let read = read_records("p.parquet", Format::Parquet, &bytes[..], &options).expect("readable");
    let reasons: Vec<String> = read.set_aside.iter().map(ToString::to_string).collect();
    assert_eq!(read.items.len(), 1);
    assert_eq!(
        reasons,
        [
            "p.parquet, field `id`: row 2: no id in `id`; fill it in, or leave `id_field` out",
            "p.parquet, field `id`: record id `a` at p.parquet#3 stands already at p.parquet#1; give each its own id",
        ]
    );
}

#[test]
fn d2_drafts_are_read_and_what_consona_made_of_drafts_is_no_draft() {
    let schema = "message t { required binary model (UTF8); required int32 age;
        required group goals (LIST) { repeated group list { required binary element (UTF8); } } }";
    let bytes = Table::new(schema, properties(Compression::SNAPPY)).bytes(|group| {
        write::<ByteArrayType>(group, Column(&texts(&["a", "b"]), None, None));
        write::<Int32Type>(group, Column(&[34, 36], None, None));
        write::<ByteArrayType>(
            group,
            Column(&texts(&["rest", "sleep", "rest"]), Some(&[1, 1, 1]), Some(&[0, 1, 0])),
        );
    });
    let lines = concat!(
        r#"{"model":"a","age":34,"goals":["rest","sleep"]}"#,
        "\n",
        r#"{"model":"b","age":36,"goals":["rest"]}"#
    );
    let traits = TraitSchema::default_persona();
    let read = |name: &str, bytes: &[u8]| {
        let read = read_drafts(name, bytes, &DraftDefaults::default(), &traits).expect("readable");
        assert_eq!(read.set_aside, [], "{name}");
        read.items
    };
    let (of_table, of_lines) = (read("d.parquet", &bytes), read("d.jsonl", lines.as_bytes()));
    assert_eq!(of_table.len(), 2);
    for (one, other) in of_table.iter().zip(&of_lines) {
        assert_eq!((&one.model, &one.record, &one.traits), (&other.model, &other.record, &other.traits));
    }
}

fn consona(arguments: &[&str]) -> std::process::Output {
    Command::cargo_bin("consona").expect("built").args(arguments).output().expect("started")
}

/// The notes of the demo as a table.
fn demo_notes() -> Vec<u8> {
    let demo = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/demo/interviews.jsonl");
    let lines = fs::read_to_string(demo).expect("readable");
    let rows: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let schema =
        "message t { required binary id (UTF8); required binary who (UTF8); required binary note (UTF8); }";
    Table::new(schema, properties(Compression::SNAPPY)).bytes(|group| {
        for name in ["id", "who", "note"] {
            let cells: Vec<&str> = rows.iter().map(|row| row[name].as_str().expect("text")).collect();
            write::<ByteArrayType>(group, Column(&texts(&cells), None, None));
        }
    })
}

#[test]
fn d1_a_study_over_a_table_gives_the_personas_of_the_study_over_lines() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let demo = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/demo");
    let path = |name: &str| folder.path().join(name).to_string_lossy().into_owned();
    let study = fs::read_to_string(demo.join("study.yaml")).expect("readable");
    fs::write(path("lines.yaml"), &study).expect("written");
    fs::write(path("table.yaml"), study.replace("interviews.jsonl", "interviews.parquet")).expect("written");
    fs::write(path("interviews.parquet"), demo_notes()).expect("written");
    for name in ["interviews.jsonl", "recordings.jsonl"] {
        fs::copy(demo.join(name), path(name)).expect("copied");
    }
    let personas = |name: &str| {
        let output = consona(&["run", &path(&format!("{name}.yaml")), "--out", &path(name), "--quiet"]);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        fs::read_to_string(folder.path().join(name).join("consensus.jsonl")).expect("readable")
    };
    assert_eq!(personas("table"), personas("lines"));
    // What it then exports holds personas: no drafts, whatever they stand in.
    let exported = consona(&["export", &path("table"), "--to", "parquet", "--out", &path("mine.parquet")]);
    assert!(exported.status.success(), "{}", String::from_utf8_lossy(&exported.stderr));
    let refused = consona(&["consensus", &path("mine.parquet"), "--out", &path("again")]);
    let told = String::from_utf8_lossy(&refused.stderr).replace('\n', " ");
    assert!(!refused.status.success() && told.contains("which are results and no drafts"), "{told}");
}

#[test]
fn d1_standard_input_and_folders_are_known_by_their_look_and_their_ending() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let file = |name: &str, bytes: &[u8]| fs::write(folder.path().join(name), bytes).expect("written");
    let lines =
        concat!(r#"{"model":"a","record":"r","age":34}"#, "\n", r#"{"model":"b","record":"r","age":34}"#);
    let schema =
        "message t { required binary model (UTF8); required binary record (UTF8); required int32 age; }";
    let bytes = Table::new(schema, properties(Compression::SNAPPY)).bytes(|group| {
        write::<ByteArrayType>(group, Column(&texts(&["a", "b"]), None, None));
        write::<ByteArrayType>(group, Column(&texts(&["r", "r"]), None, None));
        write::<Int32Type>(group, Column(&[34, 34], None, None));
    });
    fs::create_dir(folder.path().join("in")).expect("created");
    file("in/drafts.parquet", &bytes);
    file("lines.jsonl", lines.as_bytes());
    let out = |name: &str| folder.path().join(name).to_string_lossy().into_owned();
    // The personas, without where their drafts stood.
    let result = |name: &str| {
        let lines = fs::read_to_string(folder.path().join(name).join("consensus.jsonl")).expect("written");
        let origins = [out("in/drafts.parquet#"), out("lines.jsonl:"), "-#".to_owned()];
        origins.iter().fold(lines, |lines, origin| lines.replace(&format!("\"{origin}"), "\"row "))
    };
    for (from, to) in [("in", "of_folder"), ("lines.jsonl", "of_lines")] {
        let done = consona(&["consensus", &out(from), "--out", &out(to), "--quiet"]);
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    }
    let mut piped = Process::new(assert_cmd::cargo::cargo_bin!("consona"))
        .args(["consensus", "-", "--out", &out("of_pipe"), "--quiet"])
        .stdin(Stdio::piped())
        .spawn()
        .expect("started");
    piped.stdin.take().expect("piped").write_all(&bytes).expect("written");
    assert!(piped.wait().expect("ended").success());
    assert_eq!(result("of_folder"), result("of_lines"));
    assert_eq!(result("of_pipe"), result("of_lines"));
}

#[test]
fn d5_what_cannot_be_read_says_what_it_is_and_what_to_do() {
    let sound = people(properties(Compression::SNAPPY));
    assert!(
        reason(b"id,text\n1,x\n")
            .contains("`p.parquet` cannot be read as Parquet: it does not begin with `PAR1`")
    );
    assert!(reason(b"").contains("is empty"));
    assert!(reason(&sound[..sound.len() / 2]).contains("it ends in the middle; copy or write it again"));
    assert!(
        reason(&[b"PARE", &sound[4..sound.len() - 4], b"PARE"].concat())
            .contains("it is encrypted; decrypt it")
    );
    // Bytes that are no text, and an encoding that is not read.
    let bytes =
        Table::new("message t { required binary photo; }", properties(Compression::SNAPPY)).bytes(|group| {
            write::<ByteArrayType>(group, Column(&[ByteArray::from(vec![0xff, 0xd8])], None, None));
        });
    let said = reason(&bytes);
    assert!(
        said.contains("column `photo` has bytes that are no text; leave the column out")
            && said.contains("(row 1)"),
        "{said}"
    );
    let delta = WriterProperties::builder()
        .set_dictionary_enabled(false)
        .set_encoding(Encoding::DELTA_BYTE_ARRAY)
        .build();
    let bytes = Table::new("message t { required binary note (UTF8); }", delta)
        .bytes(|group| write::<ByteArrayType>(group, Column(&texts(&["x"]), None, None)));
    let said = reason(&bytes);
    assert!(said.contains("column `note` has the encoding DELTA_BYTE_ARRAY"), "{said}");
    // A list as Hive wrote it: whether its rows are lists or lists of lists is a matter of taste.
    let old = "message t { optional group tags (LIST) { repeated binary array (UTF8); } }";
    let bytes = Table::new(old, properties(Compression::SNAPPY)).bytes(|group| {
        write::<ByteArrayType>(group, Column(&texts(&["x"]), Some(&[2]), Some(&[0])));
    });
    assert!(reason(&bytes).contains("the list `tags` is written in an old form"));
}

/// What a reader does that meets a damaged file: reads it, or says so.
fn survives(bytes: &[u8], seen: &mut [usize; 2]) {
    match read_records("p.parquet", Format::Parquet, bytes, &ReadOptions::default()) {
        Ok(_) => seen[0] += 1,
        Err(error) => {
            seen[1] += 1;
            assert!(error.to_string().starts_with("`p.parquet`"), "{error}");
        }
    }
}

#[test]
fn nothing_that_is_damaged_takes_the_program_down() {
    let mut chance = Xoshiro256Plus::seed_from_u64(9);
    let mut files: Vec<Vec<u8>> = ["pandas", "polars", "polars_gzip", "polars_lz4"]
        .map(|name| fs::read(fixture(&format!("{name}.parquet"))).expect("readable"))
        .into();
    files.push(people(properties(Compression::UNCOMPRESSED)));
    let mut seen = [0; 2];
    let cases = std::env::var("CONSONA_FUZZ_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(600);
    for _ in 0..cases {
        let mut bytes = files[chance.gen_range(0..files.len())].clone();
        for _ in 0..chance.gen_range(1..6) {
            let at = chance.gen_range(4..bytes.len() - 4);
            bytes[at] =
                if chance.gen_bool(0.5) { chance.r#gen() } else { bytes[at] ^ (1 << chance.gen_range(0..8)) };
        }
        if chance.gen_bool(0.1) {
            let (from, to) =
                (chance.gen_range(4..bytes.len() / 2), chance.gen_range(bytes.len() / 2..bytes.len()));
            bytes.drain(from..to);
        }
        survives(&bytes, &mut seen);
    }
    assert!(seen.iter().all(|&count| count > 20), "read and refused: {seen:?}");
}
