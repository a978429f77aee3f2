//! One step after another through the stored records, checking everything that can be checked on the way:
//! dense positions, the hash chain, and the bounds of commits. Recovery, sealing and audit go this way.

use std::sync::Arc;

use fasti_domain::ids::Seq;

use super::database::Database;
use super::error::{Result, StoreError};
use super::frame::Header;
use super::links::{Inside, Linked, Links, Step};

/// A walk over the records from some position on.
pub(super) struct Walk {
    links: Links,
    frame: Option<(Linked, Inside)>,
}

impl Walk {
    /// Starts at the first record of the frame that holds `from`: at or before `from`.
    pub(super) fn new(database: &Arc<Database>, from: Seq) -> Result<Self> {
        let links = Links::new(database, from)?;
        Ok(Self { links, frame: None })
    }

    /// Position of the record that the next step gives.
    pub(super) fn next_seq(&self) -> Seq {
        let in_frame = self.frame.as_ref().map(|(_, inside)| inside.next_seq());
        in_frame.unwrap_or_else(|| self.links.next_seq())
    }

    /// The frame in which the walk stands: of the record that the last step gave.
    pub(super) fn frame(&self) -> Option<(&Header, &[u8])> {
        let (linked, _) = self.frame.as_ref()?;
        Some((&linked.header, &linked.bytes))
    }

    /// First event that the database should have and a segment stood in for, so far.
    pub(super) fn hole(&self) -> Option<Seq> {
        self.links.hole()
    }

    /// Damage at `seq` of the walked log.
    pub(super) fn damaged(&self, seq: Seq, why: impl Into<String>) -> StoreError {
        self.links.damaged(seq, why)
    }

    /// Frames begun, commits ended, bytes of the frames begun.
    pub(super) fn seen(&self) -> (u64, u64, u64) {
        let links = &self.links;
        (links.frames_seen, links.commits_seen, links.bytes_seen)
    }

    /// The next record; `None` after the last frame.
    pub(super) fn step(&mut self) -> Result<Option<Step<'_>>> {
        let at_end = self
            .frame
            .as_ref()
            .is_none_or(|(linked, inside)| inside.next_seq() > linked.header.last());
        if at_end {
            let Some(linked) = self.links.next()? else {
                return Ok(None);
            };
            let first = linked.header.place.seq;
            let inside = Inside::open(&linked.header, &linked.bytes)
                .map_err(|why| self.links.damaged(first, why))?;
            self.frame = Some((linked, inside));
        }
        let (linked, inside) = self.frame.as_mut().expect("opened above");
        let seq = inside.next_seq();
        let links = &self.links;
        inside
            .step(&linked.header, &linked.bytes)
            .map(Some)
            .map_err(|why| links.damaged(seq, why))
    }
}
