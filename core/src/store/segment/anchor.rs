//! Anchors: signed statements about how far the log was and what its hash was there. They stand beside the log,
//! not in it: one that is lost or damaged takes no event with it, and a quiet log does not grow by them.
//!
//! `segments/manifest`, one JSON object a line, appended and synced. A line that a crash left half done is cut
//! off at the next start. Signed with Ed25519 over a fixed encoding of the fields, so that whoever has the public
//! key (or an earlier anchor) can tell a log that was written anew, hashes and all, from the one that was.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use ed25519_dalek::{Signer, SigningKey, VerifyingKey};
use fasti_domain::ids::Seq;
use fasti_domain::time::Timestamp;
use serde::{Deserialize, Serialize};

use super::format::SegmentInfo;
use crate::store::durable;
use crate::store::error::{Result, StoreError};

/// File of anchors in the folder of segments.
const MANIFEST: &str = "manifest";
/// Secret key in the data folder; readable by the owner only.
const SECRET: &str = "anchor.key";
/// Secret that seals exact records for a stream; readable by the owner only.
const STREAM_SECRET: &str = "stream.key";
/// Public key beside it.
const PUBLIC: &str = "anchor.pub";
const STATEMENT: &[u8] = b"fasti anchor, version 1\n";

/// What an anchor is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AnchorKind {
    /// A segment was sealed.
    Sealed,
    /// The log was this far.
    Reached,
    /// The events up to here left the database; they are in segments only.
    Archived,
}

/// A signed statement about the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Anchor {
    /// What it is about.
    pub kind: AnchorKind,
    /// First position concerned.
    pub first: u64,
    /// Last position concerned.
    pub last: u64,
    /// Records in between, both ends included.
    pub count: u64,
    /// Chain hash before the first, in hex.
    pub previous: String,
    /// Chain hash after the last, in hex.
    pub hash: String,
    /// Digest of the segment's file, in hex; empty for other kinds.
    pub digest: String,
    /// Root of the [`Tree`](crate::store::Tree) over the chain hashes of these records, in hex; empty where none was signed.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub tree: String,
    /// When it was signed, µs since 1970.
    pub at_us: i64,
    /// Public key, in hex.
    pub key: String,
    /// Signature, in hex.
    pub signature: String,
}

impl Anchor {
    /// About a sealed segment, unsigned; with the root of its tree, where that is known.
    pub(super) fn sealed(info: &SegmentInfo, tree: Option<[u8; 32]>, at: Timestamp) -> Self {
        Self {
            kind: AnchorKind::Sealed,
            first: info.first.0,
            last: info.last.0,
            count: info.records(),
            previous: hex(&info.previous),
            hash: hex(&info.hash),
            digest: hex(&info.digest),
            tree: tree.map_or_else(String::new, |root| hex(&root)),
            at_us: at.0,
            key: String::new(),
            signature: String::new(),
        }
    }

    /// About a position, unsigned; the records from 1 on.
    pub(super) fn position(kind: AnchorKind, last: Seq, hash: &[u8; 32], at: Timestamp) -> Self {
        Self {
            kind,
            first: 1,
            last: last.0,
            count: last.0,
            previous: hex(&crate::store::GENESIS),
            hash: hex(hash),
            digest: String::new(),
            tree: String::new(),
            at_us: at.0,
            key: String::new(),
            signature: String::new(),
        }
    }

    /// The bytes that are signed: every field in a fixed order, texts after their length.
    fn statement(&self) -> Vec<u8> {
        let kind: u8 = match self.kind {
            AnchorKind::Sealed => 1,
            AnchorKind::Reached => 2,
            AnchorKind::Archived => 3,
        };
        let mut out = STATEMENT.to_vec();
        out.push(kind);
        for number in [self.first, self.last, self.count] {
            out.extend_from_slice(&number.to_le_bytes());
        }
        out.extend_from_slice(&self.at_us.to_le_bytes());
        let texts = [&self.previous, &self.hash, &self.digest, &self.key];
        // Anchors without a tree are signed as they were before there were trees.
        let tree = (!self.tree.is_empty()).then_some(&self.tree);
        for text in texts.into_iter().chain(tree) {
            let len = u32::try_from(text.len()).unwrap_or(u32::MAX);
            out.extend_from_slice(&len.to_le_bytes());
            out.extend_from_slice(text.as_bytes());
        }
        out
    }

    /// Whether the signature fits the fields and the key that the anchor names. Whose key that is, is another
    /// question.
    #[must_use]
    pub fn is_signed(&self) -> bool {
        is_signed(&self.statement(), &self.key, &self.signature)
    }

    /// The chain hash that it states.
    #[must_use]
    pub fn chain_hash(&self) -> Option<[u8; 32]> {
        unhex(&self.hash)
    }
}

/// Whether a signature fits a statement and a key, both in hex.
pub(super) fn is_signed(statement: &[u8], key: &str, signature: &str) -> bool {
    let (Some(key), Some(signature)) = (unhex(key), unhex(signature)) else {
        return false;
    };
    let signature = ed25519_dalek::Signature::from_bytes(&signature);
    VerifyingKey::from_bytes(&key).is_ok_and(|key| key.verify_strict(statement, &signature).is_ok())
}

/// Bytes in lower-case hexadecimal digits.
pub(in crate::store) fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut out = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        out.push(char::from(DIGITS[usize::from(byte >> 4)]));
        out.push(char::from(DIGITS[usize::from(byte & 15)]));
    }
    out
}

fn unhex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let text = text.as_bytes();
    let is_digit = |b: &u8| matches!(b, b'0'..=b'9' | b'a'..=b'f');
    if text.len() != 2 * N || !text.iter().all(is_digit) {
        return None;
    }
    let mut out = [0; N];
    for (byte, pair) in out.iter_mut().zip(text.chunks_exact(2)) {
        let value = |b: u8| if b <= b'9' { b - b'0' } else { b - b'a' + 10 };
        *byte = value(pair[0]) << 4 | value(pair[1]);
    }
    Some(out)
}

/// The key that signs anchors.
pub(super) struct AnchorKey(SigningKey);

impl AnchorKey {
    /// The key of the data folder; made, with its public half beside it, if there is none.
    pub(super) fn of(data: &Path) -> Result<Self> {
        let key = secret(data, SECRET)?;
        let key = SigningKey::from_bytes(&key);
        let public = format!("{}\n", hex(key.verifying_key().as_bytes()));
        let path = data.join(PUBLIC);
        if fs::read_to_string(&path).ok().as_ref() != Some(&public) {
            durable::replace_file(data, &path, &[public.as_bytes()])?;
        }
        Ok(Self(key))
    }

    /// The anchor, signed.
    pub(super) fn sign(&self, mut anchor: Anchor) -> Anchor {
        anchor.key = self.public();
        anchor.signature = hex(&self.sign_bytes(&anchor.statement()));
        anchor
    }

    /// The public half, in hex.
    pub(super) fn public(&self) -> String {
        hex(self.0.verifying_key().as_bytes())
    }

    /// A signature over a statement.
    pub(super) fn sign_bytes(&self, statement: &[u8]) -> [u8; 64] {
        self.0.sign(statement).to_bytes()
    }
}

/// The secret in the file `name` of the data folder; drawn, durably, if there is none.
fn secret(data: &Path, name: &str) -> Result<[u8; 32]> {
    let path = data.join(name);
    match read_secret(&path) {
        Err(StoreError::Io { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => {
            let seed = draw()?;
            durable::replace_file(data, &path, &[hex(&seed).as_bytes(), b"\n"])?;
            Ok(seed)
        }
        outcome => outcome,
    }
}

/// The secret in a file: 64 hexadecimal digits.
///
/// # Errors
/// The file cannot be read, or holds something else.
pub fn read_secret(path: &Path) -> Result<[u8; 32]> {
    let text = fs::read_to_string(path).map_err(|e| StoreError::io("reading", path, e))?;
    unhex(text.trim()).ok_or_else(|| StoreError::Invalid {
        why: format!(
            "{} is no key: restore it from a copy, or remove it to begin with a new one",
            path.display()
        ),
    })
}

/// The secret that exact records are sealed with on their way out of the house; made if there is none.
///
/// # Errors
/// It cannot be read or made.
pub fn stream_secret(data: &Path) -> Result<[u8; 32]> {
    secret(data, STREAM_SECRET)
}

fn draw() -> Result<[u8; 32]> {
    use std::io::Read;
    let path = Path::new("/dev/urandom");
    let mut seed = [0; 32];
    fs::File::open(path)
        .and_then(|mut source| source.read_exact(&mut seed))
        .map_err(|e| StoreError::io("drawing a key from", path, e))?;
    Ok(seed)
}

/// The public key that a data folder says it signs with, in hex.
#[must_use]
pub(in crate::store) fn public_key(data: &Path) -> Option<String> {
    let text = fs::read_to_string(data.join(PUBLIC)).ok()?;
    Some(text.trim().to_owned())
}

/// The anchors of a folder of segments, and every line that is none with its number from 1.
///
/// # Errors
/// The file is there but cannot be read.
pub(in crate::store) fn read(dir: &Path) -> Result<(Vec<Anchor>, Vec<usize>)> {
    let path = manifest_path(dir);
    let bytes = match fs::read(&path) {
        Ok(bytes) => bytes,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok((vec![], vec![])),
        Err(e) => return Err(StoreError::io("reading", &path, e)),
    };
    let mut anchors = Vec::new();
    let mut bad = Vec::new();
    for (index, line) in bytes.split_inclusive(|b| *b == b'\n').enumerate() {
        match serde_json::from_slice::<Anchor>(line) {
            // Written in one form only, so that no byte can change without notice.
            Ok(anchor) if line_of(&anchor).as_bytes() == line => anchors.push(anchor),
            _ => bad.push(index + 1),
        }
    }
    Ok((anchors, bad))
}

/// The anchors in the manifest of a data folder, oldest first; lines that are none are passed over.
///
/// # Errors
/// The file is there but cannot be read.
pub fn anchors_of(data: &Path) -> Result<Vec<Anchor>> {
    read(&data.join("segments")).map(|(anchors, _)| anchors)
}

/// The file of anchors in a folder of segments.
pub(in crate::store) fn manifest_path(dir: &Path) -> PathBuf {
    dir.join(MANIFEST)
}

fn line_of(anchor: &Anchor) -> String {
    let mut line = serde_json::to_string(anchor).expect("anchors are plain data");
    line.push('\n');
    line
}

/// The thread that seals and those that sign on demand write whole lines one after another.
static TURN: Mutex<()> = Mutex::new(());

/// Appends an anchor, durably; or leaves the file as it was.
pub(super) fn append(dir: &Path, anchor: &Anchor) -> Result<()> {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let path = manifest_path(dir);
    let is_new = !path.exists();
    durable::make_dir(dir)?;
    let written = OpenOptions::new()
        .create(true)
        .append(true)
        .open(&path)
        .and_then(|mut file| {
            let before = file.metadata()?.len();
            let line = line_of(anchor);
            let done = file
                .write_all(line.as_bytes())
                .and_then(|()| file.sync_data());
            if done.is_err() {
                // Half a line, as a full disk leaves it, would spoil the next one.
                drop(file.set_len(before));
            }
            done
        });
    written.map_err(|e| StoreError::io("writing", &path, e))?;
    if is_new {
        durable::sync_dir(dir)?;
    }
    Ok(())
}

/// Cuts off what a crash left of a last line.
pub(super) fn trim(dir: &Path) -> Result<()> {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let path = manifest_path(dir);
    let Ok(bytes) = fs::read(&path) else {
        return Ok(());
    };
    let whole = bytes.len() - torn_bytes(&bytes);
    if whole < bytes.len() {
        OpenOptions::new()
            .write(true)
            .open(&path)
            .and_then(|file| {
                file.set_len(whole as u64)?;
                file.sync_all()
            })
            .map_err(|e| StoreError::io("cutting", &path, e))?;
    }
    Ok(())
}

/// Bytes at the end that a crash left of a line. Such a line has no end, or it has one and zeros before it, where a
/// disk had written the later sectors only. Any other line that is no anchor was altered, and stays to be found.
fn torn_bytes(bytes: &[u8]) -> usize {
    let ended = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    let start = ended
        .iter()
        .rposition(|b| *b == b'\n')
        .map_or(0, |at| at + 1);
    let is_torn = ended.len() == bytes.len() || ended[start..].contains(&0);
    if is_torn { bytes.len() - start } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is left of two lines after the second was torn.
    fn left_of(bytes: &[u8]) -> usize {
        bytes.len() - torn_bytes(bytes)
    }

    #[test]
    fn only_what_a_crash_leaves_of_the_last_line_is_cut_off() {
        assert_eq!(left_of(b""), 0);
        assert_eq!(left_of(b"{one}\n{two}\n"), 12);
        assert_eq!(left_of(b"{one}\n{tw"), 6);
        assert_eq!(left_of(b"{one}\n{tw\0\0"), 6);
        assert_eq!(left_of(b"{one}\n\0\0wo}\n"), 6);
        assert_eq!(left_of(b"\0\0wo}\n"), 0);
        // Altered, not torn: it stays, for whoever checks.
        assert_eq!(left_of(b"{one}\n{xxx}\n"), 12);
        assert_eq!(left_of(b"{o\0e}\n{two}\n"), 12);
    }
}
