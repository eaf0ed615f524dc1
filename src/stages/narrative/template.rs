//! Sentences cut from the statements, for when no model is asked.

use super::Claim;
use crate::persona::key_of;
use crate::stages::Statement;

/// Traits that come first, in this order; the rest follow by name. Quotes and prose come last.
const FIRST: [&str; 5] = ["age", "sex", "gender", "occupation", "location"];
const LAST: [&str; 2] = ["quotes", "bio"];

/// One sentence a trait, in the words of the consensus: `Marta is 35.`, `Goals: pass the exams; sleep more.`
/// Where the models disagree, the other sides stand behind it.
#[must_use]
pub fn template(statements: &[Statement]) -> Vec<Claim> {
    let is_name = |statement: &&Statement| key_of(&statement.name) == "name";
    let name = statements.iter().find(is_name).map(|statement| statement.value.as_str());
    let mut traits: Vec<&str> = Vec::new();
    for statement in statements.iter().filter(|statement| !is_name(statement)) {
        if !traits.contains(&statement.name.as_str()) {
            traits.push(&statement.name);
        }
    }
    traits.sort_by_key(|name| {
        let first = FIRST.iter().position(|one| one == name).unwrap_or(FIRST.len());
        (LAST.iter().position(|one| one == name).map_or(0, |place| place + 1), first)
    });
    traits.into_iter().map(|of| sentence(name, of, statements)).collect()
}

fn sentence(name: Option<&str>, of: &str, statements: &[Statement]) -> Claim {
    let own: Vec<&Statement> = statements.iter().filter(|statement| statement.name == of).collect();
    let bare = |text: &str| text.trim().trim_end_matches('.').to_owned();
    let mut values: Vec<String> = own.iter().map(|statement| bare(&statement.value)).collect();
    // The items of a list share their other sides.
    let others = own.first().map(|statement| statement.other_sides.as_slice()).unwrap_or_default();
    values.extend(others.iter().map(|other| format!("or {}", bare(other))));
    let values = values.join("; ");
    let text = match (of, name) {
        ("age", Some(name)) => format!("{name} is {values}."),
        _ => format!("{}: {values}.", capital(&of.replace('_', " "))),
    };
    Claim { text, cited: own.iter().map(|statement| statement.number).collect() }
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::consensus::testing::{personas, said};
    use crate::stages::statements;

    #[test]
    fn one_sentence_a_trait_with_all_sides() {
        let all = personas(&[
            said("a", &[("name", "Jo"), ("goals", "Sleep.;Read"), ("age", "30"), ("occupation", "nurse")]),
            said("b", &[("name", "Jo"), ("goals", "Sleep;Read"), ("age", "30"), ("occupation", "plumber")]),
        ]);
        let texts: Vec<String> = template(&statements(&all[0])).into_iter().map(|claim| claim.text).collect();
        assert_eq!(texts[0], "Jo is 30.");
        assert!(
            texts[1] == "Occupation: nurse; or plumber." || texts[1] == "Occupation: plumber; or nurse.",
            "{texts:?}"
        );
        assert_eq!(texts[2], "Goals: Sleep; Read.");
    }
}
