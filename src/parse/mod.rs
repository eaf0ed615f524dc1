//! A reply becomes drafts, or one typed reason why it does not.
