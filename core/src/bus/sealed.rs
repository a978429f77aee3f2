//! Exact records on their way out of the house: sealed, because they hold rights (the seed, lease tokens) that
//! nobody outside may read, and bound to the chain hash that the message shows. Pure but for the nonce.
//!
//! Form 1: `1`, nonce (12 bytes), then ChaCha20-Poly1305 over the body with the chain hash as associated data. The
//! body is `0` and as it is, or `1` and packed with zstd: length (4, little-endian) and bytes of the record, then
//! each content: SHA-256 (32), length (4), bytes.
//!
//! # Source
//! ChaCha20-Poly1305 as RFC 8439 has it.

use std::io::Read;
use std::path::Path;

use fasti_domain::ids::{Digest, Seq};
use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::rand::{SecureRandom, SystemRandom};

use crate::record::ExactRecord;
use crate::store::{self, StoreError};

const FORM: u8 = 1;
const PLAIN: u8 = 0;
const PACKED: u8 = 1;
/// Bodies from here on are packed; shorter ones gain nothing.
const PACKED_FROM_BYTES: usize = 512;
const ZSTD_LEVEL: i32 = 1;
/// Largest body that is believed: a payload of the largest definition, and some.
const BODY_BYTES_MAX: u64 = 256 << 20;

/// Seals and opens exact records. Whoever has it and the stream has the log.
#[derive(Clone)]
pub struct StreamKey(LessSafeKey);

impl std::fmt::Debug for StreamKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("StreamKey")
    }
}

impl StreamKey {
    /// The key of a data folder; made if there is none.
    ///
    /// # Errors
    /// It cannot be read or made.
    pub fn of(data: &Path) -> Result<Self, StoreError> {
        store::stream_secret(data).map(Self::from_secret)
    }

    /// The key in a file.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn read(path: &Path) -> Result<Self, StoreError> {
        store::read_secret(path).map(Self::from_secret)
    }

    /// The key from what its file holds.
    #[must_use]
    #[expect(
        clippy::missing_panics_doc,
        reason = "the length of the key is that of the cipher"
    )]
    pub fn from_secret(secret: [u8; 32]) -> Self {
        let key = blake3::derive_key("fasti 2026 exact records in a stream", &secret);
        let key = UnboundKey::new(&CHACHA20_POLY1305, &key).expect("the cipher takes 32 bytes");
        Self(LessSafeKey::new(key))
    }

    /// The record, sealed.
    ///
    /// # Errors
    /// The system gives no nonce.
    pub(super) fn seal(&self, exact: &ExactRecord) -> Result<Vec<u8>, String> {
        let mut nonce = [0; NONCE_LEN];
        let drawn = SystemRandom::new().fill(&mut nonce);
        drawn.map_err(|_| "the system gives no random bytes".to_owned())?;
        let mut body = framed(exact);
        let tag = self.0.seal_in_place_separate_tag(
            Nonce::assume_unique_for_key(nonce),
            Aad::from(exact.hash),
            &mut body,
        );
        let tag = tag.map_err(|_| "a record is too large to be sealed".to_owned())?;
        let mut out = Vec::with_capacity(1 + NONCE_LEN + body.len() + tag.as_ref().len());
        out.push(FORM);
        out.extend_from_slice(&nonce);
        out.extend_from_slice(&body);
        out.extend_from_slice(tag.as_ref());
        Ok(out)
    }

    /// What was sealed for the position `seq` under the chain hash `hash`.
    ///
    /// # Errors
    /// A fragment saying what does not fit.
    pub(super) fn open(
        &self,
        seq: Seq,
        hash: [u8; 32],
        sealed: &[u8],
    ) -> Result<ExactRecord, String> {
        let (form, rest) = sealed.split_first().ok_or("it is empty")?;
        if *form != FORM {
            return Err(format!(
                "it has form {form}, this build reads {FORM}: use a newer Fasti"
            ));
        }
        let (nonce, rest) = rest.split_first_chunk::<NONCE_LEN>().ok_or("it is cut")?;
        let mut body = rest.to_vec();
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let opened = self.0.open_in_place(nonce, Aad::from(hash), &mut body);
        let opened = opened.map_err(|_| {
            "this key does not open it: it was sealed with another one, or is not what was sent"
        })?;
        let mut exact = unframed(opened).ok_or("it is cut inside")?;
        (exact.seq, exact.hash) = (seq, hash);
        Ok(exact)
    }
}

fn put(out: &mut Vec<u8>, bytes: &[u8]) {
    let len = u32::try_from(bytes.len()).expect("records and contents are far below 4 GiB");
    out.extend_from_slice(&len.to_le_bytes());
    out.extend_from_slice(bytes);
}

fn framed(exact: &ExactRecord) -> Vec<u8> {
    let mut body = vec![PLAIN];
    put(&mut body, &exact.bytes);
    for (digest, content) in &exact.contents {
        body.extend_from_slice(&digest.0);
        put(&mut body, content);
    }
    if body.len() < PACKED_FROM_BYTES {
        return body;
    }
    match zstd::bulk::compress(&body[1..], ZSTD_LEVEL) {
        Ok(mut packed) if packed.len() + 1 < body.len() => {
            packed.insert(0, PACKED);
            packed
        }
        Ok(_) | Err(_) => body,
    }
}

fn unframed(body: &[u8]) -> Option<ExactRecord> {
    let (is_packed, rest) = body.split_first()?;
    let unpacked;
    let mut rest = match *is_packed {
        PLAIN => rest,
        PACKED => {
            let mut out = Vec::new();
            let unpacking = zstd::Decoder::new(rest).ok()?;
            unpacking.take(BODY_BYTES_MAX).read_to_end(&mut out).ok()?;
            unpacked = out;
            unpacked.as_slice()
        }
        _ => return None,
    };
    let bytes = take(&mut rest)?.to_vec();
    let mut contents = Vec::new();
    while !rest.is_empty() {
        let (digest, after) = rest.split_first_chunk::<32>()?;
        rest = after;
        contents.push((Digest(*digest), take(&mut rest)?.to_vec()));
    }
    Some(ExactRecord {
        seq: Seq(0),
        bytes,
        hash: [0; 32],
        contents,
    })
}

fn take<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let (len, after) = rest.split_first_chunk::<4>()?;
    let (bytes, after) = after.split_at_checked(u32::from_le_bytes(*len) as usize)?;
    *rest = after;
    Some(bytes)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn exact(len: usize) -> ExactRecord {
        ExactRecord {
            seq: Seq(7),
            bytes: vec![b'r'; len],
            hash: [9; 32],
            contents: vec![(Digest([1; 32]), vec![2; 30]), (Digest([3; 32]), vec![])],
        }
    }

    #[test]
    fn what_is_sealed_is_what_is_opened() {
        let key = StreamKey::from_secret([5; 32]);
        for len in [0, 300, 100_000] {
            let exact = exact(len);
            let sealed = key.seal(&exact).unwrap();
            assert_eq!(key.open(Seq(7), [9; 32], &sealed).unwrap(), exact);
            assert!(sealed.len() < len / 2 + 400, "{} of {len}", sealed.len());
            assert!(!sealed.windows(9).any(|it| it == b"rrrrrrrrr"), "readable");
            assert_ne!(sealed, key.seal(&exact).unwrap(), "a nonce of its own");
        }
    }

    #[test]
    fn nothing_else_is_opened() {
        let key = StreamKey::from_secret([5; 32]);
        let sealed = key.seal(&exact(300)).unwrap();
        let other = StreamKey::from_secret([6; 32]);
        let wrong = other.open(Seq(7), [9; 32], &sealed).unwrap_err();
        assert!(wrong.contains("another"), "{wrong}");
        assert!(key.open(Seq(7), [8; 32], &sealed).is_err(), "another hash");
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert!(key.open(Seq(7), [9; 32], &changed).is_err(), "byte {at}");
            assert!(key.open(Seq(7), [9; 32], &sealed[..at]).is_err());
        }
    }
}
