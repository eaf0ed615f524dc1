//! Members that are asked in batches: nothing lost and nothing paid twice, whenever the process ends.
#![cfg(feature = "run")]

#[expect(dead_code, reason = "other tests use more of it")]
mod panel;
mod vendor;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use consona::run::{Run, RunOutcome, RunReport, Settings, Study, seats};
use consona::store::{Money, Store};
use panel::{Plain, bytes, memory, questions};
use tokio_util::sync::CancellationToken;
use vendor::{BOTH, INPUT, Kind, Making, OUTPUT, Said, Vendor};

const RETRY: &str = "retry: {base_seconds: 0.01, budget_floor: 1000}";

fn member(vendor: &Vendor, more: &str) -> String {
    let (name, uri) = (vendor.kind.name(), &vendor.uri);
    format!(
        "model: '{name}:m', base_url: '{uri}', api_key_env: none, price: {{input: 1, output: 2}}, \
         max_output_tokens: 500, {more}"
    )
}

fn study_with(vendor: &Vendor, more: &str, sections: &str) -> Study {
    let batch = format!("batch: {{poll_seconds: 0, linger_seconds: 0.1{more}}}");
    panel::study(&[&member(vendor, &batch)], sections)
}

fn study(vendor: &Vendor) -> Study {
    study_with(vendor, "", RETRY)
}

fn run(study: &Study, store: &Arc<Store>) -> Run {
    let nothing = |_: &Path| Err(std::io::ErrorKind::NotFound.into());
    let seats = seats(study, &|_| None, &nothing).expect("seats");
    Run::new(Settings::from(study), seats, Arc::new(Plain), Arc::clone(store)).expect("a run")
}

async fn execute(study: &Study, count: usize, store: &Arc<Store>) -> RunReport {
    let whole = run(study, store);
    let running = whole.execute(questions(study, count));
    tokio::time::timeout(Duration::from_secs(60), running).await.expect("it ends").expect("it goes on")
}

/// Runs until the vendor's books say so, and is killed then: nothing happens after the last commit.
async fn killed(
    study: &Study,
    count: usize,
    folder: &Path,
    vendor: &Vendor,
    when: impl Fn(&vendor::Books) -> bool,
) {
    let store = open(folder);
    let whole = run(study, &store);
    tokio::select! {
        biased;
        () = vendor.until(when) => {}
        _ = whole.execute(questions(study, count)) => {}
    }
}

fn open(folder: &Path) -> Arc<Store> {
    Arc::new(Store::open(folder).expect("opened"))
}

fn named(question: &str) -> Said {
    let words: Vec<&str> = question.split_whitespace().collect();
    Said::Reply(format!("draft Ada-of-{}", words.get(1).unwrap_or(&"nobody")))
}

/// What the vendor charges for so many replies: 1000 × 1 + 100 × 2 millionths each.
fn bill(replies: u64) -> Money {
    Money::from_units((INPUT + 2 * OUTPUT) * 1_000_000 * replies)
}

/// The ledger is the vendor's bill, to the last unit, and nothing in it is a guess.
fn balanced(store: &Store, vendor: &Vendor) {
    let spend = store.spend().expect("read");
    let cost: Money = spend.iter().map(|member| member.cost).sum();
    let uncertain: u64 = spend.iter().map(|member| member.uncertain_calls).sum();
    assert_eq!((cost, uncertain), (bill(vendor.charged()), 0));
    assert_eq!(store.open_batches().expect("read"), []);
}

#[tokio::test]
async fn c9_batches_give_the_same_bytes_as_single_calls() {
    for kind in BOTH {
        let vendor = Vendor::open(kind, |question, _| named(question)).await;
        let (batched, single) = (study(&vendor), panel::study(&[&member(&vendor, "")], RETRY));
        let store = memory();
        let report = execute(&batched, 6, &store).await;
        assert_eq!((report.outcome, report.members[0].answered), (RunOutcome::Complete, 6), "{kind:?}");
        assert_eq!((vendor.sizes(), vendor.books().synchronous), (vec![6], 0));
        assert_eq!(report.cost, bill(6));
        balanced(&store, &vendor);
        let other = memory();
        execute(&single, 6, &other).await;
        assert_eq!(vendor.books().synchronous, 6);
        assert_eq!(bytes(&batched, &store), bytes(&single, &other));
        assert_eq!(batched.identity(), single.identity(), "how it is asked changes no question");
    }
}

#[tokio::test]
async fn c9_what_a_batch_does_not_answer_is_asked_in_the_next_and_costs_what_the_vendor_charges() {
    for kind in BOTH {
        let vendor = Vendor::open(kind, |question, before| match (question, before) {
            (text, 0) if text.contains("r1 ") => Said::Expired,
            (text, 0) if text.contains("r2 ") => Said::Errored("overloaded_error", 529),
            (text, 0) if text.contains("r3 ") => Said::Errored("api_error", 500),
            (text, _) if text.contains("r4 ") => Said::Errored("invalid_request_error", 400),
            (text, _) => named(text),
        })
        .await;
        let store = memory();
        let report = execute(&study(&vendor), 6, &store).await;
        let member = &report.members[0];
        assert_eq!((member.answered, member.rejected), (5, 1), "{kind:?} {:?}", member.errors);
        assert!(vendor.batches() >= 2 && vendor.sizes()[0] == 6);
        assert_eq!(vendor.sizes().iter().sum::<usize>(), 9, "6, and 3 once more");
        balanced(&store, &vendor);
        let reasons: Vec<&String> = member.errors.keys().collect();
        assert!(reasons[0].contains("said the vendor"), "{reasons:?}");
    }
}

#[tokio::test]
async fn c9_lines_that_cannot_be_read_are_uncertain_money_and_asked_again() {
    for kind in BOTH {
        let vendor = Vendor::open(kind, |question, before| match (question, before) {
            (text, 0) if text.contains("r1 ") => Said::Missing,
            (text, 0) if text.contains("r2 ") => Said::Garbled,
            (text, 0) if text.contains("r3 ") => Said::Hollow,
            (text, _) => named(text),
        })
        .await;
        let store = memory();
        let report = execute(&study(&vendor), 5, &store).await;
        assert_eq!((report.outcome, report.members[0].answered), (RunOutcome::Complete, 5), "{kind:?}");
        let spend = &store.spend().unwrap()[0];
        assert_eq!((spend.attempts, spend.uncertain_calls), (8, 3));
        assert_eq!(spend.cost, bill(vendor.charged()) + spend.uncertain, "certain money is the vendor's");
        assert_eq!(store.open_batches().unwrap(), []);
    }
}

#[tokio::test]
async fn c9_a_repair_goes_into_a_following_batch() {
    for kind in BOTH {
        let vendor = Vendor::open(kind, |question, _| match question {
            text if text.starts_with("mend") => Said::Reply("draft Mended".to_owned()),
            text if text.contains("r1 ") => Said::Reply("I would rather chat.".to_owned()),
            text => named(text),
        })
        .await;
        let store = memory();
        let report = execute(&study(&vendor), 3, &store).await;
        assert_eq!((report.members[0].answered, report.members[0].repairs), (3, 1), "{kind:?}");
        assert_eq!(vendor.sizes(), [3, 1]);
        balanced(&store, &vendor);
    }
}

#[tokio::test]
async fn c9_a_full_batch_is_followed_by_another() {
    for kind in BOTH {
        let vendor = Vendor::open(kind, |question, _| named(question)).await;
        let store = memory();
        let report = execute(&study_with(&vendor, ", max_requests: 2", RETRY), 5, &store).await;
        assert_eq!(report.members[0].answered, 5, "{kind:?}");
        let mut sizes = vendor.sizes();
        sizes.sort_unstable();
        assert_eq!(sizes, [1, 2, 2]);
        balanced(&store, &vendor);
    }
}

#[tokio::test]
async fn c9_a_killed_run_takes_the_answers_of_its_batch_for_the_same_attempts() {
    for kind in BOTH {
        let (vendor, folder) =
            (Vendor::open(kind, |question, _| named(question)).await, tempfile::tempdir().unwrap());
        let study = study(&vendor);
        vendor.books().held = true;
        killed(&study, 4, folder.path(), &vendor, |books| books.requests > 8).await;
        let store = open(folder.path());
        let waiting = store.open_batches().unwrap();
        assert_eq!((waiting.len(), waiting[0].calls.len()), (1, 4), "{kind:?}");
        assert!(waiting[0].vendor_id.is_some());
        let spend = &store.spend().unwrap()[0];
        assert!(spend.cost >= bill(4) && spend.uncertain_calls == 4, "what is on its way counts meanwhile");
        vendor.books().held = false;
        let report = execute(&study, 4, &store).await;
        assert_eq!((report.outcome, report.members[0].answered), (RunOutcome::Complete, 4));
        assert_eq!((vendor.batches(), report.members[0].retries), (1, 0), "nothing is asked twice");
        assert_eq!(store.spend().unwrap()[0].attempts, 4, "no attempt of its own");
        assert_eq!(report.cost, bill(4));
        balanced(&store, &vendor);
    }
}

#[tokio::test]
async fn c9_a_batch_whose_number_was_never_heard_is_found_again() {
    for kind in BOTH {
        let (vendor, folder) =
            (Vendor::open(kind, |question, _| named(question)).await, tempfile::tempdir().unwrap());
        let study = study(&vendor);
        // Another run of the same study has a batch of the same size there; and one of ours is known.
        let elsewhere = memory();
        execute(&study, 4, &elsewhere).await;
        vendor.books().making = Making::Untold;
        killed(&study, 4, folder.path(), &vendor, |books| books.made() == 2).await;
        let store = open(folder.path());
        assert_eq!(store.open_batches().unwrap()[0].vendor_id, None, "{kind:?}");
        let report = execute(&study, 4, &store).await;
        assert_eq!((report.outcome, report.members[0].answered), (RunOutcome::Complete, 4));
        assert_eq!(vendor.batches(), 2, "it is not sent again");
        assert_eq!(store.known_batches().unwrap(), ["batch_1"], "and it is our own");
        assert_eq!(
            store.spend().unwrap()[0].cost + elsewhere.spend().unwrap()[0].cost,
            bill(vendor.charged())
        );
        assert_eq!(store.open_batches().unwrap(), []);
    }
}

#[tokio::test]
async fn c9_a_batch_that_was_never_made_is_sent_anew() {
    for kind in BOTH {
        let (vendor, folder) =
            (Vendor::open(kind, |question, _| named(question)).await, tempfile::tempdir().unwrap());
        let study = study_with(&vendor, "", "retry: {max_attempts: 1, budget_floor: 0}");
        vendor.books().making = Making::Swallowed;
        let makes = if kind == Kind::OpenAi { 2 } else { 1 };
        killed(&study, 4, folder.path(), &vendor, |books| books.requests == makes).await;
        vendor.books().making = Making::Told;
        let store = open(folder.path());
        assert_eq!(store.open_batches().unwrap().len(), 1, "{kind:?}");
        let report = execute(&study, 4, &store).await;
        assert_eq!((report.outcome, report.members[0].answered), (RunOutcome::Complete, 4));
        assert_eq!((vendor.batches(), report.members[0].retries), (1, 0), "that is no retry of a call");
        balanced(&store, &vendor);
    }
}

#[tokio::test]
async fn c9_a_failure_after_the_batch_was_made_does_not_make_a_second_one() {
    for (kind, making) in BOTH.into_iter().flat_map(|kind| [(kind, Making::Failed), (kind, Making::Busy)]) {
        let vendor = Vendor::open(kind, |question, _| named(question)).await;
        vendor.books().making = making;
        let store = memory();
        let report = execute(&study(&vendor), 4, &store).await;
        assert_eq!((report.outcome, report.members[0].answered), (RunOutcome::Complete, 4), "{kind:?}");
        assert_eq!(vendor.batches(), 1, "{making:?}");
        balanced(&store, &vendor);
    }
}

/// The most that matters: whenever the process dies, what the vendor charged is what the ledger says, and every question
/// was answered once.
#[tokio::test]
async fn c9_a_run_killed_at_any_request_pays_nothing_twice() {
    for kind in BOTH {
        for cuts in 1..=14_usize {
            let (vendor, folder) = (
                Vendor::open(kind, |question, _| match question {
                    text if text.starts_with("mend") => Said::Reply("draft Mended".to_owned()),
                    text if text.contains("r1 ") => Said::Reply("prose".to_owned()),
                    text => named(text),
                })
                .await,
                tempfile::tempdir().unwrap(),
            );
            let study = study_with(&vendor, ", max_requests: 2", RETRY);
            vendor.books().delay = Duration::from_millis(3);
            // Killed once after so many requests, and a second time after as many again.
            for sitting in 1..=2 {
                killed(&study, 4, folder.path(), &vendor, |books| books.requests >= cuts * sitting).await;
            }
            let store = open(folder.path());
            let report = execute(&study, 4, &store).await;
            assert_eq!(report.outcome, RunOutcome::Complete, "{kind:?} cut at {cuts}");
            assert!(vendor.books().answered.values().all(|&times| times == 1), "{kind:?} cut at {cuts}");
            assert_eq!(vendor.charged(), 5, "4 answers and a repair");
            balanced(&store, &vendor);
        }
    }
}

#[tokio::test]
async fn c9_an_interrupted_run_leaves_at_once_and_the_next_one_collects() {
    for kind in BOTH {
        let vendor = Vendor::open(kind, |question, _| named(question)).await;
        let (study, store, token) = (study(&vendor), memory(), CancellationToken::new());
        vendor.books().held = true;
        let whole = run(&study, &store).with_cancellation(&token);
        let stop = async {
            vendor.until(|books| books.requests > 5).await;
            token.cancel();
        };
        let (report, ()) = tokio::join!(whole.execute(questions(&study, 4)), stop);
        assert_eq!(report.unwrap().outcome, RunOutcome::Interrupted { outstanding: 4 }, "{kind:?}");
        assert_eq!(store.open_batches().unwrap()[0].calls.len(), 4);
        vendor.books().held = false;
        let report = execute(&study, 4, &store).await;
        assert_eq!((report.outcome, vendor.batches()), (RunOutcome::Complete, 1));
        balanced(&store, &vendor);
    }
}

#[tokio::test]
async fn c9_a_run_interrupted_while_it_sends_knows_the_number_of_what_it_sent() {
    for kind in BOTH {
        let vendor = Vendor::open(kind, |question, _| named(question)).await;
        let (study, store, token) = (study(&vendor), memory(), CancellationToken::new());
        vendor.books().delay = Duration::from_millis(200);
        let whole = run(&study, &store).with_cancellation(&token);
        let stop = async {
            vendor.until(|books| books.requests > 0).await;
            token.cancel();
        };
        let (report, ()) = tokio::join!(whole.execute(questions(&study, 3)), stop);
        assert_eq!(report.unwrap().outcome, RunOutcome::Interrupted { outstanding: 3 }, "{kind:?}");
        assert_eq!(store.known_batches().unwrap(), ["batch_0"]);
    }
}

#[tokio::test]
async fn c9_a_batch_that_another_account_sent_is_left_and_not_asked_again() {
    for kind in BOTH {
        let (vendor, folder) =
            (Vendor::open(kind, |question, _| named(question)).await, tempfile::tempdir().unwrap());
        let study = study(&vendor);
        vendor.books().held = true;
        killed(&study, 3, folder.path(), &vendor, |books| books.requests > 6).await;
        vendor.books().unknown = true;
        let store = open(folder.path());
        let report = execute(&study, 3, &store).await;
        assert_eq!((report.members[0].failed, vendor.batches()), (3, 1), "{kind:?}");
        let reason = report.members[0].errors.keys().next().unwrap();
        assert!(reason.contains("batch_0") && reason.contains("key of the account"), "{reason}");
        assert_eq!(store.open_batches().unwrap()[0].calls.len(), 3, "their money stays set aside");
        (vendor.books().unknown, vendor.books().held) = (false, false);
        let report = execute(&study, 3, &store).await;
        assert_eq!((report.outcome, vendor.batches()), (RunOutcome::Complete, 1));
        balanced(&store, &vendor);
    }
}

#[tokio::test]
async fn c9_a_member_no_longer_asked_in_batches_still_collects_what_is_on_its_way() {
    for kind in BOTH {
        let (vendor, folder) =
            (Vendor::open(kind, |question, _| named(question)).await, tempfile::tempdir().unwrap());
        vendor.books().held = true;
        killed(&study(&vendor), 3, folder.path(), &vendor, |books| books.requests > 6).await;
        vendor.books().held = false;
        let store = open(folder.path());
        let single = panel::study(&[&member(&vendor, "")], RETRY);
        let report = execute(&single, 5, &store).await;
        assert_eq!((report.members[0].answered, vendor.batches()), (5, 1), "{kind:?}");
        assert_eq!(vendor.books().synchronous, 2, "only the two others are asked by themselves");
        balanced(&store, &vendor);
    }
}

#[tokio::test]
async fn c9_a_limit_is_kept_over_batches_that_are_on_their_way() {
    for kind in BOTH {
        let (vendor, folder) =
            (Vendor::open(kind, |question, _| named(question)).await, tempfile::tempdir().unwrap());
        // Each reply costs 1200 millionths. A call sets aside more than 512 + 1000 and less than 2000, so that two
        // find room in 0.0048 at first, and one more each time that answers have come.
        let study = study_with(&vendor, "", &format!("{RETRY}\nlimits: {{max_cost: 0.0048}}"));
        vendor.books().held = true;
        killed(&study, 6, folder.path(), &vendor, |books| books.requests > 6).await;
        vendor.books().held = false;
        let store = open(folder.path());
        let report = execute(&study, 6, &store).await;
        assert!(matches!(report.outcome, RunOutcome::LimitReached { .. }), "{kind:?} {:?}", report.outcome);
        assert!(report.cost <= Money::from_amount(0.004_8) && report.cost >= bill(2), "{}", report.cost);
        balanced(&store, &vendor);
    }
}

#[tokio::test]
async fn c9_one_bad_line_does_not_fail_the_others_of_its_batch() {
    let vendor = Vendor::open(Kind::OpenAi, |question, _| named(question)).await;
    vendor.books().invalid = Some(1);
    let store = memory();
    let report = execute(&study_with(&vendor, "", "retry: {budget_floor: 0}"), 4, &store).await;
    assert_eq!((report.members[0].answered, report.members[0].rejected), (3, 1));
    assert_eq!(vendor.sizes(), [4, 3]);
    balanced(&store, &vendor);
}

#[test]
fn c9_what_batches_cannot_go_with_is_refused_where_it_stands() {
    let refused = |member: &str, sections: &str| {
        let text = format!("name: x\ninput: {{path: x}}\n{sections}\npanel:\n  - {{{member}}}\n");
        let parsed = Study::parse(&text, Path::new("s.yaml"), &|_| Err(std::io::ErrorKind::NotFound.into()));
        parsed.expect_err(member).to_string()
    };
    for (member, sections, said) in [
        (
            "model: 'gemini:m', batch: true",
            "",
            "`panel[0].batch`: `gemini` has no batches that are known here",
        ),
        ("model: 'ollama:m', batch: {}", "", "`ollama` has no batches"),
        ("model: 'groq:m', batch: true", "", "`groq` has no batches"),
        ("model: 'scripted:m', batch: true", "", "`scripted` has no batches"),
        (
            "model: 'openai:m', batch: true, concurrency: 4",
            "",
            "`panel[0].concurrency`: a batch has no calls in flight",
        ),
        ("model: 'openai:m', batch: true, timeouts: {adaptive: true}", "", "`panel[0].timeouts.adaptive`"),
        ("model: 'openai:m', batch: {poll_seconds: -1}", "", "`-1` is not within 0 and 3600"),
        ("model: 'openai:m', batch: {max_requests: 0}", "", "`0` is not within 1 and 50000"),
        ("model: 'openai:m', batch: true", "mode: sequential", "every member waits for the one before it"),
        (
            "model: 'openai:m', batch: true",
            "quorum: {laggards: {after_models: 1, wait_seconds: 1}}",
            "nobody would wait",
        ),
        ("model: 'openai:m', batch: true", "stages: default", "`stages` ask single questions"),
    ] {
        let error = refused(member, sections);
        assert!(error.contains(said) && error.contains("line "), "{member}: {error}");
    }
    let unknown = refused("model: 'openai:m', batch: {pol: 1}", "");
    assert!(unknown.contains("pol"), "{unknown}");
    let by_itself = panel::study(&["model: 'openai:m', batch: true, price: {input: 1, output: 2}"], "");
    let at_once = by_itself.panel[0].clone().at_once();
    assert_eq!(
        (at_once.batch, at_once.price),
        (None, None),
        "the price of a batch is no price of a single call"
    );
}

/// The command: an interruption leaves with the code for outstanding work and says where the batch is; `status` counts
/// what waits; the same command collects.
#[cfg(all(unix, feature = "cli"))]
#[tokio::test]
async fn c9_the_command_leaves_and_collects() {
    use std::process::{Command, Output, Stdio};
    let content = r#"{"personas": [{"name": "Ada"}]}"#;
    let vendor = Vendor::open(Kind::Anthropic, move |_, _| Said::Reply(content.to_owned())).await;
    vendor.books().held = true;
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("rows.csv"), "id,text\n1,a\n2,b\n3,c\n").unwrap();
    let batch = "batch: {poll_seconds: 0.01, linger_seconds: 0.2}";
    let text = format!(
        "name: case\ninput: {{path: rows.csv, unit: record}}\npanel:\n  - {{{}}}\n",
        member(&vendor, batch)
    );
    let (study, out) = (folder.path().join("study.yaml"), folder.path().join("run"));
    std::fs::write(&study, text).unwrap();
    let consona = |arguments: &[&str]| {
        let mut command = Command::new(assert_cmd::cargo::cargo_bin("consona"));
        command.args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    };
    let (file, to) = (study.to_str().unwrap(), out.to_str().unwrap());
    let wait = async |child: std::process::Child| -> (Option<i32>, String) {
        let ended = tokio::task::spawn_blocking(|| child.wait_with_output());
        let output: Output = ended.await.unwrap().unwrap();
        let said = [output.stdout, output.stderr].concat();
        (output.status.code(), String::from_utf8(said).unwrap())
    };
    let (_, said) = wait(consona(&["check", file])).await;
    assert!(said.contains("asked in batches, answered within a day"), "{said}");
    let child = consona(&["run", file, "--out", to]);
    vendor.until(|books| books.requests > 3).await;
    let killed = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(killed.success());
    let (code, said) = wait(child).await;
    assert_eq!(code, Some(6), "{said}");
    assert!(said.contains("1 batch with 3 calls is on the way, at anthropic:m"), "{said}");
    assert!(said.contains("To go on: consona run"), "{said}");
    let (code, said) = wait(consona(&["status", to])).await;
    assert_eq!(code, Some(6), "{said}");
    assert!(said.contains("3 in batches"), "{said}");
    vendor.books().held = false;
    let (code, said) = wait(consona(&["run", file, "--out", to])).await;
    assert_eq!((code, vendor.batches()), (Some(0), 1), "{said}");
    let drafts = std::fs::read(out.join("drafts.jsonl")).unwrap();
    balanced(&Store::read(&out).unwrap(), &vendor);
    std::fs::write(&study, std::fs::read_to_string(&study).unwrap().replace(batch, "weight: 1")).unwrap();
    let other = folder.path().join("single");
    let (code, said) = wait(consona(&["run", file, "--out", other.to_str().unwrap()])).await;
    assert_eq!((code, vendor.books().synchronous), (Some(0), 3), "{said}");
    assert_eq!(std::fs::read(other.join("drafts.jsonl")).unwrap(), drafts);
}
