//! Writing a blob piece by piece, for content that need not be in memory as a whole.

use std::fs::{self, File};
use std::io::Write;
use std::path::PathBuf;

use fasti_domain::ids::Digest;
use sha2::{Digest as _, Sha256};

use super::blob::Blobs;
use super::durable;
use super::error::{Result, StoreError};

/// A blob being written. Dropped without [`BlobWriter::commit`], it leaves nothing.
#[derive(Debug)]
pub struct BlobWriter {
    blobs: Blobs,
    file: File,
    tmp: Option<PathBuf>,
    hasher: Sha256,
    len: u64,
    limit_bytes: u64,
}

impl Blobs {
    /// A blob to be written piece by piece, of at most `limit_bytes`.
    ///
    /// # Errors
    /// The temporary file cannot be made.
    pub fn writer(&self, limit_bytes: u64) -> Result<BlobWriter> {
        let (file, tmp) = durable::create_tmp(&self.tmp)?;
        Ok(BlobWriter {
            blobs: self.clone(),
            file,
            tmp: Some(tmp),
            hasher: Sha256::new(),
            len: 0,
            limit_bytes,
        })
    }
}

impl BlobWriter {
    /// Adds bytes.
    ///
    /// # Errors
    /// [`StoreError::TooLarge`] when they would go over the limit (nothing of them is written then), or the
    /// file system refuses.
    pub fn write(&mut self, bytes: &[u8]) -> Result<()> {
        let len = self.len + bytes.len() as u64;
        if len > self.limit_bytes {
            return Err(StoreError::TooLarge {
                limit_bytes: self.limit_bytes,
            });
        }
        self.file
            .write_all(bytes)
            .map_err(|e| StoreError::io("writing blob in", &self.blobs.tmp, e))?;
        self.hasher.update(bytes);
        self.len = len;
        Ok(())
    }

    /// Bytes written so far.
    #[must_use]
    pub fn written_bytes(&self) -> u64 {
        self.len
    }

    /// Makes the blob durable under its name; returns name and length.
    ///
    /// # Errors
    /// The file system refuses.
    pub fn commit(mut self) -> Result<(Digest, u64)> {
        let digest = Digest(std::mem::take(&mut self.hasher).finalize().into());
        if self.blobs.is_there(digest, self.len)? {
            return Ok((digest, self.len));
        }
        let tmp = self.tmp.as_ref().expect("commit is called once");
        self.file
            .sync_all()
            .map_err(|e| StoreError::io("syncing blob", tmp, e))?;
        let target = self.blobs.place(&self.blobs.path(digest))?;
        durable::rename(tmp, &target)?;
        self.tmp = None;
        Ok((digest, self.len))
    }
}

impl Drop for BlobWriter {
    fn drop(&mut self) {
        if let Some(tmp) = &self.tmp
            && let Err(error) = fs::remove_file(tmp)
        {
            tracing::debug!(%error, path = %tmp.display(), "temporary blob stays until the next start");
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn tmp_files(blobs: &Blobs) -> usize {
        fs::read_dir(&blobs.tmp).unwrap().count()
    }

    #[test]
    fn a_limit_is_kept_and_an_abandoned_writer_leaves_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let blobs = Blobs::open(&dir.path().join("blobs")).unwrap();
        let mut writer = blobs.writer(5).unwrap();
        writer.write(b"12345").unwrap();
        assert!(matches!(
            writer.write(b"6"),
            Err(StoreError::TooLarge { limit_bytes: 5 })
        ));
        assert_eq!(tmp_files(&blobs), 1);
        drop(writer);
        assert_eq!(tmp_files(&blobs), 0);
    }
}
