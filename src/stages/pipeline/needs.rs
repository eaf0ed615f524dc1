//! What each stage needs, and from whom.

use super::check::misplaced;
use super::{Group, Misplaced, PipelineError, Stage};

/// Whatever a stage requires is made before it, and neither that nor what it takes into account is made by somebody who
/// goes at the same time. What it would take into account is not made behind its back either.
pub(super) fn needs(stages: &[(Stage, Option<u64>)], groups: &[Group]) -> Result<(), Misplaced> {
    for (place, (stage, line)) in stages.iter().enumerate() {
        let refused = |error| Err(misplaced(*line, format!("stage_order[{place}]"), error));
        if let Some(error) = beside(stages, groups, stage) {
            return refused(error);
        }
        if let Some(error) = stage.requires.iter().find_map(|artefact| missing(stages, place, artefact)) {
            return refused(error);
        }
        if let Some(error) = too_early(stages, place) {
            return refused(error);
        }
    }
    Ok(())
}

fn makes(stage: &Stage, artefact: &str) -> bool {
    stage.produces.iter().any(|made| made == artefact)
}

/// What a stage has to do with those that go at the same time: it can neither read what they make nor make the same.
fn beside(stages: &[(Stage, Option<u64>)], groups: &[Group], stage: &Stage) -> Option<PipelineError> {
    let group = groups.iter().find(|group| group.stages.contains(&stage.name))?;
    let siblings: Vec<&Stage> = stages
        .iter()
        .map(|(other, _)| other)
        .filter(|other| other.name != stage.name && group.stages.contains(&other.name))
        .collect();
    let maker = |artefact: &str| siblings.iter().find(|other| makes(other, artefact));
    let read = stage.requires.iter().map(String::as_str).chain(stage.kind.uses().iter().copied());
    for artefact in read {
        if let Some(sibling) = maker(artefact) {
            let (artefact, sibling) = (artefact.to_owned(), sibling.name.clone());
            return Some(PipelineError::Sibling { name: stage.name.clone(), artefact, sibling });
        }
    }
    stage.produces.iter().find_map(|artefact| {
        let sibling = maker(artefact)?.name.clone();
        Some(PipelineError::MadeTwice { name: stage.name.clone(), sibling, artefact: artefact.clone() })
    })
}

fn missing(stages: &[(Stage, Option<u64>)], place: usize, artefact: &str) -> Option<PipelineError> {
    if stages[..place].iter().any(|(earlier, _)| makes(earlier, artefact)) {
        return None;
    }
    let advice = match stages.iter().find(|(later, _)| makes(later, artefact)) {
        Some((maker, _)) => format!("move `{}` before it", maker.name),
        None => "add a stage that `produces` it".to_owned(),
    };
    let name = stages[place].0.name.clone();
    Some(PipelineError::Missing { name, artefact: artefact.to_owned(), advice })
}

/// What a stage would take into account and only a later one makes.
fn too_early(stages: &[(Stage, Option<u64>)], place: usize) -> Option<PipelineError> {
    let stage = &stages[place].0;
    let used = stage.kind.uses().iter().filter(|_| stage.kind.follows_what_it_uses());
    used.filter(|artefact| !stages[..place].iter().any(|(earlier, _)| makes(earlier, artefact))).find_map(
        |artefact| {
            let (maker, _) = stages[place + 1..].iter().find(|(later, _)| makes(later, artefact))?;
            let (name, maker) = (stage.name.clone(), maker.name.clone());
            Some(PipelineError::TooEarly { name, artefact: (*artefact).to_owned(), maker })
        },
    )
}
