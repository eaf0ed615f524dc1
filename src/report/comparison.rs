//! Two runs side by side, for a terminal.

use unicode_width::UnicodeWidthStr;

use super::safe::line;
use super::terminal::wrapped;
use super::wording::counted;
use crate::evaluate::{Change, Comparison, Difference, Figures, Matched, TraitChange, Unmatched};

/// The widest value of the table, in columns.
const WIDEST: usize = 36;
/// More personas than this are counted instead of told.
const MOST: usize = 50;

/// Figures, settings, and what became of personas and traits; at most fifty changed personas and fifty that
/// appeared or vanished are told, the rest is counted. Ends in a line break.
#[must_use]
pub fn comparison_text(comparison: &Comparison, width: usize) -> String {
    let mut lines = table(&comparison.runs);
    if !comparison.settings.is_empty() {
        lines.extend([String::new(), "Set differently:".to_owned()]);
        lines.extend(comparison.settings.iter().flat_map(|one| indented(&difference(one), 2, width)));
    }
    let changed: Vec<&Matched> = comparison.matched.iter().filter(|pair| !pair.traits.is_empty()).collect();
    let (all, same) = (comparison.matched.len(), comparison.matched.len() - changed.len());
    let (vanished, appeared) = (comparison.vanished.len(), comparison.appeared.len());
    let both = counted(all as u64, "persona");
    lines.push(String::new());
    lines.push(format!(
        "{both} in both runs, {same} without a change; {vanished} vanished, {appeared} appeared."
    ));
    lines.extend(changed.iter().take(MOST).flat_map(|pair| matched(pair, width)));
    if changed.len() > MOST {
        lines.push(format!("… and {} more that changed; --json has all of them.", changed.len() - MOST));
    }
    lines.extend(listed("Vanished", &comparison.vanished, width));
    lines.extend(listed("Appeared", &comparison.appeared, width));
    lines.push(String::new());
    lines.join("\n")
}

/// The runs' figures, a line each, the values in columns.
fn table(runs: &[Figures; 2]) -> Vec<String> {
    let rows: Vec<[String; 3]> = ROWS
        .iter()
        .map(|(name, value)| [(*name).to_owned(), value(&runs[0]), value(&runs[1])])
        .filter(|[_, before, after]| before != MISSING || after != MISSING)
        .collect();
    let widest = |column: usize| rows.iter().map(|row| row[column].width()).max().unwrap_or(0);
    let (first, second) = (widest(0), widest(1));
    let pad = |text: &str, width: usize| format!("{text}{}", " ".repeat(width.saturating_sub(text.width())));
    let shown = |[name, before, after]: &[String; 3]| {
        format!("{}  {}  {after}", pad(name, first), pad(before, second)).trim_end().to_owned()
    };
    rows.iter().map(shown).collect()
}

/// What a run's files do not tell.
const MISSING: &str = "–";

type Value = fn(&Figures) -> String;

const ROWS: [(&str, Value); 11] = [
    ("", |run| cut(&run.run)),
    ("study", |run| run.study.as_deref().map_or_else(missing, cut)),
    ("models", |run| if run.panel.is_empty() { missing() } else { run.panel.len().to_string() }),
    ("personas", |run| format!("{} ({} consensus)", run.personas, run.consensus)),
    ("divergent traits", |run| format!("{} of {}", run.divergent, run.traits)),
    ("mean confidence", |run| number(run.mean_confidence, 2)),
    ("echo share", |run| number(run.echo_share, 2)),
    ("calls", |run| run.calls.map_or_else(missing, |calls| calls.to_string())),
    ("attempts", |run| run.attempts.map_or_else(missing, |attempts| attempts.to_string())),
    ("cost", |run| number(run.cost, 4)),
    ("seconds", |run| number(run.wall_ms.map(|time| time as f64 / 1000.0), 1)),
];

fn missing() -> String {
    MISSING.to_owned()
}

fn number(value: Option<f64>, digits: usize) -> String {
    value.map_or_else(missing, |value| format!("{value:.digits$}"))
}

fn cut(text: &str) -> String {
    let text = line(text);
    let length = text.chars().count();
    if length <= WIDEST {
        return text;
    }
    // The end of a path tells runs apart.
    let end: String = text.chars().skip(length - WIDEST + 1).collect();
    format!("…{end}")
}

fn difference(one: &Difference) -> String {
    let shown = |value: &serde_json::Value| match value {
        serde_json::Value::Null => "not set".to_owned(),
        serde_json::Value::String(text) => text.clone(),
        serde_json::Value::Array(items) => {
            let items =
                items.iter().map(|item| item.as_str().map_or_else(|| item.to_string(), str::to_owned));
            items.collect::<Vec<_>>().join(", ")
        }
        other => other.to_string(),
    };
    format!("{}: {} → {}", one.what, shown(&one.before), shown(&one.after))
}

fn matched(pair: &Matched, width: usize) -> Vec<String> {
    let name = pair.name.as_ref().map(|name| format!(" {name}")).unwrap_or_default();
    let ids = if pair.before == pair.after {
        pair.after.clone()
    } else {
        format!("{} → {}", pair.before, pair.after)
    };
    let [before, after] = pair.confidence;
    let head = format!("{ids}{name}: similarity {:.2}, confidence {before:.2} → {after:.2}", pair.similarity);
    let mut lines = vec![String::new()];
    lines.extend(indented(&head, 0, width));
    lines.extend(pair.traits.iter().flat_map(|change| indented(&trait_change(change), 2, width)));
    lines
}

fn trait_change(change: &TraitChange) -> String {
    let value = |value: &Option<String>| value.clone().unwrap_or_default();
    let (before, after) = (value(&change.before), value(&change.after));
    let said = match change.change {
        Change::Appeared => format!("appeared: {after}"),
        Change::Vanished => format!("vanished: {before}"),
        Change::Confidence => after,
        _ if has_items(change) => {
            let gone = change.items_vanished.iter().map(|item| format!("− {item}"));
            let new = change.items_appeared.iter().map(|item| format!("+ {item}"));
            let other = change.items_reworded.iter().map(|[one, other]| format!("reworded: {one} → {other}"));
            gone.chain(new).chain(other).collect::<Vec<_>>().join("; ")
        }
        Change::Reworded => format!("reworded: {before} → {after}"),
        _ => format!("{before} → {after}"),
    };
    let confidence = match change.confidence {
        [Some(before), Some(after)] => format!("{before:.2} → {after:.2}"),
        [one, other] => one.or(other).map(|one| format!("{one:.2}")).unwrap_or_default(),
    };
    let divergent = match change.divergent {
        [Some(false), Some(true)] => ", now divergent",
        [Some(true), Some(false)] => ", no longer divergent",
        _ => "",
    };
    format!("{}: {said} (confidence {confidence}{divergent})", change.name)
}

fn has_items(change: &TraitChange) -> bool {
    !(change.items_vanished.is_empty()
        && change.items_appeared.is_empty()
        && change.items_reworded.is_empty())
}

fn listed(title: &str, personas: &[Unmatched], width: usize) -> Vec<String> {
    if personas.is_empty() {
        return Vec::new();
    }
    let mut lines = vec![String::new(), format!("{title}:")];
    for one in personas.iter().take(MOST) {
        let name = one.name.as_ref().map(|name| format!(" {name}")).unwrap_or_default();
        let behind = counted(one.support as u64, "model");
        let said = format!("{}{name}, confidence {:.2}, {behind} behind it", one.persona_id, one.confidence);
        lines.extend(indented(&said, 2, width));
    }
    if personas.len() > MOST {
        lines.push(format!("  … and {} more", personas.len() - MOST));
    }
    lines
}

/// A text made harmless, wrapped and moved to the right.
fn indented(text: &str, indent: usize, width: usize) -> Vec<String> {
    let wrapped = wrapped(text, width.saturating_sub(indent));
    wrapped.lines().map(|line| format!("{}{line}", " ".repeat(indent))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_long_path_is_shown_and_controls_are_not() {
        assert_eq!(cut("runs/a"), "runs/a");
        let long = format!("{}/the-end", "x".repeat(60));
        assert!(cut(&long).starts_with('…') && cut(&long).ends_with("/the-end"));
        assert_eq!(cut(&long).chars().count(), WIDEST);
        assert!(!cut("a\u{1b}[31m").contains('\u{1b}'));
    }
}
