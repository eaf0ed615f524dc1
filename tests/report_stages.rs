//! The HTML report of runs with stages, and of runs that came to no personas.
#![cfg(feature = "cli")]

#[expect(dead_code, reason = "shared with tests that need more of it")]
mod staged;

use std::fs;

use serde_json::json;
use staged::{Demo, expect};

fn page(demo: &Demo) -> String {
    fs::read_to_string(demo.path("run/report.html")).expect("written")
}

#[test]
fn the_report_of_a_run_that_waits_says_so_and_shows_what_its_stages_left() {
    let demo = Demo::new(|text| text);
    demo.run(5, &[]);
    let waiting = page(&demo);
    assert!(
        waiting.contains("`approval` still waits for a person"),
        "the page that the run itself writes says it"
    );
    expect(0, &["report", &demo.text("run"), "--out", &demo.text("again.html")]);
    assert_eq!(
        waiting,
        fs::read_to_string(demo.path("again.html")).expect("written"),
        "same run, same bytes"
    );
    for part in [
        "Jonas is 21. He is a student.",
        "Written by pen; every sentence was held against",
        "He drives an expensive sports car to the campus.",
        "Cut from the values below; no model wrote it.",
        "Rows that a persona speaks for: 12 of 12",
        "Three groups are well supported",
        "Quality check: pass.",
        "<dd>interviews.jsonl</dd>",
        "<dd>3 to 4 in each answer</dd>",
    ] {
        assert!(waiting.contains(part), "{part}");
    }
    assert!(!waiting.contains("<h3>Approval</h3>"), "nobody decided anything");
    expect(0, &["approve", &demo.text("run"), "--reason", "reads <b>well</b>"]);
    demo.run(0, &[]);
    let approved = page(&demo);
    assert!(
        approved.contains("A person approved them (20") && approved.contains("reads &lt;b&gt;well"),
        "who, when, why"
    );
    assert!(!approved.contains("still waits"));
}

#[test]
fn rows_that_nobody_speaks_for_are_named_and_a_person_is_told_from_a_model() {
    let demo = Demo::new(|text| text);
    demo.run(5, &[]);
    let run = demo.text("run");
    let rows: Vec<_> = (0..23)
        .map(|row| json!({"row": format!("<i>r{row}</i>"), "nearest": null, "similarity": null}))
        .collect();
    let coverage = json!({"rows": 35, "covered": 12, "share": 0.34, "personas": [], "uncovered": rows});
    fs::write(demo.path("run/artefacts/coverage.json"), coverage.to_string()).expect("written");
    fs::write(demo.path("edit.json"), json!({"narratives": {"corpus/1": "As I <em>say</em>."}}).to_string())
        .expect("written");
    expect(0, &["modify", &run, "--edit", &demo.text("edit.json")]);
    expect(0, &["report", &run]);
    let page = page(&demo);
    assert!(page.contains("Nobody speaks for &lt;i&gt;r0&lt;&#x2f;i&gt;, "), "named, and harmless");
    assert!(
        page.contains("r19&lt;&#x2f;i&gt;, and 3 more.") && !page.contains("r20&lt;"),
        "capped with a count"
    );
    assert!(page.contains("As I &lt;em&gt;say") && page.contains("Written by a person at the approval."));
    assert!(page.contains("A person changed them"), "the change is told");
}

/// A study of three members of whom `known` have recordings.
fn study(known: usize, mode: &str) -> Demo {
    Demo::new(|text| {
        let panel = text.find("panel:").expect("a panel");
        let schema = text.find("schema:").expect("a schema");
        let stages = text.find("stages: ").expect("stages");
        let members =
            ["replay:aurora", "replay:basalt", "replay:cinder"].iter().enumerate().map(|(place, name)| {
                let name = if place < known { (*name).to_owned() } else { format!("replay:nobody-{place}") };
                format!("  - {{model: \"{name}\", recording: recordings.jsonl}}\n")
            });
        let members: String = members.collect();
        format!("{}panel:\n{members}\n{}", &text[..panel].replace("consensus", mode), &text[schema..stages])
    })
}

#[test]
fn a_run_of_which_nobody_answered_has_a_report_that_says_why_and_no_rows() {
    let demo = study(0, "consensus");
    let output = staged::consona(&["run", &demo.text("study.yaml"), "--out", &demo.text("run")]);
    assert_eq!(output.status.code(), Some(4), "{}", String::from_utf8_lossy(&output.stderr));
    let run = demo.text("run");
    let (_, said) = expect(2, &["export", &run, "--to", "csv"]);
    assert!(said.contains("has no personas: too few models answered"), "{said}");
    assert!(said.contains("replay:nobody-0: recording") && !said.contains("side by side"), "{said}");
    expect(2, &["report", &run, "--format", "html,csv"]);
    assert!(!demo.path("run/report.html").exists(), "it is refused before anything is made");
    expect(0, &["report", &run]);
    let page = page(&demo);
    for part in [
        "This run has no personas: too few models answered for the quorum",
        "library-evenings-staged",
        "has no entry for replay:nobody-2",
        "id=\"models\"",
        "1 question to each of 3 models",
    ] {
        assert!(page.contains(part), "{part}");
    }
    for part in ["id=\"personas\"", "id=\"agreement\"", "href=\"#trust\"", "independent models"] {
        assert!(!page.contains(part), "{part}");
    }
}

#[test]
fn a_run_whose_models_stand_side_by_side_has_a_report_of_how_it_was_asked() {
    let demo = study(3, "parallel");
    demo.run(0, &[]);
    let run = demo.text("run");
    let (_, said) = expect(2, &["export", &run, "--to", "csv"]);
    assert!(said.contains("its mode lets the models stand side by side"), "{said}");
    expect(0, &["report", &run]);
    assert!(page(&demo).contains("to form personas of the drafts: consona consensus"), "what to do");
}
