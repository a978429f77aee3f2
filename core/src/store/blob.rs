//! Blobs: content beside the log, named by its SHA-256. Written once, never changed, durable when `commit`
//! returns; the record that names a blob is appended after that.
//!
//! A blob is a plain file `blobs/ab/<64 hex>`; payloads of records may be packed (`<64 hex>.zst`), the name
//! being the digest of what comes out.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use fasti_domain::ids::{Digest, Seq};
use sha2::{Digest as _, Sha256};

use super::clearing::put_back;
use super::durable;
use super::envelope::digest_of;
use super::error::{Result, StoreError};

/// Fast and small enough: payloads are msgpack maps full of repeated names.
const ZSTD_LEVEL: i32 = 3;
const COPY_BYTES: usize = 128 * 1024;

/// Content that was wanted up to a bound.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Bounded {
    /// All of it.
    Whole(Vec<u8>),
    /// It has more bytes than were wanted.
    TooLong,
}

/// Handle to the blobs of a data directory. Cheap to clone, usable from any thread.
#[derive(Debug, Clone)]
pub struct Blobs {
    pub(super) dir: PathBuf,
    pub(super) tmp: PathBuf,
}

impl Blobs {
    /// Opens the folder and makes all folders in it; removes what a dead writer left half done. Only under the lock.
    ///
    /// Runners write here as well. Were folders made when first needed, one that a runner has just made could be lost
    /// in a power cut with what the server put into it, and synced, meanwhile.
    pub(super) fn open(dir: &Path) -> Result<Self> {
        let tmp = dir.join("tmp");
        durable::make_dir(&tmp)?;
        durable::remove_tmp(&tmp)?;
        for first in 0..=u8::MAX {
            let folder = dir.join(format!("{first:02x}"));
            if !folder.is_dir() {
                durable::make_dir(&folder)?;
            }
        }
        durable::sync_dir(dir)?;
        put_back(dir, &tmp)?;
        Ok(Self {
            dir: dir.to_owned(),
            tmp,
        })
    }

    /// A handle for looking only: makes and removes nothing.
    pub(super) fn look(dir: &Path) -> Self {
        Self {
            dir: dir.to_owned(),
            tmp: dir.join("tmp"),
        }
    }

    /// Where the plain blob lies, whether it exists or not.
    #[must_use]
    pub fn path(&self, digest: Digest) -> PathBuf {
        let name = digest.to_string();
        self.dir.join(&name[..2]).join(name)
    }

    pub(super) fn packed_path(&self, digest: Digest) -> PathBuf {
        let mut path = self.path(digest);
        path.set_extension("zst");
        path
    }

    /// Stores `content` and returns its name. Nothing is written if it is there already.
    ///
    /// # Errors
    /// The file system refuses; [`StoreError::DiskFull`] apart from the rest.
    pub fn put_bytes(&self, content: &[u8]) -> Result<Digest> {
        let digest = digest_of(content);
        if !self.is_there(digest, content.len() as u64)? {
            let target = self.place(&self.path(digest))?;
            durable::replace_file(&self.tmp, &target, &[content])?;
        }
        Ok(digest)
    }

    /// Moves the file at `source` in (it must lie on the same file system) and returns its name and length.
    /// Nobody may write to it any more.
    ///
    /// # Errors
    /// The file system refuses.
    pub fn put_file(&self, source: &Path) -> Result<(Digest, u64)> {
        let file = File::open(source).map_err(|e| StoreError::io("opening", source, e))?;
        let (digest, len) = hash_file(&file, source)?;
        if self.is_there(digest, len)? {
            fs::remove_file(source).map_err(|e| StoreError::io("removing", source, e))?;
        } else {
            file.sync_all()
                .map_err(|e| StoreError::io("syncing", source, e))?;
            durable::rename(source, &self.place(&self.path(digest))?)?;
        }
        Ok((digest, len))
    }

    /// Opens a plain blob for reading; `None` if there is none.
    ///
    /// # Errors
    /// It is there but cannot be opened.
    pub fn open_file(&self, digest: Digest) -> Result<Option<File>> {
        let path = self.path(digest);
        match File::open(&path) {
            Ok(file) => Ok(Some(file)),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(StoreError::io("opening", &path, e)),
        }
    }

    /// The whole blob, checked against its name; `None` if there is none.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] if the content is not what its name says.
    pub fn read(&self, digest: Digest) -> Result<Option<Vec<u8>>> {
        Ok(match self.read_within(digest, u64::MAX)? {
            Some(Bounded::Whole(content)) => Some(content),
            Some(Bounded::TooLong) | None => None,
        })
    }

    /// The content, plain or packed, unless it has more than `bytes_max` bytes: of such a one no more is read.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] if the content is not what its name says.
    pub fn read_within(&self, digest: Digest, bytes_max: u64) -> Result<Option<Bounded>> {
        let path = self.path(digest);
        let reading = |e| StoreError::io("reading", &path, e);
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(e) if e.kind() == io::ErrorKind::NotFound => {
                return self.read_packed(digest, bytes_max);
            }
            Err(e) => return Err(reading(e)),
        };
        let len = file.metadata().map_err(reading)?.len();
        if len > bytes_max {
            return Ok(Some(Bounded::TooLong));
        }
        let mut content = Vec::with_capacity(usize::try_from(len).unwrap_or(0));
        (&file).read_to_end(&mut content).map_err(reading)?;
        checked(digest, &path, content).map(|content| Some(Bounded::Whole(content)))
    }

    fn read_packed(&self, digest: Digest, bytes_max: u64) -> Result<Option<Bounded>> {
        let path = self.packed_path(digest);
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(StoreError::io("opening", &path, e)),
        };
        let unpacking =
            |e: io::Error| StoreError::damaged(Seq(0), &path, format!("blob does not unpack: {e}"));
        let unpacked = zstd::Decoder::new(file).map_err(unpacking)?;
        let mut content = Vec::new();
        let mut unpacked = unpacked.take(bytes_max.saturating_add(1));
        unpacked.read_to_end(&mut content).map_err(unpacking)?;
        if content.len() as u64 > bytes_max {
            return Ok(Some(Bounded::TooLong));
        }
        checked(digest, &path, content).map(|content| Some(Bounded::Whole(content)))
    }

    /// Length of the plain blob in bytes; `None` if there is none.
    ///
    /// # Errors
    /// The file system cannot say.
    pub fn len(&self, digest: Digest) -> Result<Option<u64>> {
        let path = self.path(digest);
        match fs::metadata(&path) {
            Ok(meta) => Ok(Some(meta.len())),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(StoreError::io("looking up", &path, e)),
        }
    }

    /// Whether the blob is there, plain or packed.
    #[must_use]
    pub fn exists(&self, digest: Digest) -> bool {
        self.path(digest).exists() || self.packed_path(digest).exists()
    }

    /// Whether the blob is there and its content is what its name says.
    ///
    /// # Errors
    /// The file system refuses; damage is not an error here but `false`.
    pub fn verify(&self, digest: Digest) -> Result<bool> {
        let path = self.path(digest);
        if let Some(file) = self.open_file(digest)? {
            return Ok(hash_file(&file, &path)?.0 == digest);
        }
        match self.read_packed(digest, u64::MAX) {
            Ok(content) => Ok(content.is_some()),
            Err(StoreError::Damaged { .. }) => Ok(false),
            Err(e) => Err(e),
        }
    }

    /// Stores the payload of a record, packed where that saves space.
    pub(super) fn put_payload(&self, payload: &[u8]) -> Result<Digest> {
        let digest = digest_of(payload);
        // A packed file is trusted only after a look inside: it may be what a power cut left of another try.
        let is_there =
            touch(&self.path(digest)).is_ok() || touch(&self.packed_path(digest)).is_ok();
        if is_there && self.verify(digest)? {
            self.sync_folder(digest)?;
            return Ok(digest);
        }
        let packed = zstd::bulk::compress(payload, ZSTD_LEVEL)
            .map_err(|e| StoreError::io("packing", &self.path(digest), e))?;
        let smaller = packed.len() < payload.len();
        let (path, bytes) = if smaller {
            (self.packed_path(digest), packed.as_slice())
        } else {
            (self.path(digest), payload)
        };
        durable::replace_file(&self.tmp, &self.place(&path)?, &[bytes])?;
        Ok(digest)
    }

    /// Whether the plain blob is there with this length; durably so, whoever put it there.
    pub(super) fn is_there(&self, digest: Digest, len: u64) -> Result<bool> {
        // Touched, so that whoever clears old contents knows that it is wanted again.
        let there = self.len(digest)? == Some(len) && touch(&self.path(digest)).is_ok();
        if there {
            self.sync_folder(digest)?;
        }
        Ok(there)
    }

    /// Tells whoever clears old contents that a blob is still wanted; `false` when it is not there.
    pub(crate) fn keep(&self, digest: Digest) -> bool {
        touch(&self.path(digest)).is_ok()
    }

    /// Makes the name of an existing blob durable: whoever put it there may have died, or be, before that.
    /// Its content was synced before it got the name.
    fn sync_folder(&self, digest: Digest) -> Result<()> {
        let path = self.path(digest);
        durable::sync_dir(path.parent().expect("blob paths have a folder"))
    }

    /// Makes the folder of `target` durable before the file goes in.
    pub(super) fn place(&self, target: &Path) -> Result<PathBuf> {
        let folder = target.parent().expect("blob paths have a folder");
        if !folder.is_dir() {
            durable::make_dir(folder)?;
            durable::sync_dir(&self.dir)?;
        }
        Ok(target.to_owned())
    }
}

/// Sets the time of the last change to now.
pub(super) fn touch(path: &Path) -> io::Result<()> {
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

fn checked(digest: Digest, path: &Path, content: Vec<u8>) -> Result<Vec<u8>> {
    if digest_of(&content) == digest {
        return Ok(content);
    }
    Err(StoreError::damaged(
        Seq(0),
        path,
        "blob is not what its name says",
    ))
}

fn hash_file(mut file: &File, path: &Path) -> Result<(Digest, u64)> {
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; COPY_BYTES];
    let mut len = 0;
    loop {
        let n = match file.read(&mut buffer) {
            Ok(0) => return Ok((Digest(hasher.finalize().into()), len)),
            Ok(n) => n,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
            Err(e) => return Err(StoreError::io("reading", path, e)),
        };
        hasher.update(&buffer[..n]);
        len += n as u64;
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn open() -> (tempfile::TempDir, Blobs) {
        let dir = tempfile::tempdir().unwrap();
        let blobs = Blobs::open(&dir.path().join("blobs")).unwrap();
        (dir, blobs)
    }

    fn tmp_files(blobs: &Blobs) -> usize {
        fs::read_dir(&blobs.tmp).unwrap().count()
    }

    #[test]
    fn three_ways_in_give_one_blob() {
        let (dir, blobs) = open();
        let content = vec![5; 300_000];
        let digest = blobs.put_bytes(&content).unwrap();
        assert_eq!(blobs.put_bytes(&content).unwrap(), digest);
        let mut writer = blobs.writer(1 << 20).unwrap();
        for piece in content.chunks(1000) {
            writer.write(piece).unwrap();
        }
        assert_eq!(writer.written_bytes(), 300_000);
        assert_eq!(writer.commit().unwrap(), (digest, 300_000));
        let source = dir.path().join("source");
        fs::write(&source, &content).unwrap();
        assert_eq!(blobs.put_file(&source).unwrap(), (digest, 300_000));
        assert!(!source.exists());
        assert_eq!(blobs.read(digest).unwrap().unwrap(), content);
        assert_eq!(blobs.len(digest).unwrap(), Some(300_000));
        assert!(blobs.exists(digest) && blobs.verify(digest).unwrap());
        assert_eq!(tmp_files(&blobs), 0);
    }

    #[test]
    fn what_is_longer_than_wanted_is_not_read() {
        let (_dir, blobs) = open();
        let content = vec![5; 1_000];
        let digest = blobs.put_bytes(&content).unwrap();
        let whole = Some(Bounded::Whole(content.clone()));
        assert_eq!(blobs.read_within(digest, 1_000).unwrap(), whole);
        assert_eq!(
            blobs.read_within(digest, 999).unwrap(),
            Some(Bounded::TooLong)
        );
        // Reading it would be noticed: a tebibyte, and damage.
        let file = File::options()
            .write(true)
            .open(blobs.path(digest))
            .unwrap();
        file.set_len(1 << 40).unwrap();
        assert_eq!(
            blobs.read_within(digest, 1_000).unwrap(),
            Some(Bounded::TooLong)
        );
        // Of what is packed no more is unpacked.
        fs::remove_file(blobs.path(digest)).unwrap();
        let packed = zstd::encode_all(&content[..], ZSTD_LEVEL).unwrap();
        fs::write(blobs.packed_path(digest), packed).unwrap();
        assert_eq!(blobs.read_within(digest, 1_000).unwrap(), whole);
        assert_eq!(
            blobs.read_within(digest, 999).unwrap(),
            Some(Bounded::TooLong)
        );
        let absent = digest_of(b"nobody has it");
        assert_eq!(blobs.read_within(absent, 1).unwrap(), None);
    }

    #[test]
    fn a_file_that_is_new_is_moved_in() {
        let (dir, blobs) = open();
        let source = dir.path().join("source");
        fs::write(&source, b"new").unwrap();
        let (digest, len) = blobs.put_file(&source).unwrap();
        assert_eq!((len, source.exists()), (3, false));
        let mut text = String::new();
        blobs
            .open_file(digest)
            .unwrap()
            .unwrap()
            .read_to_string(&mut text)
            .unwrap();
        assert_eq!(text, "new");
    }

    #[test]
    fn what_is_missing_or_changed_is_told_apart() {
        let (_dir, blobs) = open();
        let nobody = Digest([1; 32]);
        assert_eq!(blobs.read(nobody).unwrap(), None);
        assert_eq!(blobs.len(nobody).unwrap(), None);
        assert!(blobs.open_file(nobody).unwrap().is_none());
        assert!(!blobs.exists(nobody) && !blobs.verify(nobody).unwrap());
        let digest = blobs.put_bytes(b"good").unwrap();
        fs::write(blobs.path(digest), b"evil").unwrap();
        assert!(!blobs.verify(digest).unwrap());
        assert!(matches!(
            blobs.read(digest),
            Err(StoreError::Damaged { .. })
        ));
    }

    #[test]
    fn payloads_are_packed_where_that_helps() {
        let (_dir, blobs) = open();
        let digest = blobs.put_payload(&[7; 50_000]).unwrap();
        assert!(fs::metadata(blobs.packed_path(digest)).unwrap().len() < 1000);
        assert_eq!(blobs.read(digest).unwrap().unwrap(), [7; 50_000]);
        assert!(blobs.verify(digest).unwrap());
        // A damaged left-over is written anew.
        fs::write(blobs.packed_path(digest), b"torn").unwrap();
        assert!(!blobs.verify(digest).unwrap());
        blobs.put_payload(&[7; 50_000]).unwrap();
        assert!(blobs.verify(digest).unwrap());
    }
}
