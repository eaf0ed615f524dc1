//! The figures of the docs, on the data they were measured on: `CONSONA_EVAL_DATA` names the folder.

use consona::embed::{Embedder, HashingEmbedder, StaticEmbedder};
use consona::evaluate::{
    evaluate_embedding, evaluate_matching, evaluate_rewordings, read_documents, read_rewordings,
    read_sentence_pairs,
};

#[expect(clippy::print_stderr, reason = "says that nothing was tested")]
fn data(file: &str) -> Option<String> {
    let Ok(folder) = std::env::var("CONSONA_EVAL_DATA") else {
        eprintln!("SKIPPED: set CONSONA_EVAL_DATA to the folder of evaluation data");
        return None;
    };
    let path = std::path::Path::new(&folder).join(file);
    Some(std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display())))
}

fn embedded() -> StaticEmbedder {
    StaticEmbedder::embedded().expect("shipped")
}

#[test]
fn the_shipped_table_orders_sentences_better_than_spelling() {
    let Some(text) = data("sts_dev/sick_test.jsonl") else { return };
    let pairs = read_sentence_pairs(&text).expect("pairs");
    let score = |embedder: &dyn Embedder| {
        evaluate_embedding(&pairs, embedder).expect("embeds").spearman.expect("varies")
    };
    let (table, spelling) = (score(&embedded()), score(&HashingEmbedder::default()));
    assert!(table >= 0.65, "{table}");
    assert!(spelling >= 0.55 && spelling < table, "{spelling}");
}

#[test]
fn reworded_personas_are_found_item_by_item() {
    let Some(text) = data("personachat_dev/personas.jsonl") else { return };
    let personas = read_rewordings(&text).expect("personas");
    let report = evaluate_rewordings(&personas, &embedded()).expect("compares");
    assert!(report.r_at_1 >= Some(0.88), "{report:?}");
    assert!(report.one_vector_r_at_1 >= Some(0.65), "{report:?}");
    assert!(report.trait_accuracy >= Some(0.60), "{report:?}");
}

#[test]
fn people_are_found_across_models_by_their_traits_alone() {
    let Some(text) = data("synthpai_dev/personas.jsonl") else { return };
    let documents = read_documents(&text).expect("documents");
    let report = evaluate_matching(&documents, &embedded(), false).expect("clusters");
    assert!(report.ari >= Some(0.60), "{report:?}");
    assert_eq!(report.cannot_link_violations, Some(0));
}
