//! What holds for every method, whatever the answers.

use proptest::prelude::*;

use super::*;

/// Answers of up to 24 annotators to up to 8 tasks; 3 is no answer.
fn answers() -> impl Strategy<Value = Vec<Vec<u8>>> {
    (1_usize..24, 1_usize..8).prop_flat_map(|(people, tasks)| {
        proptest::collection::vec(proptest::collection::vec(0_u8..4, people), tasks)
    })
}

const CLASSES: [&str; 3] = ["x", "y", "z"];

/// The answers with annotators called and ordered as `names` says.
fn labels(answers: &[Vec<u8>], names: &[String], more: &[&str]) -> Labels {
    let tasks: Vec<String> = (0..answers.len()).map(|task| format!("t{task}")).collect();
    let rows = answers.iter().zip(&tasks).map(|(row, task)| {
        let given = row.iter().zip(names).filter(|(answer, _)| **answer < 3);
        (task.as_str(), given.map(|(answer, name)| (name.as_str(), CLASSES[usize::from(*answer)])).collect())
    });
    Labels::with_annotators(rows, more).unwrap()
}

fn plain_names(answers: &[Vec<u8>]) -> Vec<String> {
    (0..answers[0].len()).map(|place| format!("w{place:02}")).collect()
}

fn every_method(labels: &Labels) -> Vec<Posterior> {
    let settings = EmSettings { iterations: 15, tolerance: 1e-5 };
    vec![
        plurality(labels),
        agreement_weighted(labels, 1.0),
        agreement_weighted(labels, 2.0),
        one_coin(labels, &settings),
        dawid_skene(labels, &settings),
        hierarchical_dawid_skene(labels, &settings),
        glad(labels, &settings),
        infer_truth(labels).posterior,
    ]
}

fn task_rows(found: &Posterior, labels: &Labels) -> Vec<Vec<f64>> {
    (0..labels.tasks().len()).map(|task| found.task(task).to_vec()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn probabilities_sum_to_one(answers in answers()) {
        let labels = labels(&answers, &plain_names(&answers), &[]);
        for found in every_method(&labels) {
            for row in task_rows(&found, &labels).iter().filter(|row| !row.is_empty()) {
                prop_assert!((row.iter().sum::<f64>() - 1.0).abs() < 1e-9, "{row:?}");
                prop_assert!(row.iter().all(|share| (0.0..=1.0 + 1e-12).contains(share)), "{row:?}");
            }
            let known = found.reliability().iter().flatten().count();
            prop_assert_eq!(known, labels.counts().iter().filter(|n| **n > 0.0).count());
        }
    }

    #[test]
    fn names_and_order_of_annotators_change_nothing(answers in answers(), turn in 0_usize..24) {
        let people = answers[0].len();
        let turned: Vec<Vec<u8>> = answers
            .iter()
            .map(|row| (0..people).map(|place| row[(place * (people - 1) + turn) % people]).collect())
            .collect();
        // Walking backwards through the panel meets everyone once: people − 1 is −1 modulo people.
        let one = labels(&answers, &plain_names(&answers), &[]);
        let other = labels(&turned, &(0..people).map(|place| format!("{}", 1000 - place)).collect::<Vec<_>>(), &[]);
        for (one_found, other_found) in every_method(&one).iter().zip(every_method(&other)) {
            prop_assert_eq!(task_rows(one_found, &one), task_rows(&other_found, &other));
        }
    }

    #[test]
    fn an_empty_annotator_changes_nothing(answers in answers()) {
        let names = plain_names(&answers);
        let (one, other) = (labels(&answers, &names, &[]), labels(&answers, &names, &["nobody"]));
        for (one_found, other_found) in every_method(&one).iter().zip(every_method(&other)) {
            for (row, same) in task_rows(one_found, &one).iter().flatten().zip(task_rows(&other_found, &other).iter().flatten()) {
                prop_assert!((row - same).abs() < 1e-9);
            }
        }
    }

    #[test]
    fn a_unanimous_task_keeps_its_label(answers in answers(), class in 0_u8..3) {
        let mut answers = answers;
        let people = answers[0].len();
        answers.push(vec![class; people]);
        let labels = labels(&answers, &plain_names(&answers), &[]);
        let last = answers.len() - 1;
        for found in [plurality(&labels), agreement_weighted(&labels, 1.0), infer_truth(&labels).posterior] {
            let (best, _) = found.best(last).unwrap();
            prop_assert_eq!(labels.classes()[best].as_str(), CLASSES[usize::from(class)]);
        }
    }

    #[test]
    fn estimates_lie_between_the_answers(
        answers in proptest::collection::vec(proptest::collection::vec(-1e6_f64..1e6, 1..9), 1..6),
    ) {
        let names = ["a", "b", "c", "d", "e", "f", "g", "h"];
        let tasks: Vec<String> = (0..answers.len()).map(|task| format!("t{task}")).collect();
        let rows = answers.iter().zip(&tasks).map(|(row, task)| {
            (task.as_str(), row.iter().zip(names).map(|(value, name)| (name, *value)).collect())
        });
        let numbers = Numbers::new(rows).unwrap();
        for found in [mean(&numbers), median(&numbers), huber(&numbers), inverse_variance(&numbers), infer_number(&numbers)] {
            for (row, value) in answers.iter().zip(&found.values) {
                let value = value.unwrap();
                let least = row.iter().copied().fold(f64::INFINITY, f64::min);
                let most = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                prop_assert!(value >= least - 1e-6 && value <= most + 1e-6, "{value} of {row:?}");
            }
        }
    }
}
