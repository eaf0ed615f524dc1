//! What a batch costs this machine: memory and own CPU time per call, with a scripted model that costs nothing.
//!
//! `cargo run --release --example batch_footprint RECORDS [IN_FLIGHT] [DELAY_MS]`

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use consona::dataset::Record;
use consona::persona::RecordId;
use consona::provider::{Provider, Scripted, ScriptedProvider};
use consona::run::{Drafting, Run, Settings, Study, units};
use consona::store::Store;

const STUDY: &str = "
name: footprint
question: Who is this?
input: {path: none.csv, unit: record}
personas: {min: 1, max: 1}
panel: [{model: 'scripted:a', concurrency: 1000}]
";
const ANSWER: &str =
    r#"{"personas": [{"name": "Ada", "age": 41, "occupation": "nurse", "goals": ["rest", "read more"]}]}"#;

fn argument(place: usize, standard: u64) -> u64 {
    std::env::args().nth(place).and_then(|text| text.parse().ok()).unwrap_or(standard)
}

/// The most memory that the process has had, in MiB, where the system tells (Linux).
fn peak_mib() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().trim_end_matches(" kB").trim().parse::<f64>().ok().map(|kib| kib / 1024.0)
}

fn record(place: u64) -> Option<Record> {
    let text = format!(
        "Note {place}: I come here in the evening, when the children sleep, and want to be left alone."
    );
    let fields = serde_json::Map::from_iter([("text".to_owned(), text.into())]);
    Some(Record { id: RecordId::new(&format!("r{place}")).ok()?, fields, origin: String::new() })
}

#[expect(clippy::print_stdout, reason = "an example shows its result")]
#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (records, in_flight, delay) = (argument(1, 10_000), argument(2, 64), argument(3, 0));
    let study = Study::parse(STUDY, Path::new("study.yaml"), &|_| Err(std::io::ErrorKind::NotFound.into()))?;
    let folder = tempfile::tempdir()?;
    let store = Arc::new(Store::open(folder.path())?);
    let answer = move |_: &_| Scripted::text(ANSWER).after(Duration::from_millis(delay));
    let provider: Arc<dyn Provider> = Arc::new(ScriptedProvider::new("scripted", answer).forgetful());
    let settings = Settings { concurrency: Some(usize::try_from(in_flight)?), ..Settings::from(&study) };
    let run = Run::new(
        settings,
        vec![(study.panel[0].clone(), provider)],
        Arc::new(Drafting::new(&study)?),
        store,
    )?;
    let (before, started, cpu) = (peak_mib(), Instant::now(), cpu_time::ProcessTime::now());
    let report = run.execute(units((0..records).filter_map(record), &study.input)).await?;
    let calls = report.turnout.answered;
    println!(
        "{calls} calls, {in_flight} in flight: {:.0} calls a second, {:.3} ms of own CPU a call, peak {:.0} MiB (before: {:.0})",
        calls as f64 / started.elapsed().as_secs_f64(),
        cpu.elapsed().as_secs_f64() * 1000.0 / calls as f64,
        peak_mib().unwrap_or(f64::NAN),
        before.unwrap_or(f64::NAN),
    );
    Ok(())
}
