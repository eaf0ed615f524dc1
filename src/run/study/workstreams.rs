//! The section `workstreams`: what can be checked before the records are read.

use std::time::Duration;

use super::check::Checker;
use super::file::{StudyFile, WorkstreamsFile};
use super::{PanelMember, StudyError, Workstreams};
use crate::stages::workstreams::check;

/// Minutes without anything before a stream counts as stuck, when the study does not say.
const STUCK_AFTER_MINUTES: f64 = 10.0;

impl Checker<'_> {
    /// The workstreams of a study, held against its panel.
    pub(super) fn workstreams(
        &self,
        file: Option<WorkstreamsFile>,
        panel: &[PanelMember],
    ) -> Result<Option<Workstreams>, StudyError> {
        let Some(file) = file else { return Ok(None) };
        let (lines, streams): (Vec<u64>, Vec<_>) =
            file.streams.into_iter().map(|stream| (stream.referenced.line(), stream.value)).unzip();
        let names: Vec<&str> = panel.iter().map(|member| member.name.as_str()).collect();
        check(&streams, &names).map_err(|error| {
            let place = streams.iter().position(|stream| error.stream() == Some(stream.name.as_str()));
            let line = place.map(|place| lines[place]).filter(|line| *line > 0);
            self.wrong(line, "workstreams.streams", error.to_string())
        })?;
        let minutes = file.stuck_after_minutes.unwrap_or(STUCK_AFTER_MINUTES);
        Ok(Some(Workstreams {
            streams,
            stuck_after: Duration::from_secs_f64(minutes * 60.0),
            retries: file.retries.unwrap_or(1),
            halvings: file.halvings.unwrap_or(1),
        }))
    }

    /// What cannot stand beside workstreams.
    pub(super) fn alone(&self, file: &StudyFile) -> Result<(), StudyError> {
        if file.workstreams.is_some() && file.ablation.is_some() {
            let reason = "an `ablation` asks about the study as a whole; make it a study of its own";
            return Err(self.wrong(None, "ablation", reason));
        }
        Ok(())
    }
}
