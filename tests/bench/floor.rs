//! What the machine can do at best: the same work with nothing around it.

use std::io::Write;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::Context;

/// Bare spawns of `/bin/true` a second, so many threads at a time, waited for.
pub(crate) fn spawns_per_second(count: u32, threads: u32) -> anyhow::Result<f64> {
    let each = count / threads.max(1);
    let begin = Instant::now();
    let workers: Vec<_> = (0..threads)
        .map(|_| std::thread::spawn(move || (0..each).try_for_each(|_| spawn_true())))
        .collect();
    for worker in workers {
        worker
            .join()
            .map_err(|_| anyhow::anyhow!("a floor thread panicked"))??;
    }
    Ok(f64::from(each * threads) / begin.elapsed().as_secs_f64())
}

fn spawn_true() -> std::io::Result<()> {
    #[expect(clippy::disallowed_methods, reason = "the floor is a bare spawn")]
    let mut command = Command::new("/bin/true");
    command
        .process_group(0)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command.spawn()?.wait().map(drop)
}

/// Forks a warm interpreter with the worker's modules loaded, so many processes at a time, waits for each.
const FORKS: &str = r"
import os, sys, time
sys.path.insert(0, sys.argv[3])
import fasti._zygote, fasti._child, fasti.scheduler
import gc
gc.freeze()
count, parallel = int(sys.argv[1]), int(sys.argv[2])
def loop(count):
    for _ in range(count):
        pid = os.fork()
        if pid == 0:
            os._exit(0)
        os.waitpid(pid, 0)
begin = time.perf_counter()
pids = []
for _ in range(parallel):
    pid = os.fork()
    if pid == 0:
        loop(count // parallel)
        os._exit(0)
    pids.append(pid)
for pid in pids:
    os.waitpid(pid, 0)
print(count / (time.perf_counter() - begin))
";

/// Bare forks of a warm interpreter a second.
pub(crate) fn forks_per_second(
    python: &str,
    sdk: &Path,
    count: u32,
    parallel: u32,
) -> anyhow::Result<f64> {
    #[expect(clippy::disallowed_methods, reason = "the floor is a bare interpreter")]
    let output = Command::new(python)
        .args(["-c", FORKS, &count.to_string(), &parallel.to_string()])
        .arg(sdk)
        .stderr(Stdio::inherit())
        .output()?;
    let text = String::from_utf8(output.stdout)?;
    text.trim()
        .parse()
        .with_context(|| format!("the floor of forks printed `{text}`"))
}

/// Plain appends of `group` records of `bytes` with one `fdatasync` each group; records a second.
pub(crate) fn appends_per_second(
    folder: &Path,
    records: u32,
    group: u32,
    bytes: usize,
) -> anyhow::Result<f64> {
    let mut file = std::fs::File::create(folder.join("append"))?;
    let buffer = vec![7_u8; bytes * group as usize];
    let begin = Instant::now();
    for _ in 0..records / group {
        file.write_all(&buffer)?;
        file.sync_data()?;
    }
    Ok(f64::from(records) / begin.elapsed().as_secs_f64())
}
