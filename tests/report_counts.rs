//! The numbers of the HTML report: every difference has its reason, and nobody counts who said nothing.

#[expect(dead_code, reason = "other tests use more of it")]
#[path = "report/page.rs"]
mod page;

use consona::report::html::{Metrics, ReportBuilder, StoredAnswer, StoredSummary};
use page::{benign, elements, parse, persona, rows_of, text_of};
use serde_json::{Value, json};

/// A result of forty records and three models: one record could not be read, `=two` gave nothing, and of `p17` nobody
/// said anything.
fn stored() -> StoredSummary {
    let answer = |answered: u64, reasons: Value| {
        let unanswered = 40 - answered;
        json!({"answered": answered, "unanswered": unanswered, "reasons": reasons})
    };
    let member = |model: &str, drafts: usize| json!({"model": model, "drafts": drafts, "agreement": 0.55, "weight": 1.0});
    let stored = json!({
        "product": {"name": "consona", "version": "0"},
        "asked": {
            "study": "s", "question": null, "mode": "consensus", "prompt_version": "p", "fingerprint": "f", "units": 40,
            "records_read": 40, "records_set_aside": 1,
            "answers": {
                "one": answer(39, json!({"HTTP 400": 1})), "=two": answer(0, json!({"a list of 2": 30})),
                "three": answer(38, json!({"refused": 2})),
            },
        },
        "counts": {
            "drafts": 77, "drafts_of_other_models": 0, "drafts_used": 77, "set_aside": 0, "records": 39, "personas": 39,
            "consensus": 38, "minority": 1, "duplicates_merged": 2, "traits": 39, "divergent_traits": 0,
        },
        "inputs": [{"file": "answers of the panel", "drafts": 77, "set_aside": 0}],
        "panel": [member("one", 39), member("=two", 0), member("three", 38)],
        "learned": {"subject": "One persona a record", "same_persona": "x"},
        "calibration": null,
        "dependence": {"correlation": 0.27, "measured": null, "cells": 0, "n_eff": 1.948, "pairs": []},
        "seed": 1, "embedder": "e", "schema": {"traits": []},
    });
    StoredSummary::from_json(&stored.to_string()).expect("a summary")
}

fn faulty() -> String {
    let mut builder = ReportBuilder::new(stored());
    let models = ["one", "=two", "three"];
    let speaking = ["one", "three", "one"].map(str::to_owned);
    for number in (0..40).filter(|number| *number != 17) {
        let mut one = persona(0, &format!("p{number}"), &speaking, &|field| benign(0, field));
        // Three of four values were given by one model alone: nobody could disagree about them.
        for (place, found) in one.traits.values_mut().enumerate() {
            found.n_models = if place == 0 { 2 } else { 1 };
            found.divergent = place == 0 && number < 10;
        }
        builder.add(one);
    }
    for number in 0..40 {
        for (place, model) in models.iter().enumerate() {
            let status =
                if place == 1 || number == 17 || (place == 2 && number == 30) { "error" } else { "success" };
            let call = json!({"model": model, "status": status, "record": format!("p{number}"), "attempts": 1, "latency_ms": 5,
                "cost": 0.5});
            builder.add_call(&serde_json::from_value::<StoredAnswer>(call).expect("a call"));
        }
    }
    let metrics = json!({"wall_ms": 21426, "busy_ms": 74700, "parallel_efficiency": 3.487, "unpriced": ["three"],
        "units_below_quorum": 1, "records_below_quorum": ["p17"]});
    let metrics = serde_json::from_value::<Metrics>(metrics).expect("metrics");
    builder.with_metrics(metrics).finish().expect("rendered")
}

#[test]
fn every_difference_between_input_and_personas_has_its_reason_and_the_table_adds_up() {
    let rows = rows_of(&faulty(), "flow");
    let number = |cell: &str| -> i64 {
        let digits: String = cell.chars().filter(|c| *c == '−' || c.is_ascii_digit()).collect();
        digits.replace('−', "-").parse().expect("a number")
    };
    let shown: Vec<(&str, i64, &str)> =
        rows.iter().skip(1).map(|row| (row[0].as_str(), number(&row[1]), row[2].as_str())).collect();
    let names: Vec<&str> = shown.iter().map(|row| row.0).collect();
    let (mut left, mut taken) = (None, false);
    for (what, n, why) in &shown {
        if *n < 0 {
            assert!(!why.is_empty(), "{what}: no reason");
            left = left.map(|left: i64| left + n);
            taken = true;
        } else {
            assert!(!taken || left == Some(*n), "{what}: {n} is not what is left, {left:?}: {shown:?}");
            assert!(
                taken || left.is_none_or(|left| left == *n) || !why.is_empty(),
                "{what}: no reason: {shown:?}"
            );
            (left, taken) = (Some(*n), false);
        }
    }
    assert!(!taken, "something is taken from the last number and nothing is left of it");
    for (what, n) in [
        ("Records in the input", 41),
        ("Calls made", 120),
        ("Calls answered", 77),
        ("Records with personas", 39),
    ] {
        assert!(shown.iter().any(|row| (row.0, row.1) == (what, n)), "{what} {n}: {names:?}");
    }
    let without = shown.iter().find(|row| row.0 == "without personas").expect("the record that has none");
    assert_eq!((without.1, without.2), (-1, "no model answered: p17"));
    let lost = shown.iter().find(|row| row.0 == "without a usable answer").expect("lost calls");
    assert!(
        lost.2.contains("=two: a list of 2 (30); =two: other reasons (10)"),
        "all 40 have a reason: {}",
        lost.2
    );
}

#[test]
fn a_member_that_never_answered_is_no_voice() {
    let html = faulty();
    let text = text_of(&parse(&html).document);
    // Two voices with ρ = 0.27: 2 / 1.27 = 1.57.
    assert!(
        text.contains("2 models are worth 1.6 independent ones") && text.contains("One more was asked"),
        "{text}"
    );
    assert!(text.contains("With fewer than three models nobody can tell which of two is right."));
    let rows = rows_of(&html, "sortable");
    let two: Vec<&Vec<String>> = rows.iter().filter(|row| row[0] == "=two").collect();
    assert_eq!(two[0][1..5], ["0", "–", "–", "–"], "no drafts, no weight, no agreement");
    assert!(
        !html.contains("<desc id=\"heat-d\">=two") && !html.contains("and =two:"),
        "it agrees with nobody"
    );
}

#[test]
fn only_what_two_models_gave_can_be_divergent() {
    let text = text_of(&parse(&faulty()).document);
    assert!(text.contains("of 39 that two or more models gave"), "{text}");
    assert!(text.contains("they disagree on 10 of 39 (26 %)"), "{text}");
}

#[test]
fn an_unknown_price_is_no_price() {
    let rows = rows_of(&faulty(), "sortable");
    let of =
        |model: &str| rows.iter().rfind(|row| row[0] == model && row.len() == 9).expect("its calls").clone();
    assert_eq!(of("three")[6..8], ["unknown", "unknown"]);
    assert_eq!(of("one")[6], "20.00");
}

#[test]
fn times_are_told_as_they_are() {
    let text = text_of(&parse(&faulty()).document);
    let told = "its calls would have taken 1 min 15 s: asking at the same time was 3.5 times as fast";
    assert!(text.contains(told), "{text}");
}

#[test]
fn columns_of_numbers_are_sorted_by_numbers_that_we_wrote() {
    let (mut cells, mut sortable) = (0, false);
    elements(&parse(&faulty()).document, &mut |name, attrs, _| {
        let of =
            |wanted: &str| attrs.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.as_str());
        match name {
            "table" => sortable = of("class") == Some("sortable"),
            "td" if sortable => {
                let key = of("data-sort").and_then(|key| key.parse::<f64>().ok());
                assert!(key.is_some_and(f64::is_finite), "{attrs:?}");
                cells += 1;
            }
            _ => {}
        }
    });
    assert!(cells > 40, "{cells}");
}
