//! Who answered what: the common ground of labels, numbers and texts.

use std::collections::BTreeMap;
use std::ops::Range;

use super::TruthError;

/// Answers grouped by task, in compact rows; tasks in the order of the input.
///
/// Annotators stand in an order made of their answers, not of their names, and a task's answers follow
/// it. Sums are therefore taken in the same order whatever the annotators are called.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Roster<A> {
    pub(super) tasks: Vec<String>,
    pub(super) annotators: Vec<String>,
    /// Where each task's answers start; one more entry than tasks.
    pub(super) starts: Vec<usize>,
    /// The annotator of each answer, rising within a task.
    pub(super) who: Vec<u32>,
    pub(super) answers: Vec<A>,
}

impl<A: Copy + Ord> Roster<A> {
    /// Rows of (task, answers by annotator). A task without answers is kept; two rows of one task are
    /// one task. `more` are annotators who may have answered nothing.
    pub(super) fn new<'a>(
        rows: impl IntoIterator<Item = (&'a str, Vec<(&'a str, A)>)>,
        more: &[&'a str],
    ) -> Result<Self, TruthError> {
        let mut tasks: Vec<String> = Vec::new();
        let mut place_of: BTreeMap<&str, usize> = BTreeMap::new();
        let mut by_annotator: BTreeMap<&str, Vec<(usize, A)>> =
            more.iter().map(|name| (*name, Vec::new())).collect();
        for (task, answers) in rows {
            let place = *place_of.entry(task).or_insert_with(|| {
                tasks.push(task.to_owned());
                tasks.len() - 1
            });
            for (annotator, answer) in answers {
                by_annotator.entry(annotator).or_default().push((place, answer));
            }
        }
        let mut people: Vec<(Vec<(usize, A)>, &str)> =
            by_annotator.into_iter().map(|(name, answers)| (answers, name)).collect();
        for (answers, name) in &mut people {
            answers.sort_unstable();
            if let Some(pair) = answers.windows(2).find(|pair| pair[0].0 == pair[1].0) {
                let task = tasks[pair[0].0].clone();
                return Err(TruthError::Repeated { task, annotator: (*name).to_owned() });
            }
        }
        people.sort_unstable();
        Ok(Self::in_rows(tasks, &people))
    }

    fn in_rows(tasks: Vec<String>, people: &[(Vec<(usize, A)>, &str)]) -> Self {
        let mut rows: Vec<Vec<(u32, A)>> = vec![Vec::new(); tasks.len()];
        for (person, (answers, _)) in (0_u32..).zip(people) {
            for (task, answer) in answers {
                rows[*task].push((person, *answer));
            }
        }
        let mut starts = vec![0];
        let (mut who, mut answers) = (Vec::new(), Vec::new());
        for row in &rows {
            who.extend(row.iter().map(|answer| answer.0));
            answers.extend(row.iter().map(|answer| answer.1));
            starts.push(who.len());
        }
        let annotators = people.iter().map(|person| person.1.to_owned()).collect();
        Self { tasks, annotators, starts, who, answers }
    }
}

impl<A> Roster<A> {
    /// The answers of a task, as a range into `who` and `answers`.
    pub(super) fn of(&self, task: usize) -> Range<usize> {
        self.starts[task]..self.starts[task + 1]
    }

    /// Answers per annotator.
    pub(super) fn counts(&self) -> Vec<f64> {
        let mut counts = vec![0.0; self.annotators.len()];
        self.who.iter().for_each(|who| counts[*who as usize] += 1.0);
        counts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_of_annotators_comes_from_their_answers() {
        let one = Roster::new([("t", vec![("zoe", 1), ("ann", 2)]), ("u", vec![("ann", 1)])], &[]).unwrap();
        let other = Roster::new([("t", vec![("1", 2), ("2", 1)]), ("u", vec![("1", 1)])], &[]).unwrap();
        assert_eq!((&one.who, &one.answers, &one.starts), (&other.who, &other.answers, &other.starts));
        assert_eq!(
            (one.annotators, other.annotators),
            (vec!["zoe".into(), "ann".into()], vec!["2".into(), "1".into()])
        );
        assert_eq!((one.who, one.answers, one.starts), (vec![0, 1, 1], vec![1, 2, 1], vec![0, 2, 3]));
    }

    #[test]
    fn a_second_answer_is_refused_by_name() {
        let twice = Roster::new([("t", vec![("a", 1)]), ("t", vec![("a", 2)])], &[]);
        assert_eq!(
            twice.unwrap_err().to_string(),
            "annotator `a` answered task `t` more than once; keep one of the answers"
        );
    }
}
