//! The command, killed with SIGKILL at many moments while its members are asked in batches.
#![cfg(all(unix, feature = "cli"))]

#[expect(dead_code, reason = "other tests use more of it")]
mod vendor;

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use consona::store::{Money, Store};
use vendor::{BOTH, INPUT, OUTPUT, Said, Vendor};

fn consona(study: &Path, out: &Path) -> Child {
    let mut command = Command::new(assert_cmd::cargo::cargo_bin("consona"));
    command.arg("run").arg(study).arg("--out").arg(out).stdout(Stdio::null()).stderr(Stdio::piped());
    command.spawn().expect("started")
}

/// Killed again and again, each time a little later, the run ends with the drafts of one that nobody killed; every
/// question was answered once, and the ledger is the vendor's bill.
#[tokio::test]
async fn c9_the_command_killed_at_any_moment_pays_nothing_twice() {
    for kind in BOTH {
        let vendor =
            Vendor::open(kind, |_, _| Said::Reply(r#"{"personas": [{"name": "Ada"}]}"#.to_owned())).await;
        vendor.books().delay = Duration::from_millis(4);
        let folder = tempfile::tempdir().expect("temporary folder");
        std::fs::write(folder.path().join("rows.csv"), "id,text\n1,a\n2,b\n3,c\n4,d\n5,e\n")
            .expect("written");
        let (name, uri) = (kind.name(), &vendor.uri);
        let text = format!(
            "name: case\ninput: {{path: rows.csv, unit: record}}\npanel:\n  - {{model: '{name}:m', base_url: '{uri}', \
             api_key_env: none, price: {{input: 1, output: 2}}, batch: {{poll_seconds: 0.02, linger_seconds: 0.02, \
             max_requests: 2}}}}\n"
        );
        let (study, out) = (folder.path().join("study.yaml"), folder.path().join("run"));
        std::fs::write(&study, text).expect("written");
        let mut kills = 0;
        for step in 0..40_u64 {
            let (mut child, before) = (consona(&study, &out), vendor.books().requests);
            let wanted = before + usize::try_from(step % 9).expect("small");
            while child.try_wait().expect("asked").is_none() && vendor.books().requests < wanted {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            tokio::time::sleep(Duration::from_millis(step * 3 % 11)).await;
            if child.try_wait().expect("asked").is_some_and(|status| status.success()) {
                break;
            }
            kills += u32::from(child.kill().is_ok());
            child.wait().expect("ended");
        }
        let output = tokio::task::spawn_blocking({
            let child = consona(&study, &out);
            || child.wait_with_output()
        });
        let output = output.await.expect("joined").expect("ended");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        // A busy machine lets a sitting come further before it is killed; `batches` kills at every request for sure.
        assert!(kills >= 2, "{kills} kills");
        let answered = vendor.books().answered.clone();
        assert_eq!(answered.len(), 5, "{kind:?}");
        assert!(answered.values().all(|&times| times == 1), "{kind:?} {answered:?}");
        let store = Store::read(&out).expect("a run");
        let spend = &store.spend().expect("read")[0];
        let bill = Money::from_units((INPUT + 2 * OUTPUT) * 1_000_000 * vendor.charged());
        assert_eq!((spend.cost, spend.uncertain_calls), (bill, 0), "{kind:?} after {kills} kills");
        assert_eq!(store.open_batches().expect("read"), []);
        let drafts = std::fs::read_to_string(out.join("drafts.jsonl")).expect("written");
        assert_eq!(drafts.lines().count(), 5);
    }
}
