//! Packed frames: many records in one entry of the database. Pure: no files, no clock.
//!
//! Header of format 1 (numbers little-endian), then the body: per record a length (2 bytes) and its bytes. A body
//! may be packed with zstd.
//!
//! | at | bytes | field |
//! | --- | --- | --- |
//! | 0 | 4 | magic `FstF` |
//! | 4 | 1 | format, 1 |
//! | 5 | 1 | flags: 1 last frame of its commit; bits 4-7 codec of the body: 0 raw, 1 zstd |
//! | 6 | 2 | records |
//! | 8 | 8 | first seq |
//! | 16 | 4 | epoch |
//! | 20 | 8 | first seq of the commit |
//! | 28 | 4 | records in the commit |
//! | 32 | 32 | chain hash before the first record |
//! | 64 | 32 | chain hash after the last record |
//! | 96 | 4 | body length as stored |
//! | 100 | 4 | body length unpacked |
//! | 104 | 8 | start of BLAKE3 over bytes 0 to 103 |
//!
//! A frame proves itself: the chain runs from the one hash to the other through every byte of the unpacked body.
//! It stays within 6 KiB, because sled moves larger leaves to side files that it never syncs.

use std::cell::RefCell;

use fasti_domain::ids::Seq;

use super::envelope::{MAX_RECORD_BYTES, Place};

/// Largest frame, header included, in bytes.
pub(super) const MAX_FRAME_BYTES: usize = 6144;
/// Where the first seq stands in a frame.
pub(super) const SEQ_AT: usize = 8;
pub(super) const HEADER_BYTES: usize = 112;
const CHECKED_BYTES: usize = 104;
const MAGIC: &[u8; 4] = b"FstF";
const FORMAT: u8 = 1;
const END_OF_COMMIT: u8 = 1;
const CODEC_SHIFT: u8 = 4;
/// Largest body that is believed to come out of a packed one; what is written stays far below.
pub(super) const MAX_BODY_BYTES: usize = 64 * 1024;

// Every record fits into a frame of its own.
const _: () = assert!(HEADER_BYTES + 2 + MAX_RECORD_BYTES <= MAX_FRAME_BYTES);

/// How a body is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Codec {
    /// As it is.
    Raw,
    /// Packed with zstd.
    Zstd,
}

/// What a frame's header says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Header {
    /// Place of the first record.
    pub(super) place: Place,
    /// Records inside.
    pub(super) count: u16,
    /// Last frame of its commit.
    pub(super) end_of_commit: bool,
    /// Chain hash before the first record.
    pub(super) previous: [u8; 32],
    /// Chain hash after the last record.
    pub(super) hash: [u8; 32],
    /// How the body is stored.
    pub(super) codec: Codec,
    /// Its length as stored.
    pub(super) stored_len: u32,
    /// Its length unpacked.
    pub(super) body_len: u32,
}

impl Header {
    /// Position of the last record.
    pub(super) fn last(&self) -> Seq {
        Seq(self.place.seq.0 + u64::from(self.count) - 1)
    }

    /// The bytes of the header.
    pub(super) fn encode(&self) -> [u8; HEADER_BYTES] {
        let mut out = [0; HEADER_BYTES];
        let mut at = 0;
        let mut put = |bytes: &[u8]| {
            out[at..at + bytes.len()].copy_from_slice(bytes);
            at += bytes.len();
        };
        put(MAGIC);
        let end = if self.end_of_commit { END_OF_COMMIT } else { 0 };
        let codec = match self.codec {
            Codec::Raw => 0,
            Codec::Zstd => 1,
        };
        put(&[FORMAT, end | codec << CODEC_SHIFT]);
        put(&self.count.to_le_bytes());
        put(&self.place.seq.0.to_le_bytes());
        put(&self.place.epoch.to_le_bytes());
        put(&self.place.commit_first.0.to_le_bytes());
        put(&self.place.commit_len.to_le_bytes());
        put(&self.previous);
        put(&self.hash);
        put(&self.stored_len.to_le_bytes());
        put(&self.body_len.to_le_bytes());
        let sum = blake3::hash(&out[..CHECKED_BYTES]);
        out[CHECKED_BYTES..].copy_from_slice(&sum.as_bytes()[..HEADER_BYTES - CHECKED_BYTES]);
        out
    }
}

/// Reads and checks the header of the entry stored under `key`.
///
/// # Errors
/// A fragment saying what does not fit.
pub(super) fn decode_header(key: Seq, bytes: &[u8]) -> Result<Header, String> {
    let fixed: &[u8; HEADER_BYTES] = bytes
        .first_chunk()
        .ok_or_else(|| format!("frame has only {} bytes", bytes.len()))?;
    if &fixed[..4] != MAGIC {
        return Err("frame does not start as one".into());
    }
    if fixed[4] != FORMAT {
        return Err(format!(
            "frame format {} is unknown, this build knows {FORMAT}",
            fixed[4]
        ));
    }
    let sum = blake3::hash(&fixed[..CHECKED_BYTES]);
    if sum.as_bytes()[..HEADER_BYTES - CHECKED_BYTES] != fixed[CHECKED_BYTES..] {
        return Err("frame header does not match its checksum".into());
    }
    let codec = match fixed[5] >> CODEC_SHIFT {
        0 => Codec::Raw,
        1 => Codec::Zstd,
        other => return Err(format!("frame codec {other} is unknown")),
    };
    let header = Header {
        place: Place {
            seq: Seq(u64::from_le_bytes(field(fixed, 8))),
            epoch: u32::from_le_bytes(field(fixed, 16)),
            commit_first: Seq(u64::from_le_bytes(field(fixed, 20))),
            commit_len: u32::from_le_bytes(field(fixed, 28)),
        },
        count: u16::from_le_bytes(field(fixed, 6)),
        end_of_commit: fixed[5] & END_OF_COMMIT != 0,
        previous: field(fixed, 32),
        hash: field(fixed, 64),
        codec,
        stored_len: u32::from_le_bytes(field(fixed, 96)),
        body_len: u32::from_le_bytes(field(fixed, 100)),
    };
    if header.place.seq != key {
        return Err(format!(
            "frame of seq {} lies under key {key}",
            header.place.seq
        ));
    }
    if header.count == 0 || header.stored_len as usize != bytes.len() - HEADER_BYTES {
        return Err("frame is shorter or longer than it says".into());
    }
    let fits = match codec {
        Codec::Raw => header.body_len == header.stored_len,
        Codec::Zstd => header.body_len as usize <= MAX_BODY_BYTES,
    };
    if !fits {
        return Err("frame has a body of another length than it says".into());
    }
    Ok(header)
}

fn field<const N: usize>(header: &[u8; HEADER_BYTES], at: usize) -> [u8; N] {
    header[at..at + N]
        .try_into()
        .expect("fields lie inside the header")
}

/// The body of a frame whose header was read by [`decode_header`], and how far it was stepped through.
#[derive(Debug)]
pub(super) struct Body {
    at: usize,
    /// `None`: it lies in the frame as it is.
    unpacked: Option<Vec<u8>>,
}

impl Body {
    /// Before the first record. `frame` is the whole entry.
    ///
    /// # Errors
    /// A fragment saying what does not fit.
    pub(super) fn open(header: &Header, frame: &[u8]) -> Result<Self, String> {
        let stored = frame
            .get(HEADER_BYTES..)
            .ok_or_else(|| format!("frame has only {} bytes", frame.len()))?;
        let unpacked = match header.codec {
            Codec::Raw => None,
            Codec::Zstd => Some(unpack(stored, header.body_len as usize)?),
        };
        let at = if unpacked.is_some() { 0 } else { HEADER_BYTES };
        Ok(Self { at, unpacked })
    }

    /// Bytes that a record takes in a body.
    pub(super) fn len_of(record: &[u8]) -> usize {
        2 + record.len()
    }

    /// Bytes that were not stepped over yet.
    pub(super) fn left(&self, frame: &[u8]) -> usize {
        let body = self.unpacked.as_deref().unwrap_or(frame);
        body.len().saturating_sub(self.at)
    }

    /// Bytes of the next record; `None` at the end.
    ///
    /// # Errors
    /// A fragment saying what does not fit.
    pub(super) fn next<'a>(&'a mut self, frame: &'a [u8]) -> Option<Result<&'a [u8], String>> {
        let body = self.unpacked.as_deref().unwrap_or(frame);
        let rest = body.get(self.at..).filter(|rest| !rest.is_empty())?;
        let record = rest.split_first_chunk().and_then(|(len, rest)| {
            let len = usize::from(u16::from_le_bytes(*len));
            self.at += 2 + len;
            rest.get(..len)
        });
        Some(record.ok_or_else(|| "record is cut at the end of its frame".into()))
    }
}

fn unpack(stored: &[u8], len: usize) -> Result<Vec<u8>, String> {
    thread_local! {
        /// Making one takes longer than unpacking a frame.
        static UNPACKER: RefCell<Option<zstd::bulk::Decompressor<'static>>> = const { RefCell::new(None) };
    }
    let damaged = |e: std::io::Error| format!("frame does not unpack: {e}");
    let body = UNPACKER.with_borrow_mut(|unpacker| {
        let unpacker = match unpacker {
            Some(unpacker) => unpacker,
            None => unpacker.insert(zstd::bulk::Decompressor::new()?),
        };
        unpacker.decompress(stored, len)
    });
    let body = body.map_err(damaged)?;
    if body.len() != len {
        return Err("frame unpacks to another length than it says".into());
    }
    Ok(body)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use proptest::prelude::*;

    fn raw(bytes: &[u8]) -> Header {
        let len = u32::try_from(bytes.len() - HEADER_BYTES).unwrap();
        Header {
            place: Place {
                seq: Seq(5),
                epoch: 1,
                commit_first: Seq(5),
                commit_len: 1,
            },
            count: 1,
            end_of_commit: true,
            previous: [1; 32],
            hash: [2; 32],
            codec: Codec::Raw,
            stored_len: len,
            body_len: len,
        }
    }

    proptest! {
        #[test]
        fn a_changed_header_is_refused(byte in 0..HEADER_BYTES, bit in 0..8_u8) {
            let mut bytes = vec![1; HEADER_BYTES + 50];
            let header = raw(&bytes).encode();
            bytes[..HEADER_BYTES].copy_from_slice(&header);
            prop_assert_eq!(decode_header(Seq(5), &bytes).unwrap(), raw(&bytes));
            bytes[byte] ^= 1 << bit;
            prop_assert!(decode_header(Seq(5), &bytes).is_err());
        }

        #[test]
        fn arbitrary_bodies_never_panic(
            tail in proptest::collection::vec(any::<u8>(), 0..300),
            is_packed in any::<bool>(),
        ) {
            let mut bytes = vec![0; HEADER_BYTES];
            bytes.extend(tail);
            let mut header = raw(&bytes);
            if is_packed {
                header.codec = Codec::Zstd;
            }
            if let Ok(mut body) = Body::open(&header, &bytes) {
                while let Some(Ok(_)) = body.next(&bytes) {}
            }
            drop(decode_header(Seq(1), &bytes));
        }
    }
}
