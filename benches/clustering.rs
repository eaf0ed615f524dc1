//! Time of clustering: one record of drafts, and linfa's k-means on a corpus. The size stands in the id, the
//! seed is fixed, and the quality is printed once beside the time.

#[path = "../tests/support/mod.rs"]
#[expect(dead_code, reason = "shared with the tests, which use all of it")]
mod support;

use std::hint::black_box;

use consona::cluster::{
    AgreementParams, AgreementValidParams, FitSettings, PairSample, Threshold, Workspace, linfa_kmeans,
};
use consona::embed::FeatureMatrix;
use consona::evaluate::metrics::adjusted_rand_index;
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use linfa::ParamGuard;
use ndarray::Array2;
use rand::{Rng, SeedableRng};
use rand_xoshiro::Xoshiro256Plus;
use support::{DIMENSION, Scenario, Simulated};

/// Records per measurement, so that no cache holds just one.
const RECORDS: u64 = 50;

fn fitted(records: &[Simulated]) -> AgreementValidParams {
    let mut sample = PairSample::default();
    for record in records {
        sample.add(&record.rows.similarities(), &record.sessions);
    }
    let thresholds = sample.fit(&FitSettings::default()).thresholds;
    AgreementParams::new()
        .threshold(Threshold::Fixed(thresholds))
        .check()
        .expect("fitted thresholds are valid")
}

#[expect(clippy::print_stderr, reason = "quality belongs beside time")]
fn report(scenario: &Scenario, records: &[Simulated], params: &AgreementValidParams) {
    let scores = records.iter().filter_map(|record| {
        let outcome = params.fit_rows(&record.rows, &record.sessions).ok()?;
        adjusted_rand_index(&record.truth, outcome.assignment.labels())
    });
    let mean = scores.sum::<f64>() / records.len() as f64;
    eprintln!("{}: mean ARI {mean:.3} over {} records", scenario.name, records.len());
}

/// Similarities and clustering of one record, on one core, buffers kept.
fn one_record(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("record");
    for (scenario, size) in [
        (support::BASE, "5x8"),
        (support::WIDE, "10x20"),
        (support::SPARSE, "3x6"),
        (support::NOISY, "noisy-5x8"),
    ] {
        let records = scenario.records(RECORDS);
        let params = fitted(&records);
        report(&scenario, &records, &params);
        let mut workspace = Workspace::default();
        group.throughput(Throughput::Elements(RECORDS));
        group.bench_with_input(
            BenchmarkId::new("agreement", format!("{size}x{DIMENSION}")),
            &records,
            |b, records| {
                b.iter(|| {
                    for record in records {
                        black_box(params.fit_rows_in(&mut workspace, &record.rows, &record.sessions).ok());
                    }
                });
            },
        );
    }
    group.finish();
}

/// Rows around 20 centres.
fn corpus(rows: usize) -> (FeatureMatrix, Vec<usize>) {
    let random = &mut Xoshiro256Plus::seed_from_u64(7);
    let centres = Array2::from_shape_simple_fn((20, DIMENSION), || random.gen_range(-1.0_f32..1.0));
    let truth: Vec<usize> = (0..rows).map(|row| row % 20).collect();
    let values = Array2::from_shape_fn((rows, DIMENSION), |(row, column)| {
        centres[[truth[row], column]] + random.gen_range(-1.5_f32..1.5)
    });
    (FeatureMatrix::normalise(values).expect("rows have a direction"), truth)
}

#[expect(clippy::print_stderr, reason = "quality belongs beside time")]
fn corpus_kmeans(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("corpus");
    group.sample_size(10);
    for rows in [1_000, 10_000] {
        let (features, truth) = corpus(rows);
        if let Ok(found) = linfa_kmeans(&features, 20, 1) {
            let score = adjusted_rand_index(&truth, found.labels());
            eprintln!("linfa k-means {rows}x{DIMENSION}: ARI {score:.3?}");
        }
        group.bench_with_input(
            BenchmarkId::new("linfa-kmeans-20", format!("{rows}x{DIMENSION}")),
            &features,
            |b, features| b.iter(|| black_box(linfa_kmeans(features, 20, 1).ok())),
        );
    }
    group.finish();
}

criterion_group!(benches, one_record, corpus_kmeans);
criterion_main!(benches);
