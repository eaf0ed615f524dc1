//! Truth inference on one million labels: 20 iterations of Dawid–Skene, and the default.

#![expect(clippy::print_stderr, reason = "a benchmark prints quality beside time")]

use std::hint::black_box;

use consona::consensus::truth::{EmSettings, Labels, Posterior, dawid_skene, infer_truth, plurality};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use rand::{Rng, SeedableRng};
use rand_xoshiro::Xoshiro256Plus;

const CLASSES: [&str; 10] = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j"];

/// Every task is answered by `per_task` of 1,000 annotators, who are right in 40 to 90 of 100 cases;
/// task t is of class t modulo the number of classes.
fn labels(tasks: usize, per_task: usize, classes: usize) -> Labels {
    let mut random = Xoshiro256Plus::seed_from_u64(7);
    let names: Vec<String> = (0..1000).map(|place| format!("w{place}")).collect();
    let skills: Vec<f64> = names.iter().map(|_| random.gen_range(0.4..0.9)).collect();
    let task_names: Vec<String> = (0..tasks).map(|task| format!("t{task}")).collect();
    let rows = task_names.iter().enumerate().map(|(task, name)| {
        let first = random.gen_range(0..1000);
        let answers = (0..per_task).map(|place| (first + place * 101) % 1000).map(|who| {
            let wrong = if random.gen_bool(skills[who]) { 0 } else { random.gen_range(1..classes) };
            (names[who].as_str(), CLASSES[(task + wrong) % classes])
        });
        (name.as_str(), answers.collect())
    });
    Labels::new(rows).expect("nobody answers twice")
}

fn accuracy(found: &Posterior, tasks: usize, classes: usize) -> f64 {
    let right =
        (0..tasks).filter(|task| found.best(*task).is_some_and(|best| best.0 == task % classes)).count();
    right as f64 / tasks as f64
}

fn one_million_labels(criterion: &mut Criterion) {
    for classes in [4, 10] {
        classes_of(criterion, classes);
    }
}

fn classes_of(criterion: &mut Criterion, classes: usize) {
    let (tasks, per_task) = (200_000, 5);
    let labels = labels(tasks, per_task, classes);
    let mut group = criterion.benchmark_group("truth");
    group.throughput(Throughput::Elements(labels.len() as u64)).sample_size(10);
    let settings = EmSettings { iterations: 20, tolerance: 0.0 };
    let size = format!("{}_labels_{classes}_classes", labels.len());
    group.bench_function(BenchmarkId::new("dawid_skene_20_iterations", &size), |bencher| {
        bencher.iter(|| black_box(dawid_skene(black_box(&labels), &settings)));
    });
    group.bench_function(BenchmarkId::new("default", &size), |bencher| {
        bencher.iter(|| black_box(infer_truth(black_box(&labels))));
    });
    group.finish();
    // Quality beside time.
    eprintln!(
        "accuracy: plurality {:.4}, Dawid–Skene {:.4}, default {:.4}",
        accuracy(&plurality(&labels), tasks, classes),
        accuracy(&dawid_skene(&labels, &settings), tasks, classes),
        accuracy(&infer_truth(&labels).posterior, tasks, classes)
    );
}

criterion_group!(benches, one_million_labels);
criterion_main!(benches);
