//! The words of a sentence that claim something, and its numbers.
//!
//! A rule of words for English, like [`crate::normalise::contradict`]: words are folded, cut to a stem by
//! their commonest endings, and those that only hold a sentence together are left out. Texts in other
//! languages keep all their words, which makes the check stricter and never laxer.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use crate::normalise::{NumberWord, fold, number_word, stem};

/// Words that hold a sentence together, or that lead in a trait without claiming anything beyond it
/// (`wants`, `lives`, `person`). Negations are among them: what they do is decided by
/// [`crate::normalise::turns_round`].
const FRAME: &str = "a about after all also although always am an and another any are as at be because been \
    before being but by can come could did do does doing dont doesnt didnt isnt arent wasnt \
    werent wont cant cannot couldnt wouldnt shouldnt hasnt havent during each else especially even ever every feel felt find for found from get give go had has have having he her here hers herself him himself his \
    how however i if in into is it its itself just know like live ll main mainly make many may me mean might \
    more most mostly much must my myself need never no nor not of off often old on only onto or other others \
    our out over particularly people person persona prefer quite rather re really s same say see seek she \
    should since so some something still such t take tell than that the their them themselves then there \
    these they thing this those though through to too try under until up use usually ve very want was way we \
    well were what when where whether which while who whom whose why will wish with within without work would \
    year yet you your aim hope plan time both around currently spend enjoy love goal name age \
    aged occupation described describe value matter key";

/// Words that make the opposite of what stands beside them, those of one meaning together.
const REVERSING: [&[&str]; 6] = [
    &["hate", "dislike", "detest", "loathe", "despise"],
    &["fail"],
    &["former", "ex", "longer", "retired"],
    &["nobody", "non", "nothing", "nowhere"],
    &["fire", "dismiss", "sack"],
    &["quit", "resign", "abandon"],
];

/// The same as stems.
static REVERSING_STEMS: LazyLock<Vec<BTreeSet<String>>> =
    LazyLock::new(|| REVERSING.iter().map(|same| same.iter().map(|word| stem(word)).collect()).collect());

/// The stems of the words that claim something; numbers are left to [`numbers`].
pub(super) fn content(text: &str) -> BTreeSet<String> {
    claiming(text).map(|(_, stem)| stem).collect()
}

/// The words of a text that claim something and whose stems, or others of their meaning, are not among those known, as
/// they stand there.
pub(super) fn unknown(text: &str, known: &BTreeSet<String>) -> Vec<String> {
    let is_known = |stem: &str| {
        known.contains(stem) || reversing(stem).is_some_and(|same| same.iter().any(|one| known.contains(one)))
    };
    claiming(text).filter(|(_, stem)| !is_known(stem)).map(|(word, _)| word).collect()
}

/// Whether one of these stems makes the opposite of what is said with the other ones.
pub(super) fn reverses(claimed: &BTreeSet<String>, said: &BTreeSet<String>) -> bool {
    let reversed =
        |stem: &String| reversing(stem).is_some_and(|same| !same.iter().any(|one| said.contains(one)));
    claimed.iter().any(reversed)
}

/// Whether a word stands beside a claimed one that makes the opposite of it, and the claim has none of that meaning:
/// who is a `retired teacher` is no teacher.
pub(super) fn reversed_beside(text: &str, claimed: &BTreeSet<String>) -> bool {
    let told: Vec<String> = claiming(text).map(|(_, stem)| stem).collect();
    let unsaid =
        |stem: &String| reversing(stem).is_some_and(|same| !same.iter().any(|one| claimed.contains(one)));
    let is_claimed = |place: Option<usize>| {
        place.and_then(|place| told.get(place)).is_some_and(|stem| claimed.contains(stem))
    };
    (0..told.len()).any(|place| {
        unsaid(&told[place]) && (is_claimed(place.checked_sub(1)) || is_claimed(Some(place + 1)))
    })
}

/// Whether two texts give one word opposite particles: `logs her out`, `logged in`.
pub(super) fn particles_differ(one: &str, other: &str) -> bool {
    const OPPOSITES: [[&str; 2]; 3] = [["in", "out"], ["on", "off"], ["up", "down"]];
    let (here, there) = (particles(one), particles(other));
    here.iter().any(|(stem, particle)| {
        let has = |all: &BTreeSet<(String, String)>, particle: &str| {
            all.contains(&(stem.clone(), particle.to_owned()))
        };
        OPPOSITES.iter().any(|[one, other]| {
            let differs = |mine: &str, its: &str| {
                particle == mine && !has(&here, its) && has(&there, its) && !has(&there, mine)
            };
            differs(one, other) || differs(other, one)
        })
    })
}

/// Words such as `out`, each with the stem of the nearest claiming word before it, at most two words away.
fn particles(text: &str) -> BTreeSet<(String, String)> {
    const REACH: usize = 2;
    let (frame, folded) = (frame(), fold(text));
    let words: Vec<&str> = folded.split(' ').filter(|word| !word.is_empty()).collect();
    let verb = |place: usize| {
        let before = words[place.saturating_sub(REACH)..place].iter().rev();
        before.map(|word| stem(word)).find(|stem| !frame.contains(stem))
    };
    let is_particle = |place: &usize| ["in", "out", "on", "off", "up", "down"].contains(&words[*place]);
    let found = (0..words.len()).filter(is_particle);
    found.filter_map(|place| Some((verb(place)?, words[place].to_owned()))).collect()
}

/// The words on both sides of a comparison, `books matter less than sockets`; nothing where none is made.
pub(super) fn compared(text: &str) -> Option<[BTreeSet<String>; 2]> {
    let folded = fold(text);
    let (one, other) = folded.split_once(" than ")?;
    Some([content(one), content(other)])
}

/// Whether a text tells how old somebody is: `a 35-year-old`, `aged 35`, `in her thirties`.
pub(super) fn tells_age(text: &str) -> bool {
    let is_decade = |word: &str| {
        matches!(number_word(word), Some(NumberWord::Decade(_)))
            || word.strip_suffix("0s").is_some_and(|tens| tens.chars().all(|c| c.is_ascii_digit()))
    };
    fold(text).split(' ').any(|word| ["old", "aged", "age"].contains(&word) || is_decade(word))
}

fn reversing(stem: &str) -> Option<&'static BTreeSet<String>> {
    REVERSING_STEMS.iter().find(|same| same.contains(stem))
}

/// The words that claim something, each with its stem.
fn claiming(text: &str) -> impl Iterator<Item = (String, String)> {
    const POSSESSIVE: [&str; 6] = ["his", "her", "its", "their", "my", "your"];
    let frame = frame();
    let words: Vec<String> =
        fold(text).split(' ').filter(|word| !word.is_empty()).map(str::to_owned).collect();
    // `his own desk` claims no more than `his desk`; who `owns` a desk is another matter.
    let is_adjective =
        |place: usize| words[place] == "own" && place > 0 && POSSESSIVE.contains(&words[place - 1].as_str());
    let told: Vec<(String, String)> = (0..words.len())
        .filter(|&place| number(&words[place]).is_none() && !is_adjective(place))
        .map(|place| (words[place].clone(), stem(&words[place])))
        .filter(|(_, stem)| !frame.contains(stem))
        .collect();
    told.into_iter()
}

/// The parts of a statement that are affirmed or denied by themselves: cut at semicolons and colons, before words such as
/// `but` and `without`, and before a denial after a comma.
pub(super) fn scopes(text: &str) -> Vec<String> {
    const JOINTS: [&str; 11] = [
        "but", "while", "because", "although", "though", "whereas", "yet", "without", "who", "which", "when",
    ];
    const DENIALS: [&str; 5] = ["no", "not", "never", "does", "has"];
    let mut scopes = vec![String::new()];
    let mut after_comma = false;
    for word in text.split_whitespace() {
        let bare = word.to_lowercase();
        let bare = bare.trim_matches(|one: char| !one.is_alphanumeric());
        if JOINTS.contains(&bare) || (after_comma && DENIALS.contains(&bare)) {
            scopes.push(String::new());
        }
        if let Some(scope) = scopes.last_mut() {
            scope.push_str(word);
            scope.push(' ');
        }
        after_comma = word.ends_with(',');
        if word.ends_with([';', ':']) {
            scopes.push(String::new());
        }
    }
    scopes.retain(|scope| scope.chars().any(char::is_alphanumeric));
    scopes
}

/// The numbers of a text, from least to greatest, none twice: digits, `30s` and the words for them.
pub(super) fn numbers(text: &str) -> Vec<f64> {
    // Thousands stand together: 1,500 is one number.
    let mut joined = String::with_capacity(text.len());
    let characters: Vec<char> = text.chars().collect();
    for (place, &character) in characters.iter().enumerate() {
        let digit =
            |at: Option<usize>| at.and_then(|at| characters.get(at)).is_some_and(char::is_ascii_digit);
        let inside = digit(place.checked_sub(1)) && digit(Some(place + 1));
        match character {
            ',' if inside
                && characters[place + 1..].iter().take_while(|c| c.is_ascii_digit()).count() == 3 => {}
            '.' if inside => joined.push('.'),
            other if other.is_alphanumeric() => joined.push(other),
            _ => joined.push(' '),
        }
    }
    let mut found: Vec<f64> = joined.split(' ').filter_map(number).collect();
    found.sort_by(f64::total_cmp);
    found.dedup();
    found
}

/// A word that is a number: `35`, `30s`, `1st`, `thirties`. `one` is more often a person than a number.
fn number(word: &str) -> Option<f64> {
    let word = word.to_lowercase();
    match number_word(&word) {
        Some(NumberWord::Number(number) | NumberWord::Decade(number)) if word != "one" => {
            return Some(number);
        }
        Some(NumberWord::Hundred) => return Some(100.0),
        _ => {}
    }
    let end = word.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(word.len());
    let known = ["", "s", "st", "nd", "rd", "th", "k", "am", "pm", "h", "km", "m"].contains(&&word[end..]);
    known.then(|| word[..end].parse().ok()).flatten().filter(|number: &f64| number.is_finite())
}

/// Stems of the words of [`FRAME`]; `quite` must not hide that somebody `quit`.
fn frame() -> BTreeSet<String> {
    FRAME.split_whitespace().map(stem).filter(|stem| reversing(stem).is_none()).collect()
}

/// Parts of a sentence that can be true or false by themselves: split at punctuation between words and
/// before `and`, `but`, `while`, `who` and the like.
pub(super) fn clauses(sentence: &str) -> Vec<String> {
    const JOINTS: [&str; 14] = [
        "and", "but", "while", "who", "which", "because", "although", "though", "whereas", "yet", "where",
        "when", "plus", "as",
    ];
    let mut clauses = vec![String::new()];
    for word in sentence.split_whitespace() {
        let bare: String =
            word.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect();
        if JOINTS.contains(&bare.as_str()) {
            clauses.push(String::new());
        }
        if let Some(clause) = clauses.last_mut() {
            if !clause.is_empty() {
                clause.push(' ');
            }
            clause.push_str(word);
        }
        if word.ends_with([',', ';', ':', '.', '!', '?']) || bare.is_empty() {
            clauses.push(String::new());
        }
    }
    clauses.retain(|clause| clause.chars().any(char::is_alphanumeric));
    clauses
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        content(text).into_iter().collect()
    }

    #[test]
    fn endings_and_frames_do_not_matter() {
        assert_eq!(words("She studies for the exams"), words("studying, an exam"));
        assert_eq!(words("She wants to live"), Vec::<String>::new());
        assert_eq!(words("Hospital nurse"), ["hospital", "nurs"]);
    }

    #[test]
    fn words_that_reverse_and_words_of_ones_own_are_found() {
        let said = content("Near the library, dislikes crowds");
        assert!(reverses(&content("She hates the library"), &content("Near the library")));
        assert!(!reverses(&content("She hates crowds"), &said));
        assert!(reverses(&content("Nobody passes the exams"), &content("Pass the exams")));
        assert_eq!(unknown("She owns her own library and hates crowds", &said), ["owns"]);
    }

    #[test]
    fn no_word_that_reverses_is_lost_in_the_frame() {
        let reversing = REVERSING_STEMS.iter().flatten();
        assert_eq!(reversing.filter(|one| frame().contains(*one)).count(), 0);
        assert!(reverses(&content("She quit the hospital"), &content("Works at the hospital")));
    }

    #[test]
    fn what_stands_beside_a_word_can_turn_it_round() {
        assert!(reversed_beside("Retired teacher", &content("She is a teacher")));
        assert!(!reversed_beside("Retired teacher", &content("She is a former teacher")));
        assert!(!reversed_beside("Quit his job to found a company", &content("He founded a company")));
        assert!(reversed_beside("Wifi fails in the evening", &content("The wifi works")));
    }

    #[test]
    fn particles_tell_opposites_apart() {
        assert!(particles_differ("The app keeps her logged in", "App logs her out again and again"));
        assert!(!particles_differ("The app logs her out", "App logs her out again and again"));
        assert!(!particles_differ("She logs in at night", "The bus stops early"));
    }

    #[test]
    fn comparisons_have_two_sides_and_ages_are_told_in_few_ways() {
        let [one, other] = compared("Books matter less than sockets and wifi").expect("compared");
        assert_eq!((one, other), (content("books less"), content("sockets wifi")));
        assert_eq!(compared("Books matter"), None);
        for text in ["a 35-year-old nurse", "aged 35", "in her mid-thirties", "in her 30s", "35 years old"] {
            assert!(tells_age(text), "{text}");
        }
        assert!(!tells_age("has 35 sockets"));
    }

    #[test]
    fn a_denial_reaches_as_far_as_its_part() {
        assert_eq!(
            scopes("Finish a degree without debt; a student, no children, but cats"),
            ["Finish a degree ", "without debt; ", "a student, ", "no children, ", "but cats "]
        );
        assert_eq!(scopes("Dislikes crowds, noise and queues").len(), 1);
    }

    #[test]
    fn numbers_are_read_in_digits_and_words() {
        assert_eq!(
            numbers("In her mid-thirties, 2 children and 1,500 books by 9pm; 3.5 km"),
            [2.0, 3.5, 9.0, 30.0, 1500.0]
        );
        assert_eq!(numbers("Mid-30s"), [30.0]);
        assert_eq!(numbers("Twelve cats, fifteen hens, a hundred fish"), [12.0, 15.0, 100.0]);
        assert!(numbers("one of them, B2B, covid19").is_empty());
    }

    #[test]
    fn a_sentence_falls_into_what_can_be_true_by_itself() {
        assert_eq!(
            clauses("Marta, 35, is a nurse who works nights and studies; she is tired."),
            ["Marta,", "35,", "is a nurse", "who works nights", "and studies;", "she is tired."]
        );
        assert!(clauses(" … ").is_empty());
    }
}
