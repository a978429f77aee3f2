//! Small contents (results, mostly) that live inside the database and become durable with the commit that
//! names them; and one look-up over these and blobs.

use std::sync::Arc;

use fasti_domain::ids::{Digest, Seq};

use super::blob::{Blobs, Bounded};
use super::database::Database;
use super::envelope::digest_of;
use super::error::{Result, StoreError};

/// Largest value, in bytes: sixteen to a leaf stay far from sled's side files.
pub const MAX_VALUE_BYTES: usize = 4096;

/// Read access to the values. Written by [`super::Log::append`] only.
#[derive(Debug, Clone)]
pub struct Values {
    database: Arc<Database>,
}

impl Values {
    pub(super) fn new(database: Arc<Database>) -> Self {
        Self { database }
    }

    pub(super) fn database(&self) -> &Database {
        &self.database
    }

    /// The value, checked against its name; `None` if there is none.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] if it cannot be read or is not what its name says.
    pub fn get(&self, digest: Digest) -> Result<Option<Vec<u8>>> {
        let found = self
            .database
            .guard("reading a value", Seq(0), |db| db.values.get(digest.0))?;
        let Some(content) = found else {
            return Ok(None);
        };
        if digest_of(&content) == digest {
            return Ok(Some(content.to_vec()));
        }
        let why = format!("value {digest} is not what its name says");
        Err(StoreError::damaged(Seq(0), &self.database.file(), why))
    }
}

/// Contents by digest, wherever they lie.
#[derive(Debug, Clone)]
pub struct Content {
    /// Small ones.
    pub values: Values,
    /// The others.
    pub blobs: Blobs,
}

impl Content {
    /// The content; `None` if nobody has it.
    ///
    /// # Errors
    /// It is there but damaged or unreadable.
    pub fn read(&self, digest: Digest) -> Result<Option<Vec<u8>>> {
        match self.values.get(digest)? {
            Some(content) => Ok(Some(content)),
            None => self.blobs.read(digest),
        }
    }

    /// The content, unless it has more than `bytes_max` bytes; `None` if nobody has it.
    ///
    /// # Errors
    /// It is there but damaged or unreadable.
    pub fn read_within(&self, digest: Digest, bytes_max: u64) -> Result<Option<Bounded>> {
        match self.values.get(digest)? {
            Some(content) if content.len() as u64 > bytes_max => Ok(Some(Bounded::TooLong)),
            Some(content) => Ok(Some(Bounded::Whole(content))),
            None => self.blobs.read_within(digest, bytes_max),
        }
    }

    /// Its length in bytes; `None` if nobody has it.
    ///
    /// # Errors
    /// It is there but damaged or unreadable.
    pub fn len(&self, digest: Digest) -> Result<Option<u64>> {
        match self.values.get(digest)? {
            Some(content) => Ok(Some(content.len() as u64)),
            None => self.blobs.len(digest),
        }
    }
}
