#!/usr/bin/env python3
"""Ratios of CPU seconds: consona's clustering against its peers, on the same data and beginnings.

    python -m venv venv && venv/bin/pip install numpy scikit-learn faiss-cpu fast_hdbscan pynndescent
    venv/bin/python benches/peers/compare.py [--reps 5] [--only kmeans] [--linfa]

Builds `consona` and the bench `corpus`, makes the data with a fixed seed, runs ours and the peer in turns
(A B A B) on one thread each, and prints a Markdown table: median ratio peer / ours, its range, and the
difference in quality. Ours is `consona cluster`, as a user calls it; the bench has what it does not offer:
the matrix product alone, k-means++ alone, and fits so short that they are repeated in one process. Ratios
of one run bear a busy machine; single figures do not.
"""
import argparse
import datetime
import json
import os
import platform
import statistics
import subprocess
import tempfile
import time

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS", "RAYON_NUM_THREADS"):
    os.environ[name] = "1"

import faiss  # noqa: E402
import fast_hdbscan  # noqa: E402
import numpy as np  # noqa: E402
from sklearn.cluster import DBSCAN, HDBSCAN, KMeans  # noqa: E402
from sklearn.metrics import adjusted_rand_score  # noqa: E402


def unit(rows):
    return rows / np.linalg.norm(rows, axis=-1, keepdims=True)


def make(stem, n, d, k, seed=7):
    """Unit rows around k directions that share a topic; unequal sizes, 5 % outliers."""
    rng = np.random.default_rng([seed, n, d, k])
    common = unit(rng.standard_normal(d))
    centres = unit(unit(rng.standard_normal((k, d))) + 0.5 * common)
    share = rng.lognormal(0.0, 0.6, k)
    label = rng.choice(k, n, p=share / share.sum())
    outlier = rng.random(n) < 0.05
    rows = np.empty((n, d), np.float32)
    for a in range(0, n, 65536):
        b = min(n, a + 65536)
        noise = rng.standard_normal((b - a, d), dtype=np.float32)
        rows[a:b] = unit(np.where(outlier[a:b, None], unit(noise) + 0.5 * common,
                                  centres[label[a:b]] + 0.75 / np.sqrt(d) * noise))
    np.save(stem + ".npy", rows)
    np.save(stem + ".init.npy", rows[np.sort(rng.choice(n, k, replace=False))])
    return rows


def cpu(call, times=1):
    """What a call gives, and its mean CPU seconds; small tasks are called as often as the Rust side does."""
    start = time.process_time()
    for _ in range(times):
        result = call()
    return result, (time.process_time() - start) / times


def often(rows):
    return min(200, max(1, 200_000 // len(rows)))


def build(*what):
    lines = subprocess.run(["cargo", *what, "--message-format=json"],
                           check=True, capture_output=True, text=True).stdout.splitlines()
    found = [json.loads(line).get("executable") for line in lines]
    return [path for path in found if path][-1]


class Ours:
    """`consona cluster` and the bench, each one line of JSON per call."""

    def __init__(self):
        self.consona = os.environ.get("CONSONA") or build("build", "--release", "--bin", "consona")
        self.corpus = os.environ.get("CONSONA_CORPUS_BENCH") or build("bench", "--bench", "corpus", "--no-run")

    def cluster(self, stem, algorithm, *options):
        labels = f"{stem}.{algorithm}.npy"
        words = [self.consona, "cluster", f"{stem}.npy", "--algorithm", algorithm, "--threads", 1, "--json",
                 "--labels", labels, *options]
        report = json.loads(subprocess.run(list(map(str, words)), check=True, capture_output=True, text=True).stdout)
        return report, np.load(labels)

    def bench(self, *words):
        line = subprocess.run([self.corpus, *map(str, words)], check=True, capture_output=True, text=True).stdout
        return json.loads(line)


class Table:
    def __init__(self):
        print(f"{datetime.date.today()}, {platform.processor() or platform.machine()}, "
              f"{os.cpu_count()} cores, one thread each, CPU seconds\n")
        print("| what | peer | ours, s | peer, s | peer / ours | range | quality |\n|---|---|---|---|---|---|---|")

    def row(self, what, peer, ours, theirs, quality):
        ratios = [b / a for a, b in zip(ours, theirs)]
        print(f"| {what} | {peer} | {statistics.median(ours):.4f} | {statistics.median(theirs):.4f} "
              f"| **{statistics.median(ratios):.2f}** | {min(ratios):.2f}–{max(ratios):.2f} | {quality} |", flush=True)


def sklearn_kmeans(rows, init, iterations):
    model = KMeans(len(init), init=init, n_init=1, max_iter=iterations, tol=0, algorithm="lloyd")
    _, fit = cpu(lambda: model.fit(rows), often(rows))
    _, assign = cpu(lambda: model.predict(rows), often(rows))
    return fit, assign, model.inertia_


def faiss_kmeans(rows, init, iterations):
    model = faiss.Kmeans(rows.shape[1], len(init), niter=iterations, min_points_per_centroid=1,
                         max_points_per_centroid=1 << 30)
    _, fit = cpu(lambda: model.train(rows, init_centroids=init.copy()), often(rows))
    (distance, _), assign = cpu(lambda: model.assign(rows), often(rows))
    return fit, assign, float(distance.sum(dtype=np.float64))


def ours_kmeans(ours, stem, iterations, tiny):
    """Fit, assignment and inertia; a fit of a millisecond is one of many in a process, as the peers' are."""
    if tiny:
        found = ours.bench("kmeans", stem, iterations)
        return found["fit_cpu"], found["assign_cpu"], found["inertia"]
    found, _ = ours.cluster(stem, "kmeans", "--init", stem + ".init.npy", "--max-iterations", iterations,
                            "--tolerance", 0)
    return found["fit_cpu_seconds"], found["assign_cpu_seconds"], found["inertia"]


def compare_kmeans(table, ours, folder, reps, linfa):
    for n, d, k, counts in ((1000, 64, 20, (10,)), (100_000, 256, 100, (10, 30))):
        stem = f"{folder}/kmeans{n}"
        rows = make(stem, n, d, k)
        init = np.load(stem + ".init.npy")
        for iterations in counts:
            mine, limit, peers = [], [], {"faiss": [], "scikit-learn": []}
            for _ in range(reps):
                mine.append(ours_kmeans(ours, stem, iterations, n < 10_000))
                peers["faiss"].append(faiss_kmeans(rows, init, iterations))
                peers["scikit-learn"].append(sklearn_kmeans(rows, init, iterations))
                limit.append(ours.bench("kmeans", stem, 1)["limit_cpu"])
            what = f"k-means {iterations} × {n} × {d}, k {k}"
            fits = [fit for fit, _, _ in mine]
            for name, results in peers.items():
                off = mine[-1][2] / results[0][2] - 1
                table.row(what, name, fits, [fit for fit, _, _ in results], f"inertia {off:+.1e}")
            if linfa and iterations == 10:
                theirs = [ours.bench("linfa-kmeans", stem, iterations)["fit_cpu"] for _ in range(min(reps, 2))]
                table.row(what, "linfa", fits[:len(theirs)], theirs, "")
            if iterations == 10:
                what, assign = f"assignment {n} × {d}, k {k}", [seconds for _, seconds, _ in mine]
                for name, results in peers.items():
                    table.row(what, name, assign, [seconds for _, seconds, _ in results], "")
                table.row(what, "matrix product alone", assign, limit, "below 1 by what the comparison costs")


def compare_density(table, ours, folder, reps, linfa):
    stem = f"{folder}/density"
    rows = make(stem, 10_000, 256, 50)
    mine, theirs = [], []
    for _ in range(reps):
        found, labels = ours.cluster(stem, "dbscan", "--eps", 0.9, "--min-points", 5)
        mine.append(found["fit_cpu_seconds"])
        model, seconds = cpu(lambda: DBSCAN(eps=0.9, min_samples=5, algorithm="brute").fit(rows))
        theirs.append(seconds)
    core = model.core_sample_indices_
    same = adjusted_rand_score(model.labels_[core], labels[core])
    table.row("DBSCAN 10000 × 256", "scikit-learn brute", mine, theirs, f"ARI of core rows {same:.4f}")
    if linfa:
        found, _ = ours.cluster(stem, "linfa-dbscan", "--eps", 0.9, "--min-points", 5)
        table.row("DBSCAN 10000 × 256", "linfa", mine[:1], [found["fit_cpu_seconds"]], "")
    mine, exact, fast = [], [], []
    fast_hdbscan.HDBSCAN(min_cluster_size=15, min_samples=5).fit_predict(rows[:2000])  # compiles
    for repetition in range(reps):
        found, labels = ours.cluster(stem, "hdbscan", "--min-cluster-size", 15, "--min-points", 5)
        mine.append(found["fit_cpu_seconds"])
        other, seconds = cpu(lambda: fast_hdbscan.HDBSCAN(min_cluster_size=15, min_samples=5).fit_predict(rows))
        fast.append(seconds)
        if repetition < 2:
            model = HDBSCAN(min_cluster_size=15, min_samples=5, algorithm="brute", copy=True)
            brute, seconds = cpu(lambda: model.fit_predict(rows))
            exact.append(seconds)
    table.row("HDBSCAN 10000 × 256", "scikit-learn brute", mine[:len(exact)], exact,
              f"ARI {adjusted_rand_score(brute, labels):.4f}")
    table.row("HDBSCAN 10000 × 256", "fast_hdbscan", mine, fast, f"ARI {adjusted_rand_score(other, labels):.4f}")
    if linfa:
        results = [ours.bench("plus-plus", stem, 50) for _ in range(min(reps, 3))]
        table.row("k-means++ 10000 × 256, k 50", "linfa", [one["fit_cpu"] for one in results],
                  [one["linfa_cpu"] for one in results], "")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--reps", type=int, default=5)
    parser.add_argument("--only", choices=["kmeans", "density"])
    parser.add_argument("--linfa", action="store_true", help="also linfa, which takes minutes")
    arguments = parser.parse_args()
    ours = Ours()
    with tempfile.TemporaryDirectory() as folder:
        table = Table()
        if arguments.only != "density":
            compare_kmeans(table, ours, folder, arguments.reps, arguments.linfa)
        if arguments.only != "kmeans":
            compare_density(table, ours, folder, arguments.reps, arguments.linfa)


if __name__ == "__main__":
    main()
