//! A pipeline that has been checked.

use serde::Serialize;

use super::Kind;
use crate::stages::adaptation::{Adaptation, AdaptiveRules};

/// How a stage goes about its work. What a kind has no use for keeps its default.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct StageSettings {
    /// Who is asked, by the name of a panel member or of one of the stages' own models.
    pub model: Option<String>,
    /// Who is asked when that one does not answer.
    pub fallback: Option<String>,
    /// The time limit of one call, of a command or of a quality check, in seconds.
    pub timeout_seconds: f64,
    /// Attempts after the first.
    pub retries: u32,
    /// Calls in flight at most.
    pub concurrency: usize,
    /// Share of the calls, 0 to 1, without which the stage fails.
    pub min_success_ratio: f64,
    /// How long a finished stage of a finished run stays fresh, in seconds; for ever when `None`.
    pub lifetime_seconds: Option<f64>,
    /// Whether a stage that is no longer fresh asks for new answers. The usual lifetimes do not: the stage is gone
    /// through again with the answers that are stored and paid for.
    pub asks_afresh: bool,
    /// What the study says of the panel's calls at this stage; nothing where the members' own limits hold.
    #[serde(skip_serializing_if = "PanelLimits::is_nothing")]
    pub panel: PanelLimits,
    /// Whether the pipeline goes on without it when it fails.
    pub optional: bool,
    /// The program and its arguments.
    pub run: Vec<String>,
    /// Whether `--yes` may stand for a person's approval.
    pub allow_yes: bool,
    /// How often narratives are sent back at most.
    pub rework: u32,
}

impl StageSettings {
    /// The defaults: three calls at once, two retries, three quarters of the calls, one round of rework, the lifetime of
    /// the kind.
    #[must_use]
    pub fn of(kind: Kind) -> Self {
        Self {
            model: None,
            fallback: None,
            timeout_seconds: kind.timeout_seconds(),
            retries: 2,
            concurrency: 3,
            min_success_ratio: 0.75,
            lifetime_seconds: kind.lifetime_seconds(),
            asks_afresh: false,
            panel: PanelLimits::default(),
            optional: false,
            run: Vec::new(),
            allow_yes: false,
            rework: 1,
        }
    }
}

/// Limits of the panel's calls that a stage sets for all members; missing ones are those of the study.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct PanelLimits {
    /// The time limit of one call, in seconds.
    pub timeout_seconds: Option<f64>,
    /// Attempts after the first.
    pub retries: Option<u32>,
    /// Calls in flight at most.
    pub concurrency: Option<usize>,
}

impl PanelLimits {
    /// Whether none is set.
    #[must_use]
    pub fn is_nothing(&self) -> bool {
        *self == Self::default()
    }
}

/// One stage.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Stage {
    /// Unique in its pipeline.
    pub name: String,
    /// What it does.
    pub kind: Kind,
    /// What must be there before it begins.
    pub requires: Vec<String>,
    /// What it leaves behind.
    pub produces: Vec<String>,
    /// How it goes about it.
    pub settings: StageSettings,
}

/// Neighbours in the order that go at the same time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Group {
    /// Its name.
    pub name: String,
    /// The stage that ends before it begins.
    pub after: Option<String>,
    /// Its stages, in the order of the pipeline.
    pub stages: Vec<String>,
    /// The stage that begins when it has ended.
    pub before: Option<String>,
}

/// What is done next: one stage, or a group of them at once. Stages are given by their place in the order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step<'a> {
    /// One stage.
    One(usize),
    /// All of a group.
    Together(&'a Group, Vec<usize>),
}

impl Step<'_> {
    /// The stages of the step, by place.
    #[must_use]
    pub fn places(&self) -> Vec<usize> {
        match self {
            Self::One(place) => vec![*place],
            Self::Together(_, places) => places.clone(),
        }
    }
}

/// Stages in their order, and the groups that go at the same time.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Pipeline {
    pub(super) stages: Vec<Stage>,
    pub(super) groups: Vec<Group>,
    pub(super) concurrency: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) adaptive: Option<AdaptiveRules>,
}

impl Pipeline {
    /// The usual pipeline, for a study with these models; the first of them reviews and writes.
    ///
    /// # Errors
    /// [`super::Misplaced`] when there is no model.
    #[cfg(test)]
    pub(crate) fn usual(models: Vec<String>) -> Result<Self, super::Misplaced> {
        super::Definition { models, ..super::Definition::default() }.check()
    }

    /// The stages, in order.
    #[must_use]
    pub fn stages(&self) -> &[Stage] {
        &self.stages
    }

    /// The groups, in the order of their first stages.
    #[must_use]
    pub fn groups(&self) -> &[Group] {
        &self.groups
    }

    /// Stages that go at the same time at most.
    #[must_use]
    pub fn concurrency(&self) -> usize {
        self.concurrency
    }

    /// The rules by which it adapts; `None` where it does not.
    #[must_use]
    pub fn adaptive(&self) -> Option<AdaptiveRules> {
        self.adaptive
    }

    /// The same with the limits of an adaptation, and, where there is little to spend, without the optional
    /// stages that no other needs.
    #[must_use]
    pub fn adapted(&self, to: &Adaptation) -> Self {
        let mut adapted = self.clone();
        if to.skip_optional {
            let needed = |stage: &Stage| {
                let by = |other: &Stage| other.requires.iter().any(|name| stage.produces.contains(name));
                self.stages.iter().any(by)
            };
            adapted.stages.retain(|stage| !stage.settings.optional || needed(stage));
            let left: Vec<String> = adapted.stages.iter().map(|stage| stage.name.clone()).collect();
            for group in &mut adapted.groups {
                group.stages.retain(|name| left.contains(name));
            }
            adapted.groups.retain(|group| group.stages.len() > 1);
        }
        let fewer = |places: usize| to.concurrency.map_or(places, |most| places.min(most));
        adapted.concurrency = fewer(adapted.concurrency);
        for stage in &mut adapted.stages {
            stage.settings.concurrency = fewer(stage.settings.concurrency);
            stage.settings.timeout_seconds *= to.timeouts;
            if to.synthesis_rounds > 1 {
                stage.settings.rework = stage.settings.rework.max(to.synthesis_rounds);
            }
        }
        adapted
    }

    /// The stage of that name.
    #[must_use]
    pub fn stage(&self, name: &str) -> Option<&Stage> {
        self.stages.iter().find(|stage| stage.name == name)
    }

    /// The group that a stage belongs to.
    #[must_use]
    pub fn group_of(&self, stage: &str) -> Option<&Group> {
        self.groups.iter().find(|group| group.stages.iter().any(|name| name == stage))
    }

    /// The place of the last stage before `place` that makes `artefact`.
    #[must_use]
    pub fn maker(&self, artefact: &str, place: usize) -> Option<usize> {
        (0..place.min(self.stages.len()))
            .rev()
            .find(|&earlier| self.stages[earlier].produces.iter().any(|made| made == artefact))
    }

    /// The way through the pipeline, in order.
    #[must_use]
    pub fn steps(&self) -> Vec<Step<'_>> {
        let mut steps = Vec::new();
        let mut place = 0;
        while place < self.stages.len() {
            if let Some(group) = self.group_of(&self.stages[place].name) {
                let end = place + group.stages.len();
                steps.push(Step::Together(group, (place..end).collect()));
                place = end;
            } else {
                steps.push(Step::One(place));
                place += 1;
            }
        }
        steps
    }
}
