//! Where the output of an attempt goes: two spare files of its slot, which become the attempt's own only once
//! there is something in them.
//!
//! Most attempts print nothing, and making and removing files for them costs more than the attempts: a file
//! system that has just removed thousands of files looks at each of them again before it gives their places
//! away (ext4 does for minutes). So a spare in which nothing was written serves the next attempt. One that has
//! output is moved to where the server looks for it, at the end of the attempt or, while it goes on, by
//! [`Launcher::tidy_outlets`](super::Launcher::tidy_outlets) a few times a second. A spare that some process
//! still holds open for writing is not used again: what that process says is not the next attempt's.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use fasti_core::domain::launch::Launch;

use crate::places::{Places, Stream, open_append};
use crate::process;

/// The output of one attempt.
#[derive(Debug)]
pub(crate) struct Outlet {
    out: Mutex<Spare>,
    err: Mutex<Spare>,
}

/// One stream of it.
#[derive(Debug)]
struct Spare {
    stream: Stream,
    path: PathBuf,
    /// It was moved away or the attempt is over: what is at `path` now is another attempt's.
    done: bool,
}

impl Outlet {
    /// The outlet of the attempt in a slot.
    pub(crate) fn of_slot(places: &Places, slot: usize) -> Self {
        let spare = |stream| {
            Mutex::new(Spare {
                stream,
                path: places.spare(slot, stream),
                done: false,
            })
        };
        Self {
            out: spare(Stream::Out),
            err: spare(Stream::Err),
        }
    }

    /// Where a stream has to be written.
    pub(crate) fn path(&self, stream: Stream) -> PathBuf {
        self.spare(stream).path.clone()
    }

    /// Open a stream for the process of the attempt.
    ///
    /// # Errors
    /// The spare can be neither opened nor made.
    pub(super) fn open(&self, stream: Stream) -> io::Result<File> {
        open_append(&self.spare(stream).path)
    }

    /// Give the attempt what it has written so far.
    pub(crate) fn move_written(&self, places: &Places, launch: &Launch) {
        for stream in [Stream::Out, Stream::Err] {
            let mut spare = self.spare(stream);
            if !spare.done && size(&spare.path) > 0 {
                spare.give_away(places, launch);
            }
        }
    }

    /// The attempt is over and nothing of it is left: give it what it has written. Answers with the bytes of
    /// standard output and error.
    pub(super) fn settle(&self, places: &Places, launch: &Launch) -> (u64, u64) {
        let settled = |stream| self.spare(stream).settle(places, launch);
        (settled(Stream::Out), settled(Stream::Err))
    }

    fn spare(&self, stream: Stream) -> MutexGuard<'_, Spare> {
        let spare = match stream {
            Stream::Out => &self.out,
            Stream::Err => &self.err,
        };
        spare.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Spare {
    fn settle(&mut self, places: &Places, launch: &Launch) -> u64 {
        if self.done {
            return size(&places.output(launch, self.stream));
        }
        self.done = true;
        let bytes = size(&self.path);
        if bytes > 0 {
            self.give_away(places, launch);
        } else if !is_free(&self.path) {
            remove(&self.path);
        }
        bytes
    }

    /// Move the file, whoever writes to it, to where the server looks for the attempt's output.
    fn give_away(&mut self, places: &Places, launch: &Launch) {
        let target = places.output(launch, self.stream);
        self.done = true;
        let moved = places
            .in_output_folder(launch, || fs::rename(&self.path, &target))
            .inspect_err(|error| {
                tracing::error!(%error, path = %target.display(), "cannot keep the output of an attempt");
            });
        if moved.is_err() {
            // The next attempt must not find it.
            remove(&self.path);
        }
    }
}

/// Length of a file; one that is not there is empty.
fn size(path: &Path) -> u64 {
    fs::metadata(path).map_or(0, |metadata| metadata.len())
}

/// Whether nobody has a file open for writing. No is the answer also where the file system cannot say.
fn is_free(path: &Path) -> bool {
    match File::options().append(true).open(path) {
        Ok(file) => process::is_only_writer(&file),
        Err(_) => false,
    }
}

fn remove(path: &Path) {
    if let Err(error) = fs::remove_file(path)
        && error.kind() != io::ErrorKind::NotFound
    {
        tracing::warn!(%error, path = %path.display(), "cannot remove an output file");
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use std::io::Write;
    use std::os::unix::fs::MetadataExt;

    use fasti_core::domain::ids::RunnerId;

    use super::*;
    use crate::places::tests::launch;

    fn places() -> (tempfile::TempDir, Places) {
        let folder = tempfile::tempdir().unwrap();
        let places = Places::new(folder.path().into(), &RunnerId::new("r").unwrap());
        places.make_home().unwrap();
        (folder, places)
    }

    fn inode(path: &Path) -> u64 {
        fs::metadata(path).unwrap().ino()
    }

    #[test]
    fn a_silent_attempt_leaves_its_spares_to_the_next() {
        let (folder, places) = places();
        let first = Outlet::of_slot(&places, 1);
        drop(first.open(Stream::Out).unwrap());
        drop(first.open(Stream::Err).unwrap());
        let spare = inode(&first.path(Stream::Out));
        first.move_written(&places, &launch(0));
        assert_eq!(first.settle(&places, &launch(0)), (0, 0));
        let second = Outlet::of_slot(&places, 1);
        drop(second.open(Stream::Out).unwrap());
        assert_eq!(inode(&second.path(Stream::Out)), spare);
        assert!(!folder.path().join("output").exists());
    }

    #[test]
    fn what_is_written_is_the_attempts_own() {
        let (_folder, places) = places();
        let outlet = Outlet::of_slot(&places, 1);
        let mut out = outlet.open(Stream::Out).unwrap();
        out.write_all(b"one ").unwrap();
        outlet.move_written(&places, &launch(3));
        let target = places.output(&launch(3), Stream::Out);
        assert_eq!(fs::read(&target).unwrap(), b"one ");
        out.write_all(b"two").unwrap();
        drop(out);
        assert_eq!(outlet.settle(&places, &launch(3)), (7, 0));
        assert_eq!(fs::read(&target).unwrap(), b"one two");
        assert!(!outlet.path(Stream::Out).exists());
    }

    #[test]
    fn a_spare_that_is_still_open_is_not_used_again() {
        let (_folder, places) = places();
        let outlet = Outlet::of_slot(&places, 1);
        let held = outlet.open(Stream::Err).unwrap();
        outlet.settle(&places, &launch(0));
        assert!(!outlet.path(Stream::Err).exists());
        drop(held);
    }
}
