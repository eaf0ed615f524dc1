//! What the process and a run folder take of the machine.

use std::fs;
use std::path::Path;

use serde::Serialize;

/// Memory and disk, as far as the system tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Resources {
    /// The most memory that the process has held so far; `None` where the system does not say.
    pub peak_memory_bytes: Option<u64>,
    /// The run database with its journal.
    pub database_bytes: u64,
}

impl Resources {
    /// As they are now.
    #[must_use]
    pub fn of(run: &Path) -> Self {
        let size = |name: &str| fs::metadata(run.join(name)).map_or(0, |file| file.len());
        Self {
            peak_memory_bytes: peak_memory(),
            database_bytes: ["run.sqlite", "run.sqlite-wal"].into_iter().map(size).sum(),
        }
    }
}

/// `VmHWM` of Linux's `/proc/self/status`, which is in KiB.
fn peak_memory() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}
