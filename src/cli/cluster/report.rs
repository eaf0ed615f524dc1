//! What is said about a clustering.

use std::path::PathBuf;

use serde::Serialize;

use super::fit::Found;
use super::options::{ClusterOptions, Name};
use crate::cli::console::width;
use crate::cluster::{euclidean_silhouette, inertia};
use crate::report::{safe, wrapped};

/// Figures of a clustering; where no figure is right there is none.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    algorithm: String,
    rows: usize,
    dimension: usize,
    clusters: usize,
    /// Rows in no cluster.
    noise: usize,
    /// Sum of squared distances to the centroids, noise left out; none where there is no cluster.
    inertia: Option<f64>,
    /// By Euclidean distance, of at most 2,000 rows.
    silhouette: Option<f64>,
    n_iterations: Option<usize>,
    /// The distance, given or read off the data.
    eps: Option<f64>,
    /// Cells that stood for the rows.
    cells: Option<usize>,
    /// Where the consensus clusterer's threshold comes from.
    threshold: Option<String>,
    seed: u64,
    threads: usize,
    fit_cpu_seconds: f64,
    assign_cpu_seconds: Option<f64>,
    notes: Vec<String>,
    files: Vec<PathBuf>,
}

impl Report {
    pub(super) fn new(options: &ClusterOptions, found: &Found) -> Self {
        let (rows, assignment) = (found.rows.view(), &found.assignment);
        Self {
            algorithm: options.algorithm.text(),
            rows: rows.nrows(),
            dimension: rows.ncols(),
            clusters: assignment.n_clusters(),
            noise: assignment.labels().iter().filter(|label| label.is_none()).count(),
            inertia: (assignment.n_clusters() > 0).then(|| inertia(rows, found.centroids.view(), assignment)),
            silhouette: euclidean_silhouette(rows, assignment),
            n_iterations: found.n_iterations,
            eps: found.eps,
            cells: found.cells,
            threshold: found.threshold.clone(),
            seed: options.seed,
            threads: rayon::current_num_threads(),
            fit_cpu_seconds: found.fit_cpu_seconds,
            assign_cpu_seconds: found.assign_cpu_seconds,
            notes: found.notes.iter().cloned().chain(nothing(options, assignment.n_clusters())).collect(),
            files: [&options.labels, &options.centroids].into_iter().flatten().cloned().collect(),
        }
    }

    /// The same for people.
    pub(super) fn text(&self) -> String {
        let figure = |value: Option<f64>| value.map_or_else(|| "–".to_owned(), |value| format!("{value:.4}"));
        let rounds = self.n_iterations.map_or_else(|| "–".to_owned(), |n| n.to_string());
        let mut text = format!(
            "{} rows of {} components by {}: {} clusters, {} rows in none.\n\ninertia      {}\nsilhouette   {}\n\
             iterations   {rounds}\nCPU seconds  {:.4} fit, {} assignment, {} threads\n",
            self.rows,
            self.dimension,
            self.algorithm,
            self.clusters,
            self.noise,
            figure(self.inertia),
            figure(self.silhouette),
            self.fit_cpu_seconds,
            figure(self.assign_cpu_seconds),
            self.threads
        );
        for note in self.notes.iter().chain(&self.threshold) {
            text.push('\n');
            text.push_str(&wrapped(&format!("{}.\n", safe::line(note)), width()));
        }
        for path in &self.files {
            text.extend(["\n  ", &safe::line(&path.display().to_string())]);
        }
        if !self.files.is_empty() {
            text.push('\n');
        }
        text
    }
}

/// What to change where no row is in a cluster.
fn nothing(options: &ClusterOptions, clusters: usize) -> Option<String> {
    (clusters == 0).then(|| {
        let advice = match options.algorithm {
            Name::Hdbscan => "try a smaller --min-cluster-size or fewer --min-points",
            _ => "try a larger --eps or fewer --min-points",
        };
        format!("no cluster was found, all rows are noise: {advice}")
    })
}
