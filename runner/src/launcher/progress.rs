//! What the process of an attempt says about how far it is: lines that it appends to a file, so that any language can
//! do it and a runner that is started again loses nothing. `docs/protocol/progress.md` has the lines.

use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use fasti_core::domain::attempt::Failure;
use fasti_core::domain::definition::TaskOptions;
use fasti_core::domain::launch::{Launch, Program};
use fasti_core::domain::limits::MARKS_PER_ATTEMPT_MAX;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::News;
use crate::clock;
use crate::limits::{PROGRESS_BYTES_MAX, PROGRESS_DETAIL_BYTES_MAX};
use crate::places::Places;
use crate::supervisor::{Input, Mark};

/// Variable that names the file.
pub(super) const VARIABLE: &str = "FASTI_PROGRESS";

/// The progress of one attempt.
#[derive(Debug)]
pub(crate) struct Progress {
    path: PathBuf,
    reading: Mutex<Reading>,
}

#[derive(Debug, Default)]
struct Reading {
    offset: u64,
    /// A line whose end has not been written yet.
    begun: Vec<u8>,
    marks: usize,
    failure: Option<Failure>,
}

/// A line. Anything else that it holds is for later versions.
#[derive(Deserialize)]
struct Line<'a> {
    passed: Option<String>,
    note: Option<String>,
    #[serde(borrow)]
    detail: Option<&'a RawValue>,
    failure: Option<Failure>,
}

impl Progress {
    /// The progress of an attempt whose task has stages.
    pub(crate) fn of(places: &Places, launch: &Launch) -> Option<Self> {
        let has_stages = |options: &TaskOptions| !options.stages.is_empty();
        launch
            .options
            .as_deref()
            .is_some_and(has_stages)
            .then(|| Self {
                path: match &launch.program {
                    Program::Contained(_) => places.boxed(launch.attempt).join("attempt/progress"),
                    Program::Command { .. } | Program::Python(_) => {
                        places.private(launch.attempt, "progress")
                    }
                },
                reading: Mutex::default(),
            })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Tell what was written since the last time. Told under the lock, so that it is told in order.
    pub(crate) fn tell_written(&self, launch: &Launch, news: &News) {
        let mut reading = self.reading();
        let marks = reading.read(&self.path);
        if !marks.is_empty() {
            news.push(Input::Progressed {
                token: launch.token,
                marks,
            });
        }
    }

    /// The attempt is over: tell the rest. Answers with why it says that it failed.
    pub(super) fn settle(&self, launch: &Launch, news: &News) -> Option<Failure> {
        self.tell_written(launch, news);
        if let Err(error) = fs::remove_file(&self.path)
            && error.kind() != std::io::ErrorKind::NotFound
        {
            tracing::debug!(%error, path = %self.path.display(), "a progress file stays");
        }
        self.reading().failure.take()
    }

    fn reading(&self) -> MutexGuard<'_, Reading> {
        self.reading.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Reading {
    fn read(&mut self, path: &Path) -> Vec<Mark> {
        // A container must not make this process read, or wait for, anything else of the host.
        let mut options = File::options();
        options
            .read(true)
            .custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK);
        let Ok(mut file) = options.open(path) else {
            return Vec::new();
        };
        let room = PROGRESS_BYTES_MAX.saturating_sub(self.offset);
        let mut bytes = Vec::new();
        let sought = file.seek(SeekFrom::Start(self.offset));
        if sought.is_err() || file.take(room).read_to_end(&mut bytes).is_err() {
            return Vec::new();
        }
        self.offset += bytes.len() as u64;
        self.begun.extend_from_slice(&bytes);
        let Some(end) = self.begun.iter().rposition(|byte| *byte == b'\n') else {
            return Vec::new();
        };
        let rest = self.begun.split_off(end + 1);
        let lines = std::mem::replace(&mut self.begun, rest);
        lines
            .split(|byte| *byte == b'\n')
            .filter_map(|line| self.take(line))
            .collect()
    }

    fn take(&mut self, line: &[u8]) -> Option<Mark> {
        let line: Line<'_> = serde_json::from_slice(line).ok()?;
        if let Some(failure) = line.failure {
            self.failure = Some(failure);
        }
        let is_note = line.passed.is_none();
        let stage = line.passed.or(line.note)?;
        self.marks += 1;
        (self.marks <= MARKS_PER_ATTEMPT_MAX).then(|| Mark {
            stage,
            at: clock::wall(),
            detail: line
                .detail
                .map(RawValue::get)
                .filter(|detail| detail.len() <= PROGRESS_DETAIL_BYTES_MAX)
                .map(str::to_owned),
            is_note,
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use std::io::Write;

    use super::*;

    #[test]
    fn lines_are_taken_once_and_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("progress");
        let mut reading = Reading::default();
        assert!(reading.read(&path).is_empty(), "there is no file");
        let mut file = File::create(&path).unwrap();
        file.write_all(b"{\"passed\":\"a\"}\nnonsense\n{\"pas")
            .unwrap();
        let first = reading.read(&path);
        assert_eq!(first.len(), 1);
        assert_eq!((first[0].stage.as_str(), first[0].is_note), ("a", false));
        file.write_all(b"sed\":\"b\"}\n{\"note\":\"c\",\"detail\":{\"x\":1}}\n")
            .unwrap();
        file.write_all(b"{\"failure\":{\"reason\":\"r\",\"message\":\"m\"}}\n")
            .unwrap();
        let second = reading.read(&path);
        assert_eq!(second.len(), 2);
        assert_eq!(second[0].stage, "b");
        assert_eq!(second[1].detail.as_deref(), Some("{\"x\":1}"));
        assert!(second[1].is_note);
        assert_eq!(reading.failure.as_ref().unwrap().message, "m");
        assert!(reading.read(&path).is_empty());
    }

    #[test]
    fn a_process_that_says_too_much_is_not_listened_to() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("progress");
        fs::write(
            &path,
            "{\"passed\":\"a\"}\n".repeat(MARKS_PER_ATTEMPT_MAX * 2),
        )
        .unwrap();
        let mut reading = Reading::default();
        assert_eq!(reading.read(&path).len(), MARKS_PER_ATTEMPT_MAX);
    }
}
