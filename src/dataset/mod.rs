//! Files become records, and existing persona files become drafts.
