//! Stored replies become drafts again: the border between what was paid for and what is computed.
//!
//! Nothing that is derived is stored as truth. Reading a run twice gives the same drafts, and a
//! better parser gives better drafts from the same replies.

use std::collections::VecDeque;

use super::interpreter::{Interpreter, Reading};
use super::result::CallResult;
use super::study::PanelMember;
use crate::persona::{Draft, ModelName, RecordDrafts};
use crate::store::{Store, StoreError, StoredSlot};

/// Units read from the database at a time.
const PAGE: u64 = 64;

/// Everything that is known about one record.
#[derive(Clone, Debug, PartialEq)]
pub struct Derived {
    /// The number of its first unit in the run database; numbers have gaps where streams or shards leave records out.
    pub unit: u64,
    /// The drafts, in the order of the panel.
    pub drafts: RecordDrafts,
    /// What each call came to, in the order of the parts, then of the panel.
    pub results: Vec<CallResult>,
}

/// Reads a run: one item per record, in the order of the input, in flat memory.
pub fn drafts<'a>(
    store: &'a Store,
    interpreter: &'a dyn Interpreter,
    panel: &'a [PanelMember],
) -> impl Iterator<Item = Result<Derived, StoreError>> + use<'a> {
    let names: Vec<ModelName> = panel.iter().map(|member| member.name.clone()).collect();
    let mut slots = Slots { store, next: 0, end: None, page: VecDeque::new() };
    std::iter::from_fn(move || match slots.record() {
        Ok(calls) if calls.is_empty() => None,
        Ok(calls) => Some(Ok(derive(&calls, interpreter, panel, &names))),
        Err(error) => Some(Err(error)),
    })
}

fn derive(
    calls: &[StoredSlot],
    interpreter: &dyn Interpreter,
    panel: &[PanelMember],
    names: &[ModelName],
) -> Derived {
    let mut drafts: Vec<Draft> = Vec::new();
    let mut results = Vec::new();
    for call in calls {
        let reading = call.reply.as_ref().map(|reply| interpreter.read(&call.slot, reply));
        results.push(CallResult::new(call, panel, reading.as_ref()));
        if let Some(Reading::Usable(read)) = reading {
            drafts.extend(read);
        }
    }
    // The caller hands over at least one call.
    let (unit, record) = (calls[0].slot.unit, calls[0].slot.record.clone());
    Derived { unit, drafts: RecordDrafts::new(record, drafts, names), results }
}

/// The planned calls of a run, a record at a time.
struct Slots<'a> {
    store: &'a Store,
    next: u64,
    end: Option<u64>,
    page: VecDeque<StoredSlot>,
}

impl Slots<'_> {
    /// All calls of the next record; none at the end. After an error there are no more.
    fn record(&mut self) -> Result<Vec<StoredSlot>, StoreError> {
        let mut calls: Vec<StoredSlot> = Vec::new();
        while !self.page.is_empty() || self.refill()? {
            let record = calls.first().map(|first| &first.slot.record);
            let count = match record.or(self.page.front().map(|first| &first.slot.record)) {
                Some(record) => self.page.iter().take_while(|call| call.slot.record == *record).count(),
                None => 0,
            };
            calls.extend(self.page.drain(..count));
            if !self.page.is_empty() {
                break;
            }
        }
        Ok(calls)
    }

    /// Reads the next units; `false` when there are no more.
    fn refill(&mut self) -> Result<bool, StoreError> {
        let end = match self.end {
            Some(end) => end,
            None => *self.end.insert(self.store.units()?),
        };
        while self.page.is_empty() && self.next < end {
            let units = self.next..(self.next + PAGE).min(end);
            self.next = units.end;
            let read = self.store.slots(units);
            if read.is_err() {
                self.next = end;
            }
            self.page = read?.into();
        }
        Ok(!self.page.is_empty())
    }
}
