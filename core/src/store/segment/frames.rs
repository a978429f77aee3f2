//! The frames of the log in order, wherever they lie: in the database, or in sealed segments after retention
//! took them out of it.

use std::sync::Arc;

use fasti_domain::ids::Seq;

use super::format::Segment;
use super::retain;
use crate::store::database::{Database, key};
use crate::store::error::{Result, StoreError};

/// Frames from some position on.
pub(in crate::store) struct Frames {
    database: Arc<Database>,
    source: Source,
    /// First event that the database should have and a segment stood in for.
    pub(in crate::store) hole: Option<Seq>,
}

enum Source {
    Database(Box<sled::Iter>),
    Segment(Arc<Segment>, usize),
}

impl Frames {
    /// Frames from the one that holds `from` on, with the position that it starts at: `Seq(1)` if nobody
    /// has it.
    pub(in crate::store) fn open(database: &Arc<Database>, from: Seq) -> Result<(Seq, Self)> {
        let found = database.guard("finding an event", from, |db| {
            db.log.range(..=key(from)).next_back().transpose()
        })?;
        let mut frames = Self {
            database: Arc::clone(database),
            source: Source::Database(Box::new(database.log.iter())),
            hole: None,
        };
        let start = match found {
            Some((found, _)) => position(database, from, &found)?,
            None => match database.archive.segment_with(from)? {
                None => Seq(1),
                Some(segment) => {
                    let index = segment.frame_with(from);
                    let start = segment.frame(index).map_or(from, |(first, _)| first);
                    frames.source = Source::Segment(segment, index);
                    return Ok((start, frames));
                }
            },
        };
        frames.source = frames.database_from(start)?;
        Ok((start, frames))
    }

    /// The frame that starts at `next`, or whatever the database has after it; `None` at the end.
    pub(in crate::store) fn next(&mut self, next: Seq) -> Result<Option<(Seq, sled::IVec)>> {
        if let Source::Segment(segment, index) = &mut self.source {
            if let Some((first, bytes)) = segment.frame(*index) {
                *index += 1;
                return Ok(Some((first, sled::IVec::from(bytes))));
            }
            self.source = self.database_from(next)?;
        }
        let Source::Database(frames) = &mut self.source else {
            return Ok(None);
        };
        let entry = self
            .database
            .guard("reading events", next, |_| frames.next().transpose())?;
        let entry = match entry {
            None => None,
            Some((found, bytes)) => Some((position(&self.database, next, &found)?, bytes)),
        };
        if entry.as_ref().is_some_and(|(first, _)| *first == next) {
            return Ok(entry);
        }
        // Sealed events leave the database, also while somebody reads.
        let Some(segment) = self.database.archive.segment_with(next)? else {
            return Ok(entry);
        };
        let index = segment.frame_with(next);
        let bytes = segment.frame(index).filter(|(first, _)| *first == next);
        let Some((first, bytes)) = bytes else {
            return Ok(entry);
        };
        let bytes = sled::IVec::from(bytes);
        if self.hole.is_none() && retain::floor(&self.database)?.is_none_or(|floor| floor < next) {
            self.hole = Some(next);
        }
        self.source = Source::Segment(segment, index + 1);
        Ok(Some((first, bytes)))
    }

    fn database_from(&self, from: Seq) -> Result<Source> {
        let frames = self
            .database
            .guard("finding an event", from, |db| Ok(db.log.range(key(from)..)))?;
        Ok(Source::Database(Box::new(frames)))
    }
}

fn position(database: &Database, near: Seq, key: &[u8]) -> Result<Seq> {
    let bytes = key.try_into().ok().map(u64::from_be_bytes).map(Seq);
    bytes.ok_or_else(|| {
        StoreError::damaged(near, &database.file(), "a key of the log is not a position")
    })
}
