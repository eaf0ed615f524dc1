//! What stages do, what each needs and what each leaves behind.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What a stage does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// The panel drafts personas.
    Panel,
    /// Drafts become consensus personas.
    Consensus,
    /// A model reads the personas of a record with their conflicts, and says what a narrative must heed.
    Review,
    /// Which rows of the input no persona speaks for.
    Coverage,
    /// Which values stand in the source, and which are echoes.
    Evidence,
    /// A model writes narratives; sentences that no trait supports are removed or marked.
    Synthesis,
    /// Alignment with the request, completeness, open questions; may send narratives back.
    Quality,
    /// A person decides; nothing goes on without.
    Approval,
    /// Everything in one document.
    Report,
    /// A program with JSON in and out; only where the caller allows programs.
    Command,
}

impl Kind {
    /// All kinds, in the order of the usual pipeline.
    pub const ALL: [Self; 10] = [
        Self::Panel,
        Self::Consensus,
        Self::Review,
        Self::Coverage,
        Self::Evidence,
        Self::Synthesis,
        Self::Quality,
        Self::Approval,
        Self::Report,
        Self::Command,
    ];

    /// The name in files.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Panel => "panel",
            Self::Consensus => "consensus",
            Self::Review => "review",
            Self::Coverage => "coverage",
            Self::Evidence => "evidence",
            Self::Synthesis => "synthesis",
            Self::Quality => "quality",
            Self::Approval => "approval",
            Self::Report => "report",
            Self::Command => "command",
        }
    }

    /// The kind of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// What must be there before such a stage can begin.
    #[must_use]
    pub fn requires(self) -> &'static [&'static str] {
        match self {
            Self::Panel | Self::Command => &[],
            Self::Consensus => &["drafts"],
            _ => &["personas"],
        }
    }

    /// What such a stage takes into account where an earlier stage has made it.
    #[must_use]
    pub fn uses(self) -> &'static [&'static str] {
        match self {
            Self::Synthesis => &["review"],
            Self::Quality => &["narratives", "coverage", "evidence", "review"],
            Self::Approval => &["narratives", "coverage", "evidence", "review", "quality"],
            Self::Report => &["narratives", "coverage", "evidence", "review", "quality", "decision"],
            _ => &[],
        }
    }

    /// What such a stage leaves behind.
    #[must_use]
    pub fn produces(self) -> &'static [&'static str] {
        match self {
            Self::Panel => &["drafts"],
            Self::Consensus => &["personas"],
            Self::Review => &["review"],
            Self::Coverage => &["coverage"],
            Self::Evidence => &["evidence"],
            Self::Synthesis => &["narratives"],
            Self::Quality => &["quality"],
            Self::Approval => &["decision"],
            Self::Report => &["report"],
            Self::Command => &[],
        }
    }

    /// Whether such a stage asks one model of its own.
    #[must_use]
    pub fn asks_a_model(self) -> bool {
        matches!(self, Self::Review | Self::Synthesis)
    }

    /// Whether such a stage makes its work worse by standing before a stage whose product it uses. A gate may stand
    /// early: it asks about what there is, and another one may follow.
    #[must_use]
    pub fn follows_what_it_uses(self) -> bool {
        matches!(self, Self::Synthesis | Self::Quality | Self::Report)
    }

    /// How long what such a stage made stays fresh in a finished run when nothing is configured, in seconds. Drafts have
    /// no such time: they are paid for, and a run keeps them.
    #[must_use]
    pub fn lifetime_seconds(self) -> Option<f64> {
        match self {
            Self::Review => Some(600.0),
            Self::Synthesis => Some(1_800.0),
            _ => None,
        }
    }

    /// The time limit of one call, of a command or of a quality check, when nothing is configured, in seconds. A draft
    /// by a slow local model is long; its limit is that of the panel's members.
    /// Stages that only compute have none: what they take is known before, and nothing would be gained by losing it.
    #[must_use]
    pub fn timeout_seconds(self) -> f64 {
        match self {
            Self::Panel => 120.0,
            Self::Review => 15.0,
            Self::Synthesis => 20.0,
            Self::Quality => 10.0,
            _ => 30.0,
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
