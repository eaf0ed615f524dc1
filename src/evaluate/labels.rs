//! Truth inference against gold: files of several annotators' answers to questions with known truth.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::lines::json_lines;
use super::metrics::expected_calibration_error;
use crate::consensus::truth::{
    Choices, EmSettings, Estimates, Labels, Numbers, Posterior, Texts, TruthError, agreement_weighted,
    dawid_skene, glad, hierarchical_dawid_skene, hrrasa, huber, infer_number, infer_truth, inverse_variance,
    mean, median, medoid, one_coin, plurality, rasa,
};
use crate::embed::Embedder;

/// Bins of the calibration error.
const BINS: usize = 10;
/// More distinct whole numbers than this are a scale and not codes of classes.
const MOST_CODES: usize = 12;

/// What kind of answers a file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum LabelKind {
    /// Classes.
    Categorical,
    /// Numbers on a scale.
    Numeric,
    /// Free text.
    Text,
}

/// One task: the truth where it is known, and who answered what.
#[derive(Clone, Debug, PartialEq)]
pub struct LabelledTask {
    /// Its name.
    pub task: String,
    /// What is true.
    pub gold: Option<String>,
    /// Answers by annotator; empty answers and `null` were left out as abstentions.
    pub answers: BTreeMap<String, String>,
}

/// A file of answers.
#[derive(Clone, Debug, PartialEq)]
pub struct LabelFile {
    /// The name it was read under.
    pub name: String,
    /// What its answers are taken for.
    pub kind: LabelKind,
    /// Its tasks, in the order of the file.
    pub tasks: Vec<LabelledTask>,
}

/// A file of answers that cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LabelFileError {
    /// A line that is not a task with answers.
    #[error(
        "line {line} of `{name}` is no task with answers; expected `{{\"task\", \"gold\", \"answers\": \
         {{annotator: label}}}}`"
    )]
    Line {
        /// Which file.
        name: String,
        /// Line, from 1.
        line: usize,
        /// What the reader stumbled over.
        source: serde_json::Error,
    },
    /// A label that is neither text nor number nor truth value.
    #[error("line {line} of `{name}`: `{label}` is no label; give a text, a number, true, false or null")]
    Label {
        /// Which file.
        name: String,
        /// Line, from 1.
        line: usize,
        /// The label as given, cut short.
        label: String,
    },
    /// Two lines about one task.
    #[error("line {line} of `{name}` repeats task `{task}`")]
    Repeated {
        /// Which file.
        name: String,
        /// Line, from 1.
        line: usize,
        /// Which task.
        task: String,
    },
    /// Nothing to compare with.
    #[error("`{name}` holds no task with both a gold label and an answer")]
    NoGold {
        /// Which file.
        name: String,
    },
    /// The answers cannot be inferred from.
    #[error("no truth can be inferred from `{name}`")]
    Truth {
        /// Which file.
        name: String,
        /// Why.
        source: TruthError,
    },
}

#[derive(Deserialize)]
struct Line {
    task: Value,
    #[serde(default)]
    gold: Value,
    answers: BTreeMap<String, Value>,
}

/// Reads JSON lines `{"task", "gold", "answers": {annotator: label}}`; other keys are left alone.
///
/// The kind is found from all labels and gold. Numeric: all are finite numbers, and some is not whole or
/// the answers have more than twelve distinct values that are not simply 0, 1, 2 … or 1, 2, 3 …. Text:
/// otherwise, where more than twelve distinct answers are more than half of all. Categorical: the rest.
///
/// # Errors
/// [`LabelFileError`] names the line; [`LabelFileError::NoGold`] where nothing could be compared.
pub fn read_label_file(name: &str, text: &str) -> Result<LabelFile, LabelFileError> {
    let mut tasks = Vec::new();
    let mut seen = BTreeSet::new();
    for (number, read) in json_lines(text) {
        let read: Line =
            read.map_err(|source| LabelFileError::Line { name: name.to_owned(), line: number, source })?;
        let label = |value: &Value| {
            label(value).map_err(|label| LabelFileError::Label { name: name.to_owned(), line: number, label })
        };
        let task = label(&read.task)?.unwrap_or_default();
        if !seen.insert(task.clone()) {
            return Err(LabelFileError::Repeated { name: name.to_owned(), line: number, task });
        }
        let mut answers = BTreeMap::new();
        for (annotator, value) in &read.answers {
            if let Some(answer) = label(value)? {
                answers.insert(annotator.clone(), answer);
            }
        }
        tasks.push(LabelledTask { task, gold: label(&read.gold)?, answers });
    }
    if !tasks.iter().any(|task| task.gold.is_some() && !task.answers.is_empty()) {
        return Err(LabelFileError::NoGold { name: name.to_owned() });
    }
    Ok(LabelFile { name: name.to_owned(), kind: kind_of(&tasks), tasks })
}

/// A label as text, trimmed; `None` for an abstention.
fn label(value: &Value) -> Result<Option<String>, String> {
    let text = match value {
        Value::Null => return Ok(None),
        Value::String(text) => text.trim().to_owned(),
        Value::Number(number) => number.to_string(),
        Value::Bool(truth) => truth.to_string(),
        other => return Err(other.to_string().chars().take(60).collect()),
    };
    Ok((!text.is_empty()).then_some(text))
}

fn number(text: &str) -> Option<f64> {
    text.parse().ok().filter(|value: &f64| value.is_finite())
}

fn kind_of(tasks: &[LabelledTask]) -> LabelKind {
    let answers: Vec<&str> =
        tasks.iter().flat_map(|task| task.answers.values().map(String::as_str)).collect();
    let distinct: BTreeSet<&str> = answers.iter().copied().collect();
    let gold = tasks.iter().filter_map(|task| task.gold.as_deref());
    let numbers: Option<Vec<f64>> = distinct.iter().copied().chain(gold).map(number).collect();
    if let Some(numbers) = numbers {
        let mut codes: Vec<f64> = distinct.iter().filter_map(|text| number(text)).collect();
        codes.sort_by(f64::total_cmp);
        codes.dedup();
        let first = codes.first().copied().unwrap_or(0.0);
        let consecutive = [0.0, 1.0].contains(&first)
            && codes.windows(2).all(|pair| (pair[1] - pair[0] - 1.0).abs() < 1e-9);
        let whole = numbers.iter().all(|value| value.fract() == 0.0);
        if !whole || (codes.len() > MOST_CODES && !consecutive) {
            return LabelKind::Numeric;
        }
        return LabelKind::Categorical;
    }
    if distinct.len() > MOST_CODES && distinct.len() * 2 > answers.len() {
        LabelKind::Text
    } else {
        LabelKind::Categorical
    }
}

/// How right one method was. `n` tasks with gold and an answer stand behind every figure.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(untagged)]
#[non_exhaustive]
pub enum MethodScores {
    /// For classes.
    Categorical {
        /// Share of tasks whose most probable class is right; the right one of m tied classes counts 1 / m.
        accuracy: f64,
        /// Expected calibration error of the highest probability, ten bins.
        ece: f64,
    },
    /// For numbers.
    Numeric {
        /// Mean absolute error.
        mae: f64,
        /// Root of the mean squared error.
        rmse: f64,
    },
    /// For texts.
    Text {
        /// Mean F1 of the words against gold, case and punctuation aside.
        token_f1: f64,
    },
}

/// Every method on one file: `{"kind", METHOD: {…}, …, "default": {…}}`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LabelReport {
    /// What the answers were taken for.
    pub kind: LabelKind,
    /// Figures by the name of the method.
    #[serde(flatten)]
    pub methods: BTreeMap<&'static str, MethodScores>,
}

/// Infers the truth with every method and compares with gold. The embedder is for texts only.
///
/// # Errors
/// [`LabelFileError::Truth`] when the answers cannot be inferred from or embedded,
/// [`LabelFileError::NoGold`] where nothing could be compared.
pub fn evaluate_labels(file: &LabelFile, embedder: &dyn Embedder) -> Result<LabelReport, LabelFileError> {
    let broken = |source| LabelFileError::Truth { name: file.name.clone(), source };
    let methods = match file.kind {
        LabelKind::Categorical => categorical(file).map_err(broken)?,
        LabelKind::Numeric => numeric(file).map_err(broken)?,
        LabelKind::Text => text(file, embedder).map_err(broken)?,
    };
    let methods =
        methods.into_iter().map(|(name, scores)| scores.map(|scores| (name, scores))).collect::<Option<_>>();
    let methods = methods.ok_or_else(|| LabelFileError::NoGold { name: file.name.clone() })?;
    Ok(LabelReport { kind: file.kind, methods })
}

type Scored = Vec<(&'static str, Option<MethodScores>)>;

fn rows(file: &LabelFile) -> impl Iterator<Item = (&str, Vec<(&str, &str)>)> {
    file.tasks.iter().map(|task| {
        (task.task.as_str(), task.answers.iter().map(|(who, label)| (who.as_str(), label.as_str())).collect())
    })
}

/// Tasks that count: their places and gold.
fn judged(file: &LabelFile) -> impl Iterator<Item = (usize, &str)> {
    let tasks = file.tasks.iter().enumerate().filter(|(_, task)| !task.answers.is_empty());
    tasks.filter_map(|(place, task)| Some((place, task.gold.as_deref()?)))
}

fn categorical(file: &LabelFile) -> Result<Scored, TruthError> {
    let labels = Labels::new(rows(file))?;
    let settings = EmSettings::default();
    let found = [
        ("majority", plurality(&labels)),
        ("agreement_weighted", agreement_weighted(&labels, 1.0)),
        ("one_coin", one_coin(&labels, &settings)),
        ("dawid_skene", dawid_skene(&labels, &settings)),
        ("hierarchical_dawid_skene", hierarchical_dawid_skene(&labels, &settings)),
        ("glad", glad(&labels, &settings)),
        ("default", infer_truth(&labels).posterior),
    ];
    Ok(found.into_iter().map(|(name, found)| (name, class_scores(file, &labels, &found))).collect())
}

fn class_scores(file: &LabelFile, labels: &Labels, found: &Posterior) -> Option<MethodScores> {
    let mut confidences = Vec::new();
    let mut credits = Vec::new();
    for (task, gold) in judged(file) {
        let (_, confidence) = found.best(task)?;
        let tied = found.tied(task);
        let right = tied.iter().any(|class| labels.classes()[*class] == gold);
        confidences.push(confidence.clamp(0.0, 1.0));
        credits.push(if right { 1.0 / tied.len() as f64 } else { 0.0 });
    }
    let ece = expected_calibration_error(&confidences, &credits, BINS)?.expected_calibration_error;
    Some(MethodScores::Categorical { accuracy: mean_of(&credits)?, ece })
}

fn numeric(file: &LabelFile) -> Result<Scored, TruthError> {
    let numbers = Numbers::new(rows(file).map(|(task, answers)| {
        (task, answers.into_iter().filter_map(|(who, label)| Some((who, number(label)?))).collect())
    }))?;
    let found = [
        ("mean", mean(&numbers)),
        ("median", median(&numbers)),
        ("huber", huber(&numbers)),
        ("inverse_variance", inverse_variance(&numbers)),
        ("default", infer_number(&numbers)),
    ];
    Ok(found.into_iter().map(|(name, found)| (name, number_scores(file, &found))).collect())
}

fn number_scores(file: &LabelFile, found: &Estimates) -> Option<MethodScores> {
    let errors: Vec<f64> =
        judged(file).filter_map(|(task, gold)| Some((found.values[task]? - number(gold)?).abs())).collect();
    let squares: Vec<f64> = errors.iter().map(|error| error * error).collect();
    Some(MethodScores::Numeric { mae: mean_of(&errors)?, rmse: mean_of(&squares)?.sqrt() })
}

fn text(file: &LabelFile, embedder: &dyn Embedder) -> Result<Scored, TruthError> {
    let texts = Texts::new(rows(file), embedder)?;
    let found = [
        ("medoid", medoid(&texts)),
        ("rasa", rasa(&texts)),
        ("hrrasa", hrrasa(&texts)),
        ("default", hrrasa(&texts)),
    ];
    Ok(found.into_iter().map(|(name, found)| (name, text_scores(file, &texts, &found))).collect())
}

fn text_scores(file: &LabelFile, texts: &Texts, found: &Choices) -> Option<MethodScores> {
    let scores: Vec<f64> = judged(file)
        .filter_map(|(task, gold)| Some(token_f1(&texts.texts()[found.chosen[task]?], gold)))
        .collect();
    Some(MethodScores::Text { token_f1: mean_of(&scores)? })
}

fn mean_of(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

/// Twice the common words over all words, a word being a run of letters and digits in lower case.
///
/// Source: Rajpurkar et al., *`SQuAD`: 100,000+ questions for machine comprehension of text*, 2016, §6.1.
fn token_f1(one: &str, other: &str) -> f64 {
    let bag = |text: &str| {
        let mut words: BTreeMap<String, usize> = BTreeMap::new();
        let runs = text.split(|letter: char| !letter.is_alphanumeric()).filter(|word| !word.is_empty());
        runs.for_each(|word| *words.entry(word.to_lowercase()).or_insert(0) += 1);
        words
    };
    let (one, other) = (bag(one), bag(other));
    let all = one.values().sum::<usize>() + other.values().sum::<usize>();
    let common: usize = one.iter().map(|(word, n)| *n.min(other.get(word).unwrap_or(&0))).sum();
    if all == 0 { 1.0 } else { 2.0 * common as f64 / all as f64 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::embed::HashingEmbedder;

    fn report(text: &str) -> LabelReport {
        evaluate_labels(&read_label_file("test", text).unwrap(), &HashingEmbedder::default()).unwrap()
    }

    #[test]
    fn a_tie_counts_by_chance() {
        let found = report(
            "{\"task\": 1, \"gold\": \"x\", \"answers\": {\"a\": \"x\", \"b\": \"y\"}}\n\
             {\"task\": 2, \"gold\": \"x\", \"answers\": {\"a\": \"x\", \"b\": \"x\", \"c\": null}}\n\
             {\"task\": 3, \"gold\": \"x\", \"answers\": {\"a\": \" \"}}\n",
        );
        // The tie counts ½ at confidence ½, the other task 1 at 1; nobody answered task 3.
        assert_eq!(found.methods["majority"], MethodScores::Categorical { accuracy: 0.75, ece: 0.0 });
    }

    #[test]
    fn the_report_has_the_shape_that_was_promised() {
        let found = report("{\"task\": \"t\", \"gold\": 2.5, \"answers\": {\"a\": 1, \"b\": 2, \"c\": 6}}");
        let json = serde_json::to_value(&found).unwrap();
        assert_eq!(json["kind"], "numeric");
        // Mean 3, median 2.
        assert_eq!(json["mean"], serde_json::json!({"mae": 0.5, "rmse": 0.5}));
        assert_eq!(json["median"]["mae"], 0.5);
        assert!(json["default"]["rmse"].is_number());
    }

    #[test]
    fn the_kind_is_found_from_the_labels() {
        let kind = |gold: &str, answers: &[String]| {
            let lines: Vec<String> = answers
                .iter()
                .enumerate()
                .map(|(task, answer)| {
                    format!("{{\"task\": {task}, \"gold\": {gold:?}, \"answers\": {{\"a\": {answer:?}}}}}")
                })
                .collect();
            read_label_file("test", &lines.join("\n")).unwrap().kind
        };
        let numbers = |step: usize| (0..20).map(|n| (n * step).to_string()).collect::<Vec<_>>();
        assert_eq!(kind("0", &numbers(5)), LabelKind::Numeric);
        assert_eq!(kind("0", &numbers(1)), LabelKind::Categorical);
        assert_eq!(kind("0.5", &numbers(1)), LabelKind::Numeric);
        assert_eq!(kind("x", &numbers(0)), LabelKind::Categorical);
        let lines: Vec<String> = (0..20).map(|n| format!("sentence number {n}")).collect();
        assert_eq!(kind("a sentence", &lines), LabelKind::Text);
    }

    #[test]
    fn words_in_common_by_hand() {
        // Common: not, husband, wife. 2 · 3 / (4 + 5).
        assert!((token_f1("Not husband, wife too", "they NOT are husband, wife!") - 6.0 / 9.0).abs() < 1e-12);
    }

    #[test]
    fn broken_files_are_refused_by_line() {
        let error = |text: &str| read_label_file("f", text).unwrap_err().to_string();
        assert!(error("{\"task\": \"t\"}").starts_with("line 1 of `f` is no task with answers"));
        let twice = "{\"task\": \"t\", \"answers\": {}}\n\n{\"task\": \"t\", \"answers\": {}}";
        assert_eq!(error(twice), "line 3 of `f` repeats task `t`");
        assert!(error("{\"task\": \"t\", \"answers\": {\"a\": [1]}}").contains("`[1]` is no label"));
        assert_eq!(
            error("{\"task\": \"t\", \"answers\": {\"a\": \"x\"}}"),
            "`f` holds no task with both a gold label and an answer"
        );
    }

    /// Published figures and the promises of the default, on data that is kept outside the project.
    #[test]
    #[expect(clippy::print_stderr, reason = "a skipped test says so; figures stand beside the promises")]
    fn published_figures_are_reproduced() {
        let Ok(folder) = std::env::var("CONSONA_EVAL_DATA") else {
            eprintln!("skipped: CONSONA_EVAL_DATA is not set");
            return;
        };
        let of = |file: &str| {
            let text = std::fs::read_to_string(format!("{folder}/{file}.jsonl")).unwrap();
            let found = report(&text);
            eprintln!("{file} {}", serde_json::to_string(&found).unwrap());
            found
        };
        let class = |report: &LabelReport, method: &str| match report.methods[method] {
            MethodScores::Categorical { accuracy, ece } => (accuracy, ece),
            ref other => panic!("{other:?}"),
        };
        let files = [
            "truth_snow2008_dev/snow_rte",
            "truth_snow2008_dev/snow_temp",
            "truth_act_dev/cf_amt",
            "truth_snow2008_dev/snow_wsd",
            "llmbar_judges_dev/llmbar_processed",
        ];
        let found: Vec<LabelReport> = files.iter().map(|file| of(file)).collect();
        for (report, majority, model) in
            [(&found[0], 0.897, 0.9275), (&found[1], 0.936, 0.942), (&found[2], 0.853, 0.840)]
        {
            assert!((class(report, "majority").0 - majority).abs() < 0.005);
            assert!((class(report, "dawid_skene").0 - model).abs() < 0.005);
        }
        let (mut gain, mut error) = (0.0, 0.0);
        for report in &found {
            let (default, majority) = (class(report, "default"), class(report, "majority"));
            assert!(default.0 > majority.0 - 0.005 && default.1 < 0.15, "{default:?} {majority:?}");
            gain += default.0 - majority.0;
            error += default.1 / found.len() as f64;
        }
        assert!(gain > 0.0 && error < 0.06, "{gain} {error}");
        let emotions = ["anger", "disgust", "fear", "joy", "sadness", "surprise", "valence"];
        let found: Vec<LabelReport> =
            emotions.iter().map(|name| of(&format!("truth_snow2008_dev/snow_{name}"))).collect();
        let mae = |method: &str| {
            let of = |report: &LabelReport| match report.methods[method] {
                MethodScores::Numeric { mae, .. } => mae,
                ref other => panic!("{other:?}"),
            };
            found.iter().map(of).sum::<f64>() / found.len() as f64
        };
        assert!((mae("mean") - 12.02).abs() < 0.005 && (mae("median") - 13.53).abs() < 0.005);
        assert!(mae("default") < mae("mean"));
        assert_eq!(of("truth_snow2008_dev/snow_wordsim").kind, LabelKind::Numeric);
        assert_eq!(of("crowdwsa_dev/crowdwsa_T1").kind, LabelKind::Text);
    }
}
