//! From the records of a commit to frames. Pure: no files, no clock.
//!
//! Records are gathered in sheaves; a sheaf becomes one packed frame if that stays within the largest size, else
//! several. Packing is most of the work for large commits, and needs nothing but the sheaf, so a second thread can
//! do it while the chain goes on ([`Packer::beside`]).

use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Mutex, PoisonError};
use std::thread::{Scope, ScopedJoinHandle};

use fasti_domain::ids::Seq;

use super::envelope::{self, Place};
use super::frame::{Codec, HEADER_BYTES, Header, MAX_BODY_BYTES, MAX_FRAME_BYTES};

/// Fast: writing waits for it. Names and structure of records repeat, which this finds as well as level 1 does.
const ZSTD_LEVEL: i32 = -1;
/// Below this a sheaf is not worth packing.
const WORTH_PACKING: usize = 1024;
/// What the first sheaf of a log gathers; later ones go by what fitted.
const FIRST_SHEAF_BYTES: usize = 12 * 1024;
/// Larger frames would make reading a single record slow.
const MAX_SHEAF_BYTES: usize = 24 * 1024;

// What a sheaf holds is believed when it is read back, with its last record.
const _: () = assert!(MAX_SHEAF_BYTES + MAX_FRAME_BYTES <= MAX_BODY_BYTES);

/// One entry of the database, ready to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Frame {
    /// First position inside.
    pub(super) first: Seq,
    /// Header and body.
    pub(super) bytes: Vec<u8>,
}

/// Bytes of a body that lately fitted into a frame.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fit(usize);

impl Default for Fit {
    fn default() -> Self {
        Self(FIRST_SHEAF_BYTES)
    }
}

impl Fit {
    /// Learns from what came of `body_bytes`.
    fn learn(&mut self, body_bytes: usize, frame_bytes: usize) {
        if frame_bytes > 0 && body_bytes >= MAX_FRAME_BYTES {
            // A little less than what would fit if the next ones were the same.
            let fitting = body_bytes * (MAX_FRAME_BYTES - MAX_FRAME_BYTES / 8) / frame_bytes;
            self.0 = fitting.clamp(MAX_FRAME_BYTES, MAX_SHEAF_BYTES);
        }
    }
}

/// Records that follow each other, on their way into one frame or more.
struct Sheaf {
    /// Place of the first record.
    place: Place,
    previous: [u8; 32],
    body: Vec<u8>,
    /// Where each record ends in the body, and the chain hash after it.
    ends: Vec<(usize, [u8; 32])>,
    is_last: bool,
}

/// Packs the records of one commit into as many frames as they need.
pub(super) struct Packer<'scope> {
    open: Sheaf,
    fit: Fit,
    done: Vec<Frame>,
    body_bytes: usize,
    beside: Option<Beside<'scope>>,
}

/// The second thread.
struct Beside<'scope> {
    sheaves: Sender<Sheaf>,
    thread: ScopedJoinHandle<'scope, Vec<Frame>>,
}

impl Packer<'static> {
    /// Begins a commit at `commit.commit_first`, after the record whose chain hash is `previous`.
    pub(super) fn new(commit: Place, previous: [u8; 32], fit: Fit) -> Self {
        Self {
            open: Sheaf {
                place: Place {
                    seq: commit.commit_first,
                    ..commit
                },
                previous,
                body: Vec::with_capacity(fit.0),
                ends: Vec::new(),
                is_last: false,
            },
            fit,
            done: Vec::new(),
            body_bytes: 0,
            beside: None,
        }
    }

    /// Lets a thread of `scope` do the packing; without one it is done on the way.
    pub(super) fn beside<'scope>(self, scope: &'scope Scope<'scope, '_>) -> Packer<'scope> {
        let (sheaves, given): (_, Receiver<Sheaf>) = channel();
        let thread = std::thread::Builder::new().name("fasti-log-pack".into());
        let thread = thread.spawn_scoped(scope, move || {
            let mut done = Vec::new();
            given.into_iter().for_each(|sheaf| sheaf.pack(&mut done));
            done
        });
        let Self {
            open,
            fit,
            done,
            body_bytes,
            ..
        } = self;
        Packer {
            open,
            fit,
            done,
            body_bytes,
            beside: thread.ok().map(|thread| Beside { sheaves, thread }),
        }
    }
}

impl Packer<'_> {
    /// Adds the next record, which `write` appends to the buffer it is given; answers with the chain hash after it.
    pub(super) fn write(&mut self, write: impl FnOnce(&mut Vec<u8>)) -> [u8; 32] {
        if self.open.body.len() >= self.fit.0 {
            self.seal(false);
        }
        let body = &mut self.open.body;
        let start = body.len();
        body.extend_from_slice(&[0; 2]);
        write(body);
        let len = body.len() - start - 2;
        let len = u16::try_from(len).expect("records are far below 64 KiB");
        body[start..start + 2].copy_from_slice(&len.to_le_bytes());
        let before = self.open.ends.last().map(|(_, hash)| hash);
        let hash = envelope::chain(before.unwrap_or(&self.open.previous), &body[start + 2..]);
        self.open.ends.push((body.len(), hash));
        hash
    }

    /// The frames, the last of which ends the commit, and what was learned of what fits.
    pub(super) fn finish(mut self) -> (Vec<Frame>, Fit) {
        self.seal(true);
        let mut frames = self.done;
        if let Some(Beside { sheaves, thread }) = self.beside {
            drop(sheaves);
            match thread.join() {
                Ok(done) => frames.extend(done),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        let bytes = frames.iter().map(|frame| frame.bytes.len()).sum();
        self.fit.learn(self.body_bytes, bytes);
        (frames, self.fit)
    }

    fn seal(&mut self, is_last: bool) {
        let open = &mut self.open;
        let Some((_, hash)) = open.ends.last().copied() else {
            return;
        };
        let count = open.ends.len() as u64;
        let next = Sheaf {
            place: Place {
                seq: Seq(open.place.seq.0 + count),
                ..open.place
            },
            previous: hash,
            body: Vec::with_capacity(if is_last { 0 } else { open.body.capacity() }),
            ends: Vec::with_capacity(if is_last { 0 } else { open.ends.len() }),
            is_last: false,
        };
        let mut sheaf = std::mem::replace(open, next);
        sheaf.is_last = is_last;
        self.body_bytes += sheaf.body.len();
        match &self.beside {
            None => sheaf.pack(&mut self.done),
            Some(beside) => {
                // The thread ends after the sender, or by a panic that `finish` passes on.
                beside.sheaves.send(sheaf).ok();
            }
        }
    }
}

impl Sheaf {
    fn pack(&self, done: &mut Vec<Frame>) {
        self.pack_some(0..self.ends.len(), done);
    }

    /// Packs the records of a range of positions in the sheaf: into one frame if that is possible.
    fn pack_some(&self, range: std::ops::Range<usize>, done: &mut Vec<Frame>) {
        let body = &self.body[self.start(range.start)..self.start(range.end)];
        let is_small = HEADER_BYTES + body.len() <= MAX_FRAME_BYTES;
        if body.len() >= WORTH_PACKING
            && let Some(packed) = packed(body)
            && packed.len() < body.len()
        {
            done.push(self.frame(&range, Codec::Zstd, &packed, body.len()));
        } else if is_small || range.len() == 1 {
            done.push(self.frame(&range, Codec::Raw, body, body.len()));
        } else {
            let middle = self.middle(&range, body.len());
            self.pack_some(range.start..middle, done);
            self.pack_some(middle..range.end, done);
        }
    }

    /// Where the record at a position starts.
    fn start(&self, position: usize) -> usize {
        position
            .checked_sub(1)
            .map_or(0, |before| self.ends[before].0)
    }

    /// A position inside of the range that parts it about in the middle of its bytes.
    fn middle(&self, range: &std::ops::Range<usize>, len: usize) -> usize {
        let half = self.start(range.start) + len / 2;
        let found = self.ends.partition_point(|(end, _)| *end <= half);
        found.clamp(range.start + 1, range.end - 1)
    }

    fn frame(
        &self,
        range: &std::ops::Range<usize>,
        codec: Codec,
        stored: &[u8],
        body_len: usize,
    ) -> Frame {
        let first = Seq(self.place.seq.0 + range.start as u64);
        let before = range.start.checked_sub(1);
        let small = |len: usize| u32::try_from(len).expect("sheaves are far below 4 GiB");
        let header = Header {
            place: Place {
                seq: first,
                ..self.place
            },
            count: u16::try_from(range.len()).expect("records have more than a byte"),
            end_of_commit: self.is_last && range.end == self.ends.len(),
            previous: before.map_or(self.previous, |before| self.ends[before].1),
            hash: self.ends[range.end - 1].1,
            codec,
            stored_len: small(stored.len()),
            body_len: small(body_len),
        };
        let mut bytes = Vec::with_capacity(HEADER_BYTES + stored.len());
        bytes.extend_from_slice(&header.encode());
        bytes.extend_from_slice(stored);
        Frame { first, bytes }
    }
}

/// The body packed, if it fits into a frame then.
fn packed(body: &[u8]) -> Option<Vec<u8>> {
    const ROOM: usize = MAX_FRAME_BYTES - HEADER_BYTES;
    /// Making one takes longer than packing many frames, and the thread that packs beside lives for one commit only.
    static SPARE: Mutex<Vec<zstd::bulk::Compressor<'static>>> = Mutex::new(Vec::new());
    // Nothing can panic while it is held.
    let spare = || SPARE.lock().unwrap_or_else(PoisonError::into_inner);
    let taken = spare().pop();
    let mut packer = match taken {
        Some(packer) => packer,
        None => zstd::bulk::Compressor::new(ZSTD_LEVEL).ok()?,
    };
    let mut out = Vec::with_capacity(ROOM);
    // zstd refuses what would not fit.
    let outcome = packer.compress_to_buffer(body, &mut out);
    spare().push(packer);
    outcome.ok().map(|_| out)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use crate::store::envelope::{GENESIS, MAX_RECORD_BYTES, chain};
    use crate::store::frame::{Body, decode_header};
    use proptest::prelude::*;

    fn place(records: &[Vec<u8>]) -> Place {
        Place {
            seq: Seq(5),
            epoch: 1,
            commit_first: Seq(5),
            commit_len: u32::try_from(records.len()).unwrap(),
        }
    }

    fn fill(packer: &mut Packer<'_>, records: &[Vec<u8>]) {
        let mut hash = GENESIS;
        for record in records {
            hash = chain(&hash, record);
            assert_eq!(
                packer.write(|out| out.extend_from_slice(record)),
                hash,
                "the chain goes on"
            );
        }
    }

    fn pack(records: &[Vec<u8>]) -> Vec<Frame> {
        let mut packer = Packer::new(place(records), GENESIS, Fit::default());
        fill(&mut packer, records);
        packer.finish().0
    }

    fn unpack(frame: &Frame) -> (Header, Vec<Vec<u8>>) {
        let header = decode_header(frame.first, &frame.bytes).unwrap();
        let mut body = Body::open(&header, &frame.bytes).unwrap();
        let mut records = Vec::new();
        while let Some(record) = body.next(&frame.bytes) {
            records.push(record.unwrap().to_vec());
        }
        (header, records)
    }

    /// Of bytes that cannot be packed, or of repeated ones.
    fn some_record() -> impl Strategy<Value = Vec<u8>> {
        prop_oneof![
            proptest::collection::vec(any::<u8>(), 0..MAX_RECORD_BYTES),
            (any::<u8>(), 0..MAX_RECORD_BYTES).prop_map(|(byte, len)| vec![byte; len]),
        ]
    }

    proptest! {
        #[test]
        fn frames_hold_exactly_what_was_packed(
            records in proptest::collection::vec(some_record(), 1..60),
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
                prop_assert_eq!(usize::from(header.count), inside.len());
                hash = header.hash;
                back.extend(inside);
            }
            prop_assert_eq!(back, records);
        }
    }

    #[test]
    fn a_second_thread_makes_the_same_frames() {
        let records: Vec<Vec<u8>> = (0..500_u32).map(|n| n.to_le_bytes().repeat(60)).collect();
        let beside = std::thread::scope(|scope| {
            let mut packer = Packer::new(place(&records), GENESIS, Fit::default()).beside(scope);
            fill(&mut packer, &records);
            packer.finish().0
        });
        assert!(beside.len() > 2);
        assert_eq!(beside, pack(&records));
    }

    #[test]
    fn what_repeats_takes_less() {
        let records: Vec<Vec<u8>> = (0..400_u32).map(|n| n.to_le_bytes().repeat(75)).collect();
        let bytes: usize = pack(&records).iter().map(|frame| frame.bytes.len()).sum();
        assert!(bytes < 400 * 300 / 3, "{bytes}");
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
