//! The tool `consensus`: one question to several models.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::Deserialize;
use tokio::sync::mpsc::UnboundedSender;

use super::Configuration;
use super::answer::{Outcome, Refusal};
use crate::consult::{Attachment, Consultation, ContinuationId, Question, Stance, Transcript, Voice};
use crate::run::Event;
use crate::run::consult::{ConsultError, MOST_TEXT, Request, Roster, consult};

/// A model, and the side that it takes.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct VoiceParameters {
    /// A model of the server's panel, by its name there.
    model: String,
    /// The side that it is asked to take; its configured one when it is missing.
    stance: Option<Stance>,
    /// How it is told so, instead of the standard words.
    stance_prompt: Option<String>,
}

/// What the tool is given.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ConsensusParameters {
    /// The question. It should say everything that the models need to know.
    question: String,
    /// Who is asked, in the order of the results. The same model may appear again with another stance. The whole panel
    /// when it is missing, or in a continuation the models of the turn before.
    #[serde(default)]
    models: Vec<VoiceParameters>,
    /// Files to judge by, in the folders that the server may read; shown to the models as data.
    #[serde(default)]
    files: Vec<String>,
    /// The model that writes the synthesis; without one it consists of the models' own sentences.
    synthesise_with: Option<String>,
    /// The `continuation_id` of an earlier answer, to ask on.
    continuation_id: Option<ContinuationId>,
}

/// A question that can be put.
pub(super) struct Prepared {
    roster: Roster,
    request: Request,
}

impl Prepared {
    /// Holds what the caller gives against the configuration; nobody is asked yet.
    pub(super) fn new(configuration: &Configuration, given: ConsensusParameters) -> Outcome<Self> {
        let panel = configuration.panel.as_ref().ok_or_else(no_panel)?;
        let roster = panel.roster.clone();
        let earlier = match (&given.continuation_id, &configuration.continuations) {
            (None, _) => Transcript::default(),
            (Some(id), Some(kept)) => kept.load(id).map_err(unloaded)?,
            (Some(_), None) => {
                return Err(Refusal::new("this server keeps no consultations; ask without continuation_id"));
            }
        };
        let mut voices: Vec<Voice> = Vec::new();
        for voice in given.models {
            voices.push(roster.voice(&voice.model, voice.stance, voice.stance_prompt)?);
        }
        if voices.is_empty() && earlier.voices.is_empty() {
            voices = roster.voices();
        }
        let (mut files, mut bytes) = (Vec::new(), 0);
        for name in given.files {
            let text = configuration.allowed.text(&name)?;
            bytes += text.len();
            // Here too, so that no more is held in memory than can be asked about.
            if bytes > MOST_TEXT {
                return Err(ConsultError::TooLarge { bytes, most: MOST_TEXT }.into());
            }
            files.push(Attachment { name, text });
        }
        let question = Question { text: given.question, files };
        let request =
            Request { question, voices, synthesiser: given.synthesise_with, earlier, confirmed: false };
        Ok(Self { roster, request })
    }

    /// How many calls it takes.
    pub(super) fn calls(&self) -> usize {
        let voices =
            if self.request.voices.is_empty() { &self.request.earlier.voices } else { &self.request.voices };
        voices.len() + usize::from(self.request.synthesiser.is_some())
    }

    /// Asks, and keeps what was said.
    pub(super) async fn ask(
        self,
        configuration: &Configuration,
        events: UnboundedSender<Event>,
    ) -> Outcome<Consultation> {
        let embedder = Arc::clone(&configuration.embedder);
        let (mut consultation, transcript) =
            consult(&self.roster, self.request, embedder, Some(events)).await?;
        match configuration.continuations.as_ref().map(|kept| kept.keep(&transcript)) {
            Some(Ok(id)) => consultation.continuation_id = Some(id),
            // The answers are paid for and must not be lost with the transcript.
            Some(Err(error)) => tracing::warn!("a consultation is not kept: {error}"),
            None => {}
        }
        Ok(consultation)
    }
}

/// Paths of the server's own files are not the caller's business.
fn unloaded(error: ConsultError) -> Refusal {
    match error {
        ConsultError::Stored { .. } => Refusal::new("the stored consultation cannot be read"),
        other => other.into(),
    }
}

/// What is said where there is nobody to ask.
pub(super) fn no_panel() -> Refusal {
    Refusal::new("this server has no models; whoever runs it starts it with --panel STUDY")
}
