//! One record after another through a folder of segments, checking everything that can be checked without a
//! database: digests of the files, dense positions, the chain, the bounds of commits, the contents.

use std::path::PathBuf;
use std::sync::Arc;

use fasti_domain::ids::Seq;

use super::archive;
use super::format::Segment;
use crate::store::envelope::{Envelope, GENESIS, digest_of};
use crate::store::error::{Result, StoreError};
use crate::store::frame::{self, Header};
use crate::store::links::{Inside, Step, check_commit};

/// A walk over segments from the first one on.
pub(in crate::store) struct Records {
    files: std::vec::IntoIter<(Seq, Seq, PathBuf)>,
    segment: Option<(Arc<Segment>, PathBuf)>,
    /// Index of the next frame in the segment.
    index: usize,
    frame: Option<(Header, Inside)>,
    next: Seq,
    hash: Option<[u8; 32]>,
    /// Commit that the frame before belonged to.
    before: Option<Header>,
    /// Contents found good.
    pub(in crate::store) contents_seen: u64,
    /// Segments begun.
    pub(in crate::store) segments_seen: u64,
}

/// One record on the way.
pub(in crate::store) struct Sealed<'a> {
    /// Its exact bytes.
    pub(in crate::store) record: &'a [u8],
    pub(in crate::store) envelope: Envelope<'a>,
    pub(in crate::store) hash: [u8; 32],
    /// The frame that it is in.
    pub(in crate::store) header: Header,
    /// The frame's bytes.
    pub(in crate::store) frame: &'a [u8],
}

impl Records {
    /// Before the first record of `files`, which are in order.
    pub(in crate::store) fn new(files: Vec<(Seq, Seq, PathBuf)>) -> Self {
        let next = files.first().map_or(Seq(1), |(first, ..)| *first);
        Self {
            files: files.into_iter(),
            segment: None,
            index: 0,
            frame: None,
            next,
            hash: (next == Seq(1)).then_some(GENESIS),
            before: None,
            contents_seen: 0,
            segments_seen: 0,
        }
    }

    /// Position of the record that the next step gives.
    pub(in crate::store) fn next_seq(&self) -> Seq {
        self.next
    }

    /// The segment that the last step was in.
    pub(in crate::store) fn segment(&self) -> Option<&Arc<Segment>> {
        self.segment.as_ref().map(|(segment, _)| segment)
    }

    /// Whether the last step was the first one in its segment.
    pub(in crate::store) fn is_fresh(&self) -> bool {
        self.segment()
            .is_some_and(|segment| segment.info.first.next() == self.next)
    }

    /// The next record; `None` after the last segment.
    pub(in crate::store) fn step(&mut self) -> Result<Option<Sealed<'_>>> {
        let at_end = self
            .frame
            .as_ref()
            .is_none_or(|(header, _)| self.next > header.last());
        if at_end && !self.open_frame()? {
            return Ok(None);
        }
        let seq = self.next;
        let (segment, path) = self.segment.as_ref().expect("a frame was opened in it");
        let damaged = |why: String| StoreError::damaged(seq, path, why);
        let (_, bytes) = segment.frame(self.index - 1).expect("opened above");
        let (header, inside) = self.frame.as_mut().expect("opened above");
        let Step {
            record,
            envelope,
            hash,
        } = inside.step(header, bytes).map_err(damaged)?;
        self.next = seq.next();
        self.hash = Some(hash);
        Ok(Some(Sealed {
            record,
            envelope,
            hash,
            header: *header,
            frame: bytes,
        }))
    }

    fn open_frame(&mut self) -> Result<bool> {
        let done = self
            .segment
            .as_ref()
            .is_none_or(|(segment, _)| self.index >= segment.info.frames as usize);
        if done && !self.open_segment()? {
            return Ok(false);
        }
        let next = self.next;
        let (segment, path) = self.segment.as_ref().expect("opened above");
        let damaged = |why: String| StoreError::damaged(next, path, why);
        let (first, bytes) = segment
            .frame(self.index)
            .ok_or_else(|| damaged("segment ends too early".into()))?;
        if first != next {
            let why = format!("event is missing, the next one sealed is seq {first}");
            return Err(damaged(why));
        }
        let header = frame::decode_header(first, bytes).map_err(damaged)?;
        check_commit(self.before.as_ref(), &header).map_err(damaged)?;
        if self.hash.is_some_and(|hash| hash != header.previous) {
            return Err(damaged("hash chain breaks before this frame".into()));
        }
        self.index += 1;
        self.before = Some(header);
        let inside = Inside::open(&header, bytes).map_err(damaged)?;
        self.frame = Some((header, inside));
        Ok(true)
    }

    fn open_segment(&mut self) -> Result<bool> {
        let finished = self.segment.take();
        if let Some((segment, path)) = &finished {
            let ends_right =
                self.next == segment.info.last.next() && self.hash == Some(segment.info.hash);
            if !ends_right {
                let why = "segment ends elsewhere than it says";
                return Err(StoreError::damaged(self.next, path, why));
            }
        }
        let Some((first, last, path)) = self.files.next() else {
            self.segment = finished;
            return Ok(false);
        };
        if first != self.next {
            let why = format!("segment of seq {} is missing before this one", self.next);
            return Err(StoreError::damaged(self.next, &path, why));
        }
        let segment = archive::read(&path, first)?;
        let damaged = |why: &str| StoreError::damaged(first, &path, why);
        let info = &segment.info;
        if (info.first, info.last) != (first, last) {
            return Err(damaged("segment holds other events than its name says"));
        }
        if self.hash.is_some_and(|hash| hash != info.previous) {
            return Err(damaged("hash chain breaks before this segment"));
        }
        for (digest, content) in segment.contents() {
            if digest_of(content) != digest {
                return Err(damaged(
                    "a content in the segment is not what its name says",
                ));
            }
            self.contents_seen += 1;
        }
        self.segments_seen += 1;
        self.segment = Some((Arc::new(segment), path));
        self.index = 0;
        Ok(true)
    }
}
