//! The two ways in: similarities of any kind, or rows of vectors the way linfa does it.

use linfa::DatasetBase;
use linfa::traits::{Fit, PredictInplace};
use ndarray::{Array1, Array2, ArrayBase, Data, Ix2};

use super::hyperparams::AgreementValidParams;
use super::workspace::Workspace;
use crate::cluster::distances::MOST_ROWS;
use crate::cluster::threshold::{FittedThresholds, PairSample, Threshold, Thresholds};
use crate::cluster::{Assignment, ClusterError};
use crate::embed::{FeatureMatrix, SimilarityMatrix};

/// Which drafts are the same persona, and on what grounds.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// A cluster for every row; none is noise, a lone draft is a cluster of one.
    pub assignment: Assignment,
    /// Pairs of rows of one session that are one draft said twice, and became one vote: the row that
    /// came first, and the later one.
    pub merged: Vec<(usize, usize)>,
    /// The thresholds that were used; `None` for an algorithm without any.
    pub thresholds: Option<Thresholds>,
    /// How they were found, when they were read off these data.
    pub fitted: Option<FittedThresholds>,
}

impl AgreementValidParams {
    /// Clusters drafts by their similarities; `sessions[row]` says which model run a draft came from.
    ///
    /// A draft is compared with a cluster by the cosine with its centre, which similarities determine
    /// without any vectors (for a kernel that is no inner product, nearly). Rows should come in a fixed order (record, then model): ties go to earlier rows.
    ///
    /// # Errors
    /// [`ClusterError::Empty`] without rows, [`ClusterError::Sessions`] when lengths differ,
    /// [`ClusterError::TooManyRows`] above 20,000: one record has a few dozen drafts.
    pub fn fit_similarities(
        &self,
        similarities: &SimilarityMatrix,
        sessions: &[usize],
    ) -> Result<Outcome, ClusterError> {
        self.fit_similarities_in(&mut Workspace::default(), similarities, sessions)
    }

    /// The same with buffers that serve many records.
    ///
    /// # Errors
    /// As [`Self::fit_similarities`].
    pub fn fit_similarities_in(
        &self,
        workspace: &mut Workspace,
        similarities: &SimilarityMatrix,
        sessions: &[usize],
    ) -> Result<Outcome, ClusterError> {
        check(similarities.size(), sessions)?;
        let fitted = self.fitted(|sample| sample.add(similarities, sessions));
        workspace.copy(similarities.view());
        Ok(self.outcome(workspace, sessions, fitted))
    }

    /// Clusters unit rows by their cosines.
    ///
    /// # Errors
    /// As [`Self::fit_similarities`].
    pub fn fit_rows(&self, rows: &FeatureMatrix, sessions: &[usize]) -> Result<Outcome, ClusterError> {
        self.fit_rows_in(&mut Workspace::default(), rows, sessions)
    }

    /// The same with buffers that serve many records.
    ///
    /// # Errors
    /// As [`Self::fit_similarities`].
    pub fn fit_rows_in(
        &self,
        workspace: &mut Workspace,
        rows: &FeatureMatrix,
        sessions: &[usize],
    ) -> Result<Outcome, ClusterError> {
        check(rows.rows(), sessions)?;
        let fitted = self.fitted(|sample| sample.add(&rows.similarities(), sessions));
        workspace.measure(rows.view());
        Ok(self.outcome(workspace, sessions, fitted))
    }

    /// The thresholds read off the data, or else the given ones.
    fn fitted(&self, add: impl FnOnce(&mut PairSample)) -> Result<FittedThresholds, Thresholds> {
        match &self.threshold {
            Threshold::Fixed(thresholds) => Err(*thresholds),
            Threshold::FromData(settings) => {
                let mut sample = PairSample::default();
                add(&mut sample);
                Ok(sample.fit(settings))
            }
        }
    }

    fn outcome(
        &self,
        workspace: &mut Workspace,
        sessions: &[usize],
        fitted: Result<FittedThresholds, Thresholds>,
    ) -> Outcome {
        let thresholds = fitted.as_ref().map_or_else(|given| *given, |fitted| fitted.thresholds);
        workspace.run(sessions, &thresholds, self.max_iterations);
        Outcome {
            assignment: Assignment::new(workspace.labels().iter().copied().map(Some)),
            merged: workspace.merged().to_vec(),
            thresholds: Some(thresholds),
            fitted: fitted.ok(),
        }
    }
}

fn check(rows: usize, sessions: &[usize]) -> Result<(), ClusterError> {
    if rows == 0 {
        return Err(ClusterError::Empty);
    }
    if rows != sessions.len() {
        return Err(ClusterError::Sessions { sessions: sessions.len(), rows });
    }
    if rows > MOST_ROWS {
        return Err(ClusterError::TooManyRows { rows, most: MOST_ROWS });
    }
    Ok(())
}

/// A fitted clustering that can place new rows.
#[derive(Clone, Debug, PartialEq)]
pub struct AgreementModel {
    outcome: Outcome,
    centroids: Array2<f32>,
    refinement: f64,
}

impl AgreementModel {
    /// The clusters of the rows that were fitted.
    #[must_use]
    pub fn assignment(&self) -> &Assignment {
        &self.outcome.assignment
    }

    /// The whole result.
    #[must_use]
    pub fn outcome(&self) -> &Outcome {
        &self.outcome
    }

    /// `n_clusters` × `d` unit rows, in the order of the clusters. A cluster whose rows cancel out
    /// has the first of them.
    #[must_use]
    pub fn centroids(&self) -> &Array2<f32> {
        &self.centroids
    }
}

fn centroids(rows: &FeatureMatrix, assignment: &Assignment) -> Array2<f32> {
    let mut centroids = Array2::zeros((assignment.n_clusters(), rows.dimension()));
    for (members, mut centroid) in assignment.members().iter().zip(centroids.outer_iter_mut()) {
        for member in members {
            centroid += &rows.view().row(*member);
        }
        let length = centroid.dot(&centroid).sqrt();
        if length > f32::EPSILON {
            centroid /= length;
        } else if let Some(first) = members.first() {
            centroid.assign(&rows.view().row(*first));
        }
    }
    centroids
}

/// Records are rows of any length above 0, brought to unit length; targets are their sessions.
impl<D: Data<Elem = f32>> Fit<ArrayBase<D, Ix2>, Array1<usize>, ClusterError> for AgreementValidParams {
    type Object = AgreementModel;

    fn fit(
        &self,
        dataset: &DatasetBase<ArrayBase<D, Ix2>, Array1<usize>>,
    ) -> Result<Self::Object, ClusterError> {
        let rows = FeatureMatrix::normalise(dataset.records.to_owned())?;
        let outcome = self.fit_rows(&rows, &dataset.targets.to_vec())?;
        let centroids = centroids(&rows, &outcome.assignment);
        let refinement = outcome.thresholds.map_or(-1.0, |thresholds| thresholds.refinement);
        Ok(AgreementModel { outcome, centroids, refinement })
    }
}

/// The nearest centroid of each row, or `None` where none is closer than the refinement threshold.
impl<D: Data<Elem = f32>> PredictInplace<ArrayBase<D, Ix2>, Array1<Option<usize>>> for AgreementModel {
    fn predict_inplace(&self, rows: &ArrayBase<D, Ix2>, clusters: &mut Array1<Option<usize>>) {
        for (row, cluster) in rows.outer_iter().zip(clusters.iter_mut()) {
            let least = self.refinement * f64::from(row.dot(&row).sqrt());
            *cluster = self
                .centroids
                .outer_iter()
                .map(|centroid| f64::from(centroid.dot(&row)))
                .enumerate()
                .filter(|(_, similarity)| *similarity > least)
                .max_by(|(_, one), (_, other)| one.total_cmp(other))
                .map(|(cluster, _)| cluster);
        }
    }

    fn default_target(&self, rows: &ArrayBase<D, Ix2>) -> Array1<Option<usize>> {
        Array1::from_elem(rows.nrows(), None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::agreement::AgreementParams;
    use linfa::ParamGuard;
    use linfa::traits::Predict;
    use ndarray::array;

    fn params() -> AgreementValidParams {
        let thresholds = Thresholds { linkage: 0.5, refinement: 0.4, duplicate: Some(0.99) };
        AgreementParams::new().threshold(Threshold::Fixed(thresholds)).check().unwrap()
    }

    fn similar(values: Array2<f32>) -> SimilarityMatrix {
        SimilarityMatrix::new(values).unwrap()
    }

    #[test]
    fn two_drafts_of_one_session_never_share_a_cluster_unless_said_twice() {
        let similarities = similar(array![[1.0, 0.9, 0.8], [0.9, 1.0, 0.7], [0.8, 0.7, 1.0]]);
        let outcome = params().fit_similarities(&similarities, &[0, 0, 1]).unwrap();
        assert_eq!(outcome.assignment.labels(), [Some(0), Some(1), Some(0)]);
        let twice = similar(array![[1.0, 0.99, 0.8], [0.99, 1.0, 0.7], [0.8, 0.7, 1.0]]);
        let outcome = params().fit_similarities(&twice, &[0, 0, 1]).unwrap();
        assert_eq!(outcome.assignment, Assignment::single(3));
        assert_eq!(outcome.merged, [(0, 1)]);
    }

    #[test]
    fn linfa_users_fit_and_predict_as_usual() {
        let rows = array![[2.0, 0.0], [0.0, 1.0], [3.0, 0.1], [0.1, 1.0]];
        let dataset = DatasetBase::new(rows, array![0_usize, 0, 1, 1]);
        let threshold = Threshold::Fixed(Thresholds::fixed(0.5));
        let model: AgreementModel = AgreementParams::new().threshold(threshold).fit(&dataset).unwrap();
        assert_eq!(model.assignment().labels(), [Some(0), Some(1), Some(0), Some(1)]);
        assert_eq!(model.centroids().dim(), (2, 2));
        let placed = model.predict(&array![[0.0, 7.0], [1.0, 0.0], [-1.0, -1.0]]);
        assert_eq!(placed, array![Some(1), Some(0), None]);
    }

    #[test]
    fn bad_input_is_named_and_small_input_is_fine() {
        let none = similar(Array2::zeros((0, 0)));
        assert!(matches!(params().fit_similarities(&none, &[]), Err(ClusterError::Empty)));
        let one = similar(array![[1.0]]);
        let wrong = params().fit_similarities(&one, &[0, 1]).unwrap_err();
        assert_eq!(
            wrong.to_string(),
            "2 sessions were given for 1 rows; every row needs the session it came from"
        );
        assert_eq!(params().fit_similarities(&one, &[9]).unwrap().assignment, Assignment::single(1));
        let equal = similar(Array2::ones((4, 4)));
        let outcome = params().fit_similarities(&equal, &[0, 1, 2, 3]).unwrap();
        assert_eq!(outcome.assignment, Assignment::single(4));
        let from_data = AgreementParams::new().check().unwrap();
        assert_eq!(from_data.fit_similarities(&equal, &[0, 1, 2, 3]).unwrap().assignment.n_clusters(), 1);
    }

    #[test]
    fn a_workspace_remembers_nothing() {
        let rows = FeatureMatrix::normalise(array![[1.0, 0.0], [0.0, 1.0], [1.0, 0.2]]).unwrap();
        let one = FeatureMatrix::normalise(array![[1.0, 0.0]]).unwrap();
        let mut workspace = Workspace::default();
        let fresh = params().fit_rows(&rows, &[0, 0, 1]).unwrap();
        for _ in 0..3 {
            assert_eq!(params().fit_rows_in(&mut workspace, &rows, &[0, 0, 1]).unwrap(), fresh);
            params().fit_rows_in(&mut workspace, &one, &[0]).unwrap();
        }
    }

    #[test]
    fn a_session_that_splits_a_persona_keeps_the_better_half_in_it() {
        // Rows 0 and 1 are two halves of one persona by session 0; sessions 1 and 2 have it whole.
        let similarities = similar(array![
            [1.0, 0.6, 0.8, 0.8],
            [0.6, 1.0, 0.7, 0.7],
            [0.8, 0.7, 1.0, 0.9],
            [0.8, 0.7, 0.9, 1.0]
        ]);
        let outcome = params().fit_similarities(&similarities, &[0, 0, 1, 2]).unwrap();
        assert_eq!(outcome.assignment.labels(), [Some(0), Some(1), Some(0), Some(0)]);
    }
}
