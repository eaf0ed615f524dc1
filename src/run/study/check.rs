//! From a study file as written to a study whose values fit together.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;

use super::error::nearest;
use super::file::{InputFile, MemberFile, PathsFile, PersonasFile, RetryFile, StudyFile, TimeoutsFile};
use super::places::line_of;
use super::unreadable::{is_empty, unreadable};
use super::{Input, Laggards, Limits, PanelMember, PersonaRange, Quorum, Stance, Study, StudyError, schema};
use crate::persona::{ModelName, SchemaError};
use crate::prompt::Unit;
use crate::provider::{
    Endpoint, EndpointError, EndpointOptions, KNOWN_PROVIDERS, ModelReference, SamplingOptions, Timeouts,
};
use crate::run::price::Price;
use crate::run::retry::RetryPolicy;
use crate::store::Money;

/// The most tokens of an answer when the study does not say.
pub(super) const MAX_OUTPUT_TOKENS: u32 = 4_096;

/// The most personas about one person when the study does not say.
const ONE_PERSON: u32 = 1;

/// The most personas of a corpus when the study does not say.
const PERSONAS_OF_A_CORPUS: u32 = 5;

/// Records per call of a corpus when the study does not say.
const RECORDS_PER_CALL: usize = 40;

/// Opens a path that a study names.
pub(super) type Read<'a> = &'a dyn Fn(&Path) -> std::io::Result<String>;

impl Study {
    /// Reads and checks a study file.
    ///
    /// # Errors
    /// [`StudyError`] with the file, the line where that is known, the value and what to do.
    pub fn load(path: &Path) -> Result<Self, StudyError> {
        let read: Read<'_> = &|path| std::fs::read_to_string(path);
        if path.is_dir() {
            return Err(StudyError::Folder { path: path.to_owned() });
        }
        let text = read(path).map_err(|source| StudyError::Read {
            path: path.to_owned(),
            named_by: None,
            source,
        })?;
        Self::parse(&text, path, read)
    }

    /// Checks the text of a study file; `path` is where it stands, `read` opens the schema that it names.
    ///
    /// # Errors
    /// As [`Study::load`].
    pub fn parse(
        text: &str,
        path: &Path,
        read: &dyn Fn(&Path) -> std::io::Result<String>,
    ) -> Result<Self, StudyError> {
        if is_empty(text) {
            return Err(StudyError::Empty { path: path.to_owned() });
        }
        let file: StudyFile =
            serde_saphyr::from_str_valid(text).map_err(|error| unreadable(path, text, &error))?;
        Checker { path, text, read }.study(file)
    }
}

pub(super) struct Checker<'a> {
    pub(super) path: &'a Path,
    /// What stands in the file, to find lines in.
    pub(super) text: &'a str,
    pub(super) read: Read<'a>,
}

impl Checker<'_> {
    pub(super) fn wrong(
        &self,
        line: Option<u64>,
        at: impl Into<String>,
        reason: impl Into<String>,
    ) -> StudyError {
        let at = at.into();
        let line = line.or_else(|| line_of(self.text, &at));
        StudyError::Value { path: self.path.to_owned(), line, at, reason: reason.into() }
    }

    pub(super) fn folder(&self) -> PathBuf {
        self.path.parent().unwrap_or(Path::new("")).to_owned()
    }

    fn study(&self, file: StudyFile) -> Result<Study, StudyError> {
        let limits = Limits {
            max_cost: file.limits.max_cost.map(Money::from_amount),
            confirm_above: file.limits.confirm_above.map(Money::from_amount),
        };
        self.alone(&file)?;
        self.batches(&file)?;
        self.sections(&file)?;
        let panel = self.panel(file.panel)?;
        let workstreams = self.workstreams(file.workstreams, &panel)?;
        let stages = self.stages(file.stages, &panel)?;
        let of_stages = stages.iter().flat_map(|stages| &stages.models);
        if let (Some(_), Some(unpriced)) = (
            limits.max_cost,
            panel.iter().flat_map(everyone).chain(of_stages).find(|member| member.price.is_none()),
        ) {
            let reason = format!(
                "`{}` has no `price`, so no limit can be kept; give its price per million tokens or drop the limit",
                unpriced.reference()
            );
            return Err(self.wrong(None, "limits.max_cost", reason));
        }
        let quorum = self.quorum(&file.quorum, &panel)?;
        Ok(Study {
            name: file.name,
            question: file.question.filter(|text| !text.trim().is_empty()),
            personas: self.personas(&file.personas, file.input.unit.unwrap_or(Unit::Record))?,
            input: self.input(file.input)?,
            mode: file.mode,
            panel,
            quorum,
            retry: retry(&file.retry),
            concurrency: file.concurrency,
            schema: self.schema(file.schema.as_ref(), &file.weights)?,
            embedder: file.embedder,
            clustering: file.clustering,
            consensus: file.consensus,
            ablation: file.ablation,
            stages,
            workstreams,
            limits,
            seed: file.seed,
            output: file.output.map(|path| self.folder().join(path)),
            folder: self.folder(),
        })
    }

    fn schema(
        &self,
        section: Option<&Value>,
        weights: &BTreeMap<String, f64>,
    ) -> Result<crate::persona::TraitSchema, StudyError> {
        let schema = schema::resolve(section, (self.path, self.text), self.read)?;
        if let Some((name, weight)) = weights.iter().find(|(_, weight)| !(0.0..=1000.0).contains(*weight)) {
            let reason = format!("`{weight}` is no number from 0 to 1000");
            return Err(self.wrong(None, format!("weights.{name}"), reason));
        }
        schema.with_weights(weights).map_err(|error| {
            let at = match &error {
                SchemaError::Unknown { name, .. } => format!("weights.{name}"),
                _ => "weights".to_owned(),
            };
            self.wrong(None, at, error.to_string())
        })
    }

    fn input(&self, file: InputFile) -> Result<Input, StudyError> {
        let names = match file.path {
            PathsFile::One(path) => vec![path],
            PathsFile::Several(paths) => paths,
        };
        if names.is_empty() || names.iter().any(|name| name.trim().is_empty()) {
            return Err(self.wrong(None, "input.path", "no path is given; name a file, a folder, or `-`"));
        }
        let folder = self.folder();
        let paths =
            names.into_iter().map(|name| if name == "-" { PathBuf::from(name) } else { folder.join(name) });
        Ok(Input {
            paths: paths.collect(),
            format: file.format,
            split: file.split.unwrap_or_default(),
            unit: file.unit.unwrap_or(Unit::Record),
            id_field: file.id_field,
            fields: file.fields,
            records_per_call: file.records_per_call.unwrap_or(RECORDS_PER_CALL),
            limit: file.limit,
        })
    }

    /// Of one person one persona, of a corpus up to five, where the study does not say.
    fn personas(&self, file: &PersonasFile, unit: Unit) -> Result<PersonaRange, StudyError> {
        let min = file.min.unwrap_or(1);
        let most = match unit {
            Unit::Record => ONE_PERSON,
            Unit::Corpus => PERSONAS_OF_A_CORPUS,
        };
        let max = file.max.unwrap_or(min.max(most));
        if min > max {
            let reason = format!("`{min}` is above `personas.max`, which is `{max}`");
            return Err(self.wrong(None, "personas.min", reason));
        }
        Ok(PersonaRange { min, max })
    }

    fn quorum(&self, file: &super::file::QuorumFile, panel: &[PanelMember]) -> Result<Quorum, StudyError> {
        let standard = Quorum::default();
        let min_models = file.min_models.unwrap_or(standard.min_models);
        if min_models as usize > panel.len() {
            let reason = format!("`{min_models}` is more than the {} members of the panel", panel.len());
            return Err(self.wrong(None, "quorum.min_models", reason));
        }
        let min_success_ratio = file.min_success_ratio.unwrap_or(standard.min_success_ratio);
        let laggards = file.laggards.as_ref().map(|file| Laggards {
            after_models: file.after_models,
            wait: Duration::from_secs_f64(file.wait_seconds),
        });
        if let Some(rule) = laggards.filter(|rule| rule.after_models < min_models) {
            let reason = format!(
                "`{}` is below `quorum.min_models`, which is `{min_models}`: nobody could be cut who is needed",
                rule.after_models
            );
            return Err(self.wrong(None, "quorum.laggards.after_models", reason));
        }
        Ok(Quorum { min_models, min_success_ratio, laggards })
    }

    fn panel(&self, files: Vec<MemberFile>) -> Result<Vec<PanelMember>, StudyError> {
        let mut panel: Vec<PanelMember> = Vec::new();
        let mut named = BTreeSet::new();
        for (place, file) in files.into_iter().enumerate() {
            let at = format!("panel[{place}]");
            let line = Some(file.model.referenced.line());
            let explicit = file.name.is_some();
            let mut member = self.member(&at, line, file)?;
            for (other, earlier) in panel.iter().enumerate().filter(|(_, other)| same_model(other, &member)) {
                if earlier.stance == member.stance && !(explicit && named.contains(&other)) {
                    let reason = format!(
                        "`{}:{}` with the stance `{}` is already `panel[{other}]`; \
                         ask for more `samples`, change the stance, or give both a `name`",
                        member.provider, member.model, member.stance
                    );
                    return Err(self.wrong(line, format!("{at}.model"), reason));
                }
            }
            if panel.iter().any(|other| other.name == member.name) {
                let reason = format!("`{}` names two members; names in a panel are unique", member.name);
                return Err(self.wrong(line, format!("{at}.name"), reason));
            }
            if explicit {
                named.insert(place);
            }
            let twins = panel.iter().filter(|other| same_question(other, &member)).count();
            member.twin = u32::try_from(twins).unwrap_or(u32::MAX);
            panel.push(member);
        }
        self.no_model_twice(&panel)?;
        Ok(panel)
    }

    pub(super) fn member(
        &self,
        at: &str,
        line: Option<u64>,
        mut file: MemberFile,
    ) -> Result<PanelMember, StudyError> {
        let fallbacks = std::mem::take(&mut file.fallback);
        let wrong = |key: &str, reason: String| self.wrong(line, format!("{at}.{key}"), reason);
        let (reference, name) = named(&file).map_err(|(key, reason)| wrong(key, reason))?;
        let weight = file.weight.unwrap_or(1.0);
        if weight <= 0.0 {
            return Err(wrong("weight", "a vote of weight 0 is no vote; remove the member".to_owned()));
        }
        if file.top_p == Some(0.0) {
            let why = "`0` leaves nothing to sample from; give a number above 0";
            return Err(wrong("top_p", why.to_owned()));
        }
        let timeouts = timeouts(&file.timeouts).map_err(|error| wrong("timeouts", error.to_string()))?;
        let endpoint = endpoint(reference.provider(), &file).map_err(|(key, reason)| wrong(key, reason))?;
        let batch = match &file.batch {
            Some(batch) => {
                batch.check(&file, endpoint.as_ref()).map_err(|(key, reason)| wrong(key, reason))?
            }
            None => None,
        };
        let options = sampling(&mut file);
        let free = endpoint.is_none().then_some(Price::FREE);
        let price = file.price.map(|price| Price::per_million(price.input, price.cached_input, price.output));
        let member = PanelMember {
            name,
            provider: reference.provider().to_owned(),
            model: reference.model().to_owned(),
            stance: file.stance,
            stance_prompt: file.stance_prompt,
            weight,
            options,
            samples: file.samples.unwrap_or(1),
            endpoint,
            timeouts,
            adaptive_timeout: file.timeouts.adaptive,
            concurrency: file.concurrency,
            batch,
            price: price.or(free),
            recording: file.recording.map(|path| self.folder().join(path)),
            twin: 0,
            fallbacks: Vec::new(),
        };
        let fallbacks = self.fallbacks(at, &member, fallbacks)?;
        Ok(PanelMember { fallbacks, ..member })
    }
}

/// What a member asks, and what it is called. Errors name the key at fault.
fn named(file: &MemberFile) -> Result<(ModelReference, ModelName), (&'static str, String)> {
    let reference = ModelReference::parse(&file.model.value).map_err(|error| ("model", error.to_string()))?;
    let standard = match file.stance {
        Stance::Neutral => reference.to_string(),
        stance => format!("{reference} ({stance})"),
    };
    let name = ModelName::new(file.name.as_deref().unwrap_or(&standard))
        .map_err(|error| ("name", error.to_string()))?;
    Ok((reference, name))
}

/// How a member's answers are drawn.
fn sampling(file: &mut MemberFile) -> SamplingOptions {
    SamplingOptions {
        temperature: file.temperature,
        top_p: file.top_p,
        seed: file.seed,
        max_output_tokens: Some(file.max_output_tokens.unwrap_or(MAX_OUTPUT_TOKENS)),
        structured_output: file.structured_output,
        extra: std::mem::take(&mut file.extra),
    }
}

/// The endpoint that a member is asked at; none for recordings and scripts. Errors name the key at fault.
fn endpoint(provider: &str, file: &MemberFile) -> Result<Option<Endpoint>, (&'static str, String)> {
    match (provider, &file.recording) {
        ("replay", None) => {
            return Err((
                "recording",
                "a `replay` member needs a `recording`: the path of its replies".to_owned(),
            ));
        }
        ("replay" | "scripted", _) => return Ok(None),
        (_, Some(_)) => {
            return Err(("recording", format!("only `replay` reads recordings; write `replay:{provider}`")));
        }
        (_, None) => {}
    }
    let options = EndpointOptions {
        base_url: file.base_url.clone(),
        dialect: file.dialect,
        key_variable: file.api_key_env.clone(),
        structured_output: None,
        allow_insecure_http: file.allow_insecure_http,
    };
    let endpoint = Endpoint::new(provider, &options).map_err(|error| refused(provider, &error))?;
    let reserved = endpoint.dialect().reserved_fields();
    match file.extra.keys().find(|key| reserved.contains(&key.as_str())) {
        Some(key) => Err(("extra", format!("`{key}` is set by consona and cannot be replaced; remove it"))),
        None => Ok(Some(endpoint)),
    }
}

/// Which key of a member an endpoint's error is about, under the names that study files have.
fn refused(provider: &str, error: &EndpointError) -> (&'static str, String) {
    let reason = error.to_string();
    match error {
        EndpointError::Unknown { .. } => {
            let meant = nearest(provider, KNOWN_PROVIDERS.iter().map(|known| known.name));
            let meant = meant.map(|name| format!("; did you mean `{name}`?")).unwrap_or_default();
            ("model", format!("{reason}{meant}"))
        }
        EndpointError::KeyVariable { .. } => ("api_key_env", reason),
        EndpointError::Incomplete { missing, .. } => (missing, reason),
        _ => ("base_url", reason),
    }
}

/// A member and who stands in for it.
fn everyone(member: &PanelMember) -> impl Iterator<Item = &PanelMember> {
    std::iter::once(member).chain(&member.fallbacks)
}

/// Whether two members are the same model, under whatever name of the provider.
pub(crate) fn same_model(one: &PanelMember, other: &PanelMember) -> bool {
    one.model == other.model && one.address() == other.address()
}

fn same_question(one: &PanelMember, other: &PanelMember) -> bool {
    same_model(one, other)
        && one.options == other.options
        && (one.stance, &one.stance_prompt) == (other.stance, &other.stance_prompt)
}

fn timeouts(file: &TimeoutsFile) -> Result<Timeouts, crate::provider::TimeoutsError> {
    let standard = Timeouts::default();
    let seconds = |given: Option<f64>, standard: Duration| given.unwrap_or(standard.as_secs_f64());
    let total = seconds(file.total, standard.total());
    Timeouts::new(
        seconds(file.connect, standard.connect()),
        // An answer that comes whole begins when it ends.
        file.first_byte.unwrap_or(total),
        seconds(file.idle, standard.idle()),
        total,
    )
}

fn retry(file: &RetryFile) -> RetryPolicy {
    let standard = RetryPolicy::default();
    let duration = |seconds: Option<f64>, standard| seconds.map_or(standard, Duration::from_secs_f64);
    RetryPolicy {
        max_attempts: file.max_attempts.unwrap_or(standard.max_attempts),
        max_waits: file.max_waits.unwrap_or(standard.max_waits),
        base: duration(file.base_seconds, standard.base),
        cap: duration(file.cap_seconds, standard.cap),
        budget_share: file.budget_share.unwrap_or(standard.budget_share),
        budget_floor: file.budget_floor.unwrap_or(standard.budget_floor),
        repair: file.repair.unwrap_or(standard.repair),
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
