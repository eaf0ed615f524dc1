//! The check of narratives, sentence by sentence.

use super::check::Checker;
use super::{Claim, Doubt, Narrative, Sentence, Status, Ungrounded, template};
use crate::consensus::testing::{embedder, personas, said};
use crate::stages::Statement;
use crate::stages::statements;
use proptest::prelude::*;

fn marta() -> Vec<Statement> {
    let all = personas(&[
        said(
            "a",
            &[
                ("name", "Marta"),
                ("age", "35"),
                ("occupation", "Hospital nurse on rotating shifts"),
                ("goals", "Complete her specialist certificate; Find an hour of quiet after the shift"),
                ("pain_points", "Does not trust the machines with her card; Dislikes crowds and noise"),
                ("tech_savviness", "low"),
            ],
        ),
        said(
            "b",
            &[
                ("name", "Marta"),
                ("age", "Mid-30s"),
                ("occupation", "Nurse in a hospital, shift work"),
                ("goals", "Finish the specialist certificate; A quiet hour after the shift"),
                ("pain_points", "Does not trust machines with her card; Dislikes crowds and noise"),
                ("tech_savviness", "high"),
            ],
        ),
    ]);
    statements(&all[0])
}

fn check(texts: &[&str], ungrounded: Ungrounded) -> Narrative {
    let claims: Vec<Claim> =
        texts.iter().map(|text| Claim { text: (*text).to_owned(), cited: vec![1] }).collect();
    let checker = Checker::new(embedder()).expect("measures");
    checker.check("r/1", None, &claims, &marta(), ungrounded).expect("embeds")
}

fn status(text: &str) -> (Status, Option<Doubt>) {
    let sentence = check(&[text], Ungrounded::Mark).sentences.remove(0);
    (sentence.status, sentence.doubt)
}

#[test]
fn what_the_statements_say_stands() {
    for text in [
        "Marta, 35, is a hospital nurse who works rotating shifts.",
        "She is in her mid-thirties and wants to complete her specialist certificate.",
        "After the shift she wants an hour of quiet.",
        "Marta does not trust the machines with her card.",
        "She doesn't like crowds and noise.",
    ] {
        let (found, doubt) = status(text);
        assert_eq!(found, Status::Supported, "{text}: {doubt:?}");
    }
}

#[test]
fn p5_what_no_statement_says_does_not_stand_however_it_is_cited() {
    for text in [
        "Marta loves her seven parrots.",
        "She is a hospital nurse who sails on weekends.",
        "She is a retired engineer.",
        "She is a hospital plumber.",
        "The certificate will make her rich and famous.",
    ] {
        let (found, doubt) = status(text);
        assert_eq!(found, Status::Unsupported, "{text}");
        assert!(matches!(doubt, Some(Doubt::NoStatement { .. } | Doubt::Number { .. })), "{text}: {doubt:?}");
    }
    assert_eq!(status("This is who she is."), (Status::Unsupported, Some(Doubt::SaysNothing)));
}

#[test]
fn a_number_must_stand_in_a_statement() {
    assert_eq!(
        status("Marta is a 41-year-old hospital nurse."),
        (Status::Unsupported, Some(Doubt::Number { number: 41.0 }))
    );
    assert_eq!(status("Marta has 2 certificates.").1, Some(Doubt::Number { number: 2.0 }));
    assert_eq!(status("Marta is 35.").0, Status::Supported);
}

#[test]
fn the_opposite_of_a_statement_is_no_support_for_it() {
    for text in ["She trusts the machines with her card.", "She likes crowds and noise."] {
        let (found, doubt) = status(text);
        assert_eq!(found, Status::Unsupported, "{text}");
        assert!(matches!(doubt, Some(Doubt::Contradicts { .. })), "{text}: {doubt:?}");
    }
}

#[test]
fn what_reverses_a_statement_is_no_support_however_much_else_is_denied() {
    for text in [
        "She is not a hospital nurse.",
        "She is no longer a hospital nurse.",
        "She is a former hospital nurse.",
        "She fails her specialist certificate.",
        "Nobody wants to complete the specialist certificate.",
        "She hates an hour of quiet after the shift.",
        "She never works rotating shifts.",
    ] {
        let (found, doubt) = status(text);
        assert_eq!(found, Status::Unsupported, "{text}: {doubt:?}");
    }
    assert_eq!(status("She hates crowds and noise.").0, Status::Supported);
}

fn told_of(traits: &[(&str, &str)], text: &str) -> (Status, Option<Doubt>) {
    let all = personas(&[said("a", traits), said("b", traits)]);
    let claim = Claim { text: text.to_owned(), cited: Vec::new() };
    let checker = Checker::new(embedder()).expect("measures");
    let told = checker.check("r/1", None, &[claim], &statements(&all[0]), Ungrounded::Mark).expect("embeds");
    (told.sentences[0].status, told.sentences[0].doubt.clone())
}

#[test]
fn p5_a_number_belongs_to_the_statement_that_has_it() {
    let traits = [
        ("name", "Jonas"),
        ("age", "21"),
        ("pain_points", "Too few sockets; No bus after eight"),
        ("occupation", "Student"),
    ];
    for text in
        ["Jonas has 21 sockets.", "Jonas is 8.", "He has 8 sockets.", "He is a student with 21 sockets."]
    {
        let (found, doubt) = told_of(&traits, text);
        assert_eq!(found, Status::Unsupported, "{text}");
        assert!(matches!(doubt, Some(Doubt::Number { .. } | Doubt::NoStatement { .. })), "{text}: {doubt:?}");
    }
    for text in ["Jonas is a 21-year-old student.", "He is 21.", "There is no bus after eight."] {
        let (found, doubt) = told_of(&traits, text);
        assert_eq!(found, Status::Supported, "{text}: {doubt:?}");
    }
}

#[test]
fn p5_a_number_of_some_models_only_is_uncertain() {
    let all = personas(&[
        said("a", &[("name", "Helga"), ("age", "70")]),
        said("b", &[("age", "70")]),
        said("c", &[("age", "68")]),
    ]);
    let statements = statements(&all[0]);
    let claims =
        ["Helga is 70.", "Helga is 68."].map(|text| Claim { text: text.to_owned(), cited: Vec::new() });
    let checker = Checker::new(embedder()).expect("measures");
    let told = checker.check("r/1", None, &claims, &statements, Ungrounded::Mark).expect("embeds");
    let found: Vec<Status> = told.sentences.iter().map(|sentence| sentence.status).collect();
    assert_eq!(found, [Status::Supported, Status::Uncertain], "{told:?}");
}

#[test]
fn p5_a_goal_told_as_a_fact_is_marked() {
    let traits = [("goals", "Pass the exams; Complete her specialist certificate")];
    for text in ["He passed the exams.", "She completed her specialist certificate."] {
        let (found, doubt) = told_of(&traits, text);
        assert_eq!(found, Status::Uncertain, "{text}");
        assert!(matches!(doubt, Some(Doubt::GoalAsFact { .. })), "{text}: {doubt:?}");
    }
    for text in
        ["He hopes to pass the exams.", "Goals: pass the exams.", "She works to complete her certificate."]
    {
        assert_eq!(told_of(&traits, text).0, Status::Supported, "{text}");
    }
}

#[test]
fn p5_what_is_denied_elsewhere_in_the_statement_is_not_affirmed() {
    for (name, value, text) in [
        (
            "goals",
            "Finish a bachelor's without borrowing money",
            "He finishes his bachelor's by borrowing money.",
        ),
        ("pain_points", "App logs her out again and again", "The app keeps her logged in."),
        ("pain_points", "Wifi fails in the evening", "The wifi works in the evening."),
        ("occupation", "Retired teacher", "She is a teacher."),
        ("occupation", "Works at the hospital", "She quit the hospital."),
        ("bio", "Books matter less than sockets and wifi", "Sockets matter less than books."),
        ("bio", "Likes books", "She likes books more than sockets."),
    ] {
        let (found, doubt) = told_of(&[(name, value)], text);
        assert_eq!(found, Status::Unsupported, "{text} of {value}: {doubt:?}");
    }
}

#[test]
fn p5_another_wording_does_not_support_what_the_nearest_one_denies() {
    let all = personas(&[
        said("a", &[("name", "Jonas"), ("goals", "Finish a bachelor's without borrowing money")]),
        said("b", &[("name", "Jonas"), ("goals", "Finish the bachelor's degree without debt")]),
    ]);
    let text = "Jonas wants to borrow money to finish his bachelor's.";
    let claim = Claim { text: text.to_owned(), cited: Vec::new() };
    let checker = Checker::new(embedder()).expect("measures");
    let told = checker.check("r/1", None, &[claim], &statements(&all[0]), Ungrounded::Mark).expect("embeds");
    assert_eq!(told.sentences[0].status, Status::Unsupported, "{told:?}");
}

#[test]
fn p5_what_another_trait_denies_is_uncertain_and_a_want_denies_nothing() {
    let traits =
        [("bio", "Studies in the library and at home"), ("pain_points", "No place to study at home")];
    assert_eq!(told_of(&traits, "She studies at home.").0, Status::Uncertain);
    let traits = [("goals", "A quiet place to study"), ("pain_points", "No quiet place to study")];
    assert_eq!(told_of(&traits, "She wants a quiet place to study.").0, Status::Supported);
}

#[test]
fn p5_a_word_of_the_authors_own_is_marked() {
    let sentence = check(&["She is a hospital nurse on moonlit rotating shifts."], Ungrounded::Remove);
    assert_eq!(sentence.sentences[0].status, Status::Uncertain, "{sentence:?}");
    assert!(sentence.text().ends_with("[in words of its own: moonlit]"), "{}", sentence.text());
    let owned = check(&["She owns a specialist certificate."], Ungrounded::Remove);
    assert!(owned.text().is_empty() || owned.text().ends_with("[in words of its own: owns]"), "{owned:?}");
}

#[test]
fn where_models_disagree_either_side_is_uncertain_and_both_are_kept() {
    for text in ["Her tech savviness is low.", "Her tech savviness is high."] {
        let sentence = check(&[text], Ungrounded::Mark).sentences.remove(0);
        assert_eq!(
            (sentence.status, sentence.other_sides.len()),
            (Status::Uncertain, 1),
            "{text}: {sentence:?}"
        );
    }
}

#[test]
fn a_wording_of_the_same_statement_or_a_want_is_no_contradiction() {
    let all = personas(&[
        said("a", &[("pain_points", "No quiet place to study at home"), ("goals", "A quiet place to study")]),
        said("b", &[("pain_points", "Has no quiet place to study"), ("goals", "A quiet place to study")]),
    ]);
    let statements = statements(&all[0]);
    let claim = Claim { text: "She has no quiet place to study.".to_owned(), cited: Vec::new() };
    let checker = Checker::new(embedder()).expect("measures");
    let told = checker.check("r/1", None, &[claim], &statements, Ungrounded::Mark).expect("embeds");
    assert_eq!(told.sentences[0].status, Status::Supported, "{told:?}");
    assert_eq!(told.sentences[0].traits, ["pain_points"]);
}

#[test]
fn p5_unsupported_sentences_are_taken_out_or_marked() {
    let texts = ["Marta is 35.", "She owns a yacht."];
    let removed = check(&texts, Ungrounded::Remove);
    assert_eq!((removed.sentences.len(), removed.removed.len(), removed.grounded()), (1, 1, Some(0.5)));
    assert_eq!(removed.text(), "Marta is 35.");
    let marked = check(&texts, Ungrounded::Mark);
    assert_eq!(marked.text(), "Marta is 35. She owns a yacht. [not supported]");
    assert_eq!(marked.sentences[0].traits, ["age"]);
    assert_eq!(marked.sentences[1].cited, [1], "kept, and worth nothing");
}

#[test]
fn what_is_cut_from_the_statements_passes_the_check() {
    let statements = marta();
    let checker = Checker::new(embedder()).expect("measures");
    let told =
        checker.check("r/1", None, &template(&statements), &statements, Ungrounded::Mark).expect("embeds");
    let refused: Vec<&Sentence> =
        told.sentences.iter().filter(|sentence| sentence.status == Status::Unsupported).collect();
    assert!(refused.is_empty() && told.sentences.len() >= 5, "{refused:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn any_text_is_judged_and_support_stays_in_range(text in ".{0,80}") {
        let told = check(&[&text], Ungrounded::Mark);
        prop_assert!((0.0..=1.0).contains(&told.sentences[0].support));
    }
}
