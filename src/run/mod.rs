//! The order of the stages, from a study file to a run folder.
