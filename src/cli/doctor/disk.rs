//! The data folder: whether it can be written, where it lies, how long a commit takes on it.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use fasti_core::store;

use super::Finding;

/// Free space below which a log soon stops.
const FREE_BYTES_MIN: u64 = 1 << 30;

/// Writes timed.
const SYNCS: usize = 20;

/// A sync that takes longer is felt: every answer waits for one.
const SYNC_SLOW: Duration = Duration::from_millis(20);

/// File systems by the number that Linux gives them (statfs(2)): those that forget, and those that are far away.
const FORGETFUL: [(u32, &str); 2] = [(0x0102_1994, "tmpfs"), (0x8584_58f6, "ramfs")];
const FAR: [(u32, &str); 6] = [
    (0x6969, "NFS"),
    (0xff53_4d42, "CIFS"),
    (0xfe53_4d42, "SMB2"),
    (0x0102_1997, "9p"),
    (0x6573_5546, "FUSE"),
    (0x00c3_6400, "Ceph"),
];
const OVERLAY: u32 = 0x794c_7630;

pub(super) fn look(data: &Path) -> Vec<Finding> {
    let folder = existing(data);
    let mut findings = vec![writable(data, &folder)];
    if let Ok(stat) = rustix::fs::statfs(&folder) {
        // The number is 32 bits wide, whatever type the platform gives it.
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "see above"
        )]
        findings.push(kind(&folder, stat.f_type as u32));
        let free = stat
            .f_bavail
            .saturating_mul(u64::try_from(stat.f_bsize).unwrap_or(0));
        findings.push(space(&folder, free));
    }
    findings.push(match syncs(&folder) {
        Ok(median) => speed(median),
        Err(error) => Finding::fail(
            "sync",
            format!("cannot write in {}: {error}", folder.display()),
        ),
    });
    findings
}

/// The folder itself, or the nearest above it that is there.
fn existing(data: &Path) -> PathBuf {
    let above = data.ancestors().find(|folder| folder.is_dir());
    match above {
        Some(folder) if !folder.as_os_str().is_empty() => folder.to_owned(),
        Some(_) | None => PathBuf::from("."),
    }
}

fn writable(data: &Path, folder: &Path) -> Finding {
    let path = data.display();
    if rustix::fs::access(folder, rustix::fs::Access::WRITE_OK).is_err() {
        return Finding::fail(
            "data",
            format!("{path} cannot be written: choose another with --data"),
        );
    }
    match store::holder(data) {
        Ok(Some(holder)) => {
            let address = holder
                .address
                .unwrap_or_else(|| "an address not known yet".to_owned());
            Finding::ok(
                "data",
                format!("{path} is in use by process {} at {address}", holder.pid),
            )
        }
        Ok(None) if data == folder => Finding::ok("data", format!("{path} can be written")),
        Ok(None) => Finding::ok("data", format!("{path} can be made")),
        Err(error) => Finding::fail("data", error.to_string()),
    }
}

fn kind(folder: &Path, number: u32) -> Finding {
    let path = folder.display();
    let name = |list: &[(u32, &'static str)]| {
        list.iter()
            .find(|(n, _)| *n == number)
            .map(|(_, name)| *name)
    };
    if let Some(name) = name(&FORGETFUL) {
        let text =
            format!("{path} is on {name}, which a restart of the machine empties: choose a disk");
        return Finding::warn("disk", text);
    }
    if let Some(name) = name(&FAR) {
        let text = format!(
            "{path} is on {name}: a disk of this machine is faster, and its locks are certain"
        );
        return Finding::warn("disk", text);
    }
    if number == OVERLAY {
        let text = format!(
            "{path} is inside a container and ends with it: mount a volume there to keep it"
        );
        return Finding::warn("disk", text);
    }
    Finding::ok("disk", format!("{path} is on a disk"))
}

fn space(folder: &Path, free: u64) -> Finding {
    const GIB: u64 = 1 << 30;
    const TENTH: u64 = GIB / 10;
    let text = format!(
        "{}.{} GiB free at {}",
        free / GIB,
        free % GIB / TENTH,
        folder.display()
    );
    if free < FREE_BYTES_MIN {
        return Finding::warn(
            "space",
            format!("{text}: make room, a full disk stops all work"),
        );
    }
    Finding::ok("space", text)
}

/// Median time of writing 4 KiB and syncing them.
fn syncs(folder: &Path) -> io::Result<Duration> {
    let path = folder.join(format!(".fasti-doctor-{}", std::process::id()));
    let file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(&path)?;
    let times = timed(file);
    fs::remove_file(&path)?;
    let mut times = times?;
    times.sort_unstable();
    Ok(times[SYNCS / 2])
}

fn timed(mut file: File) -> io::Result<Vec<Duration>> {
    let page = [0x5a; 4096];
    (0..SYNCS)
        .map(|_| {
            let begin = Instant::now();
            file.write_all(&page)?;
            file.sync_data()?;
            Ok(begin.elapsed())
        })
        .collect()
}

fn speed(median: Duration) -> Finding {
    let text = format!(
        "4 KiB are on the disk after {:.2} ms",
        median.as_secs_f64() * 1000.0
    );
    if median > SYNC_SLOW {
        return Finding::warn(
            "sync",
            format!("{text}: every command waits so long; use a faster disk"),
        );
    }
    Finding::ok("sync", text)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::super::Level;
    use super::*;

    #[test]
    fn memory_is_no_disk() {
        let levels = [0x0102_1994, 0x6969, OVERLAY, 0xef53]
            .map(|number| kind(Path::new("/d"), number).level);
        assert_eq!(levels, [Level::Warn, Level::Warn, Level::Warn, Level::Ok]);
    }

    #[test]
    fn slow_and_full_disks_are_said() {
        assert_eq!(speed(Duration::from_millis(50)).level, Level::Warn);
        assert_eq!(
            speed(Duration::from_millis(2)).text,
            "4 KiB are on the disk after 2.00 ms"
        );
        assert_eq!(space(Path::new("/d"), 5).level, Level::Warn);
        assert_eq!(space(Path::new("/d"), 3 << 29).level, Level::Ok);
    }

    #[test]
    fn a_folder_that_is_not_there_is_judged_by_the_one_above() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(existing(&folder.path().join("a/b")), folder.path());
        assert!(syncs(folder.path()).unwrap() > Duration::ZERO);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
