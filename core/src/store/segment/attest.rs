//! Signing on demand, for whoever proves some events to others: that a stretch of the log has this tree, that a file
//! is as the server made it. The key is that of the anchors.

use std::path::{Path, PathBuf};

use fasti_domain::ids::{Digest, Seq};
use fasti_domain::time::Timestamp;

use super::anchor::{self, Anchor, AnchorKey, AnchorKind, hex};
use crate::store::error::Result;

const FILE_STATEMENT: &[u8] = b"fasti evidence file, version 1\n";

/// Signs for a data folder.
pub struct Attestor {
    key: AnchorKey,
    segments: PathBuf,
}

/// A signature over a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileSeal {
    /// Public key, in hex.
    pub key: String,
    /// Signature, in hex.
    pub signature: String,
}

impl Attestor {
    /// With the key of the data folder, made if there is none.
    ///
    /// # Errors
    /// The key can be neither read nor made.
    pub fn open(data: &Path) -> Result<Self> {
        let segments = data.join("segments");
        anchor::trim(&segments)?;
        Ok(Self {
            key: AnchorKey::of(data)?,
            segments,
        })
    }

    /// Signs that the records from `first` to `last` have the tree with this root and lead from one chain hash to the
    /// other. The anchor goes to the manifest, durably: nothing is signed that is not on record.
    ///
    /// # Errors
    /// The file system refuses.
    pub fn anchor(
        &self,
        (first, last): (Seq, Seq),
        (previous, hash): (&[u8; 32], &[u8; 32]),
        tree: &[u8; 32],
        at: Timestamp,
    ) -> Result<Anchor> {
        let anchor = Anchor {
            first: first.0,
            count: last.0 + 1 - first.0,
            previous: hex(previous),
            tree: hex(tree),
            ..Anchor::position(AnchorKind::Reached, last, hash, at)
        };
        let anchor = self.key.sign(anchor);
        anchor::append(&self.segments, &anchor)?;
        Ok(anchor)
    }

    /// The public key, in hex.
    #[must_use]
    pub fn public_key(&self) -> String {
        self.key.public()
    }

    /// Signs a file by its digest.
    #[must_use]
    pub fn seal_file(&self, digest: Digest) -> FileSeal {
        FileSeal {
            key: self.key.public(),
            signature: hex(&self.key.sign_bytes(&statement(digest))),
        }
    }
}

fn statement(digest: Digest) -> Vec<u8> {
    [FILE_STATEMENT, &digest.0].concat()
}

impl FileSeal {
    /// Whether the signature fits the file and the key that it names.
    #[must_use]
    pub fn is_of(&self, digest: Digest) -> bool {
        anchor::is_signed(&statement(digest), &self.key, &self.signature)
    }
}
