use super::*;
use crate::consensus::testing::{personas, said};

fn jonas() -> ConsensusPersona {
    let of = |model| said(model, &[("age", "21"), ("occupation", "Student"), ("goals", "Pass the exams")]);
    personas(&[of("a"), of("b"), of("c")]).remove(0)
}

fn approved() -> (Value, String) {
    let persona = jonas();
    let id = persona.persona_id.clone();
    let sentence = |text: &str, name: &str| json!({"text": text, "traits": [name], "statements": [1], "cited": [1], "support": 1.0, "status": "supported"});
    let told = json!({
        "persona_id": id, "author": "pen", "text": "He is 21. He is a student.",
        "narrative": {
            "persona_id": id, "author": "pen",
            "sentences": [sentence("He is 21.", "age"), sentence("He is a student.", "occupation")],
        },
    });
    (json!({"personas": [persona], "narratives": [told], "edited": []}), id)
}

fn edited(patch: &Value) -> Value {
    let (approved, id) = approved();
    apply(approved, &json!({"personas": {id: patch}}), None).unwrap()
}

fn refused(patch: &Value) -> String {
    let (approved, id) = approved();
    apply(approved, &json!({"personas": {id: patch}}), None).unwrap_err().to_string()
}

#[test]
fn an_edit_leaves_a_persona_and_says_what_it_touched() {
    let (before, id) = approved();
    let edit =
        json!({"personas": {&id: {"age": {"confidence": 0.25}}}, "narratives": {&id: {"text": "New."}}});
    let edited = apply(before.clone(), &edit, None).unwrap();
    let age = &edited["personas"][0]["traits"]["age"];
    assert_eq!((&age["confidence"], &age["confidence_status"]), (&json!(0.25), &json!("set_by_person")));
    assert_eq!(edited["narratives"][0], json!({"persona_id": id, "author": "person", "text": "New."}));
    assert_eq!(edited["edited"], json!([format!("personas.{id}"), format!("narratives.{id}")]));
    let without = apply(before, &json!({"personas": {&id: null}}), None).unwrap();
    assert!(without["personas"].as_array().unwrap().is_empty());
}

#[test]
fn p7_what_the_models_did_cannot_be_set_by_a_person() {
    for (patch, named) in [
        (json!({"support": 99}), "`support`"),
        (json!({"models": ["evil"]}), "`models`"),
        (json!({"n_models": 9}), "`n_models`"),
        (json!({"confidence": 0.9}), "`confidence`"),
        (json!({"kind": "minority"}), "`kind`"),
        (json!({"persona_id": "r/2"}), "`persona_id`"),
        (json!({"age": {"support": 99}}), "`support`"),
        (json!({"traits": {"age": {"value": 22, "variants": []}}}), "`variants`"),
        (json!({"age": {"value": 22, "kind": "text"}}), "`kind`"),
    ] {
        let why = refused(&patch);
        assert!(why.contains(named) && why.contains("cannot be set"), "{patch}: {why}");
    }
    let (before, id) = approved();
    for field in ["persona_id", "author", "narrative", "removed_by_edit"] {
        let edit = json!({"narratives": {&id: {"text": "He is rich.", field: "pen"}}});
        let why = apply(before.clone(), &edit, None).unwrap_err().to_string();
        assert!(why.contains(&format!("`{field}` cannot be set; of a narrative only `text` can")), "{why}");
    }
    for text in [json!(7), json!(" "), json!({}), json!({"text": null}), json!(["x"])] {
        let edit = json!({"narratives": {&id: text}});
        let why = apply(before.clone(), &edit, None).unwrap_err().to_string();
        assert!(why.contains("give its text, or null to remove it"), "{why}");
    }
}

#[test]
fn a_narrative_of_which_an_edit_leaves_nothing_is_cut_from_the_traits_and_has_no_author() {
    let told = &edited(&json!({"age": 22, "occupation": "Nurse"}))["narratives"][0];
    assert_eq!(told["author"], Value::Null);
    assert!(told["text"].as_str().unwrap().contains("Nurse"), "{told}");
    assert_eq!(told["removed_by_edit"], json!(["He is 21.", "He is a student."]));
}

#[test]
fn a_trait_is_set_by_its_value_alone_and_says_that_a_person_set_it() {
    for patch in
        [json!({"age": 22}), json!({"traits": {"age": 22}}), json!({"traits": {"age": {"value": 22}}})]
    {
        let after = edited(&patch);
        let age = &after["personas"][0]["traits"]["age"];
        assert_eq!(
            (&age["value"], &age["confidence_status"], &age["was"]),
            (&json!(22), &json!("set_by_person"), &json!(21))
        );
        assert_eq!((&age["support"], &age["divergent"]), (&json!(0), &json!(false)));
        assert_eq!(age["variants"][0]["value"], json!(21), "what the models said is kept");
        let id = after["personas"][0]["persona_id"].as_str().unwrap();
        assert_eq!(after["edited_traits"][id], json!(["age"]));
    }
    let goals = edited(&json!({"goals": "Sleep more"}));
    assert_eq!(goals["personas"][0]["traits"]["goals"]["value"], json!(["Sleep more"]));
    assert!(edited(&json!({"age": null}))["personas"][0]["traits"]["age"].is_null());
}

#[test]
fn a_sentence_that_the_edit_contradicts_leaves_the_narrative() {
    let told = &edited(&json!({"age": 22}))["narratives"][0];
    assert_eq!(told["text"], "He is a student.");
    assert_eq!(told["removed_by_edit"], json!(["He is 21."]));
    assert_eq!(told["narrative"]["removed"][0]["text"], "He is 21.");
    let untouched = &edited(&json!({"goals": "Sleep more"}))["narratives"][0];
    assert_eq!(untouched["text"], "He is 21. He is a student.");
}

#[test]
fn an_edit_that_does_not_fit_is_refused_whole() {
    assert!(refused(&json!({"ocupation": "x"})).contains("no trait `ocupation`; did you mean `occupation`?"));
    assert!(refused(&json!({"traits": {"agee": 3}})).contains("did you mean `age`?"));
    assert!(refused(&json!({"age": {"valu": 3}})).contains("no field `valu`; did you mean `value`?"));
    assert!(refused(&json!({"age": "old"})).contains("is no value of `age`, which is of the kind `numeric`"));
    assert!(refused(&json!({"goals": 5})).contains("is no value of `goals`, which is of the kind `list`"));
    assert!(
        refused(&json!({"age": {"value": 22, "confidence": 7}}))
            .contains("is 7; it must be a number from 0 to 1")
    );
    assert!(refused(&json!({"age": 22, "traits": {"age": 23}})).contains("`age` is named twice"));
    for nothing in [json!(3), json!({}), json!({"traits": {}}), json!({"age": {}})] {
        assert!(refused(&nothing).contains("give "), "{nothing}");
    }
    let levels = r#"{"traits": [{"name": "occupation", "kind": "ordinal", "levels": ["Student", "Nurse"]}]}"#;
    let schema = TraitSchema::from_json(levels).unwrap();
    let (before, id) = approved();
    let set = |value: &str| {
        apply(before.clone(), &json!({"personas": {&id: {"occupation": value}}}), Some(&schema))
    };
    assert!(
        set("wizard").unwrap_err().to_string().contains("is no level of `occupation`; it has Student, Nurse")
    );
    assert!(set("nurse").is_ok());
    let aged = |age: i32| {
        let edit = json!({"personas": {&id: {"age": age}}});
        apply(before.clone(), &edit, Some(&TraitSchema::default_persona()))
    };
    assert!(aged(-22).unwrap_err().to_string().contains("-22 is no `age`, which goes from 0 to 120"));
    assert!(aged(22).is_ok());
    let (before, _) = approved();
    let other = |edit: Value| apply(before.clone(), &edit, None).unwrap_err().to_string();
    assert!(other(json!({"personas": {"r/9": {}}})).contains("there are "));
    assert!(other(json!({"persona": {}})).contains("unknown field"));
    assert!(other(json!({})).contains("changes nothing"));
    assert!(other(json!([])).contains("it is no object"));
}
