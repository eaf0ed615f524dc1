//! The models that may be asked, and who of them is.

use std::sync::Arc;

use super::ConsultError;
use crate::consult::{Stance, Voice, Voter};
use crate::persona::ModelName;
use crate::provider::Dialect;
use crate::run::study::{Laggards, PanelMember, Study, same_model};
use crate::run::{Patiences, Reserve, Seats, Settings};
use crate::store::Money;

/// The models that may be asked. A caller can name them; nothing about them can be changed but the stance.
///
/// Clones share what is learned about how long answers take, and nothing else.
#[derive(Clone, Debug)]
pub struct Roster {
    seats: Seats,
    /// Who stands in for whom, by the place in `seats`.
    reserves: Vec<Reserve>,
    pub(super) settings: Settings,
    pub(super) confirm_above: Option<Money>,
    pub(crate) patience: Patiences,
}

/// Voices at their seats, in their order.
#[derive(Clone, Debug)]
pub(super) struct Seated {
    /// Who is asked.
    pub(super) seats: Seats,
    /// Who stands in for them, by their place.
    pub(super) reserves: Vec<Reserve>,
    /// Which model each of them is.
    pub(super) voters: Vec<Voter>,
}

impl Seated {
    /// Where each of them is asked, in the order of the seats: whoever stands in is asked the same.
    pub(super) fn endpoints(&self) -> impl Iterator<Item = String> {
        self.seats.iter().enumerate().map(|(place, (member, _))| {
            let stand_ins = self.reserves.iter().filter(move |reserve| reserve.place == place);
            let all = std::iter::once(member).chain(stand_ins.map(|reserve| &reserve.member));
            let mut addresses: Vec<String> = Vec::new();
            for address in all.map(asked_at) {
                if !addresses.contains(&address) {
                    addresses.push(address);
                }
            }
            addresses.join(" or ")
        })
    }

    /// Who answers for a seat, by what the executor notes when somebody stands in.
    pub(super) fn speaker(&self, place: usize, note: Option<&str>) -> &PanelMember {
        let stands_in = |reserve: &&Reserve| {
            let reference = reserve.member.reference();
            reserve.place == place && note.is_some_and(|note| note.starts_with(&format!("{reference} ")))
        };
        self.reserves.iter().find(stands_in).map_or(&self.seats[place].0, |reserve| &reserve.member)
    }
}

impl Roster {
    /// Members beside the providers that ask them, with the settings of a study where they come from one: its
    /// retries, its limit of calls at once, what a consultation may cost.
    #[must_use]
    pub fn new(seats: Seats, study: Option<&Study>) -> Self {
        let mut settings = study.map_or_else(Settings::default, Settings::from);
        settings.mode = crate::run::study::Mode::Parallel;
        // Prose cannot be malformed, so there is nothing to mend.
        settings.retry.repair = false;
        // Somebody waits for the answers.
        let seats = seats.into_iter().map(|(member, provider)| (member.at_once(), provider)).collect();
        let confirm_above = study.and_then(|study| study.limits.confirm_above);
        Self { seats, reserves: Vec::new(), settings, confirm_above, patience: Patiences::default() }
    }

    /// With models that stand in where a member gives no usable answer, as in a run; a reserve's `place` is its
    /// member's among the seats.
    #[must_use]
    pub fn with_reserves(mut self, reserves: Vec<Reserve>) -> Self {
        let at_once = |reserve: Reserve| Reserve { member: reserve.member.at_once(), ..reserve };
        self.reserves = reserves.into_iter().map(at_once).collect();
        self
    }

    /// Those are no longer awaited who have not answered some time after so many others have.
    #[must_use]
    pub fn with_laggards(mut self, laggards: Laggards) -> Self {
        self.settings.quorum.laggards = Some(laggards);
        self
    }

    /// The names under which the models can be asked for.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = Vec::new();
        for (member, _) in &self.seats {
            let name = plain_name(member);
            if !names.contains(&name) {
                names.push(name);
            }
        }
        names
    }

    /// All of them, with the stances that they are configured with.
    #[must_use]
    pub fn voices(&self) -> Vec<Voice> {
        let voice = |(member, _): &(PanelMember, _)| Voice {
            model: plain_name(member),
            stance: member.stance,
            stance_prompt: member.stance_prompt.clone(),
        };
        self.seats.iter().map(voice).collect()
    }

    /// The voice that `text` names: a member's name, `provider:model`, or either with `:stance` behind it.
    /// A `stance` beside the name is the one that counts; without any, a member takes its configured one.
    ///
    /// # Errors
    /// [`ConsultError::UnknownModel`] names the models there are.
    pub fn voice(
        &self,
        text: &str,
        stance: Option<Stance>,
        stance_prompt: Option<String>,
    ) -> Result<Voice, ConsultError> {
        let (name, said) = if self.find(text, stance).is_some() { (text, None) } else { Stance::split(text) };
        let wanted = stance.or(said);
        let (member, _) = &self.seats[self.find(name, wanted).ok_or_else(|| self.unknown(text))?];
        let stance = wanted.unwrap_or(member.stance);
        let configured = member.stance_prompt.clone().filter(|_| member.stance == stance);
        Ok(Voice { model: name.to_owned(), stance, stance_prompt: stance_prompt.or(configured) })
    }

    fn unknown(&self, text: &str) -> ConsultError {
        let known = self.names().iter().map(|name| format!("`{name}`")).collect::<Vec<_>>();
        let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
        ConsultError::UnknownModel { model: text.chars().take(200).collect(), known }
    }

    /// The place of the member of that name or reference; of several, of the one that has the stance already.
    fn find(&self, name: &str, stance: Option<Stance>) -> Option<usize> {
        let called = |place: &usize| {
            let member = &self.seats[*place].0;
            member.name.as_str() == name || member.reference() == name || plain_name(member) == name
        };
        let places = || (0..self.seats.len()).filter(called);
        places().find(|&place| Some(self.seats[place].0.stance) == stance).or_else(|| places().next())
    }

    /// Seats voices, and says for each which model it is, by number: the same for all its names and stances.
    ///
    /// # Errors
    /// [`ConsultError`] for nobody, a model that is not on the list, and a model that is named twice with one stance.
    pub(super) fn seat(&self, voices: &[Voice]) -> Result<Seated, ConsultError> {
        if voices.is_empty() {
            return Err(ConsultError::Nobody);
        }
        let mut seated = Seated { seats: Seats::new(), reserves: Vec::new(), voters: Vec::new() };
        for (place, voice) in voices.iter().enumerate() {
            let found =
                self.find(&voice.model, Some(voice.stance)).ok_or_else(|| self.unknown(&voice.model))?;
            let (member, provider) = &self.seats[found];
            let mut same =
                (0..place).filter(|&earlier| same_behind_aliases(&seated.seats[earlier].0, member));
            if let Some(earlier) = same.clone().find(|&earlier| voices[earlier].stance == voice.stance) {
                let (model, other) = (voice.model.clone(), voices[earlier].model.clone());
                return Err(ConsultError::Twice { model, other, stance: voice.stance });
            }
            let model = same.next().map_or(place, |earlier| seated.voters[earlier].model);
            let stand_ins = self.reserves.iter().filter(|reserve| reserve.place == found);
            for Reserve { member, provider, .. } in stand_ins {
                let member = as_voice(member, voice)?;
                seated.reserves.push(Reserve { place, member, provider: Arc::clone(provider) });
            }
            seated.voters.push(Voter { model, weight: member.weight });
            seated.seats.push((as_voice(member, voice)?, Arc::clone(provider)));
        }
        Ok(seated)
    }
}

/// Whether two members are the same model. Ollama adds `:latest` to a name without a tag.
fn same_behind_aliases(one: &PanelMember, other: &PanelMember) -> bool {
    let tagged = |member: &PanelMember| match &member.endpoint {
        Some(endpoint) if endpoint.dialect() == Dialect::Ollama || member.provider == "ollama" => {
            member.model.strip_suffix(":latest").unwrap_or(&member.model).to_owned()
        }
        _ => member.model.clone(),
    };
    same_model(one, other) || (tagged(one) == tagged(other) && one.address() == other.address())
}

/// Where a member is asked, and in which language.
fn asked_at(member: &PanelMember) -> String {
    match &member.endpoint {
        Some(endpoint) => format!("{} ({})", endpoint.base_url(), endpoint.dialect().name()),
        // Recordings and scripts are told nothing.
        None => member.provider.clone(),
    }
}

/// The member as it is asked: with the voice's stance, under a name that is unique in the consultation.
fn as_voice(member: &PanelMember, voice: &Voice) -> Result<PanelMember, ConsultError> {
    let name = match voice.stance {
        Stance::Neutral => voice.model.clone(),
        stance => format!("{} ({stance})", voice.model),
    };
    let refuse = |reason: String| ConsultError::Model { model: voice.model.clone(), reason };
    let name = ModelName::new(&name).map_err(|error| refuse(error.to_string()))?;
    let stance_prompt = voice.stance_prompt.clone();
    Ok(PanelMember { name, stance: voice.stance, stance_prompt, samples: 1, twin: 0, ..member.clone() })
}

/// A member's name without the stance that a study adds to it.
fn plain_name(member: &PanelMember) -> String {
    let reference = member.reference();
    if member.name.as_str() == format!("{reference} ({})", member.stance) {
        reference
    } else {
        member.name.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provider::{Provider, Scripted, ScriptedProvider};
    use crate::run::consult::{MemberOptions, member};

    fn roster() -> Roster {
        let provider: Arc<dyn Provider> = Arc::new(ScriptedProvider::new("s", |_| Scripted::text("yes")));
        let mut named = member("ollama:llama3:8b", &MemberOptions::default()).unwrap();
        named.name = ModelName::new("llama").unwrap();
        let other = member("lmstudio:q", &MemberOptions::default()).unwrap();
        let seats = [named, other].into_iter().map(|member| (member, Arc::clone(&provider)));
        Roster::new(seats.collect(), None)
    }

    fn voices(texts: &[&str]) -> Vec<Voice> {
        texts.iter().map(|text| roster().voice(text, None, None).unwrap()).collect()
    }

    #[test]
    fn models_are_found_by_name_by_reference_and_with_a_stance_behind() {
        let found = voices(&["llama", "llama:for", "ollama:llama3:8b:against", "lmstudio:q"]);
        let said: Vec<(&str, Stance)> =
            found.iter().map(|voice| (voice.model.as_str(), voice.stance)).collect();
        assert_eq!(
            said,
            [
                ("llama", Stance::Neutral),
                ("llama", Stance::For),
                ("ollama:llama3:8b", Stance::Against),
                ("lmstudio:q", Stance::Neutral)
            ]
        );
        let error = roster().voice("openai:gpt-5:for", None, None).unwrap_err().to_string();
        assert_eq!(error, "no model is called `openai:gpt-5:for` here; there are `llama`, `lmstudio:q`");
    }

    #[test]
    fn c4_the_same_model_twice_needs_two_stances_whatever_it_is_called() {
        let seated =
            roster().seat(&voices(&["llama:for", "ollama:llama3:8b:against", "lmstudio:q"])).unwrap();
        let models: Vec<usize> = seated.voters.iter().map(|voter| voter.model).collect();
        assert_eq!(models, [0, 0, 2]);
        assert_eq!(seated.seats[1].0.name.as_str(), "ollama:llama3:8b (against)");
        let error = roster().seat(&voices(&["llama:for", "ollama:llama3:8b:for"])).unwrap_err();
        assert!(matches!(error, ConsultError::Twice { .. }), "{error}");
        assert!(matches!(roster().seat(&[]), Err(ConsultError::Nobody)));
    }

    #[test]
    fn c4_an_alias_of_a_model_is_that_model() {
        let provider: Arc<dyn Provider> = Arc::new(ScriptedProvider::new("s", |_| Scripted::text("yes")));
        let seat = |name: &str| (member(name, &MemberOptions::default()).unwrap(), Arc::clone(&provider));
        let roster = Roster::new(["ollama:x", "ollama:x:latest", "vllm:x:latest"].map(seat).into(), None);
        let voice = |text: &str| roster.voice(text, None, None).unwrap();
        let error = roster.seat(&[voice("ollama:x"), voice("ollama:x:latest")]).unwrap_err().to_string();
        assert!(error.contains("`ollama:x:latest` with the stance `neutral` is named twice"), "{error}");
        let seated = roster.seat(&[voice("ollama:x:FOR"), voice("ollama:x:latest:against")]).unwrap();
        assert!(seated.voters.iter().all(|voter| voter.model == 0), "{seated:?}");
    }
}
