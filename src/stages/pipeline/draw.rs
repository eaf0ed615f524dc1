//! A pipeline as people see it: text, and Mermaid.

use std::fmt::Write as _;

use super::{Kind, Pipeline, Stage, Step};

/// One line per stage; stages that go at the same time stand behind a bar.
#[must_use]
pub fn as_text(pipeline: &Pipeline) -> String {
    let mut text = String::new();
    for step in pipeline.steps() {
        match &step {
            Step::One(place) => line(&mut text, "  ", &pipeline.stages()[*place]),
            Step::Together(group, places) => {
                // Writing to a `String` cannot fail.
                let _ = writeln!(text, "  ┌ {}: at the same time", group.name);
                for &place in places {
                    line(&mut text, "  │ ", &pipeline.stages()[place]);
                }
                text.push_str("  └\n");
            }
        }
    }
    text
}

fn line(text: &mut String, margin: &str, stage: &Stage) {
    let kind = if stage.kind.name() == stage.name { String::new() } else { format!(" ({})", stage.kind) };
    let mut said = Vec::new();
    if !stage.requires.is_empty() {
        said.push(format!("needs {}", stage.requires.join(", ")));
    }
    if !stage.produces.is_empty() {
        said.push(format!("makes {}", stage.produces.join(", ")));
    }
    if let Some(model) = &stage.settings.model {
        let fallback = stage.settings.fallback.as_ref();
        let fallback = fallback.map(|name| format!(", else {name}")).unwrap_or_default();
        said.push(format!("asks {model}{fallback}"));
    }
    if stage.settings.optional {
        said.push("optional".to_owned());
    }
    if stage.kind == Kind::Approval {
        said.push("waits for a person".to_owned());
    }
    let _ = writeln!(text, "{margin}{}{kind}: {}", stage.name, said.join("; "));
}

/// A Mermaid flowchart; names are quoted so that none can be taken for syntax.
#[must_use]
pub fn as_mermaid(pipeline: &Pipeline) -> String {
    let mut text = "flowchart TD\n".to_owned();
    let mut last: Vec<usize> = Vec::new();
    for step in pipeline.steps() {
        let places = step.places();
        if let Step::Together(group, _) = &step {
            let _ = writeln!(text, "  subgraph g{}[\"{}\"]", places[0], harmless(&group.name));
        }
        for &place in &places {
            let stage = &pipeline.stages()[place];
            let (open, close) = if stage.kind == Kind::Approval { ("{{", "}}") } else { ("[", "]") };
            let _ = writeln!(text, "  s{place}{open}\"{}\"{close}", harmless(&stage.name));
        }
        if matches!(step, Step::Together(..)) {
            text.push_str("  end\n");
        }
        for &from in &last {
            for &to in &places {
                let _ = writeln!(text, "  s{from} --> s{to}");
            }
        }
        last = places;
    }
    text
}

/// A name without the characters that end a Mermaid label.
fn harmless(name: &str) -> String {
    name.chars()
        .map(|c| if c.is_control() || matches!(c, '"' | '`' | '<' | '>' | '#') { ' ' } else { c })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stages_that_go_at_the_same_time_are_drawn_as_such() {
        let pipeline = Pipeline::usual(vec!["a".to_owned()]).unwrap();
        let text = as_text(&pipeline);
        assert!(
            text.contains("  ┌ checks: at the same time\n  │ review: needs personas; makes review; asks a\n"),
            "{text}"
        );
        let mermaid = as_mermaid(&pipeline);
        assert!(
            mermaid.contains("subgraph g2[\"checks\"]") && mermaid.contains("s7{{\"approval\"}}"),
            "{mermaid}"
        );
        // Each of the three begins after the consensus and ends before the synthesis.
        for arrow in ["s1 --> s2", "s1 --> s3", "s1 --> s4", "s2 --> s5", "s3 --> s5", "s4 --> s5"] {
            assert!(mermaid.contains(arrow), "{arrow}: {mermaid}");
        }
    }
}
