//! A full disk, a write that fails anywhere, a database that was cut or in which a bit has flipped: no panic, no
//! silent difference, and a message that says what to do.

#[expect(dead_code, reason = "other tests use more of it")]
mod panel;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Arc;

use consona::store::{Store, StoreError};
use panel::{bytes, execute, failure, paid, scripted, study};
use rand::{Rng, SeedableRng};
use rand_xoshiro::Xoshiro256Plus;

const MEMBERS: [&str; 2] = ["model: 'scripted:a'", "model: 'scripted:b'"];

/// A finished run of forty records, some of whose calls failed, and what later stages see of it.
async fn finished(folder: &Path) -> (consona::run::Study, String) {
    let study = study(&MEMBERS, "quorum: {min_success_ratio: 0.5}");
    let provider = scripted(|call| match (call.model.as_str(), call.record.as_str()) {
        ("b", "r7" | "r11") => failure(consona::provider::FailureKind::RecordRejected),
        _ => paid(&format!("draft {} on {}", call.model, call.record), 100, 10),
    });
    let store = Arc::new(Store::open(folder).expect("opened"));
    execute(&study, 40, &provider, &store).await;
    let seen = bytes(&study, &store);
    (study, seen)
}

/// Opens what is there now as the writer would: refused with words to act on, or the very same.
fn refused_or_the_same(damaged: &Path, study: &consona::run::Study, seen: &str, what: &str) -> bool {
    match Store::open(damaged) {
        Err(error) => {
            let said = error.to_string();
            let known = matches!(
                error,
                StoreError::Damaged { .. } | StoreError::Version { .. } | StoreError::Full { .. }
            );
            assert!(
                known
                    && (said.contains("Restore")
                        || said.contains("use a newer")
                        || said.contains("Make room")),
                "{what}: {said}"
            );
            true
        }
        Ok(store) => {
            assert_eq!(bytes(study, &store), seen, "{what}: a difference that nobody was told of");
            false
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_flipped_bit_or_a_cut_end_is_noticed_or_changes_nothing() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let (study, seen) = finished(&folder.path().join("run")).await;
    let whole = fs::read(folder.path().join("run/run.sqlite")).expect("readable");
    let damaged = folder.path().join("damaged");
    fs::create_dir(&damaged).expect("made");
    let mut random = Xoshiro256Plus::seed_from_u64(1);
    let mut noticed = 0;
    for case in 0..300 {
        for rest in ["run.sqlite-wal", "run.sqlite-shm"] {
            let _ = fs::remove_file(damaged.join(rest));
        }
        let mut bytes = whole.clone();
        let what = if case % 10 == 0 {
            bytes.truncate(random.gen_range(1..whole.len()));
            format!("cut to {} of {} bytes", bytes.len(), whole.len())
        } else {
            let (place, bit) = (random.gen_range(0..bytes.len()), random.gen_range(0..8));
            bytes[place] ^= 1 << bit;
            format!("bit {bit} of byte {place}")
        };
        fs::write(damaged.join("run.sqlite"), bytes).expect("written");
        noticed += usize::from(refused_or_the_same(&damaged, &study, &seen, &what));
    }
    // About half of the file is free space, in which a bit means nothing.
    assert!(noticed > 100, "{noticed} of 300 were noticed");
}

fn consona(arguments: &[&str]) -> Command {
    let mut command = Command::new(assert_cmd::cargo::cargo_bin("consona"));
    command.args(arguments).env_remove("CONSONA_LOG");
    command
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn personas(run: &Path) -> String {
    fs::read_to_string(run.join("consensus.jsonl")).expect("written")
}

/// The shell lets no file grow beyond so many KiB, as a full disk would; the signal that comes with it is ignored.
#[cfg(unix)]
fn with_room(kib: u32, out: &Path) -> Output {
    let program = assert_cmd::cargo::cargo_bin("consona");
    let script = format!(
        "trap '' XFSZ; ulimit -f {kib}; exec '{}' run data/demo/study.yaml --out '{}'",
        program.display(),
        out.display()
    );
    Command::new("bash").args(["-c", &script]).output().expect("bash starts")
}

#[cfg(unix)]
#[test]
fn where_there_is_no_room_the_run_says_so_and_goes_on_later() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let reference: PathBuf = folder.path().join("reference");
    let done = consona(&["run", "data/demo/study.yaml", "--out", &reference.to_string_lossy()]).output();
    assert_eq!(done.expect("started").status.code(), Some(0));
    let mut refused = 0;
    for kib in [1, 8, 24, 40, 56, 72, 88, 104, 136, 200] {
        let out = folder.path().join(format!("room-{kib}"));
        let output = with_room(kib, &out);
        let words = said(&output);
        assert!(!words.contains("panicked"), "{kib} KiB: {words}");
        if output.status.success() {
            assert_eq!(personas(&out), personas(&reference), "{kib} KiB");
            continue;
        }
        refused += 1;
        assert!(words.contains("Make room") || words.contains("cannot be written"), "{kib} KiB: {words}");
        let again = consona(&["run", "data/demo/study.yaml", "--out", &out.to_string_lossy()]).output();
        let again = again.expect("started");
        assert_eq!(again.status.code(), Some(0), "{kib} KiB, then room: {}", said(&again));
        assert_eq!(personas(&out), personas(&reference), "{kib} KiB, then room");
    }
    assert!(refused >= 3, "{refused} of the limits were too small for the run");
}
