//! What the modes promise of a panel, with scripted models and the real executor: REQUIREMENTS M1, M2, W7.

#[expect(dead_code, reason = "shared with tests that need more of it")]
mod panel;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use consona::provider::{Call, FailureKind, ProviderError, Scripted};
use consona::run::mode::Combination;
use consona::run::study::Mode;
use consona::run::{RunOutcome, Study};
use panel::{after, derived, execute, memory, models, scripted, study};
use tokio::time::Instant;

const THREE: [&str; 3] = ["model: 'scripted:a'", "model: 'scripted:b'", "model: 'scripted:c'"];

fn named(call: &Call) -> String {
    format!("draft {} on {}", call.model, call.record)
}

#[test]
fn m1_the_three_modes_have_names_and_say_what_becomes_of_the_drafts() {
    for (name, mode, combination) in [
        ("parallel", Mode::Parallel, Combination::SideBySide),
        ("sequential", Mode::Sequential, Combination::SideBySide),
        ("consensus", Mode::Consensus, Combination::Consensus),
    ] {
        let study = study(&THREE, &format!("mode: {name}"));
        assert_eq!((study.mode, study.mode.strategy().combination()), (mode, combination), "{name}");
    }
    let text = "name: x\ninput: {path: x}\nmode: both\npanel:\n  - {model: 'scripted:a'}\n";
    let refused = Study::parse(text, Path::new("s.yaml"), &|_| Err(std::io::ErrorKind::NotFound.into()));
    let refused = refused.unwrap_err().to_string();
    assert!(refused.contains("mode") && refused.contains("both"), "{refused}");
}

#[tokio::test(start_paused = true)]
async fn m2_all_models_at_once_take_about_as_long_as_the_slowest_and_stand_in_the_panels_order() {
    // The first of the panel is the last to answer.
    let delays = BTreeMap::from([("a", 5_000_u64), ("b", 3_000), ("c", 2_000)]);
    let study = study(&THREE, "mode: parallel");
    let (slowest, sum) = (5.0, 10.0);
    let provider = scripted(move |call| after(delays[call.model.as_str()], named(call)));
    let store = memory();
    let report = execute(&study, 1, &provider, &store).await;
    let wall = report.wall.as_secs_f64();
    assert!(wall / slowest < 1.1 && wall / sum < 0.6, "{wall}");
    assert_eq!(provider.most_in_flight(), 3);
    let record = derived(&study, &store).remove(0);
    assert_eq!(models(&record), ["scripted:a", "scripted:b", "scripted:c"]);
    let said: Vec<&str> = record.results.iter().filter_map(|result| result.content.as_deref()).collect();
    assert_eq!(said, ["draft a on r0", "draft b on r0", "draft c on r0"], "combined in the panel's order");
}

/// Calls of a run by the second in which they began, where every answer takes one.
fn waves(begun: &Mutex<Vec<u64>>) -> Vec<usize> {
    let mut by_second: BTreeMap<u64, usize> = BTreeMap::new();
    for second in begun.lock().expect("not poisoned").iter() {
        *by_second.entry(*second).or_default() += 1;
    }
    by_second.into_values().collect()
}

#[tokio::test(start_paused = true)]
async fn w7_a_run_begins_with_four_calls_at_once_grows_to_the_limit_and_backs_off_when_told_to() {
    let study = study(&["model: 'scripted:m', concurrency: 12"], "");
    let begun = Arc::new(Mutex::new(Vec::new()));
    let (seen, start) = (Arc::clone(&begun), Instant::now());
    let provider = scripted(move |call| {
        let second = start.elapsed().as_secs();
        seen.lock().expect("not poisoned").push(second);
        // In the fourth second the endpoint has too much to do.
        if second == 3 {
            let mut error = ProviderError::new(FailureKind::RateLimited, "slow down");
            error.retry_after = Some(Duration::from_secs(5));
            return Scripted::failure(error);
        }
        after(1_000, named(call))
    });
    let report = execute(&study, 80, &provider, &memory()).await;
    assert_eq!(report.outcome, RunOutcome::Complete);
    let waves = waves(&begun);
    assert_eq!(waves[..3], [4, 8, 12], "each answer adds a call: {waves:?}");
    assert_eq!(provider.most_in_flight(), 12, "never above the limit");
    assert!(waves[4] <= 6, "half of what it was: {waves:?}");
}
