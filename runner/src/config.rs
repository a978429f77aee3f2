//! What a runner is told at its start, and what it finds out about its machine.

use std::fs;
use std::path::PathBuf;

use fasti_core::domain::ids::RunnerId;
use fasti_core::domain::runner::{Capacity, RunnerInfo};

use crate::process;
use crate::supervisor::Patience;

/// MHz counted for a core, as tasks count processors.
const CORE_MHZ: u32 = 4_000;

/// Configuration of a runner. [`Config::new`] fills in the defaults.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Unix socket of the server. The runner connects to it, again and again while no server is there.
    pub socket: PathBuf,
    /// Data folder of the server: blobs, output, and the runner's own folder are below it.
    pub data: PathBuf,
    /// Name of this runner. A restarted runner takes a new one.
    pub id: RunnerId,
    /// What it takes. Default: as many attempts at a time as the machine has cores, 4000 MHz a core, and all
    /// memory.
    pub capacity: Capacity,
    /// Interpreter of tasks that name none: a path, or a name to look up in `PATH`. Default `python3`.
    pub python: String,
    /// Folder that holds the Python packages `fasti` and `dt`. Default `python/src` below the data folder.
    pub sdk: PathBuf,
    /// How long it waits for a server that went away, before it ends itself. Default: while tasks run, for
    /// ever; then 60 s, or 10 min if there are reports that no server has.
    pub patience: Patience,
    /// How containers are run.
    pub containers: crate::containers::Settings,
}

impl Config {
    /// A runner with the defaults of this machine.
    #[must_use]
    pub fn new(socket: PathBuf, data: PathBuf, id: RunnerId) -> Self {
        let sdk = data.join("python").join("src");
        Self {
            socket,
            data,
            id,
            capacity: capacity_of_machine(),
            python: "python3".to_owned(),
            sdk,
            patience: Patience {
                idle_ms: 60_000,
                unreported_ms: 600_000,
            },
            containers: crate::containers::Settings::default(),
        }
    }
}

/// Cores this process may use.
pub(crate) fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

/// What this machine has: one slot a core, all processors, all memory.
#[must_use]
pub fn capacity_of_machine() -> Capacity {
    let cores = u32::try_from(cores()).unwrap_or(u32::MAX);
    Capacity {
        slots: cores,
        cpu_mhz: cores.saturating_mul(CORE_MHZ),
        memory_mb: fs::read_to_string("/proc/meminfo").map_or(0, |text| memory_mb(&text)),
    }
}

/// Total memory in `/proc/meminfo`, in megabytes; 0 when it says none.
fn memory_mb(meminfo: &str) -> u32 {
    let line = meminfo
        .lines()
        .find_map(|line| line.strip_prefix("MemTotal:"));
    let kib = line.and_then(|rest| rest.split_ascii_whitespace().next()?.parse::<u64>().ok());
    u32::try_from(kib.unwrap_or(0) / 1024).unwrap_or(u32::MAX)
}

/// What the runner says of itself.
pub(crate) fn info(config: &Config) -> RunnerInfo {
    let host = fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    RunnerInfo {
        runner: config.id.clone(),
        host: host.trim().to_owned(),
        boot_id: process::boot_id(),
        pid: std::process::id(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        capacity: config.capacity,
        labels: std::collections::BTreeMap::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_read_in_megabytes() {
        assert_eq!(
            memory_mb("MemFree: 1 kB\nMemTotal:       16314560 kB\n"),
            15_932
        );
        assert_eq!(memory_mb("nothing"), 0);
    }

    #[test]
    fn a_machine_has_at_least_one_slot() {
        let capacity = capacity_of_machine();
        assert!(capacity.slots >= 1);
        assert_eq!(capacity.cpu_mhz, capacity.slots * CORE_MHZ);
        assert!(capacity.memory_mb > 0);
    }
}
