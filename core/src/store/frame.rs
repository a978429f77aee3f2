//! Packed frames: many records in one entry of the database. Pure: no files, no clock.
//!
//! Header of format 1 (numbers little-endian), then the body: per record a length (2 bytes) and its bytes.
//!
//! | at | bytes | field |
//! | --- | --- | --- |
//! | 0 | 4 | magic `FstF` |
//! | 4 | 1 | format, 1 |
//! | 5 | 1 | flags: 1 last frame of its commit; bits 4-7 codec of the body: 0 raw, 1 kept for zstd |
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
//! A frame proves itself: the chain runs from the one hash to the other through every byte of the body.
//! It stays within 6 KiB, because sled moves larger leaves to side files that it never syncs.

use fasti_domain::ids::Seq;

use super::envelope::{MAX_RECORD_BYTES, Place};

/// Largest frame, header included, in bytes.
pub(super) const MAX_FRAME_BYTES: usize = 6144;
/// Where the first seq stands in a frame.
pub(super) const SEQ_AT: usize = 8;
const HEADER_BYTES: usize = 112;
const CHECKED_BYTES: usize = 104;
const MAGIC: &[u8; 4] = b"FstF";
const FORMAT: u8 = 1;
const END_OF_COMMIT: u8 = 1;
const CODEC_SHIFT: u8 = 4;

// Every record fits into a frame of its own.
const _: () = assert!(HEADER_BYTES + 2 + MAX_RECORD_BYTES <= MAX_FRAME_BYTES);

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
    body_len: u32,
}

impl Header {
    /// Position of the last record.
    pub(super) fn last(&self) -> Seq {
        Seq(self.place.seq.0 + u64::from(self.count) - 1)
    }

    fn encode(&self) -> [u8; HEADER_BYTES] {
        let mut out = [0; HEADER_BYTES];
        let mut at = 0;
        let mut put = |bytes: &[u8]| {
            out[at..at + bytes.len()].copy_from_slice(bytes);
            at += bytes.len();
        };
        put(MAGIC);
        put(&[FORMAT, if self.end_of_commit { END_OF_COMMIT } else { 0 }]);
        put(&self.count.to_le_bytes());
        put(&self.place.seq.0.to_le_bytes());
        put(&self.place.epoch.to_le_bytes());
        put(&self.place.commit_first.0.to_le_bytes());
        put(&self.place.commit_len.to_le_bytes());
        put(&self.previous);
        put(&self.hash);
        put(&self.body_len.to_le_bytes());
        put(&self.body_len.to_le_bytes());
        let sum = blake3::hash(&out[..CHECKED_BYTES]);
        out[CHECKED_BYTES..].copy_from_slice(&sum.as_bytes()[..HEADER_BYTES - CHECKED_BYTES]);
        out
    }
}

/// One entry of the database, ready to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Frame {
    /// First position inside.
    pub(super) first: Seq,
    /// Header and body.
    pub(super) bytes: Vec<u8>,
}

/// Packs the records of one commit into as many frames as they need.
pub(super) struct Packer {
    commit: Place,
    next: Seq,
    start_hash: [u8; 32],
    hash: [u8; 32],
    open: Vec<u8>,
    count: u16,
    done: Vec<Frame>,
}

impl Packer {
    /// Begins a commit at `commit.commit_first`, after the record whose chain hash is `previous`.
    pub(super) fn new(commit: Place, previous: [u8; 32]) -> Self {
        Self {
            commit,
            next: commit.commit_first,
            start_hash: previous,
            hash: previous,
            open: Vec::new(),
            count: 0,
            done: Vec::new(),
        }
    }

    /// Adds the next record: its bytes and the chain hash after it.
    pub(super) fn push(&mut self, record_bytes: &[u8], hash: [u8; 32]) {
        if self.open.len() + 2 + record_bytes.len() > MAX_FRAME_BYTES {
            self.seal(false);
        }
        if self.open.is_empty() {
            self.open.resize(HEADER_BYTES, 0);
        }
        let len = u16::try_from(record_bytes.len()).expect("records are far below 64 KiB");
        self.open.extend_from_slice(&len.to_le_bytes());
        self.open.extend_from_slice(record_bytes);
        self.count += 1;
        self.hash = hash;
    }

    /// The frames; the last one ends the commit.
    pub(super) fn finish(mut self) -> Vec<Frame> {
        self.seal(true);
        self.done
    }

    fn seal(&mut self, end_of_commit: bool) {
        if self.count == 0 {
            return;
        }
        let mut bytes = std::mem::take(&mut self.open);
        let header = Header {
            place: Place {
                seq: self.next,
                ..self.commit
            },
            count: self.count,
            end_of_commit,
            previous: self.start_hash,
            hash: self.hash,
            body_len: u32::try_from(bytes.len() - HEADER_BYTES).expect("frames are at most 6 KiB"),
        };
        bytes[..HEADER_BYTES].copy_from_slice(&header.encode());
        self.done.push(Frame {
            first: self.next,
            bytes,
        });
        self.next = header.last().next();
        self.start_hash = self.hash;
        self.count = 0;
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
    if fixed[5] >> CODEC_SHIFT != 0 {
        return Err(format!(
            "frame codec {} is unknown",
            fixed[5] >> CODEC_SHIFT
        ));
    }
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
        body_len: u32::from_le_bytes(field(fixed, 96)),
    };
    if header.place.seq != key {
        return Err(format!(
            "frame of seq {} lies under key {key}",
            header.place.seq
        ));
    }
    if header.count == 0 || header.body_len as usize != bytes.len() - HEADER_BYTES {
        return Err("frame is shorter or longer than it says".into());
    }
    Ok(header)
}

fn field<const N: usize>(header: &[u8; HEADER_BYTES], at: usize) -> [u8; N] {
    header[at..at + N]
        .try_into()
        .expect("fields lie inside the header")
}

/// Steps through the body of a frame whose header was read by [`decode_header`].
#[derive(Debug, Clone, Copy)]
pub(super) struct Body {
    at: usize,
}

impl Body {
    /// Before the first record.
    pub(super) fn start() -> Self {
        Self { at: HEADER_BYTES }
    }

    /// Bytes of the next record; `None` at the end.
    ///
    /// # Errors
    /// A fragment saying what does not fit.
    pub(super) fn next<'a>(&mut self, frame: &'a [u8]) -> Option<Result<&'a [u8], String>> {
        let rest = frame.get(self.at..).filter(|rest| !rest.is_empty())?;
        let record = rest.split_first_chunk().and_then(|(len, rest)| {
            let len = usize::from(u16::from_le_bytes(*len));
            self.at += 2 + len;
            rest.get(..len)
        });
        Some(record.ok_or_else(|| "record is cut at the end of its frame".into()))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use crate::store::envelope::{GENESIS, chain};
    use proptest::prelude::*;

    fn pack(records: &[Vec<u8>]) -> Vec<Frame> {
        let commit_len = u32::try_from(records.len()).unwrap();
        let place = Place {
            seq: Seq(5),
            epoch: 1,
            commit_first: Seq(5),
            commit_len,
        };
        let mut packer = Packer::new(place, GENESIS);
        let mut hash = GENESIS;
        for record in records {
            hash = chain(&hash, record);
            packer.push(record, hash);
        }
        packer.finish()
    }

    fn unpack(frame: &Frame) -> (Header, Vec<Vec<u8>>) {
        let header = decode_header(frame.first, &frame.bytes).unwrap();
        let mut body = Body::start();
        let mut records = Vec::new();
        while let Some(record) = body.next(&frame.bytes) {
            records.push(record.unwrap().to_vec());
        }
        (header, records)
    }

    proptest! {
        #[test]
        fn frames_hold_exactly_what_was_packed(
            records in proptest::collection::vec(
                proptest::collection::vec(any::<u8>(), 0..MAX_RECORD_BYTES), 1..40),
        ) {
            let frames = pack(&records);
            let mut back = Vec::new();
            let mut hash = GENESIS;
            for (i, frame) in frames.iter().enumerate() {
                prop_assert!(frame.bytes.len() <= MAX_FRAME_BYTES);
                let (header, inside) = unpack(frame);
                prop_assert_eq!(header.place.seq, Seq(5 + back.len() as u64));
                prop_assert_eq!(header.end_of_commit, i + 1 == frames.len());
                prop_assert_eq!(header.previous, hash);
                hash = header.hash;
                back.extend(inside);
            }
            prop_assert_eq!(back, records);
        }

        #[test]
        fn a_changed_header_is_refused(byte in 0..HEADER_BYTES, bit in 0..8_u8) {
            let mut frame = pack(&[vec![1; 50]]).remove(0);
            frame.bytes[byte] ^= 1 << bit;
            prop_assert!(decode_header(frame.first, &frame.bytes).is_err());
        }

        #[test]
        fn arbitrary_bodies_never_panic(tail in proptest::collection::vec(any::<u8>(), 0..300)) {
            let mut bytes = vec![0; HEADER_BYTES];
            bytes.extend(tail);
            let mut body = Body::start();
            while let Some(Ok(_)) = body.next(&bytes) {}
            drop(decode_header(Seq(1), &bytes));
        }
    }

    #[test]
    fn bytes_never_change() {
        // Logs of every earlier build are read by this.
        let frames = pack(&[vec![1; 50], vec![2; 6]]);
        let digest = blake3::hash(&frames[0].bytes).to_hex();
        assert_eq!(
            digest.as_str(),
            "2bf93af925ff4ca0e01d2a187b2b19385d7f523d230db9e810e2228ae716888e"
        );
    }

    #[test]
    fn a_frame_under_a_foreign_key_is_refused() {
        let frame = pack(&[vec![1; 50]]).remove(0);
        assert!(
            decode_header(Seq(6), &frame.bytes)
                .unwrap_err()
                .contains("key 6")
        );
    }
}
