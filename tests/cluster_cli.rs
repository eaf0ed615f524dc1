//! `consona cluster`, as people and scripts meet it.

use std::fs;
use std::path::Path;
use std::process::Output;

use assert_cmd::Command;
use consona::files::{read_integers, read_npy, write_labels, write_npy};
use ndarray::{Array2, Axis, array};
use serde_json::{Value, json};
use tempfile::TempDir;

const ALGORITHMS: [(&str, &[&str]); 11] = [
    ("consensus", &["--threshold", "0.5"]),
    ("kmeans", &["--clusters", "3"]),
    ("dbscan", &["--eps", "0.4"]),
    ("optics", &["--eps", "0.4"]),
    ("hdbscan", &["--min-cluster-size", "5"]),
    ("gaussian-mixture", &["--clusters", "3"]),
    ("agglomerative", &["--threshold", "0.5"]),
    ("linfa-kmeans", &["--clusters", "3"]),
    ("linfa-dbscan", &["--eps", "0.4"]),
    ("linfa-optics", &["--eps", "0.4"]),
    ("linfa-gaussian-mixture", &["--clusters", "3"]),
];

fn consona(arguments: &[&str]) -> Output {
    let mut command = Command::cargo_bin("consona").expect("built");
    command.env_remove("CONSONA_LOG").env("COLUMNS", "100");
    command.args(arguments).output().expect("started")
}

fn cluster(file: &str, rest: &[&str]) -> Output {
    let all: Vec<&str> =
        ["cluster", file, "--json", "--algorithm"].into_iter().chain(rest.iter().copied()).collect();
    consona(&all)
}

fn report(file: &str, rest: &[&str]) -> Value {
    let output = cluster(file, rest);
    assert_eq!(output.status.code(), Some(0), "{rest:?}: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("JSON")
}

/// Exit code and message.
fn refusal(file: &str, rest: &[&str]) -> (Option<i32>, String) {
    let output = cluster(file, rest);
    assert!(output.stdout.is_empty(), "{rest:?}");
    (output.status.code(), String::from_utf8(output.stderr).expect("text"))
}

fn place(folder: &TempDir, name: &str) -> String {
    folder.path().join(name).to_string_lossy().into_owned()
}

fn saved(folder: &TempDir, name: &str, rows: &Array2<f32>) -> String {
    let path = place(folder, name);
    write_npy(Path::new(&path), rows.view()).expect("written");
    path
}

fn lines(folder: &TempDir, name: &str, values: &[Value]) -> String {
    let text: Vec<String> = values.iter().map(Value::to_string).collect();
    let path = place(folder, name);
    fs::write(&path, text.join("\n")).expect("written");
    path
}

/// Thirty rows around each of three axes, 0.1 wide; row i belongs to axis i mod 3.
fn three_places() -> Array2<f32> {
    Array2::from_shape_fn((90, 3), |(row, column)| {
        let angle = (row * 31 + column * 17 + row / 7) as f32;
        0.1 * angle.sin() + f32::from(u8::from(row % 3 == column))
    })
}

#[test]
fn help_names_every_algorithm_and_option() {
    let output = consona(&["cluster", "--help"]);
    assert_eq!(output.status.code(), Some(0));
    insta::assert_snapshot!("help_cluster", String::from_utf8(output.stdout).expect("text"));
}

#[test]
fn every_algorithm_finds_three_places_and_says_what_it_cost() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let rows = three_places();
    let file = saved(&folder, "rows.npy", &rows);
    let (labels, centres) = (place(&folder, "labels.npy"), place(&folder, "centroids.npy"));
    for (name, own) in ALGORITHMS {
        let outputs = ["--labels", &labels, "--centroids", &centres, "--threads", "1"];
        let rest: Vec<&str> = [name].into_iter().chain(own.iter().copied()).chain(outputs).collect();
        let report = report(&file, &rest);
        assert_eq!(report["algorithm"], name);
        assert_eq!((&report["rows"], &report["dimension"]), (&json!(90), &json!(3)), "{name}");
        assert_eq!((&report["clusters"], &report["noise"]), (&json!(3), &json!(0)), "{name}: {report}");
        assert_eq!((&report["seed"], &report["threads"]), (&json!(1), &json!(1)));
        assert!(report["fit_cpu_seconds"].as_f64().is_some_and(|seconds| seconds > 0.0), "{name}");
        assert!(report["silhouette"].as_f64().is_some_and(|width| width > 0.7), "{name}: {report}");
        let has_centroids = ["kmeans", "linfa-kmeans"].contains(&name) || name.ends_with("mixture");
        assert_eq!(report["assign_cpu_seconds"].is_number(), has_centroids, "{name}");
        assert_eq!(report["n_iterations"].is_number(), name == "kmeans");
        let found = read_integers(Path::new(&labels)).expect("labels");
        assert!(
            found.iter().zip([0, 1, 2].into_iter().cycle()).all(|(one, other)| *one == other),
            "{name}: {found:?}"
        );
        let means = read_npy(Path::new(&centres)).expect("centroids");
        for axis in 0..3 {
            assert!(means[[axis, axis]] > 0.9 && means[[axis, (axis + 1) % 3]] < 0.1, "{name}: {means}");
        }
    }
}

#[test]
fn kmeans_starts_where_it_is_told_and_leaves_lengths_alone() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let rows = array![[0.0_f32, 0.0], [0.0, 2.0], [100.0, 0.0], [100.0, 4.0]];
    let file = saved(&folder, "rows.npy", &rows);
    let init = saved(&folder, "init.npy", &array![[0.0_f32, 0.0], [100.0, 0.0]]);
    let rest = ["--init", &init, "--max-iterations", "10", "--tolerance", "0", "--n-runs", "1"];
    for name in ["kmeans", "linfa-kmeans"] {
        let report = report(&file, &[&[name], rest.as_slice()].concat());
        // Means (0, 1) and (100, 2): 1 + 1 + 4 + 4.
        assert!((report["inertia"].as_f64().expect("a number") - 10.0).abs() < 1e-4, "{report}");
        assert_eq!(report["notes"], json!([]));
    }
}

#[test]
fn the_same_seed_gives_the_same_labels_on_any_number_of_threads() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let file = saved(&folder, "rows.npy", &three_places());
    for (name, own) in ALGORITHMS {
        let [one, two] = ["1", "2"].map(|threads| {
            let out = place(&folder, &format!("{threads}.npy"));
            let rest = ["--threads", threads, "--seed", "5", "--labels", &out];
            report(&file, &[&[name], own, rest.as_slice()].concat());
            fs::read(out).expect("labels")
        });
        assert_eq!(one, two, "{name}");
    }
}

#[test]
fn a_distance_that_is_not_given_is_read_off_the_data_and_told() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let file = saved(&folder, "rows.npy", &three_places());
    for name in ["dbscan", "optics"] {
        let report = report(&file, &[name]);
        let eps = report["eps"].as_f64().expect("a distance");
        assert!(eps > 0.0 && eps < 0.5, "{eps}");
        assert!(report["notes"][0].as_str().is_some_and(|note| note.contains("--eps")), "{report}");
        assert_eq!(report["clusters"], 3, "{report}");
    }
}

#[test]
fn consensus_says_that_it_normalised_and_where_its_threshold_comes_from() {
    let folder = tempfile::tempdir().expect("temporary folder");
    // Ten sessions with one row on each axis each, of different lengths.
    let rows = three_places() * 7.0;
    let rows = rows.slice_axis(Axis(0), (0..30).into()).to_owned();
    let file = saved(&folder, "rows.npy", &rows);
    let sessions = place(&folder, "sessions.npy");
    let of_rows: Vec<Option<usize>> = (0..30).map(|row| Some(row / 3)).collect();
    write_labels(Path::new(&sessions), &of_rows).expect("written");
    let told = report(&file, &["consensus", "--sessions", &sessions]);
    assert_eq!(told["clusters"], 3);
    assert!(told["notes"][0].as_str().is_some_and(|note| note.contains("unit length")), "{told}");
    assert!(
        told["threshold"].as_str().is_some_and(|text| text.contains("30 pairs within a session")),
        "{told}"
    );
    let values: Vec<Value> = rows
        .outer_iter()
        .enumerate()
        .map(|(row, values)| json!({"vector": values.to_vec(), "model": format!("m{}", row / 3)}))
        .collect();
    let listed = lines(&folder, "rows.jsonl", &values);
    let same = report(&listed, &["consensus", "--sessions", "model"]);
    assert_eq!((&same["threshold"], &same["clusters"]), (&told["threshold"], &told["clusters"]));
    let short = lines(&folder, "short.jsonl", &values[..7]);
    let (code, text) = refusal(&short, &["consensus", "--sessions", &sessions]);
    assert_eq!(code, Some(3));
    assert!(text.contains("30 sessions were given for 7 rows"), "{text}");
}

#[test]
fn texts_are_embedded_and_lists_of_numbers_are_vectors() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let said = ["works as a nurse", "a hospital nurse", "drives a lorry", "a lorry driver"];
    let texts: Vec<Value> = said.iter().map(|text| json!({"bio": text})).collect();
    let file = lines(&folder, "texts.jsonl", &texts);
    let report_of =
        report(&file, &["kmeans", "--clusters", "2", "--field", "bio", "--embedder", "hashing-64"]);
    assert_eq!((&report_of["rows"], &report_of["dimension"]), (&json!(4), &json!(64)));
    assert!(report_of["notes"][0].as_str().is_some_and(|note| note.contains("hashing-64")), "{report_of}");
    let vectors = lines(&folder, "vectors.jsonl", &[json!([1, 2]), json!([1, 2.5]), json!([9, 9])]);
    assert_eq!(report(&vectors, &["kmeans", "--clusters", "2"])["dimension"], 2);
}

#[test]
fn a_person_is_told_in_words() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let file = saved(&folder, "rows.npy", &three_places());
    let output = consona(&["cluster", &file, "--algorithm", "agglomerative", "--clusters", "3"]);
    let text = String::from_utf8(output.stdout).expect("text");
    assert!(
        text.starts_with("90 rows of 3 components by agglomerative: 3 clusters, 0 rows in none."),
        "{text}"
    );
    assert!(text.contains("unit length") && text.contains("CPU seconds"), "{text}");
}

#[test]
fn a_corpus_that_cannot_be_clustered_is_refused_by_every_algorithm() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let mut broken = three_places();
    broken[[4, 1]] = f32::NAN;
    let cases = [
        (saved(&folder, "empty.npy", &Array2::zeros((0, 3))), "there are no rows"),
        (saved(&folder, "one.npy", &Array2::ones((1, 3))), "the number of rows is 1, and at least 2"),
        (saved(&folder, "equal.npy", &Array2::ones((9, 3))), "all 9 rows are equal"),
        (saved(&folder, "broken.npy", &broken), "row 4, column 1 is `NaN`"),
    ];
    for (name, own) in ALGORITHMS {
        for (file, said) in &cases {
            let (code, text) = refusal(file, &[&[name], own].concat());
            assert_eq!(code, Some(3), "{name}: {text}");
            assert!(text.contains(said) && text.contains(".npy"), "{name}: {text}");
        }
    }
}

#[test]
fn more_clusters_than_distinct_rows_are_refused_with_the_numbers() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let file =
        saved(&folder, "few.npy", &array![[1.0_f32, 0.0], [0.0, 1.0], [1.0, 0.0], [0.0, 1.0], [1.0, 0.0]]);
    for name in ["kmeans", "linfa-kmeans", "gaussian-mixture", "linfa-gaussian-mixture"] {
        for wanted in ["3", "99"] {
            let (code, text) = refusal(&file, &[name, "--clusters", wanted]);
            assert_eq!(code, Some(3), "{name}");
            let said =
                format!("`n_clusters` is {wanted}, but only 2 of 5 rows are distinct; ask for at most 2");
            assert!(text.contains(&said), "{name}: {text}");
        }
        let (code, text) = refusal(&file, &[name, "--clusters", "0"]);
        assert!(code == Some(3) && text.contains("`n_clusters` is 0"), "{name}: {text}");
    }
    let (code, text) = refusal(&file, &["agglomerative", "--clusters", "6"]);
    assert!(code == Some(3) && text.contains("`n_clusters` is 6"), "{text}");
}

#[test]
fn values_out_of_range_are_refused_with_the_value() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let file = saved(&folder, "rows.npy", &three_places());
    for name in ["dbscan", "optics", "linfa-dbscan", "linfa-optics"] {
        for eps in ["0", "-0.5", "NaN"] {
            let (code, text) = refusal(&file, &[name, &format!("--eps={eps}")]);
            assert!(
                code == Some(3) && text.contains(&format!("`tolerance` is {eps}")),
                "{name} {eps}: {text}"
            );
        }
        let (code, text) = refusal(&file, &[name, "--eps", "0.4", "--min-points", "1"]);
        assert!(code == Some(3) && text.contains("`min_points` is 1"), "{name}: {text}");
    }
    for (rest, said) in [
        (["hdbscan", "--min-cluster-size=1"], "`min_cluster_size` is 1"),
        (["agglomerative", "--threshold=2"], "`threshold` is 2"),
        (["consensus", "--threshold=-3"], "-3"),
    ] {
        let (code, text) = refusal(&file, &rest);
        assert!(code == Some(3) && text.contains(said), "{text}");
    }
    for (option, said) in [
        ("--n-runs=0", "`n_runs` is 0"),
        ("--max-iterations=0", "`max_n_iterations` is 0"),
        ("--tolerance=-1", "is -1"),
    ] {
        let (code, text) = refusal(&file, &["kmeans", "--clusters", "2", option]);
        assert!(code == Some(3) && text.contains(said), "{text}");
    }
    let init = saved(&folder, "init.npy", &Array2::ones((2, 5)));
    for name in ["kmeans", "linfa-kmeans"] {
        let (code, text) = refusal(&file, &[name, "--init", &init]);
        assert!(code == Some(3) && text.contains("3 components and the centroids 5"), "{text}");
        let (code, text) = refusal(&file, &[name, "--clusters", "4", "--init", &init]);
        assert!(code == Some(3) && text.contains("2 initial centroids"), "{text}");
    }
}

#[test]
fn files_that_hold_no_vectors_are_refused_with_what_they_hold() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let flat = place(&folder, "flat.npy");
    write_labels(Path::new(&flat), &[Some(1), Some(2)]).expect("written");
    let (code, text) = refusal(&flat, &["kmeans", "--clusters", "2"]);
    assert!(
        code == Some(3) && text.contains("flat.npy") && text.contains("two-dimensional, float32"),
        "{text}"
    );
    for (name, values, said) in [
        ("ragged.jsonl", vec![json!([1, 2]), json!([1, 2, 3])], "line 2 has a vector of 3 components"),
        ("nothing.jsonl", vec![], "there is no line in it"),
        ("objects.jsonl", vec![json!({"name": "a"})], "line 1 has no field `vector`"),
        ("words.jsonl", vec![json!({"vector": [1, "x"]})], "a list that holds `\"x\"`"),
        ("huge.jsonl", vec![json!([1, 1e300]), json!([1, 2])], "row 0, column 1 is `inf`"),
    ] {
        let (code, text) = refusal(&lines(&folder, name, &values), &["kmeans", "--clusters", "2"]);
        assert!(code == Some(3) && text.contains(said) && text.contains(name), "{name}: {text}");
    }
    let (code, _) = refusal(&place(&folder, "nowhere.npy"), &["kmeans", "--clusters", "2"]);
    assert_eq!(code, Some(3));
}

#[test]
fn options_that_mean_nothing_are_not_ignored() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let file = saved(&folder, "rows.npy", &three_places());
    for (rest, said) in [
        (vec!["kmeans"], "`--clusters N`"),
        (vec!["agglomerative"], "`--threshold COSINE` or `--clusters N`"),
        (vec!["kmeans", "--clusters", "2", "--eps", "1"], "`--eps` means nothing to kmeans"),
        (vec!["dbscan", "--clusters", "2"], "`--clusters` means nothing to dbscan"),
        (vec!["consensus", "--sessions", "model"], "must be a .npy"),
        (vec!["magic"], "linfa-gaussian-mixture"),
    ] {
        let (code, text) = refusal(&file, &rest);
        assert!(code == Some(2) && text.contains(said), "{rest:?}: {text}");
    }
}

#[test]
fn no_cluster_at_all_is_told_with_what_to_change_and_has_no_inertia() {
    let folder = tempfile::tempdir().expect("folder");
    let rows = Array2::from_shape_fn((12, 2), |(row, column)| if column == 0 { row as f32 } else { 1.0 });
    let file = saved(&folder, "few.npy", &rows);
    let found = report(&file, &["hdbscan", "--min-cluster-size", "15"]);
    assert_eq!((&found["clusters"], &found["inertia"]), (&json!(0), &Value::Null));
    let note = found["notes"].as_array().and_then(|notes| notes.last()).and_then(Value::as_str);
    assert!(note.is_some_and(|note| note.contains("a smaller --min-cluster-size")), "{found}");
    let told = consona(&["cluster", &file, "--algorithm", "hdbscan", "--min-cluster-size", "15"]);
    assert!(!String::from_utf8_lossy(&told.stdout).contains("-0.0"), "{told:?}");
}
