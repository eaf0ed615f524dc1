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
