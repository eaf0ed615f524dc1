//! Personas while answers still come in.
//!
//! A thread of its own forms them beside the calls, from the drafts of this sitting and those that are stored, and
//! tells how many there are. Nothing of it is kept: the result is computed from all stored answers at the end, and
//! [`Growing`] promises that the two agree. Endpoints that embed are left out, because many small questions
//! would cost more than the few large ones at the end.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender};

use crate::consensus::{ConsensusError, ConsensusPersona, ConsensusValidParams, Growing, PersonaKind};
use crate::files::open_embedder;
use crate::persona::{Draft, ModelName, RecordId};
use crate::run::embedding::EmbedderChoice;
use crate::run::mode::Combination;
use crate::run::study::PanelMember;
use crate::run::{self, Drafted, Drafting, Event, SoFar, Study};
use crate::store::Store;

/// Records that are looked at; of a larger run the first ones tell enough.
const RECORDS: usize = 1_000;

/// Personas of a run that is not done.
#[derive(Debug)]
pub(super) struct Provisional {
    growing: Growing,
    drafting: Arc<Drafting>,
    panel: Vec<PanelMember>,
    store: Arc<Store>,
    /// Whose drafts are there: a call is stored while it is told.
    taken: BTreeSet<(RecordId, ModelName, u32, u32)>,
    places: BTreeMap<RecordId, u64>,
    counts: BTreeMap<u64, SoFar>,
}

impl Provisional {
    /// `None` where no consensus is formed, or where embedding is paid for.
    pub(super) fn of(
        study: &Study,
        settings: &ConsensusValidParams,
        drafting: &Arc<Drafting>,
        store: &Arc<Store>,
    ) -> Option<Self> {
        if study.mode.strategy().combination() == Combination::SideBySide {
            return None;
        }
        let Ok(EmbedderChoice::Local(name)) = EmbedderChoice::from_section(&study.embedder) else {
            return None;
        };
        let embedder = Arc::from(open_embedder(&name).ok()?);
        Some(Self {
            growing: Growing::new(study.schema.clone(), embedder, study.members(), settings.clone()),
            drafting: Arc::clone(drafting),
            panel: study.panel.clone(),
            store: Arc::clone(store),
            taken: BTreeSet::new(),
            places: BTreeMap::new(),
            counts: BTreeMap::new(),
        })
    }

    /// Forms personas from what comes in until nothing more does.
    pub(super) fn follow(mut self, mut drafted: UnboundedReceiver<Drafted>, events: &UnboundedSender<Event>) {
        let mut stored = false;
        while let Some(first) = drafted.blocking_recv() {
            let mut fresh: BTreeMap<u64, RecordId> = BTreeMap::new();
            if !std::mem::replace(&mut stored, true) {
                fresh.extend(self.stored());
            }
            // Whatever has piled up meanwhile is looked at together.
            let waiting = std::iter::from_fn(|| drafted.try_recv().ok());
            for Drafted { unit, record, drafts } in std::iter::once(first).chain(waiting) {
                fresh.extend(self.take(unit, &record, drafts).map(|place| (place, record)));
            }
            for (place, record) in fresh {
                // That personas cannot be formed is told at the end, by whoever has to form them.
                let Ok(so_far) = self.look(place) else { return };
                let _ = events.send(Event::Provisional { record, so_far });
            }
        }
    }

    /// What earlier sittings left.
    fn stored(&mut self) -> Vec<(u64, RecordId)> {
        let derived = run::drafts(&self.store, self.drafting.as_ref(), &self.panel).take(RECORDS);
        let derived: Vec<_> = derived.filter_map(Result::ok).collect();
        let mut fresh = Vec::new();
        for derived in derived {
            let record = derived.drafts.record().clone();
            let drafts = derived.drafts.drafts().to_vec();
            fresh.extend(self.take(derived.unit, &record, drafts).map(|place| (place, record)));
        }
        fresh
    }

    /// Takes drafts that are not there yet; answers the place of their record.
    fn take(&mut self, unit: u64, record: &RecordId, drafts: Vec<Draft>) -> Option<u64> {
        let known = &self.taken;
        let call = |draft: &Draft| (record.clone(), draft.model.clone(), draft.sample, draft.part);
        let new: Vec<Draft> = drafts.into_iter().filter(|draft| !known.contains(&call(draft))).collect();
        if new.is_empty() || (self.places.len() >= RECORDS && !self.places.contains_key(record)) {
            return None;
        }
        let calls: Vec<_> = new.iter().map(call).collect();
        self.taken.extend(calls);
        let place = *self.places.entry(record.clone()).or_insert(unit);
        self.growing.add(place, record, new);
        Some(place)
    }

    fn look(&mut self, place: u64) -> Result<SoFar, ConsensusError> {
        let personas = self.growing.personas(place)?;
        self.counts.insert(place, counted(&personas));
        Ok(self.counts.values().fold(SoFar::default(), |sum, one| SoFar {
            records: sum.records + one.records,
            consensus: sum.consensus + one.consensus,
            minority: sum.minority + one.minority,
            traits: sum.traits + one.traits,
            divergent_traits: sum.divergent_traits + one.divergent_traits,
        }))
    }
}

fn counted(personas: &[ConsensusPersona]) -> SoFar {
    let consensus = personas.iter().filter(|persona| persona.kind == PersonaKind::Consensus).count();
    let divergent = |persona: &ConsensusPersona| persona.traits.values().filter(|one| one.divergent).count();
    SoFar {
        records: 1,
        consensus,
        minority: personas.len() - consensus,
        traits: personas.iter().map(|persona| persona.traits.len()).sum(),
        divergent_traits: personas.iter().map(divergent).sum(),
    }
}
