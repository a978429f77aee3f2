//! One step after another through the stored records, checking everything that can be checked on the way:
//! dense positions, the hash chain, and the bounds of commits. Reading, recovery and audit all go this way.

use std::sync::Arc;

use fasti_domain::ids::Seq;

use super::database::Database;
use super::envelope::{self, Envelope, GENESIS, Place};
use super::error::{Result, StoreError};
use super::frame::{self, Body, Header};
use super::segment::Frames;

/// A walk over the frames from some position on.
pub(super) struct Walk {
    database: Arc<Database>,
    frames: Frames,
    frame: Option<Open>,
    /// Position of the next record.
    next: Seq,
    /// Chain hash before it, once known.
    hash: Option<[u8; 32]>,
    /// Frames begun.
    pub(super) frames_seen: u64,
    /// Commits ended.
    pub(super) commits_seen: u64,
    /// Bytes of the frames begun.
    pub(super) bytes_seen: u64,
}

/// The frame in which the walk stands.
struct Open {
    bytes: sled::IVec,
    header: Header,
    body: Body,
}

/// One record on the way.
pub(super) struct Step<'a> {
    /// Its exact bytes.
    pub(super) record: &'a [u8],
    pub(super) envelope: Envelope<'a>,
    /// Chain hash after it.
    pub(super) hash: [u8; 32],
}

impl Walk {
    /// Starts at the first record of the frame that holds `from`: at or before `from`.
    pub(super) fn new(database: &Arc<Database>, from: Seq) -> Result<Self> {
        let from = from.max(Seq(1));
        let (start, frames) = Frames::open(database, from)?;
        Ok(Self {
            database: Arc::clone(database),
            frames,
            frame: None,
            next: start,
            hash: (start == Seq(1)).then_some(GENESIS),
            frames_seen: 0,
            commits_seen: 0,
            bytes_seen: 0,
        })
    }

    /// Position of the record that the next step gives.
    pub(super) fn next_seq(&self) -> Seq {
        self.next
    }

    /// The frame in which the walk stands: of the record that the last step gave.
    pub(super) fn frame(&self) -> Option<(&Header, &[u8])> {
        let open = self.frame.as_ref()?;
        Some((&open.header, &open.bytes))
    }

    /// First event that the database should have and a segment stood in for, so far.
    pub(super) fn hole(&self) -> Option<Seq> {
        self.frames.hole
    }

    /// Damage at `seq` of the walked log.
    pub(super) fn damaged(&self, seq: Seq, why: impl Into<String>) -> StoreError {
        StoreError::damaged(seq, &self.database.file(), why)
    }

    /// The next record; `None` after the last frame.
    pub(super) fn step(&mut self) -> Result<Option<Step<'_>>> {
        let at_end = self
            .frame
            .as_ref()
            .is_none_or(|open| self.next > open.header.last());
        if at_end && !self.open_frame()? {
            return Ok(None);
        }
        let seq = self.next;
        let damaged = |why: String| StoreError::damaged(seq, &self.database.file(), why);
        let Open {
            bytes,
            header,
            body,
        } = self.frame.as_mut().expect("opened above");
        let record = body
            .next(bytes)
            .ok_or_else(|| damaged("frame holds fewer events than it says".into()))?
            .map_err(damaged)?;
        let before = self.hash.as_ref().expect("opening a frame sets it");
        let hash = envelope::chain(before, record);
        if seq == header.last() && hash != header.hash {
            return Err(damaged("hash chain breaks in this frame".into()));
        }
        let envelope = envelope::decode(record).map_err(damaged)?;
        if envelope.place
            != (Place {
                seq,
                ..header.place
            })
        {
            return Err(damaged(format!(
                "event says that it is {:?}",
                envelope.place
            )));
        }
        self.next = seq.next();
        self.hash = Some(hash);
        Ok(Some(Step {
            record,
            envelope,
            hash,
        }))
    }

    /// Goes on to the next frame, which must follow the one before; `false` if there is none.
    fn open_frame(&mut self) -> Result<bool> {
        let next = self.next;
        let Some((first, bytes)) = self.frames.next(next)? else {
            return Ok(false);
        };
        let damaged = |why: String| StoreError::damaged(next, &self.database.file(), why);
        if first != next {
            return Err(damaged(format!(
                "event is missing, the next one stored is seq {first}"
            )));
        }
        let header = frame::decode_header(first, &bytes).map_err(damaged)?;
        let before = self.frame.as_ref().map(|open| &open.header);
        check_commit(before, &header).map_err(damaged)?;
        if self.hash.is_some_and(|hash| hash != header.previous) {
            return Err(damaged("hash chain breaks before this frame".into()));
        }
        self.hash = Some(header.previous);
        self.frames_seen += 1;
        self.commits_seen += u64::from(header.end_of_commit);
        self.bytes_seen += bytes.len() as u64;
        self.frame = Some(Open {
            bytes,
            header,
            body: Body::start(),
        });
        Ok(true)
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
