//! From a file of drafts to consensus personas with their evidence, with the library only:
//! `cargo run --example interviews_to_personas [DRAFTS]`.

use consona::consensus::{ConsensusParams, Engine};
use consona::dataset::DraftDefaults;
use consona::files::{PanelDrafts, open_embedder, spool_drafts};
use consona::persona::TraitSchema;

#[expect(clippy::print_stdout, reason = "an example shows its result")]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    let path = std::env::args().nth(1).unwrap_or_else(|| "data/demo/recordings.jsonl".to_owned());
    let schema = TraitSchema::default_persona();
    let (drafts, _set_aside) = spool_drafts(&[path.into()], &DraftDefaults::default(), &schema)?;
    let embedder = open_embedder("static")?;
    let settings = ConsensusParams::new().check()?;
    let engine = Engine::new(&schema, embedder.as_ref(), drafts.models().to_vec(), settings)?;
    let drafts = PanelDrafts::new(&drafts, engine.panel());
    let learned = engine.learn(&drafts)?;
    engine.decide(&drafts, &learned, |personas| {
        for persona in personas {
            println!(
                "{:?} {} ({} of {} models)",
                persona.kind, persona.persona_id, persona.support, persona.n_models
            );
            for (name, found) in persona.traits {
                println!("  {name}: {} (confidence {:.2})", found.value, found.confidence);
                found.evidence.iter().for_each(|cited| println!("    “{}” ({})", cited.quote, cited.model));
            }
        }
        Ok(())
    })?;
    Ok(())
}
