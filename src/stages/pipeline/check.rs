//! From a pipeline as it was written to one that can be walked.

use std::collections::BTreeMap;

use super::needs::needs;
use super::{
    DEFAULT_ORDER, Definition, Group, GroupDefinition, Kind, Located, Misplaced, PanelLimits, Pipeline,
    PipelineError, Stage, StageDefinition, StageSettings, Written,
};

use crate::stages::adaptation::AdaptiveRules;

/// Stages that go at the same time at most, when nothing is configured.
const CONCURRENCY: usize = 3;

/// Artefacts of the engine that no kind `produces`: what a gate shows.
const OF_THE_GATE: [&str; 2] = ["approved", "approved_before"];

/// Letters of a name at most; a file system takes 255 bytes, and an ending.
const LONGEST: usize = 100;

/// The stages of the usual group.
const USUAL_GROUP: [Kind; 3] = [Kind::Review, Kind::Coverage, Kind::Evidence];

pub(super) fn misplaced(line: Option<u64>, at: impl Into<String>, error: PipelineError) -> Misplaced {
    Misplaced { line, at: at.into(), error }
}

impl Definition {
    /// Holds everything against everything else.
    ///
    /// # Errors
    /// [`Misplaced`]: the first thing that is wrong, with its line.
    pub fn check(&self) -> Result<Pipeline, Misplaced> {
        let stages = self.stages()?;
        let groups = self.groups(&stages)?;
        needs(&stages, &groups)?;
        let concurrency = match &self.concurrency {
            None => CONCURRENCY,
            Some(written) => *within(written, "concurrency", "concurrency", 1..=100, "1 to 100")?,
        };
        let adaptive = self.adaptive()?;
        let stages = stages.into_iter().map(|(stage, _)| stage).collect();
        Ok(Pipeline { stages, groups, concurrency, adaptive })
    }

    fn adaptive(&self) -> Result<Option<AdaptiveRules>, Misplaced> {
        let Some(written) = &self.adaptive else { return Ok(None) };
        let (rules, line) = (written.value, written.line);
        for (setting, value, range, words) in [
            ("complex_above", rules.complex_above, 0.0..=100.0, "0 to 100"),
            ("uncertain_above", rules.uncertain_above, 0.0..=100.0, "0 to 100"),
            ("complex_timeouts", rules.complex_timeouts, 0.1..=100.0, "0.1 to 100"),
            ("complex_concurrency", rules.complex_concurrency as f64, 1.0..=1000.0, "1 to 1000"),
            ("ask_again_rounds", f64::from(rules.ask_again_rounds), 0.0..=5.0, "0 to 5"),
        ] {
            within(&Located { value, line }, &format!("adaptive.{setting}"), setting, range, words)?;
        }
        Ok(Some(rules))
    }

    fn stages(&self) -> Result<Vec<(Stage, Option<u64>)>, Misplaced> {
        let usual = || DEFAULT_ORDER.iter().map(|kind| Located::nowhere(kind.name().to_owned())).collect();
        let order: Vec<Located<String>> = self.order.clone().unwrap_or_else(usual);
        if order.is_empty() {
            return Err(misplaced(None, "stage_order", PipelineError::Empty));
        }
        for (place, name) in order.iter().enumerate() {
            let at = format!("stage_order[{place}]");
            plain(&name.value, "a stage").map_err(|error| misplaced(name.line, at, error))?;
            if order[..place].iter().any(|earlier| earlier.value == name.value) {
                let error = PipelineError::Twice { name: name.value.clone() };
                return Err(misplaced(name.line, format!("stage_order[{place}]"), error));
            }
            let same = |earlier: &&Located<String>| alike(&earlier.value, &name.value);
            if let Some(other) = order[..place].iter().find(same) {
                let (name, line, other) = (name.value.clone(), name.line, other.value.clone());
                let error = PipelineError::Capitals { name, other };
                return Err(misplaced(line, format!("stage_order[{place}]"), error));
            }
        }
        if let Some(stray) = self.stages.iter().find(|said| order.iter().all(|name| name.value != said.name))
        {
            let error = PipelineError::Unordered { name: stray.name.clone() };
            return Err(misplaced(stray.line(), format!("settings.{}", stray.name), error));
        }
        for said in &self.stages {
            for name in said.produces.iter().flatten() {
                let at = format!("settings.{}.produces", said.name);
                plain(&name.value, "what a stage makes").map_err(|error| misplaced(name.line, at, error))?;
            }
        }
        let stage = |(place, name): (usize, &Located<String>)| {
            let nothing = StageDefinition { name: name.value.clone(), ..StageDefinition::default() };
            let said = self.stages.iter().find(|said| said.name == name.value).unwrap_or(&nothing);
            let kind = Self::kind(said, name, place)?;
            Ok((self.stage(said, kind)?, said.line().or(name.line)))
        };
        order.iter().enumerate().map(stage).collect()
    }

    fn kind(said: &StageDefinition, name: &Located<String>, place: usize) -> Result<Kind, Misplaced> {
        let known = || Kind::ALL.map(Kind::name).join(", ");
        match &said.kind {
            Some(kind) => Kind::named(&kind.value).ok_or_else(|| {
                let error = PipelineError::Kind { kind: kind.value.clone(), known: known() };
                misplaced(kind.line, format!("settings.{}.kind", said.name), error)
            }),
            None => Kind::named(&name.value).ok_or_else(|| {
                let near = Kind::ALL.into_iter().find(|kind| close(kind.name(), &name.value));
                let meant = near.map(|kind| format!("; did you mean `{kind}`?")).unwrap_or_default();
                let error = PipelineError::Unknown { name: name.value.clone(), known: known(), meant };
                misplaced(name.line, format!("stage_order[{place}]"), error)
            }),
        }
    }

    fn stage(&self, said: &StageDefinition, kind: Kind) -> Result<Stage, Misplaced> {
        let at = |setting: &str| format!("settings.{}.{setting}", said.name);
        useless(said, kind)?;
        let mut settings = StageSettings::of(kind);
        if kind.asks_a_model() {
            let first = self.models.first().cloned();
            settings.model = self.model(said.model.as_ref(), &at("model"))?.or(first);
            settings.fallback = self.model(said.fallback.as_ref(), &at("fallback"))?;
        }
        limits(said, kind, &mut settings)?;
        settings.optional = said.optional;
        settings.allow_yes = said.allow_yes.as_ref().is_some_and(|allowed| allowed.value);
        settings.run = said.run.as_ref().map(|run| run.value.clone()).unwrap_or_default();
        let nameless = settings.run.first().is_none_or(|program| program.trim().is_empty());
        if kind == Kind::Command && nameless {
            let line = said.run.as_ref().and_then(|run| run.line).or(said.line());
            return Err(misplaced(line, at("run"), PipelineError::NoProgram));
        }
        let named = |written: &Option<Vec<Located<String>>>, standard: &[&str]| match written {
            Some(names) => names.iter().map(|name| name.value.clone()).collect(),
            None => standard.iter().map(|name| (*name).to_owned()).collect::<Vec<String>>(),
        };
        let mut produces = named(&said.produces, kind.produces());
        if kind == Kind::Command && said.produces.is_none() {
            produces.push(said.name.clone());
        }
        if kind == Kind::Command {
            unreserved(said, &produces)?;
        }
        let requires = named(&said.requires, kind.requires());
        Ok(Stage { name: said.name.clone(), kind, requires, produces, settings })
    }

    fn model(&self, written: Option<&Located<String>>, at: &str) -> Result<Option<String>, Misplaced> {
        let Some(written) = written else { return Ok(None) };
        if self.models.contains(&written.value) {
            return Ok(Some(written.value.clone()));
        }
        let error = PipelineError::Model { name: written.value.clone(), known: self.models.join(", ") };
        Err(misplaced(written.line, at, error))
    }

    fn groups(&self, stages: &[(Stage, Option<u64>)]) -> Result<Vec<Group>, Misplaced> {
        let usual;
        let written: &[GroupDefinition] = match (&self.groups, &self.order) {
            (Some(groups), _) => groups,
            (None, Some(_)) => &[],
            (None, None) => {
                let named = |kind: Kind| Located::nowhere(kind.name().to_owned());
                usual = [GroupDefinition {
                    name: "checks".to_owned(),
                    after: Some(named(Kind::Consensus)),
                    stages: USUAL_GROUP.map(named).to_vec(),
                    before: Some(named(Kind::Synthesis)),
                }];
                &usual
            }
        };
        let mut placed: Vec<(usize, Group)> = Vec::new();
        let mut taken: BTreeMap<usize, &str> = BTreeMap::new();
        for group in written {
            let places = members(group, stages)?;
            for (&place, name) in places.iter().zip(sorted(group, stages)) {
                if let Some(other) = taken.insert(place, &group.name) {
                    let error = PipelineError::Overlap { name: name.value.clone(), other: other.to_owned() };
                    return Err(misplaced(name.line, at(group, "stages"), error));
                }
            }
            sides(group, stages, &places)?;
            let value = |side: &Written<String>| side.as_ref().map(|side| side.value.clone());
            let names = places.iter().map(|&place| stages[place].0.name.clone()).collect();
            let (after, before) = (value(&group.after), value(&group.before));
            placed.push((places[0], Group { name: group.name.clone(), after, stages: names, before }));
        }
        placed.sort_by_key(|(first, _)| *first);
        Ok(placed.into_iter().map(|(_, group)| group).collect())
    }
}

/// The numbers of a stage, each in its range.
fn limits(said: &StageDefinition, kind: Kind, settings: &mut StageSettings) -> Result<(), Misplaced> {
    let at = |setting: &str| format!("settings.{}.{setting}", said.name);
    if let Some(timeout) = &said.timeout {
        let range = "above 0 and at most 86400";
        settings.timeout_seconds = *within(timeout, &at("timeout"), "timeout", 0.001..=86_400.0, range)?;
    }
    if let Some(retries) = &said.retries {
        settings.retries = *within(retries, &at("retries"), "retries", 0..=9, "0 to 9")?;
    }
    if let Some(places) = &said.concurrency {
        settings.concurrency = *within(places, &at("concurrency"), "concurrency", 1..=1_000, "1 to 1000")?;
    }
    if let Some(ratio) = &said.min_success_ratio {
        settings.min_success_ratio =
            *within(ratio, &at("min_success_ratio"), "min_success_ratio", 0.0..=1.0, "0 to 1")?;
    }
    if let Some(lifetime) = &said.lifetime {
        let seconds = within(lifetime, &at("lifetime"), "lifetime", 0.0..=1e9, "0 or more seconds")?;
        settings.lifetime_seconds = Some(*seconds);
        settings.asks_afresh = kind != Kind::Panel;
    }
    if let Some(rework) = &said.rework {
        settings.rework = *within(rework, &at("rework"), "rework", 0..=5, "0 to 5")?;
    }
    if kind == Kind::Panel {
        settings.panel = PanelLimits {
            timeout_seconds: said.timeout.as_ref().map(|timeout| timeout.value),
            retries: said.retries.as_ref().map(|retries| retries.value),
            concurrency: said.concurrency.as_ref().map(|places| places.value),
        };
    }
    Ok(())
}

/// Refuses a program that would write over what the engine makes, or what a person has approved.
fn unreserved(said: &StageDefinition, produces: &[String]) -> Result<(), Misplaced> {
    let of_kinds = Kind::ALL.into_iter().flat_map(Kind::produces).chain(&OF_THE_GATE);
    let reserved: Vec<&str> = of_kinds.copied().collect();
    let Some(place) = produces.iter().position(|name| reserved.iter().any(|known| alike(known, name))) else {
        return Ok(());
    };
    let written = said.produces.as_ref().and_then(|names| names.get(place)?.line);
    let error = PipelineError::Reserved { name: said.name.clone(), artefact: produces[place].clone() };
    Err(misplaced(written.or(said.line()), format!("settings.{}.produces", said.name), error))
}

/// Whether two names are one where capitals do not count.
fn alike(one: &str, other: &str) -> bool {
    one.to_lowercase() == other.to_lowercase()
}

/// Refuses names that another name would share a folder or a file with.
fn plain(name: &str, what: &'static str) -> Result<(), PipelineError> {
    let plain = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_');
    if !name.is_empty() && name.len() <= LONGEST && name.chars().all(plain) {
        return Ok(());
    }
    Err(PipelineError::Name { name: name.chars().take(LONGEST).collect(), what })
}

fn at(group: &GroupDefinition, key: &str) -> String {
    format!("parallel_groups.{}.{key}", group.name)
}

fn place_of(stages: &[(Stage, Option<u64>)], name: &str) -> Option<usize> {
    stages.iter().position(|(stage, _)| stage.name == name)
}

/// The names of a group in the order of the pipeline; [`members`] has refused those that are not in it.
fn sorted<'a>(group: &'a GroupDefinition, stages: &[(Stage, Option<u64>)]) -> Vec<&'a Located<String>> {
    let mut names: Vec<&Located<String>> = group.stages.iter().collect();
    names.sort_by_key(|name| place_of(stages, &name.value));
    names
}

/// The places of a group's stages, which are neighbours.
fn members(group: &GroupDefinition, stages: &[(Stage, Option<u64>)]) -> Result<Vec<usize>, Misplaced> {
    let sides = [&group.after, &group.before];
    let beside = || sides.into_iter().flatten().find_map(|side| side.line);
    let line = group.stages.first().and_then(|name| name.line).or_else(beside);
    if group.stages.len() < 2 {
        let error = PipelineError::SmallGroup { count: group.stages.len() };
        return Err(misplaced(line, at(group, "stages"), error));
    }
    let mut places = Vec::new();
    for name in &group.stages {
        let place = in_order(stages, name, &at(group, "stages"))?;
        if stages[place].0.kind == Kind::Approval {
            let error = PipelineError::WaitsInGroup { name: name.value.clone() };
            return Err(misplaced(name.line, at(group, "stages"), error));
        }
        if places.contains(&place) {
            let error = PipelineError::Overlap { name: name.value.clone(), other: group.name.clone() };
            return Err(misplaced(name.line, at(group, "stages"), error));
        }
        places.push(place);
    }
    places.sort_unstable();
    let (first, last) = (places[0], places[places.len() - 1]);
    match (first..=last).find(|place| !places.contains(place)) {
        None => Ok(places),
        Some(between) => {
            let name = |place: usize| stages[place].0.name.clone();
            let error = PipelineError::Apart { between: name(between), first: name(first), last: name(last) };
            Err(misplaced(line, at(group, "stages"), error))
        }
    }
}

fn in_order(stages: &[(Stage, Option<u64>)], name: &Located<String>, at: &str) -> Result<usize, Misplaced> {
    place_of(stages, &name.value).ok_or_else(|| {
        let known: Vec<&str> = stages.iter().map(|(stage, _)| stage.name.as_str()).collect();
        let error = PipelineError::NotInOrder { name: name.value.clone(), known: known.join(", ") };
        misplaced(name.line, at, error)
    })
}

/// What a group says of its neighbours must be what the order says.
fn sides(
    group: &GroupDefinition,
    stages: &[(Stage, Option<u64>)],
    places: &[usize],
) -> Result<(), Misplaced> {
    let ends = [
        (&group.after, "after", "before", places[0]),
        (&group.before, "before", "behind", places[places.len() - 1]),
    ];
    for (written, side, side_words, end) in ends {
        let Some(name) = written else { continue };
        let place = in_order(stages, name, &at(group, side))?;
        let agrees = if side == "after" { place < end } else { place > end };
        if !agrees {
            let (name, line) = (name.value.clone(), name.line);
            let stage = stages[end].0.name.clone();
            let error = PipelineError::Contradiction { side, name, side_words, stage };
            return Err(misplaced(line, at(group, side), error));
        }
    }
    Ok(())
}

/// A setting that would be read by nobody is a mistake about the kind.
fn useless(said: &StageDefinition, kind: Kind) -> Result<(), Misplaced> {
    /// Where it is written; no lines where it is not, one unknown line where that is all there is.
    fn of<T>(written: Option<&Located<T>>) -> Vec<Option<u64>> {
        written.map(|written| written.line).into_iter().collect()
    }
    let (asks, command) = (kind.asks_a_model(), kind == Kind::Command);
    let panel = kind == Kind::Panel;
    let settings = [
        ("model", asks, of(said.model.as_ref())),
        ("fallback", asks, of(said.fallback.as_ref())),
        ("timeout", asks || command || panel || kind == Kind::Quality, of(said.timeout.as_ref())),
        ("retries", asks || command || panel, of(said.retries.as_ref())),
        ("concurrency", asks || panel, of(said.concurrency.as_ref())),
        ("min_success_ratio", asks, of(said.min_success_ratio.as_ref())),
        ("lifetime", asks || command || panel, of(said.lifetime.as_ref())),
        ("optional", kind != Kind::Approval, if said.optional { vec![said.line()] } else { Vec::new() }),
        ("produces", command, said.produces.iter().map(|names| names.first()?.line).collect()),
        ("run", command, of(said.run.as_ref())),
        ("allow_yes", kind == Kind::Approval, of(said.allow_yes.as_ref())),
        ("rework", kind == Kind::Quality, of(said.rework.as_ref())),
    ];
    for (setting, known, written) in settings {
        if let (false, Some(&line)) = (known, written.first()) {
            let error = PipelineError::Useless { kind: kind.to_string(), setting };
            return Err(misplaced(line, format!("settings.{}.{setting}", said.name), error));
        }
    }
    Ok(())
}

fn within<'a, T: PartialOrd + std::fmt::Display>(
    written: &'a Located<T>,
    at: &str,
    setting: &'static str,
    range: std::ops::RangeInclusive<T>,
    words: &'static str,
) -> Result<&'a T, Misplaced> {
    if range.contains(&written.value) {
        return Ok(&written.value);
    }
    let error = PipelineError::Range { setting, value: written.value.to_string(), range: words };
    Err(misplaced(written.line, at, error))
}

/// Whether one name begins as the other and is about as long: a slip of the end, or of one letter.
fn close(known: &str, given: &str) -> bool {
    let given = given.to_lowercase();
    let same = known.chars().zip(given.chars()).take_while(|(one, other)| one == other).count();
    same >= 4 && known.len().abs_diff(given.len()) <= 3
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
