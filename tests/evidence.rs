//! Evidence and explanation, as a person at the command line meets them.

use std::path::Path;

use assert_cmd::Command;
use serde_json::{Value, json};

fn consona(folder: &Path, arguments: &[&str]) -> (i32, String, String) {
    let output = Command::cargo_bin("consona")
        .expect("built")
        .current_dir(folder)
        .args(arguments)
        .output()
        .expect("started");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code().expect("ended"), text(&output.stdout), text(&output.stderr))
}

fn draft(model: &str, occupation: &str, quote: &str) -> String {
    let persona = json!({"occupation": occupation, "goals": ["sleep more"]});
    let evidence = json!({"occupation": [{"quote": quote}]});
    json!({"record": "r1", "model": model, "persona": persona, "evidence": evidence}).to_string()
}

fn written(folder: &Path) {
    let drafts = [
        draft("a", "Nurse", "I work nights at the hospital"),
        draft("b", "Nurse", "as a nurse I love parrots"),
        draft("c", "Baker", "I bake bread for the whole street"),
    ];
    std::fs::write(folder.join("drafts.jsonl"), drafts.join("\n")).expect("written");
    let source = json!({"id": "r1", "text": "I work nights at the hospital, so I shop online."});
    std::fs::write(folder.join("source.jsonl"), source.to_string()).expect("written");
}

#[test]
fn cited_passages_are_looked_for_in_the_source() {
    let folder = tempfile::tempdir().expect("folder");
    written(folder.path());
    let (code, text, error) =
        consona(folder.path(), &["consensus", "drafts.jsonl", "--source", "source.jsonl", "--out", "o"]);
    assert_eq!(code, 0, "{error}");
    assert!(text.contains("echo"), "three models want to sleep more and cite nothing: {text}");
    let line = std::fs::read_to_string(folder.path().join("o/consensus.jsonl")).expect("written");
    let persona: Value = serde_json::from_str(line.lines().next().expect("one")).expect("JSON");
    let backing = |name: &str| persona["traits"][name]["backing"].clone();
    assert_eq!(
        backing("occupation"),
        json!({"basis": "evidence", "citations": "found", "rows": 1, "models": 1})
    );
    let items = json!({"found": 0, "of": 1});
    assert_eq!(
        backing("goals"),
        json!({"basis": "echo", "citations": "nothing", "rows": 0, "models": 0, "items": items})
    );
    let summary = std::fs::read_to_string(folder.path().join("o/summary.json")).expect("written");
    let summary: Value = serde_json::from_str(&summary).expect("JSON");
    let counts = &summary["counts"]["grounding"];
    assert_eq!((&counts["evidence"], &counts["echo"], &counts["exact"]), (&json!(1), &json!(1), &json!(1)));
}

#[test]
fn a_number_is_explained_down_to_the_votes() {
    let folder = tempfile::tempdir().expect("folder");
    written(folder.path());
    let folder = folder.path();
    let (code, _, error) =
        consona(folder, &["consensus", "drafts.jsonl", "--source", "source.jsonl", "--out", "o", "--quiet"]);
    assert_eq!(code, 0, "{error}");
    let (code, text, error) = consona(folder, &["explain", "o", "r1/1", "occupation"]);
    assert_eq!(code, 0, "{error}");
    for said in [
        "2 of the 3 models that speak of it say so",
        "a: Nurse",
        "c: Baker",
        "right with probability",
        "stands in row r1",
        "drafts.jsonl:3",
        "“I bake bread for the whole street” cited by c: not found in the source",
    ] {
        assert!(text.contains(said), "{said}: {text}");
    }
    assert!(!text.contains("goals"), "{text}");
    let (code, text, _) = consona(folder, &["explain", "o", "r1", "--json"]);
    let value: Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!((code, &value["persona_id"]), (0, &json!("r1/1")));
    for (arguments, said) in [
        (["explain", "o", "nobody", "occupation"], "`r1/1`"),
        (["explain", "o", "r1", "shoe_size"], "`occupation`"),
        (["explain", "o", "r1", "ocupation"], "did you mean `occupation`?"),
        (["explain", "elsewhere", "r1", "occupation"], "does not exist"),
    ] {
        let (code, _, error) = consona(folder, &arguments);
        assert!(code != 0 && error.contains(said), "{error}");
    }
}

#[test]
fn the_replies_of_a_run_can_be_read_again() {
    let folder = tempfile::tempdir().expect("folder");
    let study = concat!(env!("CARGO_MANIFEST_DIR"), "/data/demo/study.yaml");
    let (code, _, error) = consona(folder.path(), &["run", study, "--out", "o", "--quiet"]);
    assert_eq!(code, 0, "{error}");
    let (code, text, error) = consona(folder.path(), &["explain", "o", "corpus/1", "age", "--replies"]);
    assert_eq!(code, 0, "{error}");
    assert!(text.contains("\nreply ") && text.contains("personas"), "{text}");
    assert!(text.contains("stands in row"), "the demo cites its interviews: {text}");
}

#[test]
fn an_ablation_is_asked_planned_and_told() {
    let folder = tempfile::tempdir().expect("folder");
    let demo = concat!(env!("CARGO_MANIFEST_DIR"), "/data/demo");
    for entry in std::fs::read_dir(demo).expect("the demo") {
        let entry = entry.expect("a file");
        std::fs::copy(entry.path(), folder.path().join(entry.file_name())).expect("copied");
    }
    let study = std::fs::read_to_string(folder.path().join("study.yaml")).expect("the demo");
    let study = study + "\nablation: {evidence: withheld}\n";
    std::fs::write(folder.path().join("study.yaml"), study).expect("written");
    let (code, text, error) = consona(folder.path(), &["check", "study.yaml"]);
    assert_eq!(code, 0, "{error}");
    assert!(text.contains("The ablation asks 3 calls more"), "{text}");
    let (code, text, error) = consona(folder.path(), &["run", "study.yaml", "--out", "o"]);
    assert_eq!(code, 0, "{error}");
    // Recordings answer the same whatever they are shown: all of it is an echo.
    assert!(text.contains("Without any data the panel says the same of: age 100 %"), "{text}");
    let ablation = std::fs::read_to_string(folder.path().join("o/ablation.json")).expect("written");
    let ablation: Value = serde_json::from_str(&ablation).expect("JSON");
    assert_eq!((&ablation["units"], &ablation["traits"]["age"]["share"]), (&json!(1), &json!(1.0)));
}

/// The demo, run into the folder `o`.
fn demo(folder: &Path) -> (String, Vec<Value>) {
    let study = concat!(env!("CARGO_MANIFEST_DIR"), "/data/demo/study.yaml");
    let (code, text, error) = consona(folder, &["run", study, "--out", "o"]);
    assert_eq!(code, 0, "{error}");
    let lines = std::fs::read_to_string(folder.join("o/consensus.jsonl")).expect("written");
    (text, lines.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect())
}

#[test]
fn the_source_of_a_corpus_is_all_of_it() {
    let folder = tempfile::tempdir().expect("folder");
    demo(folder.path());
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/data/demo/interviews.jsonl");
    let arguments = ["consensus", "o/drafts.jsonl", "--source", source, "--out", "again", "--json"];
    let (code, text, said) = consona(folder.path(), &arguments);
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("`corpus`, which is no row of the source: all 12 rows"), "{said}");
    let summary: Value = serde_json::from_str(&text).expect("JSON");
    let of_run = std::fs::read_to_string(folder.path().join("o/summary.json")).expect("written");
    let of_run: Value = serde_json::from_str(&of_run).expect("JSON");
    assert_eq!(summary["counts"]["grounding"], of_run["counts"]["grounding"], "the same passages are found");
    let several = r#"{"record":"n01","model":"a","persona":{"age":1}}
{"record":"zz","model":"a","persona":{"age":1}}"#;
    std::fs::write(folder.path().join("several.jsonl"), several).expect("written");
    let arguments = ["consensus", "several.jsonl", "--source", source, "--out", "third"];
    let (code, _, said) = consona(folder.path(), &arguments);
    assert!(
        code == 0 && said.contains("no row for 1 of 2 records") && said.contains("such as `zz`"),
        "{said}"
    );
}

#[test]
fn a_list_rests_on_evidence_only_for_items_that_it_has() {
    let folder = tempfile::tempdir().expect("folder");
    let (_, personas) = demo(folder.path());
    for found in personas.iter().flat_map(|persona| persona["traits"].as_object().expect("traits").values()) {
        let (kept, backing) = (found["value"].as_array(), &found["backing"]);
        let Some(kept) = kept.filter(|_| backing["basis"] == "evidence") else { continue };
        let backed: Vec<&Value> = found["evidence"]
            .as_array()
            .expect("cited")
            .iter()
            .filter(|cited| cited["found"]["row"].is_string() && kept.contains(&cited["item"]))
            .collect();
        assert!(!backed.is_empty(), "{found}");
        assert_eq!(backing["items"]["of"], kept.len(), "{found}");
    }
    let behaviours = &personas[0]["traits"]["behaviours"];
    assert_eq!(
        behaviours["backing"]["basis"], "echo",
        "its passage is of an item that was dropped: {behaviours}"
    );
}

#[test]
fn what_nobody_cites_is_not_said_to_be_missing_in_the_data() {
    let folder = tempfile::tempdir().expect("folder");
    let (_, personas) = demo(folder.path());
    let (code, _, error) = consona(folder.path(), &["export", "o", "--to", "card", "--out", "c"]);
    assert_eq!(code, 0, "{error}");
    let card = |number: usize| {
        std::fs::read_to_string(folder.path().join(format!("c/{number:02}.txt"))).expect("written")
    };
    let minority = 1 + personas.iter().position(|one| one["kind"] == "minority").expect("one");
    assert!(card(1).contains("Student dormitory [no passage cited]"), "{}", card(1));
    assert!(card(minority).contains("[no passage cited]"), "{}", card(minority));
    for number in 1..=personas.len() {
        assert!(!card(number).contains("not in the data]"), "{}", card(number));
    }
    let markdown = std::fs::read_to_string(folder.path().join("o/personas.md")).expect("written");
    assert!(markdown.contains("**echo**: nothing is cited for it"), "{markdown}");
    assert!(markdown.contains("**no evidence**: nothing is cited for it"), "{markdown}");
}

#[test]
fn words_of_the_source_are_looked_up_and_those_of_dissenters_shown() {
    let folder = tempfile::tempdir().expect("folder");
    let (text, personas) = demo(folder.path());
    assert!(text.contains("of consensus personas") && text.contains("of minority personas"), "{text}");
    let quotes = &personas[0]["traits"]["quotes"];
    assert_eq!(quotes["backing"]["basis"], "evidence", "it stands word by word in a note: {quotes}");
    let divided =
        personas.iter().find(|one| one["traits"]["tech_savviness"]["divergent"] == true).expect("one");
    let id = divided["traits"]["name"]["value"].as_str().expect("a name");
    // By its name, and the trait as it is printed.
    let (code, text, error) = consona(folder.path(), &["explain", "o", &id.to_lowercase(), "tech savviness"]);
    assert_eq!(code, 0, "{error}");
    assert!(text.contains("no majority"), "{text}");
    let low = text.find("variant, share").expect("a second value");
    assert!(text[low..].contains("“") && text[low..].contains("stands in row"), "{text}");
    let page = std::fs::read_to_string(folder.path().join("o/report.html")).expect("written");
    assert!(page.contains("no majority") && page.contains("I do not trust the machines with my card"));
    let (code, _, error) = consona(folder.path(), &["explain", "o", "Nobody"]);
    assert!(
        code == 2
            && error.contains(&format!(
                "`corpus/1` ({})",
                personas[0]["traits"]["name"]["value"].as_str().expect("a name")
            )),
        "{error}"
    );
}

#[test]
fn a_text_about_a_persona_calls_it_by_its_name() {
    let folder = tempfile::tempdir().expect("folder");
    let (_, personas) = demo(folder.path());
    let mut told = 0;
    for persona in &personas {
        let traits = &persona["traits"];
        let (name, bio) = (traits["name"]["value"].as_str(), traits["bio"]["value"].as_str());
        let (Some(name), Some(bio)) = (name, bio) else { continue };
        let other = traits["name"]["variants"].as_array().expect("names").iter().skip(1);
        for other in other.filter_map(|variant| variant["value"].as_str()) {
            assert!(!bio.contains(other), "{name}: {bio}");
            told += 1;
        }
    }
    assert!(told > 0, "the models of the demo name the same people differently");
}
