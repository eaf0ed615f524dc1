//! The stages of a study: a section of it, or a file of their own.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use garde::Validate;
use serde::de::value::MapAccessDeserializer;
use serde::de::{self, Deserialize, Deserializer, MapAccess, Visitor};
use serde_saphyr::Spanned;

use super::check::Checker;
use super::error::nearest;
use super::file::MemberFile;
use super::unreadable::unreadable;
use super::{PanelMember, StagePlan, StudyError};
use crate::stages::adaptation::AdaptiveRules;
use crate::stages::pipeline::{Definition, GroupDefinition, Located, Misplaced, StageDefinition, Written};

/// The word for the usual pipeline.
const USUAL: &str = "default";

/// The section `stages`: a word or a path, or the stages in place.
#[derive(Debug)]
pub(super) enum StagesFile {
    /// `default`, or the path of a file.
    Named(String),
    /// In place.
    Inline(Box<PipelineFile>),
}

impl<'de> Deserialize<'de> for StagesFile {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl<'de> Visitor<'de> for Either {
            type Value = StagesFile;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("`default`, the path of a stages file, or a mapping with `stage_order`")
            }

            fn visit_str<E: de::Error>(self, name: &str) -> Result<Self::Value, E> {
                Ok(StagesFile::Named(name.to_owned()))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
                let file = PipelineFile::deserialize(MapAccessDeserializer::new(map))?;
                Ok(StagesFile::Inline(Box::new(file)))
            }
        }
        deserializer.deserialize_any(Either)
    }
}

impl Validate for StagesFile {
    type Context = ();

    /// The numbers of models that stand in place; a file of its own is checked when it is read.
    fn validate_into(
        &self,
        context: &(),
        parent: &mut dyn FnMut() -> garde::Path,
        report: &mut garde::Report,
    ) {
        if let Self::Inline(file) = self {
            file.validate_into(context, parent, report);
        }
    }
}

/// A stages file.
#[derive(Debug, Default, serde::Deserialize, Validate)]
#[serde(deny_unknown_fields)]
#[garde(allow_unvalidated)]
pub(super) struct PipelineFile {
    stage_order: Option<Vec<Spanned<String>>>,
    parallel_groups: Option<BTreeMap<String, GroupFile>>,
    #[serde(default)]
    settings: BTreeMap<String, StageFile>,
    #[serde(default)]
    #[garde(dive)]
    models: Vec<MemberFile>,
    concurrency: Option<Spanned<usize>>,
    adaptive: Option<Spanned<AdaptiveRules>>,
}

#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct GroupFile {
    after: Option<Spanned<String>>,
    stages: Vec<Spanned<String>>,
    before: Option<Spanned<String>>,
}

#[derive(Debug, Default, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct StageFile {
    kind: Option<Spanned<String>>,
    model: Option<Spanned<String>>,
    fallback: Option<Spanned<String>>,
    timeout: Option<Spanned<f64>>,
    retries: Option<Spanned<u32>>,
    concurrency: Option<Spanned<usize>>,
    min_success_ratio: Option<Spanned<f64>>,
    lifetime: Option<Spanned<f64>>,
    #[serde(default)]
    optional: bool,
    requires: Option<Vec<Spanned<String>>>,
    produces: Option<Vec<Spanned<String>>>,
    run: Option<Spanned<Vec<String>>>,
    allow_yes: Option<Spanned<bool>>,
    rework: Option<Spanned<u32>>,
}

fn located<T>(spanned: Spanned<T>) -> Located<T> {
    let line = spanned.referenced.line();
    Located { value: spanned.value, line: (line > 0).then_some(line) }
}

fn written<T>(spanned: Option<Spanned<T>>) -> Written<T> {
    spanned.map(located)
}

fn names(spanned: Vec<Spanned<String>>) -> Vec<Located<String>> {
    spanned.into_iter().map(located).collect()
}

impl StageFile {
    fn definition(self, name: String) -> StageDefinition {
        StageDefinition {
            name,
            kind: written(self.kind),
            model: written(self.model),
            fallback: written(self.fallback),
            timeout: written(self.timeout),
            retries: written(self.retries),
            concurrency: written(self.concurrency),
            min_success_ratio: written(self.min_success_ratio),
            lifetime: written(self.lifetime),
            optional: self.optional,
            requires: self.requires.map(names),
            produces: self.produces.map(names),
            run: written(self.run),
            allow_yes: written(self.allow_yes),
            rework: written(self.rework),
        }
    }
}

impl PipelineFile {
    /// The definition, and the descriptions of the models that only the stages ask.
    fn definition(self) -> (Definition, Vec<MemberFile>) {
        let group = |(name, group): (String, GroupFile)| GroupDefinition {
            name,
            after: written(group.after),
            stages: names(group.stages),
            before: written(group.before),
        };
        let definition = Definition {
            order: self.stage_order.map(names),
            groups: self.parallel_groups.map(|groups| groups.into_iter().map(group).collect()),
            stages: self.settings.into_iter().map(|(name, stage)| stage.definition(name)).collect(),
            concurrency: written(self.concurrency),
            adaptive: written(self.adaptive),
            models: Vec::new(),
        };
        (definition, self.models)
    }
}

impl Checker<'_> {
    /// The pipeline of a study, checked against its panel.
    pub(super) fn stages(
        &self,
        file: Option<StagesFile>,
        panel: &[PanelMember],
    ) -> Result<Option<StagePlan>, StudyError> {
        match file {
            None => Ok(None),
            Some(StagesFile::Inline(file)) => self.pipeline(*file, panel).map(Some),
            Some(StagesFile::Named(name)) if name == USUAL => {
                self.pipeline(PipelineFile::default(), panel).map(Some)
            }
            Some(StagesFile::Named(name)) => {
                let path = self.folder().join(&name);
                let text = (self.read)(&path).map_err(|source| self.no_stages(&name, &path, source))?;
                let file: PipelineFile =
                    serde_saphyr::from_str_valid(&text).map_err(|error| unreadable(&path, &text, &error))?;
                Checker { path: &path, text: &text, read: self.read }.pipeline(file, panel).map(Some)
            }
        }
    }

    /// A name that is no file: often a slip in the one word that is none.
    fn no_stages(&self, name: &str, path: &Path, source: std::io::Error) -> StudyError {
        match nearest(name, [USUAL]) {
            Some(_) if source.kind() == std::io::ErrorKind::NotFound => {
                let reason = format!("there is no file `{name}`; did you mean `{USUAL}`, the usual stages?");
                self.wrong(None, "stages", reason)
            }
            _ => StudyError::Read { path: path.to_owned(), named_by: Some(self.path.to_owned()), source },
        }
    }

    fn pipeline(&self, file: PipelineFile, panel: &[PanelMember]) -> Result<StagePlan, StudyError> {
        let (mut definition, files) = file.definition();
        let mut models = Vec::new();
        for (place, file) in files.into_iter().enumerate() {
            let at = format!("stages.models[{place}]");
            let line = Some(file.model.referenced.line());
            if !file.fallback.is_empty() {
                let reason = "nobody stands in for a model of stages; a stage names its own `fallback`";
                return Err(self.wrong(line, format!("{at}.fallback"), reason));
            }
            let member = self.member(&at, line, file)?;
            if member.batch.is_some() {
                let reason = "a stage asks single questions and waits for each; remove it".to_owned();
                return Err(self.wrong(line, format!("{at}.batch"), reason));
            }
            if panel.iter().chain(&models).any(|other| other.name == member.name) {
                let reason = format!("`{}` names two models; give this one a `name` of its own", member.name);
                return Err(self.wrong(line, format!("{at}.name"), reason));
            }
            models.push(member);
        }
        let known = panel.iter().chain(&models).map(|member| member.name.to_string());
        definition.models = known.collect();
        let pipeline = definition.check().map_err(|misplaced| {
            let Misplaced { line, at, error } = misplaced;
            self.wrong(line, at, error.to_string())
        })?;
        Ok(StagePlan { pipeline, models })
    }
}
