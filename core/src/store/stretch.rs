//! The log in stretches of some frames, for readers that go through much of it: cutting them off is quick and done
//! by one thread; proving and reading what is inside can be done by several, a stretch each.

use std::borrow::Cow;
use std::path::PathBuf;

use fasti_domain::ids::{Digest, Seq};

use super::blob::Blobs;
use super::envelope::Payload;
use super::error::{Result, StoreError};
use super::links::{Inside, Linked, Links};
use super::reader::LogReader;
use crate::record::RecordView;

/// Frames in a stretch: some hundred records or a thousand, so that handing one over costs little beside reading it.
const FRAMES: usize = 16;

/// Stretches from some position on, in order. Ends after the first error.
pub struct Stretches {
    links: Option<Links>,
    blobs: Blobs,
    file: PathBuf,
    from: Seq,
    upto: Seq,
}

/// Some frames, each of which follows the one before; not yet looked into.
pub struct Stretch {
    frames: Vec<Linked>,
    blobs: Blobs,
    file: PathBuf,
    from: Seq,
    upto: Seq,
}

impl LogReader {
    /// The records from `from` to `upto` (both inclusive, no further than the durable end) in stretches.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] if not even the first frame can be found.
    pub fn stretches(&self, from: Seq, upto: Seq) -> Result<Stretches> {
        let (from, upto) = (from.max(Seq(1)), upto.min(self.last().seq));
        let links = if from > upto {
            None
        } else {
            Some(Links::new(&self.database, from)?)
        };
        Ok(Stretches {
            links,
            blobs: self.blobs.clone(),
            file: self.database.file(),
            from,
            upto,
        })
    }
}

impl Stretches {
    fn cut(links: &mut Links, upto: Seq) -> Result<Vec<Linked>> {
        let mut frames = Vec::new();
        while frames.len() < FRAMES && links.next_seq() <= upto {
            let Some(frame) = links.next()? else {
                let seq = links.next_seq();
                let why = format!("event is missing, the log was durable up to seq {upto}");
                return Err(links.damaged(seq, why));
            };
            frames.push(frame);
        }
        Ok(frames)
    }
}

impl Iterator for Stretches {
    type Item = Result<Stretch>;

    fn next(&mut self) -> Option<Self::Item> {
        let links = self.links.as_mut()?;
        let outcome = Self::cut(links, self.upto);
        let frames = match outcome {
            Ok(frames) if frames.is_empty() => {
                self.links = None;
                return None;
            }
            Ok(frames) => frames,
            Err(error) => {
                self.links = None;
                return Some(Err(error));
            }
        };
        Some(Ok(Stretch {
            frames,
            blobs: self.blobs.clone(),
            file: self.file.clone(),
            from: self.from,
            upto: self.upto,
        }))
    }
}

impl Stretch {
    /// How many records there are in its frames.
    #[must_use]
    pub fn len(&self) -> usize {
        let counts = self.frames.iter().map(|frame| frame.header.count);
        counts.map(usize::from).sum()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.frames.is_empty()
    }

    /// Proves and hands over the records one after another.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] where a record is not what was written, or the first error of `visit`.
    pub fn each<E: From<StoreError>>(
        &self,
        visit: &mut dyn FnMut(&RecordView<'_>) -> std::result::Result<(), E>,
    ) -> std::result::Result<(), E> {
        for Linked { bytes, header } in &self.frames {
            let damaged = |seq, why: String| StoreError::damaged(seq, &self.file, why);
            let mut inside =
                Inside::open(header, bytes).map_err(|why| damaged(header.place.seq, why))?;
            while inside.next_seq() <= header.last().min(self.upto) {
                let seq = inside.next_seq();
                let step = inside
                    .step(header, bytes)
                    .map_err(|why| damaged(seq, why))?;
                // Records before `from` in its frame are stepped over: the chain needs them.
                if seq < self.from {
                    continue;
                }
                let payload = fetch(step.envelope.payload, seq, &self.blobs)?;
                visit(&step.envelope.view(&payload, step.hash))?;
            }
        }
        Ok(())
    }
}

/// The payload, from wherever it lies.
pub(super) fn fetch<'a>(payload: Payload<'a>, seq: Seq, blobs: &Blobs) -> Result<Cow<'a, [u8]>> {
    match payload {
        Payload::Inline(bytes) => Ok(Cow::Borrowed(bytes)),
        Payload::Beside { digest, len } => fetch_beside(digest, len, seq, blobs).map(Cow::Owned),
    }
}

fn fetch_beside(digest: Digest, len: u64, seq: Seq, blobs: &Blobs) -> Result<Vec<u8>> {
    let path = blobs.path(digest);
    match blobs.read(digest) {
        Ok(Some(bytes)) if bytes.len() as u64 == len => Ok(bytes),
        Ok(Some(_)) => {
            let why = "payload has another length";
            Err(StoreError::damaged(seq, &path, why))
        }
        Ok(None) => Err(StoreError::damaged(seq, &path, "payload is missing")),
        Err(StoreError::Damaged { file, why, .. }) => Err(StoreError::damaged(seq, &file, why)),
        Err(other) => Err(other),
    }
}
