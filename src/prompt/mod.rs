//! What the models are asked: templates as files, rendered for a record.
