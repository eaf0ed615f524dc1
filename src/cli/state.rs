//! Where consultations are kept that can be carried on.

use std::env;
use std::path::{Path, PathBuf};

use crate::run::consult::Continuations;

/// The folder that was named, else `consona/consultations` in the user's folder for state (XDG); nothing where
/// there is no such folder.
pub(super) fn continuations(named: Option<&Path>) -> Option<Continuations> {
    let folder = named.map_or_else(standard, |folder| Some(folder.to_owned()))?;
    Some(Continuations::new(folder))
}

fn standard() -> Option<PathBuf> {
    // The specification has relative paths ignored.
    let absolute = |name: &str| env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let state = absolute("XDG_STATE_HOME").or_else(|| Some(absolute("HOME")?.join(".local/state")))?;
    Some(state.join("consona").join("consultations"))
}
