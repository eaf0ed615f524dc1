//! One record from drafts to consensus: reading, embedding, voting. 5 drafts of 11 traits.

#![expect(clippy::print_stderr, reason = "a benchmark prints quality beside time")]
use std::hint::black_box;

use consona::consensus::{ConsensusParams, Engine};
use consona::embed::StaticEmbedder;
use consona::persona::{Draft, ModelName, RecordDrafts, RecordId, TraitSchema, TraitValue};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};

const WORDINGS: [[&str; 3]; 5] = [
    ["28", "Nurse", "Finish the course"],
    ["late 20s", "Registered nurse", "Complete her certificate"],
    ["25-30", "1. Hospital nurse", "Pass the exam by summer"],
    ["30 years old", "Healthcare worker", "Finish her course"],
    ["early 30s", "Nurse (night shift)", "Get the certificate"],
];

fn drafts() -> Vec<Draft> {
    WORDINGS
        .iter()
        .enumerate()
        .map(|(place, [age, work, goal])| {
            let record = RecordId::new("r").expect("a valid id");
            let name = ModelName::new(&format!("m{place}")).expect("a valid name");
            let mut draft = Draft::new(record, name);
            let mut put = |name: &str, value: TraitValue| draft.traits.insert(name.to_owned(), value);
            let text = |text: &str| TraitValue::Text(text.to_owned());
            put("age", text(age));
            put("occupation", text(work));
            put("name", text("Ana"));
            put("location", text("London, UK"));
            put("education", text("Bachelor's degree"));
            for list in ["goals", "pain_points", "behaviours", "motivations", "quotes"] {
                let items = [*goal, "an hour of quiet after the shift", "time with her children"];
                put(list, TraitValue::List(items.map(str::to_owned).to_vec()));
            }
            put(
                "bio",
                text(&format!("A {work} who works shifts and wants to {goal} while raising two children.")),
            );
            draft
        })
        .collect()
}

fn consensus_of_one_record(criterion: &mut Criterion) {
    let drafts = drafts();
    let panel: Vec<ModelName> = drafts.iter().map(|draft| draft.model.clone()).collect();
    let schema = TraitSchema::default_persona();
    let embedder = StaticEmbedder::embedded().expect("the table is compiled in");
    let settings = ConsensusParams::new().check().expect("the defaults are valid");
    let engine = Engine::new(&schema, &embedder, panel.clone(), settings).expect("no weights");
    let records = [RecordDrafts::new(drafts[0].record.clone(), drafts, &panel)];
    let learned = engine.learn(records.as_slice()).expect("nothing fails here");
    let mut group = criterion.benchmark_group("consensus");
    group.throughput(Throughput::Elements(1));
    group.bench_function(BenchmarkId::new("one_record", "5x11"), |bencher| {
        bencher.iter(|| {
            engine.decide(black_box(records.as_slice()), &learned, |personas| {
                black_box(personas);
                Ok(())
            })
        });
    });
    group.finish();
    // Quality beside time: the five wordings of each trait are one persona.
    engine
        .decide(records.as_slice(), &learned, |personas| {
            for persona in personas {
                let sure: Vec<String> = persona
                    .traits
                    .iter()
                    .map(|(name, found)| format!("{name} {:.2}", found.confidence))
                    .collect();
                eprintln!("support {} of {}: {}", persona.support, persona.n_models, sure.join(", "));
            }
            Ok(())
        })
        .expect("nothing fails here");
}

criterion_group!(benches, consensus_of_one_record);
criterion_main!(benches);
