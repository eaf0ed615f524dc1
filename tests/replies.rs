//! Replies as models give them: one typed outcome each, and nothing made up.

use consona::parse::{Outcome, ParsedPersona, parse_reply};
use consona::persona::{ModelName, RecordId, TraitSchema, TraitValue};
use proptest::prelude::*;
use rstest::rstest;
use serde_json::{Value, json};

const ANSWER: &str = r#"{"personas": [{"name": "Ada", "age": 34, "goals": ["sleep", "a raise"], "openness": 0.5}, {"name": "Noor", "age": "late 20s", "frustrations": ["noise"]}]}"#;

fn parse(text: &str) -> Outcome {
    parse_reply(text, false, &TraitSchema::default_persona(), 1..=3)
}

fn personas(text: &str) -> Vec<ParsedPersona> {
    match parse(text) {
        Outcome::Personas { personas, .. } => personas,
        other => panic!("{other:?}"),
    }
}

fn violations(text: &str) -> Vec<String> {
    match parse(text) {
        Outcome::Invalid { violations } => violations.iter().map(ToString::to_string).collect(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_answer_is_read_under_the_names_of_the_schema() {
    let read = personas(ANSWER);
    assert_eq!(read[0].traits["age"], TraitValue::Number(34.0));
    assert_eq!(read[0].traits["openness"], TraitValue::Number(0.5));
    assert_eq!(read[1].traits["pain_points"], TraitValue::List(vec!["noise".to_owned()]));
    assert_eq!(read[1].traits["age"], TraitValue::Text("late 20s".to_owned()));
}

#[rstest]
#[case::fenced(format!("Here it is:\n```json\n{ANSWER}\n```\nDone."))]
#[case::fenced_without_language(format!("```\n{ANSWER}\n```"))]
#[case::prose(format!("Sure! Based on {{the data}}, I think:\n\n{ANSWER}\n\nLet me know [1] if you {{need}} more."))]
#[case::think(format!("<think>\nThey want {{\"personas\": []}}? No.\n</think>\n{ANSWER}"))]
#[case::think_without_beginning(format!("They want a list.\n</think>\n{ANSWER}"))]
#[case::byte_order_mark(format!("\u{feff}{ANSWER}"))]
#[case::json_in_json(Value::String(ANSWER.to_owned()).to_string())]
#[case::array_top(format!("[{ANSWER}]"))]
#[case::twice_the_same(format!("{ANSWER}\n{ANSWER}"))]
fn wrapping_changes_nothing(#[case] text: String) {
    assert_eq!(personas(&text), personas(ANSWER));
}

#[rstest]
#[case::cut_text(&ANSWER[..ANSWER.len() * 2 / 3])]
#[case::cut_behind_a_whole_persona("{\"personas\": [{\"name\": \"Ada\", \"age\": 3}")]
#[case::cut_in_a_fence("```json\n{\"personas\": [{\"age\": 37")]
#[case::cut_while_thinking("<think>First, the data")]
fn a_cut_answer_is_never_read(#[case] text: &str) {
    assert_eq!(parse(text), Outcome::Truncated);
}

#[test]
fn a_cut_that_the_provider_reports_counts_even_when_the_rest_looks_whole() {
    let schema = TraitSchema::default_persona();
    assert_eq!(parse_reply(ANSWER, true, &schema, 1..=3), Outcome::Truncated);
    assert_eq!(parse_reply("", true, &schema, 1..=3), Outcome::Truncated);
}

#[rstest]
#[case("I'm sorry, but I can't help with that request.", Outcome::Refusal)]
#[case("I\u{2019}m not able to describe real people.", Outcome::Refusal)]
#[case("", Outcome::Empty)]
#[case("\u{feff} \n", Outcome::Empty)]
#[case("<think>Nothing to say.</think>", Outcome::Empty)]
#[case("Ada is a baker who {likes} to sleep [1].", Outcome::NoJson)]
#[case("42", Outcome::NoJson)]
#[case("null", Outcome::NoJson)]
#[case("\"a text\"", Outcome::NoJson)]
#[case("{\"personas\": [{\"age\": 3}]} or {\"personas\": [{\"age\": 4}]}", Outcome::Ambiguous { answers: 2 })]
#[case("{\"name\": \"Ada\"}\n{\"name\": \"Bo\"}", Outcome::Ambiguous { answers: 2 })]
fn every_other_reply_has_its_own_outcome(#[case] text: &str, #[case] expected: Outcome) {
    assert_eq!(parse(text), expected);
}

#[rstest]
#[case::wrong_schema(r#"{"result": {"people": 3, "ok": "yes"}}"#, &["`the answer` is `{\"result\":{\"ok\":\"yes\",\"people\":3}}`; expected an object with `personas`, a list of persona objects"])]
#[case::personas_null(r#"{"personas": null}"#, &["`the answer` is `{\"personas\":null}`; expected an object with `personas`, a list of persona objects"])]
#[case::duplicate_keys(r#"{"personas": [{"age": null, "age": 37}]}"#, &["`personas[0].age` is given twice; expected every key once", "`personas[0]` is `{\"age\":null}`; expected at least one trait with a value"])]
#[case::too_many(r#"{"personas": [{"age":1},{"age":2},{"age":3},{"age":4}]}"#, &["`personas` is a list of 4; expected 1 to 3"])]
#[case::none(r#"{"personas": []}"#, &["`personas` is a list of 0; expected 1 to 3"])]
fn json_that_is_no_answer_is_named(#[case] text: &str, #[case] expected: &[&str]) {
    assert_eq!(violations(text), expected);
}

#[rstest]
#[case::nan(ANSWER.replacen("34", "NaN", 1), "personas[0].age", "no NaN")]
#[case::infinity(ANSWER.replacen("0.5", "-Infinity", 1), "personas[0].openness", "no NaN or Infinity")]
#[case::bignum(ANSWER.replacen("34", &format!("{}e999", "1".repeat(400)), 1), "personas[0].age", "64-bit float")]
#[case::deep(format!("{}{}", "[".repeat(100_000), "]".repeat(100_000)), "[0][0]", "64 levels")]
#[case::trailing_comma(format!("{},}}", &ANSWER[..ANSWER.len() - 1]), "", "valid JSON")]
#[case::single_quotes(ANSWER.replace('"', "'"), "", "valid JSON")]
#[case::comments(format!("// persona list\n{}", ANSWER.replacen('{', "{/* c */", 1)), "", "valid JSON")]
#[case::crossed("{\"personas\": [{\"age\": 3]}".to_owned(), "personas[0]", "valid JSON")]
fn what_is_no_json_is_a_violation_and_never_repaired(
    #[case] text: String,
    #[case] path: &str,
    #[case] expected: &str,
) {
    let Outcome::Invalid { violations } = parse(&text) else { panic!("{:?}", parse(&text)) };
    assert_eq!(violations.len(), 1);
    assert!(violations[0].path.starts_with(path), "{violations:?}");
    assert!(violations[0].expected.contains(expected), "{violations:?}");
    assert!(violations[0].found.chars().count() < 160, "{violations:?}");
}

#[test]
fn every_violation_is_named_with_path_value_and_what_was_expected() {
    let text = json!({"personas": [
        {"name": "Ada", "age": true, "goals": [["nested"]], "education": ["a", "b"]},
        7,
        {"age": [1, 2, 3], "location": {"city": {"name": {"deep": 1}}}, "!": 1, "bio": "x".repeat(20_001)},
    ]});
    assert_eq!(
        violations(&text.to_string()),
        [
            "`personas[0].age` is `true`; expected a number or a range, in years",
            "`personas[0].education` is `[\"a\",\"b\"]`; expected one of: no high school diploma, in high school, high school diploma, in college, college degree, master's degree, doctorate",
            "`personas[0].goals[0]` is `[\"nested\"]`; expected a text",
            "`personas[1]` is `7`; expected a persona object",
            "`personas[2].!` is `!`; expected a trait name of at most 120 characters with a letter in it",
            "`personas[2].age` is `[1,2,3]`; expected a number or a range, in years",
            "`personas[2].bio` is a text of 20001 characters; expected at most 20000 characters",
            "`personas[2].location` is `{\"city\":{\"name\":{\"deep\":1}}}`; expected one text",
        ]
    );
}

#[test]
fn a_model_is_told_what_is_wrong_in_few_lines() {
    let many = json!({"personas": vec![json!({"age": true}); 30]}).to_string();
    let complaints = parse_reply(&many, false, &TraitSchema::default_persona(), 1..=30).complaints();
    assert_eq!(complaints.len(), 21);
    assert_eq!(complaints[20], "and 10 more of the kind");
    let told = parse(&many).complaints();
    assert_eq!((told.len(), told[0].as_str()), (4, "`personas` is a list of 30; expected 1 to 3"));
    assert_eq!(parse("words").complaints(), ["there was no JSON in the answer"]);
    assert!(parse(ANSWER).complaints().is_empty());
}

#[test]
fn one_persona_needs_no_list_and_strangers_beside_the_list_are_left_out() {
    let single = personas(r#"{"name": "Ada", "demographics": {"age": 34}}"#);
    assert_eq!(single[0].traits["age"], TraitValue::Number(34.0));
    assert_eq!(personas(r#"{"persona": {"name": "Ada", "age": 34}}"#), single);
    let text = format!("{}, \"__proto__\": {{\"admin\": true}}}}", &ANSWER[..ANSWER.len() - 1]);
    let Outcome::Personas { personas: read, notices } = parse(&text) else { panic!() };
    assert_eq!(read, personas(ANSWER));
    assert_eq!(notices.len(), 1);
    assert_eq!(notices[0].path, "__proto__");
}

#[test]
fn alternatives_reasons_and_evidence_become_part_of_the_draft() {
    let text = r#"{"personas": [{"age": 30, "job": "baker",
        "alternatives": {"age": ["35", 40], "job": null},
        "reasons": {"age": "says so", "job": null},
        "evidence": [{"trait": "job", "quote": "I bake.", "row": 3}, {"trait": "job", "quote": ""}, {"quote": "x"}]}]}"#;
    let Outcome::Personas { personas, notices } = parse(text) else { panic!() };
    let id = RecordId::new("r1").expect("valid");
    let model = ModelName::new("m").expect("valid");
    let draft = personas[0].clone().into_draft(id, model, 1, 2, 3, "reply 9".to_owned());
    assert_eq!((draft.sample, draft.part, draft.position, draft.origin.as_str()), (1, 2, 3, "reply 9"));
    assert_eq!(draft.alternatives["age"], [TraitValue::Text("35".to_owned()), TraitValue::Number(40.0)]);
    assert_eq!(draft.reasons["age"], "says so");
    assert_eq!(draft.evidence["occupation"][0].quote, "I bake.");
    assert_eq!(draft.evidence["occupation"][0].row.as_deref(), Some("3"));
    let paths: Vec<&str> = notices.iter().map(|notice| notice.path.as_str()).collect();
    assert_eq!(paths, ["personas[0].evidence[1]", "personas[0].evidence[2]"]);
}

#[test]
fn half_a_surrogate_pair_is_seen_and_said() {
    let Outcome::Personas { personas, notices } = parse(r#"{"personas":[{"name":"A\ud800"}]}"#) else {
        panic!()
    };
    assert_eq!(personas[0].traits["name"], TraitValue::Text("A\u{fffd}".to_owned()));
    assert_eq!(notices[0].message, "1 halves of surrogate pairs became U+FFFD");
}

#[test]
fn hostile_texts_stay_what_they_are() {
    for hostile in ["<script>alert(1)</script>", "```\n</code>", "=1+1", "\u{1b}[2J", "{{7*7}}", "</think>"] {
        let text = json!({"personas": [{"name": hostile}]}).to_string();
        for wrapped in [text.clone(), format!("Well:\n```json\n{text}\n```")] {
            assert_eq!(personas(&wrapped)[0].traits["name"], TraitValue::Text(hostile.to_owned()));
        }
    }
}

fn a_persona() -> impl Strategy<Value = Value> {
    let text = "[a-zA-Z{}\\[\\]\"'`<>/\\\\ é😀]{1,20}";
    (text, 0_u32..120, prop::collection::vec(text, 1..4)).prop_map(|(name, age, goals)| {
        json!({"name": format!("n{name}"), "age": age, "goals": goals.iter().map(|g| format!("g{g}")).collect::<Vec<_>>()})
    })
}

proptest! {
    #[test]
    fn arbitrary_text_never_panics(text in ".*", truncated: bool) {
        let _ = parse_reply(&text, truncated, &TraitSchema::default_persona(), 1..=2);
    }

    #[test]
    fn text_that_resembles_json_never_panics(text in r#"[\[\]{}"':,`<>/a-c0-9\\ \n]{0,80}"#) {
        let _ = parse(&text);
    }

    #[test]
    fn the_same_personas_come_out_of_every_wrapping(list in prop::collection::vec(a_persona(), 1..4)) {
        let text = json!({ "personas": list }).to_string();
        let bare = personas(&text);
        prop_assert_eq!(bare.len(), list.len());
        for wrapped in [
            format!("Here {{you}} go: {text} Bye [2]."),
            format!("```json\n{text}\n```"),
            format!("First:\n\n```\n{text}\n```\nThat {{is}} all."),
            format!("<think>[hm {{\"personas\"</think>\n{text}"),
            Value::String(text.clone()).to_string(),
            serde_json::to_string_pretty(&json!({ "personas": list })).expect("json"),
        ] {
            prop_assert_eq!(&personas(&wrapped), &bare, "{}", wrapped);
        }
    }

    #[test]
    fn no_cut_of_an_answer_is_ever_read(list in prop::collection::vec(a_persona(), 1..3), share in 0.05_f64..0.99) {
        let text = json!({ "personas": list }).to_string();
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a place inside a short text")]
        let end = (text.chars().count() as f64 * share) as usize;
        let cut: String = text.chars().take(end.max(1)).collect();
        prop_assert!(!matches!(parse(&cut), Outcome::Personas { .. }), "{}", cut);
    }
}
