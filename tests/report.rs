//! The HTML report: whatever models say stays text, the file stays small, and it needs nobody.

#[expect(dead_code, reason = "other tests use more of it")]
#[path = "report/page.rs"]
mod page;

use std::collections::BTreeSet;

use base64::Engine;
use consona::report::html::{Origin, ReportBuilder, StoredAnswer};
use markup5ever_rcdom::NodeData;
use page::{benign, elements, id, parse, persona, stages, summary, text_of};
use serde_json::json;
use sha2::{Digest, Sha256};

/// Elements with their attributes, in the order of the document.
type Skeleton = Vec<(String, Vec<(String, String)>)>;

fn hostile() -> Vec<String> {
    serde_json::from_str(include_str!("report/hostile.json")).expect("strings")
}

/// A report with a record of one persona per number; `text` gives what is said in a field.
fn report(numbers: std::ops::Range<usize>, text: &dyn Fn(usize, &str) -> String) -> String {
    let first = numbers.start;
    let models: Vec<String> =
        (0..3).map(|place| format!("{place} {}", id(&text(first + place, "model")))).collect();
    let mut builder = ReportBuilder::new(summary(&models, &|field| text(first, field)));
    for number in numbers {
        let record = format!("{number} {}", id(&text(number, "record")));
        let one = |field: &str| text(number, field);
        builder.add(persona(number, &record, &models, &one));
        builder.add_reason(&one("reason"));
        let call = json!({"model": models[number % 3], "status": "success", "latency_ms": 900 + number, "attempts": 1,
            "repairs": 0, "usage": {"input_tokens": 10, "output_tokens": 5}, "cost": 0.01});
        builder.add_call(&serde_json::from_value::<StoredAnswer>(call).expect("a call"));
    }
    let origin = Origin {
        input: Some(text(first, "input")),
        personas: Some(text(first, "range")),
        asked: Some([1_796_062_603_617, 1_796_062_703_617]),
    };
    let builder = builder.with_origin(origin).with_stages(stages(&|field| text(first, field)));
    builder.with_rest(&text(first, "rest")).finish().expect("rendered")
}

/// Elements and attributes; of numbers only that there are some, because the map moves with the words.
fn skeleton(html: &str) -> Skeleton {
    let mut found = Vec::new();
    elements(&parse(html).document, &mut |name, attrs, _| {
        let hash = name == "meta";
        let plain = |value: &str| -> String {
            if hash {
                value.to_owned()
            } else {
                value.replace(|c: char| c.is_ascii_digit() || c == '.' || c == '-', "")
            }
        };
        found.push((
            name.to_owned(),
            attrs.iter().map(|(name, value)| (name.clone(), plain(value))).collect(),
        ));
    });
    found
}

/// Says where two documents part.
fn same(one: &Skeleton, other: &Skeleton, what: &str) {
    let parting = one.iter().zip(other).position(|(here, there)| here != there);
    let around = |skeleton: &Skeleton| -> Skeleton {
        let place = parting.unwrap_or(one.len().min(other.len()));
        skeleton.iter().skip(place.saturating_sub(2)).take(5).cloned().collect()
    };
    assert!(one == other, "{what}:\n{:?}\n{:?}", around(one), around(other));
}

#[test]
fn hostile_text_in_any_field_makes_no_element_and_no_attribute() {
    let strings = hostile();
    assert!(strings.len() >= 200, "{}", strings.len());
    for start in (0..strings.len()).step_by(60) {
        let end = strings.len().min(start + 60);
        let said = report(start..end, &|number, _| strings[number % strings.len()].clone());
        let plain = report(start..end, &benign);
        same(&skeleton(&said), &skeleton(&plain), &format!("strings {start} to {end}"));
        let cards = said.matches("<article").count();
        assert_eq!(cards, end - start, "all personas are shown");
    }
}

#[test]
fn hostile_text_in_what_is_said_once_makes_no_element_either() {
    let plain = skeleton(&report(0..0, &benign));
    for text in hostile() {
        let said = report(0..0, &|_, _| text.clone());
        same(&skeleton(&said), &plain, &format!("{text:?}"));
    }
}

#[test]
fn hostile_text_is_shown_as_it_was_written() {
    let script = "<script>window.__pwned=1</script>";
    let dom = parse(&report(0..2, &|_, _| script.to_owned()));
    let mut scripts = 0;
    elements(&dom.document, &mut |name, _, _| scripts += usize::from(name == "script"));
    assert_eq!(scripts, 1, "only our own");
    assert!(text_of(&dom.document).matches(script).count() > 50, "in every field, as words");
}

#[test]
fn the_file_asks_nobody_and_its_policy_allows_only_itself() {
    let html = report(0..3, &benign);
    let (mut policy, mut style, mut script) = (String::new(), String::new(), String::new());
    elements(&parse(&html).document, &mut |name, attrs, node| {
        for (attribute, value) in attrs {
            let is_event = attribute.starts_with("on");
            assert!(
                !is_event && attribute != "style" && attribute != "src",
                "{name} {attribute}=\"{value}\""
            );
            assert!(attribute != "href" || value.starts_with('#'), "{name} leads to {value}");
            if attribute == "content" && value.contains("default-src") {
                policy.clone_from(value);
            }
        }
        match name {
            "style" => style = text_of(node),
            "script" => script = text_of(node),
            _ => {}
        }
    });
    let hash = |text: &str| base64::engine::general_purpose::STANDARD.encode(Sha256::digest(text.as_bytes()));
    let (style, script) = (hash(&style), hash(&script));
    assert_eq!(
        policy,
        format!(
            "default-src 'none'; style-src 'sha256-{style}'; script-src 'sha256-{script}'; base-uri 'none'; form-action 'none'"
        )
    );
    assert!(!html.contains("@import") && !html.contains("url("), "the style loads nothing");
}

#[test]
fn those_who_do_not_see_it_are_served_too() {
    let html = report(0..5, &benign);
    let (mut ids, mut referred, mut heading, mut figures) = (BTreeSet::new(), BTreeSet::new(), 0, 0);
    elements(&parse(&html).document, &mut |name, attrs, node| {
        let of =
            |wanted: &str| attrs.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.as_str());
        if let Some(id) = of("id") {
            assert!(ids.insert(id.to_owned()), "`{id}` stands twice");
        }
        referred.extend(of("aria-labelledby").into_iter().flat_map(str::split_whitespace).map(str::to_owned));
        referred.extend(of("href").map(|link| link[1..].to_owned()));
        if let Some(level) = name.strip_prefix('h').and_then(|level| level.parse::<usize>().ok()) {
            assert!(level <= heading + 1, "after a heading of level {heading} comes one of level {level}");
            heading = level;
        }
        let tells = |name: &str| {
            node.children.borrow().iter().any(|child| match &child.data {
                NodeData::Element { name: found, .. } => &*found.local == name && !text_of(child).is_empty(),
                _ => false,
            })
        };
        match name {
            "th" => assert!(matches!(of("scope"), Some("col" | "row")), "a head without a scope"),
            "table" => assert!(tells("caption"), "a table that does not say what it is"),
            "svg" if of("aria-hidden").is_none() => {
                figures += 1;
                assert_eq!(of("role"), Some("img"));
                assert!(tells("title") && tells("desc"), "a figure without words");
            }
            _ => {}
        }
    });
    assert!(figures >= 5, "{figures} figures");
    let unknown: Vec<&String> = referred.difference(&ids).collect();
    assert!(unknown.is_empty(), "nothing is called {unknown:?}");
}

#[test]
fn equal_results_give_equal_bytes() {
    assert_eq!(report(0..4, &benign), report(0..4, &benign));
}

#[test]
fn a_batch_stays_small_shows_its_most_divergent_records_and_says_so() {
    let records = 10_000;
    let models: Vec<String> = ["a", "b", "c"].map(str::to_owned).to_vec();
    let mut builder = ReportBuilder::new(summary(&models, &|field| benign(0, field)));
    let calm = persona(0, "calm", &models, &|field| benign(0, field));
    for number in 0..records {
        let mut one = calm.clone();
        one.record = format!("r{number}").parse().expect("an id");
        one.persona_id = format!("r{number}/1");
        let disputed = number % 1000 == 7;
        for found in one.traits.values_mut() {
            found.divergent = disputed;
            found.dissent.truncate(usize::from(disputed));
        }
        builder.add(one);
    }
    builder.close();
    assert!(builder.is_partial());
    let html = builder.with_rest("personas.parquet").finish().expect("rendered");
    assert!(html.len() < 5_000_000, "{} bytes", html.len());
    let text = text_of(&parse(&html).document);
    assert!(
        text.contains("Shown are the 120 records of 10\u{202f}000 about which the models disagree most."),
        "no count"
    );
    assert!(text.contains("All personas are in personas.parquet."));
    for number in (0..records).filter(|number| number % 1000 == 7) {
        assert!(text.contains(&format!("r{number}/1")), "r{number} is among the most divergent");
    }
    // Counts are over all records, not over those shown: any two models answered three traits of each.
    assert!(text.contains(&format!("n {}", records * 3)), "the heat map counts all traits");
}

#[test]
fn a_run_says_when_its_models_were_asked() {
    let text = text_of(&parse(&report(0..1, &benign)).document);
    assert!(text.contains("2026-11-30 18:16 to 2026-11-30 18:18 (UTC)"), "{text}");
}
