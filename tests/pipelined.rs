//! Personas while answers come in: REQUIREMENTS W6, through the binary.

#[expect(dead_code, reason = "shared with tests that need more of it")]
mod staged;

use serde_json::Value;
use staged::Demo;

fn plain() -> Demo {
    Demo::new(|_| std::fs::read_to_string("data/demo/study.yaml").expect("the demo"))
}

/// The last of the events about personas so far.
fn last(said: &str) -> Option<Value> {
    let mut events = said.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    events.rfind(|event| event["event"] == "provisional")
}

#[test]
fn w6_the_last_look_before_the_end_counts_what_the_end_counts() {
    let demo = plain();
    let (_, said) = demo.run(0, &["--progress", "json"]);
    let so_far = last(&said).expect("personas are told while answers come in");
    let counts = &demo.json("summary.json")["counts"];
    for name in ["consensus", "minority", "traits", "divergent_traits"] {
        assert_eq!(so_far[name], counts[name], "{name}");
    }
    assert_eq!(so_far["record"], "corpus");
}

#[test]
fn w6_a_run_that_is_taken_up_counts_what_is_stored_and_one_that_is_done_tells_nothing() {
    let demo = plain();
    let study = std::fs::read_to_string(demo.path("study.yaml")).expect("the demo");
    // The third member fails at its first attempt, and there is no other in the first sitting.
    let whole = std::fs::read_to_string(demo.path("recordings.jsonl")).expect("recordings");
    let down = r#"{"record": "corpus", "model": "cinder", "failures": [{"status": 500}]}"#;
    std::fs::write(demo.path("recordings.jsonl"), format!("{down}\n{whole}")).expect("written");
    let strict = "quorum: {min_success_ratio: 0.9}\nretry: {max_attempts: 1}\n";
    std::fs::write(demo.path("study.yaml"), format!("{study}\n{strict}")).expect("written");
    demo.run(4, &[]);
    let (_, said) = demo.run(0, &["--progress", "json"]);
    let so_far = last(&said).expect("told");
    assert_eq!(so_far["consensus"], demo.json("summary.json")["counts"]["consensus"]);
    let (_, again) = demo.run(0, &["--progress", "json"]);
    assert!(last(&again).is_none(), "{again}");
}

/// A study of ten people in two segments, of whom three members know the job and the town.
fn people(sections: &str) -> Demo {
    let demo = Demo::new(|_| {
        format!(
            "name: people\ninput: {{path: people.jsonl, unit: record, id_field: id}}\npersonas: {{min: 1, max: 1}}\npanel:\n{}{sections}",
            ["a", "b", "c"]
                .map(|name| format!("  - {{model: 'replay:{name}', recording: people_recorded.jsonl}}\n"))
                .concat()
        )
    });
    let (mut rows, mut recorded): (Vec<String>, Vec<String>) = (Vec::new(), Vec::new());
    for (place, job) in ["nurse", "baker", "plumber", "teacher", "judge"].repeat(2).iter().enumerate() {
        let segment = if place % 2 == 0 { "even" } else { "odd" };
        rows.push(format!("{{\"id\": \"p{place}\", \"segment\": \"{segment}\"}}\n"));
        recorded.extend(["a", "b", "c"].map(|member| {
            format!(
                "{{\"record\": \"p{place}\", \"model\": \"{member}\", \"persona\": {{\"name\": \"P {place}\", \"occupation\": \"{job}\"}}}}\n"
            )
        }));
    }
    std::fs::write(demo.path("people.jsonl"), rows.concat()).expect("written");
    std::fs::write(demo.path("people_recorded.jsonl"), recorded.concat()).expect("written");
    demo
}

#[test]
fn w6_streams_by_column_leave_gaps_between_their_records_and_no_two_of_them_are_mixed() {
    // The odd ones come first: the second record of the input is the first that is stored.
    let demo = people(
        "workstreams:\n  streams:\n    - {name: odd, records: {column: {segment: odd}}}\n    - {name: even, records: {column: {segment: even}}, depends_on: [odd]}\n",
    );
    let (_, said) = demo.run(0, &["--progress", "json"]);
    assert!(!said.contains("panicked"), "{said}");
    let so_far = last(&said).expect("told");
    assert_eq!((&so_far["records"], &so_far["consensus"]), (&10.into(), &10.into()), "{so_far}");
    assert_eq!(so_far["consensus"], demo.json("summary.json")["counts"]["consensus"]);
}

#[test]
fn w6_a_shard_that_is_taken_up_counts_its_own_records_apart() {
    let strict = "quorum: {min_success_ratio: 0.9}\nretry: {max_attempts: 1}\n";
    let demo = people(strict);
    let whole = std::fs::read_to_string(demo.path("people_recorded.jsonl")).expect("recordings");
    // The share has the records 0, 2, 3, 4 and so on. In the first sitting nobody says anything about the second and the
    // third of them; in the other, what is said about the third comes when the stored answers have been looked at.
    let late = [("p2", ""), ("p3", ", {\"status\": 503, \"retry_after\": 1}")];
    let fails = |(record, more): (&str, &str)| {
        ["a", "b", "c"].map(|model| {
            format!(
                "{{\"record\": \"{record}\", \"model\": \"{model}\", \"failures\": [{{\"status\": 500}}{more}]}}\n"
            )
        })
    };
    let down = late.map(fails).concat().concat();
    std::fs::write(demo.path("people_recorded.jsonl"), down + &whole).expect("written");
    demo.run(4, &["--shard", "2/2"]);
    let text = std::fs::read_to_string(demo.path("study.yaml")).expect("the study");
    std::fs::write(demo.path("study.yaml"), text.replace("max_attempts: 1", "max_attempts: 3"))
        .expect("written");
    let (_, said) = demo.run(0, &["--shard", "2/2", "--progress", "json"]);
    assert!(!said.contains("panicked"), "{said}");
    let drafts = std::fs::read_to_string(demo.path("run/drafts.jsonl")).expect("drafts");
    let records = drafts.lines().count() / 3;
    let so_far = last(&said).expect("told");
    assert!(records > 1 && records < 10, "{records} in this share");
    assert_eq!((&so_far["records"], &so_far["consensus"]), (&records.into(), &records.into()), "{so_far}");
}
