//! Files as people have them become records and drafts, and nothing of them is lost unseen.

use std::collections::BTreeMap;
use std::path::PathBuf;

use consona::dataset::{
    DatasetError, DraftDefaults, Entry, Format, Loaded, ReadOptions, Record, Split, read_drafts,
    read_records, records,
};
use consona::files::{read_dataset, spool_drafts};
use consona::persona::{Draft, ModelName, TraitSchema, TraitValue};
use proptest::prelude::*;
use rstest::rstest;
use serde_json::{Value, json};

fn read(name: &str, text: &str) -> Result<Loaded<Record>, DatasetError> {
    read_with(name, text, &ReadOptions::default())
}

fn read_with(name: &str, text: &str, options: &ReadOptions) -> Result<Loaded<Record>, DatasetError> {
    read_records(name, Format::from_name(name).expect("known"), text.as_bytes(), options)
}

fn ids(loaded: &Loaded<Record>) -> Vec<&str> {
    loaded.items.iter().map(|record| record.id.as_str()).collect()
}

fn reasons<T>(loaded: &Loaded<T>) -> Vec<String> {
    loaded.set_aside.iter().map(ToString::to_string).collect()
}

#[test]
fn a_survey_export_with_odd_headers_is_read_row_by_row() {
    let text = "\u{feff}Responder #;;Age Range;Age Range\r\n7;x;25-34;a\r\n8;\"y;\r\nz\";35-44;b\r\n";
    let loaded = read("s.csv", text).expect("readable");
    assert_eq!(ids(&loaded), ["7", "8"]);
    assert_eq!(loaded.items[1].origin, "s.csv:3");
    let fields = json!({"Responder #": "8", "column_2": "y;\r\nz", "Age Range": "35-44", "Age Range_2": "b"});
    assert_eq!(Value::Object(loaded.items[1].fields.clone()), fields);
    assert!(loaded.set_aside.is_empty());
}

#[test]
fn a_malformed_row_is_set_aside_with_file_line_and_field_count() {
    let loaded = read("s.csv", "id,a,b\n1,x,y\n2,x\n3,x,y,z\n4,x,y\n").expect("readable");
    assert_eq!(ids(&loaded), ["1", "4"]);
    assert_eq!(
        reasons(&loaded),
        [
            "s.csv:3: row has 2 fields where the header has 3; quote fields that hold the delimiter",
            "s.csv:4: row has 4 fields where the header has 3; quote fields that hold the delimiter",
        ]
    );
}

#[test]
fn a_quote_that_is_never_closed_costs_its_own_row_alone() {
    let text = "id,a,b\n1,x,y\n2,\"x,y\n3,x,y\r\n\n4,x,y\n";
    let loaded = read("s.csv", text).expect("readable");
    assert_eq!(ids(&loaded), ["1", "3", "4"]);
    assert_eq!(loaded.items[2].origin, "s.csv:6");
    let reason =
        "s.csv:3: the quote opened here is never closed; the 3 lines after it are read as rows of their own";
    assert_eq!(reasons(&loaded), [reason]);
    let strict = ReadOptions { strict: true, ..ReadOptions::default() };
    let stopped = read_with("s.csv", text, &strict).map(|_| ()).map_err(|error| error.to_string());
    assert!(stopped.is_err_and(|error| error.contains("s.csv:3: the quote opened here")));
    // The next quote closes it, with text right behind.
    let quoted = read("s.csv", "id,a\n1,\"x\n2,\"y, z\"\n3,w\n").expect("readable");
    assert_eq!((ids(&quoted), quoted.set_aside.len()), (vec!["2", "3"], 1));
    assert_eq!(quoted.items[0].fields["a"], "y, z");
}

#[test]
fn lines_that_may_be_rows_or_text_are_not_guessed_at() {
    let doubtful = read("s.csv", "id,a,b\n1,x,y\n2,\"x,y\n3,x\n4,x,y\n").expect("readable");
    assert_eq!(ids(&doubtful), ["1"]);
    let reason = "s.csv:3: the quote opened here is never closed; the 2 lines after it, up to the end, would belong to this field";
    assert_eq!(reasons(&doubtful), [reason]);
    let one_column = read("s.csv", "text\none\n\"two\nthree\n").expect("readable");
    assert_eq!((one_column.items.len(), one_column.set_aside.len()), (1, 1));
    let header = read("s.csv", "id,\"a\n1,x\n2,y\n").map(|_| ()).map_err(|error| error.to_string());
    assert!(header.is_err_and(|error| error.contains("a quote in its header is never closed")));
}

#[test]
fn a_broken_line_of_jsonl_costs_that_line() {
    let text = "{\"id\":1,\"a\":2}\n{\"id\":2,\n\n[1]\n{\"id\":3,\"a\":NaN}\n{\"id\":4,\"a\":1,\"a\":2}\n\"words\"\n";
    let loaded = read("d.jsonl", text).expect("readable");
    assert_eq!(ids(&loaded), ["1", "r0006"]);
    assert_eq!(loaded.items[1].fields["text"], "words");
    let reasons = reasons(&loaded);
    assert!(reasons[0].starts_with("d.jsonl:2: not valid JSON: EOF while parsing"), "{reasons:?}");
    assert_eq!(reasons[1], "d.jsonl:4: a list where an object or a text was expected");
    assert!(
        reasons[2].contains("d.jsonl:5: ") && reasons[2].contains("(in `a`): JSON has no NaN"),
        "{reasons:?}"
    );
    assert_eq!(
        reasons[3],
        "d.jsonl:6, field `a`: key `a` stands twice; which value is meant cannot be known"
    );
}

#[rstest]
#[case::list(r#"[{"id":"a"},{"id":"b"}]"#, &["a", "b"])]
#[case::wrapped(r#"{"study":"x","records":[{"id":"a"},{"id":"b"}]}"#, &["a", "b"])]
#[case::only_field(r#"{"people":[{"id":"a"},{"id":"b"}]}"#, &["a", "b"])]
#[case::texts(r#"["one","two"]"#, &["r0001", "r0002"])]
#[case::single(r#"{"id":"a","comments":["x","y"]}"#, &["a"])]
#[case::lines_in_a_json_file("{\"id\":\"a\"}\n{\"id\":\"b\"}\n", &["a", "b"])]
fn json_documents_of_every_shape_are_read(#[case] text: &str, #[case] expected: &[&str]) {
    assert_eq!(ids(&read("d.json", text).expect("readable")), expected);
}

#[test]
fn a_bad_element_of_a_json_list_is_set_aside_by_its_place() {
    let loaded =
        read("d.json", r#"{"data":[{"id":"a"},{"id":"b","x":1,"x":2},7,{"id":"c"}]}"#).expect("readable");
    assert_eq!(ids(&loaded), ["a", "c"]);
    assert_eq!(
        reasons(&loaded),
        [
            "d.json, field `x`: element 2: key `x` stands twice in `data[1]`; which value is meant cannot be known",
            "d.json: element 3: `7` where an object or a text was expected",
        ]
    );
    let doubtful =
        read("d.json", r#"{"data":[{"id":"a"}],"data":[]}"#).map(|_| ()).map_err(|e| e.to_string());
    assert_eq!(
        doubtful,
        Err("`d.json` cannot be read as JSON: key `data` stands twice; which value is meant cannot be known"
            .to_owned())
    );
}

#[test]
fn prose_is_one_record_or_cut_as_asked() {
    let notes = "---\nage: 34\ntags: [a, 'b']\ntools:\n- pen\n- ink\n---\n# Notes\n\n## Ann\nShe bakes.\n```\n# no heading\n```\n## Bea\nShe sails.\n";
    let whole = read("in/ann.md", notes).expect("readable");
    assert_eq!(ids(&whole), ["ann"]);
    assert_eq!(whole.items[0].fields["tools"], json!(["pen", "ink"]));
    assert_eq!(whole.items[0].fields["tags"], json!(["a", "b"]));
    let options = |split| ReadOptions { split, ..ReadOptions::default() };
    let cut = read_with("in/ann.md", notes, &options(Split::Headings)).expect("readable");
    let headings: Vec<&Value> = cut.items.iter().map(|record| &record.fields["heading"]).collect();
    assert_eq!(headings, ["Ann", "Bea"]);
    assert_eq!(cut.items[0].origin, "in/ann.md:10");
    assert_eq!(cut.items[0].fields["age"], "34");
    let lines = read_with("a.txt", "one\n\ntwo\n", &options(Split::Lines)).expect("readable");
    assert_eq!(lines.items[1].fields["text"], "two");
    assert_eq!(lines.items[1].origin, "a.txt:3");
    let blocks = read_with("a.txt", "one\nmore\n\n\ntwo\n", &options(Split::Blocks)).expect("readable");
    let texts: Vec<&Value> = blocks.items.iter().map(|record| &record.fields["text"]).collect();
    assert_eq!(texts, ["one\nmore", "two"]);
    assert_eq!(blocks.items[1].origin, "a.txt:5");
}

#[test]
fn a_second_record_with_the_same_id_is_set_aside_with_both_lines() {
    let text = "{\"id\":\"a\"}\n{\"id\":\"b\"}\n{\"id\":\"a\"}\n";
    let loaded = read("d.jsonl", text).expect("readable");
    assert_eq!(ids(&loaded), ["a", "b"]);
    let reason =
        "d.jsonl:3, field `id`: record id `a` at d.jsonl:3 stands already at d.jsonl:1; give each its own id";
    assert_eq!(reasons(&loaded), [reason]);
    let strict = ReadOptions { strict: true, ..ReadOptions::default() };
    let error = read_with("d.jsonl", text, &strict).unwrap_err().to_string();
    assert_eq!(error, format!("{reason}; without `strict` it would be set aside and the rest read"));
}

#[test]
fn inputs_that_cannot_be_read_at_all_say_what_to_do() {
    let error = |name: &str, bytes: &[u8], options: &ReadOptions| {
        let format = Format::from_name(name).expect("known");
        read_records(name, format, bytes, options).map(|_| ()).unwrap_err().to_string()
    };
    let plain = ReadOptions::default();
    assert_eq!(error("e.csv", b" \n", &plain), "`e.csv` is empty; give a file with at least one record");
    assert!(
        error("p.txt", b"\x89PNG\r\n\x1a\n\0\0", &plain).starts_with("`p.txt` is not a text file (byte 0x")
    );
    let asked = ReadOptions { fields: vec!["mood".to_owned()], ..ReadOptions::default() };
    assert_eq!(error("s.csv", b"id,age\n1,2\n", &asked), "`s.csv` has no field `mood`; it has: age, id");
    let asked = ReadOptions { id_field: Some("key".to_owned()), ..ReadOptions::default() };
    assert_eq!(error("s.csv", b"id,age\n1,2\n", &asked), "`s.csv` has no field `key`; it has: age, id");
    assert!(
        error("s.json", b"{\"a\": [1, 2}", &plain).starts_with("`s.json` cannot be read as JSON: not valid")
    );
}

fn read_personas(name: &str, text: &str) -> Loaded<Draft> {
    let schema = TraitSchema::default_persona();
    read_drafts(name, text.as_bytes(), &DraftDefaults::default(), &schema).expect("readable")
}

#[rstest]
#[case::list(r#"[{"name":"Ann","pain_points":["slow"],"behaviors":["walks"],"quotes":["Hm."]}]"#)]
#[case::wrapped(r#"{"model":"gpt","personas":[{"name":"Ann","painPoints":["slow"],"behaviours":["walks"],"quote":["Hm."]}]}"#)]
#[case::single(r#"{"name":"Ann","frustrations":[{"title":"slow"}],"behaviours":["walks"],"quotes":[{"text":"Hm.","source":"x"}]}"#)]
#[case::line(
    "{\"record\":\"corpus\",\"persona\":{\"name\":\"Ann\",\"frustrations\":[\"slow\"],\"behaviors\":[\"walks\"],\"quotes\":[\"Hm.\"]}}\n"
)]
fn persona_files_of_other_tools_are_read_alike(#[case] text: &str) {
    let loaded = read_personas("tools/gpt.json", text);
    assert_eq!(reasons(&loaded), [""; 0]);
    let draft = &loaded.items[0];
    let list = |item: &str| TraitValue::List(vec![item.to_owned()]);
    let expected = BTreeMap::from([
        ("name".to_owned(), TraitValue::Text("Ann".to_owned())),
        ("pain_points".to_owned(), list("slow")),
        ("behaviours".to_owned(), list("walks")),
        ("quotes".to_owned(), list("Hm.")),
    ]);
    assert_eq!(draft.traits, expected);
    assert_eq!((draft.record.as_str(), draft.model.as_str()), ("corpus", "gpt"));
}

#[test]
fn nested_demographics_flatten_and_unknown_keys_stay() {
    let loaded = read_personas(
        "m.json",
        r#"{"id":"p1","demographics":{"age":{"min":25,"max":30},"location":{"city":"London","country":"UK"}},
            "techSavvy":"high","job":"baker","occupation":"cook","confidence":0.9}"#,
    );
    let traits: BTreeMap<&str, String> =
        loaded.items[0].traits.iter().map(|(name, value)| (name.as_str(), value.to_string())).collect();
    assert_eq!(
        traits,
        BTreeMap::from([
            ("age", "25-30".to_owned()),
            ("location", "London, UK".to_owned()),
            ("occupation", "cook".to_owned()),
            ("techSavvy", "high".to_owned()),
        ])
    );
    assert_eq!(reasons(&loaded), ["m.json, field `job`: left out: `occupation` was given before, as `cook`"]);
}

#[test]
fn drafts_of_one_sitting_are_numbered_and_bad_ones_set_aside() {
    let text = concat!(
        "{\"record\":\"r\",\"model\":\"a\",\"persona\":{\"age\":30}}\n",
        "{\"record\":\"r\",\"model\":\"b\",\"persona\":{\"age\":30}}\n",
        "{\"record\":\"r\",\"model\":\"a\",\"persona\":{\"age\":true,\"job\":\"cook\"},\"evidence\":[{\"trait\":\"job\",\"quote\":\"I cook\",\"row\":3}]}\n",
        "{\"record\":\"r\",\"model\":\"a\",\"sample\":-1,\"persona\":{\"age\":30}}\n",
        "{\"record\":\"r\",\"model\":\"a\",\"persona\":{\"age\":null}}\n",
    );
    let loaded = read_personas("d.jsonl", text);
    let places: Vec<(&str, u32)> =
        loaded.items.iter().map(|draft| (draft.model.as_str(), draft.position)).collect();
    assert_eq!(places, [("a", 0), ("b", 0), ("a", 1)]);
    assert_eq!(loaded.items[2].evidence["occupation"][0].row.as_deref(), Some("3"));
    assert_eq!(
        reasons(&loaded),
        [
            "d.jsonl:3, field `age`: `age` is `true`; expected a number or a range, in years; the trait is left out, the draft kept",
            "d.jsonl:4, field `sample`: sample `-1` is not a whole number from 0",
            "d.jsonl:5: the draft says nothing: no trait has a value",
        ]
    );
}

#[test]
fn the_caller_names_the_model_of_files_that_do_not() {
    let defaults = DraftDefaults {
        model: Some(ModelName::new("local:x").expect("valid")),
        record_field: Some("id".to_owned()),
        ..DraftDefaults::default()
    };
    let schema = TraitSchema::default_persona();
    let text = r#"[{"id":7,"age":30},{"id":8,"age":40,"model":"own"}]"#;
    let loaded = read_drafts("f.json", text.as_bytes(), &defaults, &schema).expect("readable");
    let who: Vec<(&str, &str)> =
        loaded.items.iter().map(|draft| (draft.record.as_str(), draft.model.as_str())).collect();
    assert_eq!(who, [("7", "local:x"), ("8", "own")]);
}

fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("temporary folder");
    for (name, content) in files {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().expect("inside")).expect("created");
        std::fs::write(path, content).expect("written");
    }
    folder
}

#[test]
fn a_folder_is_one_dataset_and_its_bad_file_is_set_aside() {
    let files = [
        ("a/notes.md", "Ann bakes."),
        ("b/notes.md", "Bea sails."),
        ("c.csv", "age\n3\n4\n"),
        ("d.json", "[{\"age\": 1},"),
        ("e.txt", "\0\0"),
    ];
    let folder = folder(&files);
    let paths = [folder.path().to_owned()];
    let loaded = read_dataset(&paths, None, &ReadOptions::default()).expect("readable");
    let root = format!("{}/", folder.path().display());
    let ids: Vec<String> = loaded.items.iter().map(|record| record.id.as_str().replace(&root, "")).collect();
    assert_eq!(ids, ["notes", "b/notes.md", "r0003", "r0004"]);
    let reasons = reasons(&loaded);
    assert!(reasons[0].contains("d.json` cannot be read as JSON"), "{reasons:?}");
    assert!(reasons[1].contains("e.txt` is not a text file"), "{reasons:?}");
    let strict = ReadOptions { strict: true, ..ReadOptions::default() };
    assert!(read_dataset(&paths, None, &strict).is_err());
    assert!(read_dataset(&[folder.path().join("d.json")], None, &ReadOptions::default()).is_err());
}

#[test]
fn drafts_of_several_files_are_regrouped_by_record() {
    let folder = folder(&[
        ("a.json", r#"{"personas":[{"age":30},{"age":60}]}"#),
        (
            "b.jsonl",
            "{\"record\":\"r1\",\"model\":\"x\",\"persona\":{\"age\":1}}\n{\"model\":\"a\",\"persona\":{\"age\":31}}\nnonsense\n",
        ),
        ("c", "[{\"age\": 61}]"),
    ]);
    let paths = ["a.json", "b.jsonl", "c"].map(|name| folder.path().join(name));
    let schema = TraitSchema::default_persona();
    let (spool, set_aside) = spool_drafts(&paths, &DraftDefaults::default(), &schema).expect("readable");
    assert_eq!((spool.len(), spool.n_drafts(), set_aside.len()), (2, 5, 1));
    let records: Vec<_> = spool.records(spool.models()).collect::<Result<_, _>>().expect("readable");
    assert_eq!(records[0].record().as_str(), "corpus");
    let who: Vec<(&str, u32)> =
        records[0].drafts().iter().map(|draft| (draft.model.as_str(), draft.position)).collect();
    assert_eq!(who, [("a", 0), ("a", 1), ("a", 2), ("c", 0)]);
}

const RESULTS: [(&str, &str); 8] = [
    (
        "consensus.jsonl",
        r#"{"record":"r","persona_id":"r/1","kind":"consensus","confidence":0.7,"models":["a"],"traits":{"age":{"value":3}}}"#,
    ),
    ("personas.csv", "record,persona_id,kind,trait,value,confidence\nr,r/1,consensus,age,30,0.7\n"),
    (
        "summary.json",
        r#"{"product":{"name":"consona","version":"0.1.0"},"counts":{"drafts":3},"inputs":[{"file":"x","drafts":1}],"panel":[{"model":"a","drafts":1}]}"#,
    ),
    (
        "results.jsonl",
        r#"{"model":"a","stance":"neutral","status":"success","content":"{}","error_message":null,"record":"r"}"#,
    ),
    ("set_aside.jsonl", r#"{"file":"x.csv","line":3,"reason":"no"}"#),
    ("narratives.json", r#"[{"persona_id":"r/1","author":null,"text":"Bo is 30."}]"#),
    ("personas.md", "# Personas\n\n## Record r\n\nConsensus persona: described by 3 of 3: a, b, c.\n"),
    ("01.txt", "You speak as Bo, a persona in a study.\nThe persona is a summary.\n"),
];

#[test]
fn results_of_consona_are_never_taken_for_drafts() {
    let schema = TraitSchema::default_persona();
    for (name, content) in RESULTS {
        // Known by its fields, whatever it is called.
        for name in [name.to_owned(), format!("renamed-{name}")] {
            let read = read_drafts(&name, content.as_bytes(), &DraftDefaults::default(), &schema);
            let error = read.expect_err(&name).to_string();
            assert!(error.contains("results and no drafts") && error.contains("drafts.jsonl"), "{error}");
        }
    }
    let kept = r#"{"record":"r","model":"a","persona":{"age":30,"kind":"x","reason":"y"}}"#;
    let read = read_drafts("drafts.jsonl", kept.as_bytes(), &DraftDefaults::default(), &schema);
    assert_eq!(read.expect("a draft").items.len(), 1);
}

#[test]
fn the_folder_of_a_result_is_no_folder_of_drafts() {
    let schema = TraitSchema::default_persona();
    let draft = r#"{"record":"r","model":"a","persona":{"age":30}}"#;
    for files in [&["run.sqlite"][..], &["summary.json", "consensus.jsonl"][..]] {
        let folder = folder(&[("drafts.jsonl", draft)]);
        let inner = folder.path().join("runs/one");
        std::fs::create_dir_all(&inner).expect("created");
        for name in files.iter().chain(&["drafts.jsonl"]) {
            std::fs::write(inner.join(name), draft).expect("written");
        }
        let read = |path: &std::path::Path| {
            spool_drafts(&[path.to_owned()], &DraftDefaults::default(), &schema)
                .map(|(spool, _)| spool.n_drafts())
        };
        for path in [&inner, &folder.path().join("runs"), folder.path()] {
            let error = read(path).expect_err("refused").to_string();
            assert!(error.contains("--recompute") && error.contains("one/drafts.jsonl"), "{error}");
        }
        assert_eq!(read(&inner.join("drafts.jsonl")).expect("named itself"), 1);
    }
}

#[expect(clippy::print_stderr, reason = "a skipped test says so")]
fn evaluation_file(path: &str) -> Option<(PathBuf, Vec<u8>)> {
    let Some(root) = std::env::var_os("CONSONA_EVAL_DATA") else {
        eprintln!("skipped: CONSONA_EVAL_DATA is not set");
        return None;
    };
    let path = PathBuf::from(root).join(path);
    let bytes = std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    Some((path, bytes))
}

#[test]
fn every_real_draft_is_read_or_set_aside_with_a_reason() {
    let Some((_, bytes)) = evaluation_file("synthpai_dev/drafts.jsonl") else { return };
    let schema = TraitSchema::default_persona();
    let loaded =
        read_drafts("drafts.jsonl", &bytes[..], &DraftDefaults::default(), &schema).expect("readable");
    let lines = bytes.split(|&byte| byte == b'\n').filter(|line| !line.is_empty()).count();
    let whole = loaded.set_aside.iter().filter(|aside| aside.field.is_none()).count();
    assert_eq!(loaded.items.len() + whole, lines, "{:?}", loaded.set_aside);
    let values: usize = loaded.items.iter().map(|draft| draft.traits.len()).sum();
    let written: usize = bytes
        .split(|&byte| byte == b'\n')
        .filter_map(|line| serde_json::from_slice::<Value>(line).ok())
        .filter_map(|line| line["persona"].as_object().map(serde_json::Map::len))
        .sum();
    assert_eq!(values + loaded.set_aside.len() - whole, written);
}

#[test]
fn real_inputs_are_read_whole() {
    for (path, expected) in [
        ("synthpai_dev/inputs.jsonl", 113),
        ("osmi2016_dev/survey.jsonl", 200),
        ("usesthis_dev/interviews.jsonl", 150),
        ("synthetic_persona_chat_dev/conversations.jsonl", 250),
    ] {
        let Some((path, bytes)) = evaluation_file(path) else { return };
        let name = path.to_string_lossy();
        let loaded =
            read_records(&name, Format::JsonLines, &bytes[..], &ReadOptions::default()).expect("readable");
        assert_eq!((loaded.items.len(), reasons(&loaded)), (expected, Vec::new()), "{name}");
    }
    let Some((_, bytes)) = evaluation_file("tinytroupe_survey_dev/gazpacho.csv") else { return };
    let loaded = read_records("g.csv", Format::Csv, &bytes[..], &ReadOptions::default()).expect("readable");
    assert_eq!(loaded.items[0].id.as_str(), "1");
    assert_eq!(reasons(&loaded), [""; 0]);
}

proptest! {
    #[test]
    fn no_bytes_make_a_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), which in 0usize..5) {
        let format = [Format::Csv, Format::Json, Format::JsonLines, Format::Markdown, Format::Text][which];
        let _ = read_records("x", format, &bytes[..], &ReadOptions::default());
        let _ = read_drafts("x", &bytes[..], &DraftDefaults::default(), &TraitSchema::default_persona());
    }

    #[test]
    fn every_row_is_read_or_set_aside(rows in prop::collection::vec(prop::collection::vec("[a-z ,;\"]{0,5}", 1..4), 1..12)) {
        let mut writer = csv::WriterBuilder::new().flexible(true).from_writer(Vec::new());
        writer.write_record(["x", "y", "z"]).expect("memory");
        for row in &rows {
            writer.write_record(row).expect("memory");
        }
        let bytes = writer.into_inner().expect("memory");
        let stream = records("x.csv", Format::Csv, &bytes[..], &ReadOptions::default()).expect("readable");
        let mut count = 0;
        for entry in stream {
            count += 1;
            if let Entry::Item(record) = entry.expect("no failure") {
                let row: Vec<&Value> = record.fields.values().collect();
                prop_assert!(rows.iter().any(|known| known.iter().eq(row.iter().filter_map(|v| v.as_str()))));
            }
        }
        prop_assert_eq!(count, rows.len());
    }

    #[test]
    fn a_lost_quote_makes_no_row_that_was_not_written(
        rows in prop::collection::vec(prop::collection::vec("[a-z]{1,4}(, [a-z]{1,3})?(\n[a-z]{1,3})?", 3), 1..9),
        hurt in any::<prop::sample::Index>(),
        field in 0usize..3,
    ) {
        let hurt = hurt.index(rows.len());
        let mut text = "x,y,z\n".to_owned();
        for (place, row) in rows.iter().enumerate() {
            let word = |cell: &str| cell.split([',', '\n']).next().unwrap_or_default().to_owned();
            let quoted = |(at, cell): (usize, &String)| match (place == hurt, at == field) {
                (true, true) => format!("\"{}", word(cell)),
                (true, false) => word(cell),
                (false, _) => format!("\"{cell}\""),
            };
            text.push_str(&row.iter().enumerate().map(quoted).collect::<Vec<_>>().join(","));
            text.push('\n');
        }
        let loaded = read("x.csv", &text).expect("readable");
        prop_assert!(!loaded.set_aside.is_empty());
        for record in &loaded.items {
            let cells: Vec<&str> = record.fields.values().filter_map(Value::as_str).collect();
            prop_assert!(rows.iter().any(|row| row.iter().eq(cells.iter())), "{cells:?} of {text:?}");
        }
        for (row, record) in rows[..hurt].iter().zip(&loaded.items) {
            prop_assert!(row.iter().eq(record.fields.values().filter_map(Value::as_str)));
        }
    }
}
