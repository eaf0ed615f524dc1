//! Who of a panel has a voice: those that gave something. Who was asked and said nothing confirms nobody.

use super::summary::PanelMember;

/// How many models of a panel gave something that could be used.
pub(crate) fn speaking(panel: &[PanelMember]) -> usize {
    panel.iter().filter(|member| member.drafts > 0).count()
}

/// That fewer than two models of a panel gave something that could be used, in a sentence.
pub(crate) fn one_voice(panel: &[PanelMember]) -> Option<String> {
    match (speaking(panel), panel.len()) {
        (2.., _) | (_, 0) => None,
        (_, 1) => {
            Some("The panel is one model: nobody confirms what it says, and this is no consensus.".to_owned())
        }
        (answered, asked) => Some(format!(
            "Only {answered} of {asked} models gave a usable answer: nobody confirms what is said, and this is no \
             consensus."
        )),
    }
}
