//! Values are read for what they mean, before anything compares them.
