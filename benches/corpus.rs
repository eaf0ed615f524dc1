//! One clustering of a corpus by one library, timed in CPU seconds; the Rust side of `benches/peers`.
//!
//! `cargo bench --bench corpus -- TASK STEM [NUMBER…]` reads `STEM.npy` (and `STEM.init.npy`), runs the task
//! once, writes labels to `STEM.TASK.labels` and prints one line of JSON. `benches/peers/compare.py` calls
//! it; without arguments it says so and does nothing.

use std::{error::Error, fs, hint::black_box, path::Path};

use consona::cluster::{DbscanParams, HdbscanParams, KMeansInit, KMeansModel, KMeansParams, linfa_dbscan};
use consona::embed::FeatureMatrix;
use consona::files::read_npy;
use cpu_time::ProcessTime;
use linfa::traits::{Fit, Predict};
use linfa::{DatasetBase, ParamGuard};
use ndarray::{Array1, Array2, linalg::general_mat_mul, s};

/// What a call gives, and its CPU seconds.
fn timed<T>(call: impl FnMut() -> T) -> (T, f64) {
    timed_often(1, call)
}

/// What a call gives, and its mean CPU seconds, those of all threads.
fn timed_often<T>(times: usize, mut call: impl FnMut() -> T) -> (T, f64) {
    let start = ProcessTime::now();
    for _ in 1..times {
        black_box(call());
    }
    let result = call();
    (result, start.elapsed().as_secs_f64() / times as f64)
}

/// Calls that make a small task long enough to be timed.
fn often(rows: usize) -> usize {
    (200_000 / rows).clamp(1, 200)
}

fn read(path: &str) -> Result<Array2<f32>, Box<dyn Error>> {
    Ok(read_npy(Path::new(path))?)
}

fn write_labels(path: &str, labels: impl Iterator<Item = Option<usize>>) -> Result<(), Box<dyn Error>> {
    let lines: Vec<String> =
        labels.map(|label| label.map_or_else(|| "-1".to_owned(), |label| label.to_string())).collect();
    Ok(fs::write(path, lines.join("\n"))?)
}

/// The products of all rows with all centroids and nothing else, in blocks that stay in the cache.
fn sgemm(rows: &Array2<f32>, centroids: &Array2<f32>) {
    let block = 1024;
    let mut products = Array2::zeros((block, centroids.nrows()));
    for start in (0..rows.nrows()).step_by(block) {
        let end = (start + block).min(rows.nrows());
        let mut products = products.slice_mut(s![..end - start, ..]);
        general_mat_mul(1.0, &rows.slice(s![start..end, ..]), &centroids.t(), 0.0, &mut products);
        black_box(&products);
    }
}

fn kmeans(stem: &str, iterations: usize) -> Result<String, Box<dyn Error>> {
    let (rows, init) = (read(&format!("{stem}.npy"))?, read(&format!("{stem}.init.npy"))?);
    let params = KMeansParams::new(init.nrows())
        .init(KMeansInit::Precomputed(init.clone()))
        .tolerance(0.0)
        .max_n_iterations(iterations)
        .check()?;
    let dataset = DatasetBase::from(rows.view());
    let times = often(rows.nrows());
    let (model, fit) = timed_often(times, || -> Result<KMeansModel, _> { params.fit(&dataset) });
    let model = model?;
    let (labels, assign) = timed_often(times, || -> Array1<usize> { model.predict(&rows) });
    let ((), limit) = timed_often(times, || sgemm(&rows, &init));
    write_labels(&format!("{stem}.kmeans.labels"), labels.iter().copied().map(Some))?;
    let (inertia, n) = (model.inertia(), model.n_iterations());
    Ok(format!(
        r#"{{"fit_cpu": {fit}, "assign_cpu": {assign}, "limit_cpu": {limit}, "inertia": {inertia}, "n_iterations": {n}}}"#
    ))
}

/// linfa's k-means with the same beginning and the same number of updates.
fn linfa_kmeans(stem: &str, iterations: u64) -> Result<String, Box<dyn Error>> {
    let (rows, init) = (read(&format!("{stem}.npy"))?, read(&format!("{stem}.init.npy"))?);
    let params = linfa_clustering::KMeans::params(init.nrows())
        .init_method(linfa_clustering::KMeansInit::Precomputed(init))
        .tolerance(1e-9)
        .n_runs(1)
        .max_n_iterations(iterations)
        .check()?;
    let dataset = DatasetBase::from(rows.view());
    let (model, fit) = timed(|| params.fit(&dataset));
    let model = model?;
    let (_, assign) = timed(|| -> Array1<usize> { model.predict(&rows) });
    let inertia = f64::from(model.inertia()) * rows.nrows() as f64;
    Ok(format!(r#"{{"fit_cpu": {fit}, "assign_cpu": {assign}, "inertia": {inertia}}}"#))
}

/// k-means++ alone: one update less than none is not to be had, so one iteration's cost is taken away.
fn plus_plus(stem: &str, n_clusters: usize) -> Result<String, Box<dyn Error>> {
    let rows = read(&format!("{stem}.npy"))?;
    let dataset = DatasetBase::from(rows.view());
    let ours = |init: KMeansInit| -> Result<(KMeansModel, f64), Box<dyn Error>> {
        let params = KMeansParams::new(n_clusters).init(init).max_n_iterations(1).check()?;
        let (model, seconds) = timed(|| params.fit(&dataset));
        Ok((model?, seconds))
    };
    let (model, with) = ours(KMeansInit::PlusPlus)?;
    let (_, without) = ours(KMeansInit::Precomputed(model.centroids().clone()))?;
    let theirs = |init: linfa_clustering::KMeansInit<f32>| -> Result<f64, Box<dyn Error>> {
        let params = linfa_clustering::KMeans::params(n_clusters).init_method(init);
        let params = params.n_runs(1).max_n_iterations(1).check()?;
        let (model, seconds) = timed(|| params.fit(&dataset));
        model?;
        Ok(seconds)
    };
    let linfa_with = theirs(linfa_clustering::KMeansInit::KMeansPlusPlus)?;
    let linfa_without = theirs(linfa_clustering::KMeansInit::Precomputed(model.centroids().clone()))?;
    let (ours, linfa) = (with - without, linfa_with - linfa_without);
    Ok(format!(r#"{{"fit_cpu": {ours}, "linfa_cpu": {linfa}}}"#))
}

fn density(task: &str, stem: &str, one: f64, points: usize) -> Result<String, Box<dyn Error>> {
    let features = FeatureMatrix::normalise(read(&format!("{stem}.npy"))?)?;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a size given as a number")]
    let size = one as usize;
    let (found, fit) = match task {
        "dbscan" => {
            let params = DbscanParams::new(points, one).check()?;
            timed(|| params.fit(&features))
        }
        "hdbscan" => {
            let params = HdbscanParams::new(size).min_points(points).check()?;
            timed(|| params.fit(&features))
        }
        _ => timed(|| linfa_dbscan(features.view(), one, points)),
    };
    let found = found?;
    write_labels(&format!("{stem}.{task}.labels"), found.labels().iter().copied())?;
    Ok(format!(r#"{{"fit_cpu": {fit}, "n_clusters": {}}}"#, found.n_clusters()))
}

#[expect(clippy::print_stdout, reason = "a program whose output is its result")]
fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|one| one != "--bench").collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let line = match words.as_slice() {
        ["kmeans", stem, iterations] => kmeans(stem, iterations.parse()?)?,
        ["linfa-kmeans", stem, iterations] => linfa_kmeans(stem, iterations.parse()?)?,
        ["plus-plus", stem, n_clusters] => plus_plus(stem, n_clusters.parse()?)?,
        [task @ ("dbscan" | "hdbscan" | "linfa-dbscan"), stem, one, points] => {
            density(task, stem, one.parse()?, points.parse()?)?
        }
        _ => r#"{"note": "run by benches/peers/compare.py"}"#.to_owned(),
    };
    println!("{line}");
    Ok(())
}
