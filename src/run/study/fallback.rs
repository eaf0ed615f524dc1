//! Who is asked instead of a panel member that gives no usable answer.

use super::check::{Checker, same_model};
use super::file::MemberFile;
use super::{PanelMember, Stance, StudyError};

impl Checker<'_> {
    /// The fallbacks of a member: models of their own, with its name, its stance, its weight and its samples.
    pub(super) fn fallbacks(
        &self,
        at: &str,
        member: &PanelMember,
        files: Vec<MemberFile>,
    ) -> Result<Vec<PanelMember>, StudyError> {
        let mut fallbacks = Vec::new();
        for (place, file) in files.into_iter().enumerate() {
            let at = format!("{at}.fallback[{place}]");
            let line = Some(file.model.referenced.line());
            if let Some(key) = foreign(&file) {
                let reason =
                    "a fallback speaks in the member's name; only the member itself has this".to_owned();
                return Err(self.wrong(line, format!("{at}.{key}"), reason));
            }
            let fallback = self.member(&at, line, file)?;
            fallbacks.push(PanelMember {
                name: member.name.clone(),
                stance: member.stance,
                stance_prompt: member.stance_prompt.clone(),
                weight: member.weight,
                samples: member.samples,
                ..fallback
            });
        }
        Ok(fallbacks)
    }

    /// One model must not vote in two names: a fallback is neither in the panel nor anybody else's fallback.
    pub(super) fn no_model_twice(&self, panel: &[PanelMember]) -> Result<(), StudyError> {
        for (place, member) in panel.iter().enumerate() {
            for (number, fallback) in member.fallbacks.iter().enumerate() {
                let elsewhere = panel.iter().enumerate().find(|(other, holder)| {
                    same_model(holder, fallback)
                        || holder.fallbacks.iter().enumerate().any(|(rank, taken)| {
                            (*other, rank) != (place, number) && same_model(taken, fallback)
                        })
                });
                if let Some((other, _)) = elsewhere {
                    let reason = format!(
                        "`{}` is asked for `panel[{other}]` already, and one model must not vote in two names",
                        fallback.reference()
                    );
                    return Err(self.wrong(None, format!("panel[{place}].fallback[{number}]"), reason));
                }
            }
        }
        Ok(())
    }
}

/// A key that a fallback must not have.
fn foreign(file: &MemberFile) -> Option<&'static str> {
    [
        ("name", file.name.is_some()),
        ("weight", file.weight.is_some()),
        ("samples", file.samples.is_some()),
        ("stance", file.stance != Stance::Neutral),
        ("stance_prompt", file.stance_prompt.is_some()),
        ("fallback", !file.fallback.is_empty()),
    ]
    .into_iter()
    .find_map(|(key, given)| given.then_some(key))
}
