//! Studies with stages, driven through the binary.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use assert_cmd::Command;
use serde_json::Value;
use tempfile::TempDir;

/// The demo with stages.
pub(crate) const DEMO: &str = "data/demo/staged.yaml";

/// Runs `consona` at the top of the project.
pub(crate) fn consona(arguments: &[&str]) -> Output {
    let mut command = Command::cargo_bin("consona").expect("built");
    command.env_remove("CONSONA_LOG").env("COLUMNS", "100").args(arguments).output().expect("started")
}

/// A run with this exit code; answers standard output and standard error.
pub(crate) fn expect(code: i32, arguments: &[&str]) -> (String, String) {
    let output = consona(arguments);
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
    let (shown, said) = (text(output.stdout), text(output.stderr));
    assert_eq!(output.status.code(), Some(code), "{arguments:?}\n{shown}\n{said}");
    (shown, said)
}

/// A folder with a copy of the demo, whose stages can be changed.
pub(crate) struct Demo {
    folder: TempDir,
}

impl Demo {
    pub(crate) fn new(change: impl FnOnce(String) -> String) -> Self {
        let folder = tempfile::tempdir().expect("temporary folder");
        for name in ["interviews.jsonl", "recordings.jsonl", "stages.jsonl"] {
            fs::copy(Path::new("data/demo").join(name), folder.path().join(name)).expect("copied");
        }
        let text = change(fs::read_to_string(DEMO).expect("readable"));
        fs::write(folder.path().join("study.yaml"), text).expect("written");
        Self { folder }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn text(&self, name: &str) -> String {
        self.path(name).to_string_lossy().into_owned()
    }

    /// Runs the study, with further arguments.
    pub(crate) fn run(&self, code: i32, more: &[&str]) -> (String, String) {
        let (study, out) = (self.text("study.yaml"), self.text("run"));
        let mut arguments = vec!["run", &study, "--out", &out];
        arguments.extend(more);
        expect(code, &arguments)
    }

    /// A JSON file of the run folder.
    pub(crate) fn json(&self, name: &str) -> Value {
        let text = fs::read_to_string(self.path("run").join(name)).expect(name);
        serde_json::from_str(&text).expect("JSON")
    }

    pub(crate) fn state(&self) -> Value {
        self.json("orchestration_state.json")
    }
}
