//! What a Python function leaves behind: its return value and, if it failed, why. Small values travel in the
//! report, larger ones are durable in the blob store before the report is made.

use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use fasti_core::domain::attempt::{Failure, ResultRef};
use fasti_core::domain::ids::{AttemptId, Digest};
use fasti_core::protocol::runner_v1::INLINE_BYTES_MAX;
use serde::Deserialize;
use sha2::{Digest as _, Sha256};

use crate::limits::{FAILURE_BYTES_MAX, FAILURE_CHARS_MAX};
use crate::places::{Places, make_folder};

/// Name of the private file with the return value.
pub(crate) const VALUE: &str = "result";

/// Name of the private file with the failure.
pub(crate) const FAILURE: &str = "failure";

/// What the process of an attempt handed to its interpreter, and that to us.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) enum Handed {
    /// Nothing: a value or a failure is in its file, if there is one.
    #[default]
    Nothing,
    /// The return value.
    Value(Vec<u8>),
    /// Why it failed, as it wrote it down.
    Failure(Vec<u8>),
    /// The interpreter is gone, and with it what was handed to it.
    Unknown,
}

/// How return values are written.
const FORMAT: &str = "pickle";

/// What was left behind.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Returned {
    /// The return value.
    pub(crate) result: Option<ResultRef>,
    /// Its bytes, when it is small.
    pub(crate) value: Option<Vec<u8>>,
    /// Why it failed.
    pub(crate) failure: Option<Failure>,
}

/// Take over what an attempt left behind, and remove its private files. Only a success has a value, only a
/// failure a reason.
///
/// # Errors
/// The value cannot be read or stored, or nobody knows what it is.
pub(crate) fn collect(
    places: &Places,
    attempt: AttemptId,
    success: bool,
    handed: Handed,
) -> io::Result<Returned> {
    let mut returned = Returned::default();
    match handed {
        Handed::Value(bytes) if success => {
            let sha256 = Digest(Sha256::digest(&bytes).into());
            returned.result = Some(result_ref(sha256, bytes.len() as u64));
            returned.value = Some(bytes);
            return Ok(returned);
        }
        Handed::Failure(bytes) if !success => {
            returned.failure = parse_failure(&bytes);
            return Ok(returned);
        }
        Handed::Nothing | Handed::Value(_) | Handed::Failure(_) | Handed::Unknown => {}
    }
    let (value, failure) = (
        places.private(attempt, VALUE),
        places.private(attempt, FAILURE),
    );
    let stored = if success {
        store(places, &value).map(|stored| (returned.result, returned.value) = stored)
    } else {
        returned.failure = read_failure(&failure);
        remove(&failure);
        Ok(())
    };
    remove(&value);
    stored?;
    if success && handed == Handed::Unknown && returned.result.is_none() {
        return Err(io::Error::other("the interpreter it was handed to ended"));
    }
    Ok(returned)
}

fn result_ref(sha256: Digest, size: u64) -> ResultRef {
    ResultRef {
        sha256,
        size,
        format: FORMAT.to_owned(),
    }
}

type Stored = (Option<ResultRef>, Option<Vec<u8>>);

fn store(places: &Places, path: &Path) -> io::Result<Stored> {
    // A task can put anything at this path; opening a FIFO would wait for ever.
    let opened = File::options()
        .read(true)
        .custom_flags(libc::O_NONBLOCK | libc::O_NOFOLLOW)
        .open(path);
    let mut file = match opened {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok((None, None)),
        Err(error) => return Err(error),
    };
    if !file.metadata()?.is_file() {
        return Err(io::Error::other("what is in its place is no file"));
    }
    let mut hash = Sha256::new();
    let mut bytes = Vec::new();
    (&file).take(INLINE_BYTES_MAX + 1).read_to_end(&mut bytes)?;
    hash.update(&bytes);
    let mut size = bytes.len() as u64;
    let small = size <= INLINE_BYTES_MAX;
    if !small {
        size += io::copy(&mut file, &mut hash)?;
    }
    let sha256 = Digest(hash.finalize().into());
    if !small {
        keep(path, &file, &places.blob(&sha256), size)?;
    }
    Ok((Some(result_ref(sha256, size)), small.then_some(bytes)))
}

/// Move the file to its place, durably: first its bytes, then its name.
fn keep(path: &Path, file: &File, blob: &Path, size: u64) -> io::Result<()> {
    let folder = blob.parent().expect("a blob lies in a folder");
    // Touched, so that the server, which clears old contents, knows that it is wanted again.
    let is_there = fs::metadata(blob).is_ok_and(|there| there.is_file() && there.len() == size);
    if is_there && touch(blob).is_ok() {
        // Whoever put it there may not have made its name durable yet.
        return File::open(folder)?.sync_all();
    }
    if !folder.is_dir() {
        make_folder(folder)?;
        File::open(folder.parent().expect("the folder lies in the blob store"))?.sync_all()?;
    }
    file.sync_all()?;
    fs::rename(path, blob)?;
    File::open(folder)?.sync_all()
}

/// Set the time of the last change to now.
fn touch(path: &Path) -> io::Result<()> {
    use rustix::fs::{AtFlags, CWD, Timespec, Timestamps, UTIME_NOW, utimensat};
    let now = Timespec {
        tv_sec: 0,
        tv_nsec: UTIME_NOW,
    };
    let times = Timestamps {
        last_access: now,
        last_modification: now,
    };
    Ok(utimensat(CWD, path, &times, AtFlags::empty())?)
}

/// The failure a process left in its file.
fn read_failure(path: &Path) -> Option<Failure> {
    let opened = File::options()
        .read(true)
        .custom_flags(libc::O_NONBLOCK | libc::O_NOFOLLOW)
        .open(path);
    let mut bytes = Vec::new();
    opened
        .ok()?
        .take(FAILURE_BYTES_MAX)
        .read_to_end(&mut bytes)
        .ok()?;
    parse_failure(&bytes)
}

/// The failure a process wrote down. It is the task's word: anything may be in it, or nothing.
fn parse_failure(bytes: &[u8]) -> Option<Failure> {
    #[derive(Deserialize)]
    struct Written {
        reason: String,
        message: String,
    }
    let written: Written = serde_json::from_slice(bytes)
        .inspect_err(|error| tracing::warn!(%error, "cannot read the failure a task wrote"))
        .ok()?;
    let line = written.message.lines().next().unwrap_or_default();
    Some(Failure {
        reason: written.reason.chars().take(64).collect(),
        message: line.chars().take(FAILURE_CHARS_MAX).collect(),
    })
}

fn remove(path: &Path) {
    if let Err(error) = fs::remove_file(path)
        && error.kind() != io::ErrorKind::NotFound
    {
        tracing::warn!(%error, path = %path.display(), "cannot remove a private file");
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use fasti_core::domain::ids::{RunnerId, TaskRunId};

    use super::*;

    const ATTEMPT: AttemptId = AttemptId {
        task_run: TaskRunId(7),
        number: 1,
    };

    fn places() -> (tempfile::TempDir, Places) {
        let folder = tempfile::tempdir().unwrap();
        let places = Places::new(folder.path().into(), &RunnerId::new("r").unwrap());
        places.make_home().unwrap();
        (folder, places)
    }

    fn collect_value(bytes: &[u8]) -> (tempfile::TempDir, Places, Returned) {
        let (folder, places) = places();
        fs::write(places.private(ATTEMPT, VALUE), bytes).unwrap();
        let returned = collect(&places, ATTEMPT, true, Handed::Nothing).unwrap();
        assert!(!places.private(ATTEMPT, VALUE).exists());
        (folder, places, returned)
    }

    #[test]
    fn a_value_of_the_limit_travels_inline() {
        let bytes = vec![7; usize::try_from(INLINE_BYTES_MAX).unwrap()];
        let (_folder, places, returned) = collect_value(&bytes);
        let result = returned.result.unwrap();
        assert_eq!(result.size, INLINE_BYTES_MAX);
        assert_eq!(returned.value.unwrap(), bytes);
        assert!(!places.blob(&result.sha256).exists());
    }

    #[test]
    fn a_larger_value_is_a_blob_under_its_digest() {
        let bytes = vec![7; 100_000];
        let (_folder, places, returned) = collect_value(&bytes);
        assert_eq!(returned.value, None);
        let result = returned.result.unwrap();
        assert_eq!(result.sha256, Digest(Sha256::digest(&bytes).into()));
        assert_eq!(fs::read(places.blob(&result.sha256)).unwrap(), bytes);
    }

    #[test]
    fn a_value_stored_before_is_kept() {
        let bytes = vec![9; 5_000];
        let (_folder, places, first) = collect_value(&bytes);
        fs::write(places.private(ATTEMPT, VALUE), &bytes).unwrap();
        assert_eq!(
            collect(&places, ATTEMPT, true, Handed::Nothing).unwrap(),
            first
        );
        assert!(!places.private(ATTEMPT, VALUE).exists());
    }

    #[test]
    fn nothing_written_is_no_value() {
        let (_folder, places) = places();
        assert_eq!(
            collect(&places, ATTEMPT, true, Handed::Nothing).unwrap(),
            Returned::default()
        );
    }

    #[test]
    fn what_was_handed_over_needs_no_file() {
        let (_folder, places) = places();
        let value = Handed::Value(b"seven".to_vec());
        let returned = collect(&places, ATTEMPT, true, value).unwrap();
        assert_eq!(returned.value.as_deref(), Some(&b"seven"[..]));
        assert_eq!(returned.result.unwrap().size, 5);
        let failure = Handed::Failure(br#"{"reason":"exception","message":"E: no"}"#.to_vec());
        let returned = collect(&places, ATTEMPT, false, failure).unwrap();
        assert_eq!(returned.failure.unwrap().message, "E: no");
    }

    #[test]
    fn a_value_that_went_with_its_interpreter_is_not_none() {
        let (_folder, places) = places();
        assert!(collect(&places, ATTEMPT, true, Handed::Unknown).is_err());
        fs::write(places.private(ATTEMPT, VALUE), b"in a file").unwrap();
        let returned = collect(&places, ATTEMPT, true, Handed::Unknown).unwrap();
        assert_eq!(returned.value.as_deref(), Some(&b"in a file"[..]));
    }

    #[test]
    fn something_else_in_the_place_of_a_value_is_an_error() {
        let (folder, places) = places();
        let path = places.private(ATTEMPT, VALUE);
        rustix::fs::mkfifoat(rustix::fs::CWD, &path, rustix::fs::Mode::RUSR).unwrap();
        assert!(collect(&places, ATTEMPT, true, Handed::Nothing).is_err());
        assert!(!path.exists());
        std::os::unix::fs::symlink(folder.path(), &path).unwrap();
        assert!(collect(&places, ATTEMPT, true, Handed::Nothing).is_err());
    }

    #[test]
    fn a_failure_has_a_reason_of_one_line_and_no_value() {
        let (_folder, places) = places();
        fs::write(places.private(ATTEMPT, VALUE), b"half").unwrap();
        let text = r#"{"reason":"exception","message":"ValueError: no\nmore"}"#;
        fs::write(places.private(ATTEMPT, FAILURE), text).unwrap();
        let returned = collect(&places, ATTEMPT, false, Handed::Nothing).unwrap();
        assert_eq!(returned.result, None);
        let failure = returned.failure.unwrap();
        assert_eq!(
            (&*failure.reason, &*failure.message),
            ("exception", "ValueError: no")
        );
        assert!(!places.private(ATTEMPT, FAILURE).exists());
    }

    #[test]
    fn a_failure_that_cannot_be_read_is_none() {
        let (_folder, places) = places();
        fs::write(places.private(ATTEMPT, FAILURE), "{nonsense").unwrap();
        assert_eq!(
            collect(&places, ATTEMPT, false, Handed::Nothing).unwrap(),
            Returned::default()
        );
    }
}
