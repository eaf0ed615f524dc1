//! The models that may be asked, and who of them is.

use std::sync::Arc;

use super::ConsultError;
use crate::consult::{Stance, Voice};
use crate::persona::ModelName;
use crate::provider::Provider;
use crate::run::study::{PanelMember, Study, same_model};
use crate::run::{Seats, Settings};

/// The models that may be asked. A caller can name them; nothing about them can be changed but the stance.
#[derive(Clone, Debug)]
pub struct Roster {
    seats: Seats,
    pub(super) settings: Settings,
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
        Self { seats, settings }
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
        let (member, _) = self.find(name, wanted).ok_or_else(|| self.unknown(text))?;
        let stance = wanted.unwrap_or(member.stance);
        let configured = member.stance_prompt.clone().filter(|_| member.stance == stance);
        Ok(Voice { model: name.to_owned(), stance, stance_prompt: stance_prompt.or(configured) })
    }

    fn unknown(&self, text: &str) -> ConsultError {
        let known = self.names().iter().map(|name| format!("`{name}`")).collect::<Vec<_>>();
        let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
        ConsultError::UnknownModel { model: text.chars().take(200).collect(), known }
    }

    /// The member of that name or reference; of several, the one that has the stance already.
    fn find(&self, name: &str, stance: Option<Stance>) -> Option<&(PanelMember, Arc<dyn Provider>)> {
        let called = |(member, _): &&(PanelMember, _)| {
            member.name.as_str() == name || member.reference() == name || plain_name(member) == name
        };
        let mut fitting =
            self.seats.iter().filter(called).filter(|(member, _)| Some(member.stance) == stance);
        fitting.next().or_else(|| self.seats.iter().find(called))
    }

    /// Seats voices, and says for each which model it is, by number: the same for all its names and stances.
    ///
    /// # Errors
    /// [`ConsultError`] for nobody, a model that is not on the list, and a model that is named twice with one stance.
    pub(super) fn seat(&self, voices: &[Voice]) -> Result<(Seats, Vec<usize>), ConsultError> {
        if voices.is_empty() {
            return Err(ConsultError::Nobody);
        }
        let (mut seats, mut voters) = (Seats::new(), Vec::new());
        for (place, voice) in voices.iter().enumerate() {
            let (member, provider) =
                self.find(&voice.model, Some(voice.stance)).ok_or_else(|| self.unknown(&voice.model))?;
            let mut same = (0..place).filter(|&earlier| same_model(&seats[earlier].0, member));
            if let Some(earlier) = same.clone().find(|&earlier| voices[earlier].stance == voice.stance) {
                let (model, other) = (voice.model.clone(), voices[earlier].model.clone());
                return Err(ConsultError::Twice { model, other, stance: voice.stance });
            }
            voters.push(same.next().map_or(place, |earlier| voters[earlier]));
            seats.push((seated(member, voice)?, Arc::clone(provider)));
        }
        Ok((seats, voters))
    }
}

/// The member as it is asked: with the voice's stance, under a name that is unique in the consultation.
fn seated(member: &PanelMember, voice: &Voice) -> Result<PanelMember, ConsultError> {
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
    use crate::provider::{Scripted, ScriptedProvider};
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
        let (seats, voters) =
            roster().seat(&voices(&["llama:for", "ollama:llama3:8b:against", "lmstudio:q"])).unwrap();
        assert_eq!(voters, [0, 0, 2]);
        assert_eq!(seats[1].0.name.as_str(), "ollama:llama3:8b (against)");
        let error = roster().seat(&voices(&["llama:for", "ollama:llama3:8b:for"])).unwrap_err();
        assert!(matches!(error, ConsultError::Twice { .. }), "{error}");
        assert!(matches!(roster().seat(&[]), Err(ConsultError::Nobody)));
    }
}
