//! A study that is changed between two runs of it.

use std::fs;

use crate::staged::Demo;

/// Changes the study of a demo.
pub(crate) fn change(demo: &Demo, from: &str, to: &str) {
    let study = fs::read_to_string(demo.path("study.yaml")).expect("readable");
    assert!(study.contains(from), "{from}");
    fs::write(demo.path("study.yaml"), study.replace(from, to)).expect("written");
}
