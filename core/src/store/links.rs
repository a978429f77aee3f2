//! From frame to frame: each must follow the one before, in position, commit and chain. What is inside of a frame
//! is not looked at here, so this is cheap, and the insides can be proven by several threads at once: a header
//! says which hash the chain has before and after its frame.

use std::sync::Arc;

use fasti_domain::ids::Seq;

use super::database::Database;
use super::envelope::{self, Envelope, GENESIS, Place};
use super::error::{Result, StoreError};
use super::frame::{self, Body, Header};
use super::segment::Frames;

/// A frame that follows the one before.
pub(super) struct Linked {
    pub(super) bytes: sled::IVec,
    pub(super) header: Header,
}

/// The frames from some position on.
pub(super) struct Links {
    database: Arc<Database>,
    frames: Frames,
    before: Option<Header>,
    /// Position that the next frame must start at.
    next: Seq,
    /// Chain hash before it, once known.
    hash: Option<[u8; 32]>,
    /// Frames given.
    pub(super) frames_seen: u64,
    /// Commits ended.
    pub(super) commits_seen: u64,
    /// Bytes of the frames given.
    pub(super) bytes_seen: u64,
}

impl Links {
    /// Starts with the frame that holds `from`.
    pub(super) fn new(database: &Arc<Database>, from: Seq) -> Result<Self> {
        let from = from.max(Seq(1));
        let (start, frames) = Frames::open(database, from)?;
        Ok(Self {
            database: Arc::clone(database),
            frames,
            before: None,
            next: start,
            hash: (start == Seq(1)).then_some(GENESIS),
            frames_seen: 0,
            commits_seen: 0,
            bytes_seen: 0,
        })
    }

    /// Position that the next frame must start at.
    pub(super) fn next_seq(&self) -> Seq {
        self.next
    }

    /// First event that the database should have and a segment stood in for, so far.
    pub(super) fn hole(&self) -> Option<Seq> {
        self.frames.hole
    }

    /// Damage at `seq` of the log.
    pub(super) fn damaged(&self, seq: Seq, why: impl Into<String>) -> StoreError {
        StoreError::damaged(seq, &self.database.file(), why)
    }

    /// The next frame; `None` if there is none.
    pub(super) fn next(&mut self) -> Result<Option<Linked>> {
        let next = self.next;
        let Some((first, bytes)) = self.frames.next(next)? else {
            return Ok(None);
        };
        if first != next {
            let why = format!("event is missing, the next one stored is seq {first}");
            return Err(self.damaged(next, why));
        }
        let header = frame::decode_header(first, &bytes).map_err(|why| self.damaged(next, why))?;
        check_commit(self.before.as_ref(), &header).map_err(|why| self.damaged(next, why))?;
        if self.hash.is_some_and(|hash| hash != header.previous) {
            return Err(self.damaged(next, "hash chain breaks before this frame"));
        }
        self.frames_seen += 1;
        self.commits_seen += u64::from(header.end_of_commit);
        self.bytes_seen += bytes.len() as u64;
        self.hash = Some(header.hash);
        self.next = header.last().next();
        self.before = Some(header);
        Ok(Some(Linked { bytes, header }))
    }
}

/// One record on the way through a frame.
pub(super) struct Step<'a> {
    /// Its exact bytes.
    pub(super) record: &'a [u8],
    pub(super) envelope: Envelope<'a>,
    /// Chain hash after it.
    pub(super) hash: [u8; 32],
}

/// Where a reader stands in a frame.
pub(super) struct Inside {
    body: Body,
    next: Seq,
    hash: [u8; 32],
}

impl Inside {
    /// Before the first record.
    pub(super) fn open(header: &Header, frame: &[u8]) -> std::result::Result<Self, String> {
        Ok(Self {
            body: Body::open(header, frame)?,
            next: header.place.seq,
            hash: header.previous,
        })
    }

    /// Position of the record that the next step gives.
    pub(super) fn next_seq(&self) -> Seq {
        self.next
    }

    /// The next record, which must be what the header promises: at its place, and on the chain.
    pub(super) fn step<'a>(
        &'a mut self,
        header: &Header,
        frame: &'a [u8],
    ) -> std::result::Result<Step<'a>, String> {
        let seq = self.next;
        let left = self.body.left(frame);
        let record = self
            .body
            .next(frame)
            .ok_or("frame holds fewer events than it says")??;
        if seq == header.last() && left != Body::len_of(record) {
            return Err("frame holds more events than it says".into());
        }
        let hash = envelope::chain(&self.hash, record);
        if seq == header.last() && hash != header.hash {
            return Err("hash chain breaks in this frame".into());
        }
        let envelope = envelope::decode(record)?;
        let place = Place {
            seq,
            ..header.place
        };
        if envelope.place != place {
            return Err(format!("event says that it is {:?}", envelope.place));
        }
        self.next = seq.next();
        self.hash = hash;
        Ok(Step {
            record,
            envelope,
            hash,
        })
    }
}

/// Whether a frame continues the commit of the frame before it, or begins one where that one ended.
pub(super) fn check_commit(
    before: Option<&Header>,
    header: &Header,
) -> std::result::Result<(), String> {
    let place = header.place;
    let end = place
        .commit_first
        .0
        .checked_add(u64::from(place.commit_len));
    let ends_here = end == Some(header.last().0 + 1);
    if header.end_of_commit != ends_here {
        return Err("frame ends its commit at the wrong place".into());
    }
    let begins = place.seq == place.commit_first;
    let follows = match before {
        None => true,
        Some(before) if before.end_of_commit => begins && place.epoch >= before.place.epoch,
        Some(before) => {
            place
                == (Place {
                    seq: place.seq,
                    ..before.place
                })
        }
    };
    follows
        .then_some(())
        .ok_or_else(|| "commit before this frame is cut".into())
}
