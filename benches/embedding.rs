//! How many texts a second each embedder takes, and how long the shipped table needs to load.
//!
//! One core: set `RAYON_NUM_THREADS=1`. A folder of a sentence transformer is measured too, where
//! `CONSONA_MINILM_DIR` names one.

use std::hint::black_box;

use consona::embed::{BlockEncoder, Embedder, HashingEmbedder, StaticEmbedder};
use consona::files::open_embedder;
use consona::persona::{Draft, ModelName, RecordId, TraitSchema, TraitValue};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

/// Twenty tokens each, words drawn by a fixed linear congruence.
fn texts(count: usize) -> Vec<String> {
    const WORDS: [&str; 24] = [
        "the",
        "nurse",
        "works",
        "night",
        "shifts",
        "and",
        "a",
        "driver",
        "wants",
        "to",
        "save",
        "time",
        "on",
        "groceries",
        "because",
        "delivery",
        "is",
        "late",
        "her",
        "children",
        "school",
        "budget",
        "unreliable",
        "paperwork",
    ];
    let mut state = 1_usize;
    let mut word = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        WORDS[(state >> 33) % WORDS.len()]
    };
    (0..count).map(|_| (0..20).map(|_| word()).collect::<Vec<_>>().join(" ")).collect()
}

fn embedding(criterion: &mut Criterion) {
    const COUNT: usize = 10_000;
    let texts = texts(COUNT);
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let mut group = criterion.benchmark_group("embed");
    group.throughput(Throughput::Elements(COUNT as u64)).sample_size(20);
    let embedders: [(&str, Box<dyn Embedder>); 2] = [
        ("static-256/10000x20", Box::new(StaticEmbedder::embedded().expect("shipped"))),
        ("hashing-1024/10000x20", Box::new(HashingEmbedder::default())),
    ];
    for (name, embedder) in &embedders {
        group.bench_function(*name, |bencher| bencher.iter(|| embedder.embed(black_box(&texts))));
    }
    let table = StaticEmbedder::embedded().expect("shipped");
    group.bench_function("tokenise/10000x20", |bencher| {
        bencher.iter(|| texts.iter().map(|text| table.tokens(black_box(text)).len()).sum::<usize>());
    });
    group.finish();
    criterion.bench_function("load/static-256", |bencher| bencher.iter(StaticEmbedder::embedded));
}

/// Five drafts of a record with the traits of the default schema.
fn drafts() -> Vec<Draft> {
    let mut lines = texts(100).into_iter().map(|text| text[..text.len() / 3].to_owned());
    (0..5)
        .map(|place: usize| {
            let model = ModelName::new(&format!("m{place}")).expect("valid");
            let mut draft = Draft::new(RecordId::new("r").expect("valid"), model);
            for (name, value) in [
                ("name", "Anna"),
                ("occupation", "night nurse"),
                ("location", "Leeds, UK"),
                ("education", "BSc"),
            ] {
                draft.traits.insert(name.to_owned(), TraitValue::Text(value.to_owned()));
            }
            draft.traits.insert("age".to_owned(), TraitValue::Number(30.0 + place as f64));
            for name in ["goals", "pain_points", "behaviours", "motivations"] {
                draft.traits.insert(name.to_owned(), TraitValue::List(lines.by_ref().take(4).collect()));
            }
            let bio = lines.by_ref().take(2).collect::<Vec<_>>().join(". ");
            draft.traits.insert("bio".to_owned(), TraitValue::Text(bio));
            draft
        })
        .collect()
}

fn blocks(criterion: &mut Criterion) {
    let (schema, drafts) = (TraitSchema::default_persona(), drafts());
    let embedder = StaticEmbedder::embedded().expect("shipped");
    let encoder = BlockEncoder::new(&schema, &embedder);
    criterion
        .bench_function("blocks/encode/5x11", |bencher| bencher.iter(|| encoder.encode(black_box(&drafts))));
    let encoded = encoder.encode(&drafts).expect("never fails");
    criterion.bench_function("blocks/similarities/5x11", |bencher| bencher.iter(|| encoded.similarities()));
}

fn transformer(criterion: &mut Criterion) {
    const COUNT: usize = 256;
    let Ok(folder) = std::env::var("CONSONA_MINILM_DIR") else { return };
    let embedder = open_embedder(&format!("dir:{folder}")).expect("a sentence-transformers folder");
    let texts = texts(COUNT);
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let mut group = criterion.benchmark_group("embed");
    group.throughput(Throughput::Elements(COUNT as u64)).sample_size(10);
    group.bench_function("transformer/256x20", |bencher| bencher.iter(|| embedder.embed(black_box(&texts))));
    group.finish();
}

criterion_group!(benches, embedding, blocks, transformer);
criterion_main!(benches);
