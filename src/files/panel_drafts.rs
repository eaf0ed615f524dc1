//! A spool as what consensus walks over.

use std::ops::Range;

use super::{FilesError, Spool};
use crate::consensus::{ConsensusError, DraftSource};
use crate::persona::{ModelName, RecordDrafts};

/// The drafts of a panel in a spool, record by record, in the order of the panel.
///
/// Drafts of other models are left out, and so are records of which the panel says nothing.
#[derive(Clone, Copy, Debug)]
pub struct PanelDrafts<'a> {
    spool: &'a Spool,
    panel: &'a [ModelName],
}

impl<'a> PanelDrafts<'a> {
    /// The drafts of `panel` in `spool`.
    #[must_use]
    pub fn new(spool: &'a Spool, panel: &'a [ModelName]) -> Self {
        Self { spool, panel }
    }

    fn of_panel(&self, record: RecordDrafts) -> Option<RecordDrafts> {
        if record.drafts().iter().all(|draft| self.panel.contains(&draft.model)) {
            return Some(record);
        }
        let drafts = record.drafts().iter().filter(|draft| self.panel.contains(&draft.model));
        let drafts: Vec<_> = drafts.cloned().collect();
        (!drafts.is_empty()).then(|| RecordDrafts::new(record.record().clone(), drafts, self.panel))
    }
}

impl DraftSource for PanelDrafts<'_> {
    fn records(&self) -> usize {
        self.spool.len()
    }

    fn chunk(&self, range: Range<usize>) -> Result<Vec<RecordDrafts>, ConsensusError> {
        let read = self.spool.chunk(range, self.panel);
        let read = read.map_err(|error: FilesError| ConsensusError::Source(Box::new(error)))?;
        Ok(read.into_iter().filter_map(|record| self.of_panel(record)).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::SpoolWriter;
    use crate::persona::{Draft, RecordId};

    #[test]
    fn only_the_panel_speaks_in_its_order() {
        let model = |name: &str| ModelName::new(name).expect("valid");
        let mut spool = SpoolWriter::new().expect("temporary file");
        for (record, name) in [("r1", "a"), ("r1", "b"), ("r1", "x"), ("r2", "x"), ("r3", "b")] {
            spool.push(&Draft::new(RecordId::new(record).expect("valid"), model(name))).expect("written");
        }
        let spool = spool.finish().expect("written");
        let panel = [model("b"), model("a")];
        let source = PanelDrafts::new(&spool, &panel);
        let found: Vec<(String, Vec<String>)> = source
            .chunk(0..source.records())
            .expect("readable")
            .iter()
            .map(|record| {
                let models = record.models().iter().map(ToString::to_string).collect();
                (record.record().to_string(), models)
            })
            .collect();
        let expected = [("r1", vec!["b", "a"]), ("r3", vec!["b"])];
        assert_eq!(found, expected.map(|(r, m)| (r.to_owned(), m.into_iter().map(str::to_owned).collect())));
    }
}
