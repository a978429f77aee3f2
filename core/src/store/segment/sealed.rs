//! Reading the records of a folder of segments without a database: what an export or an auditor needs.

use std::path::Path;
use std::sync::Arc;

use fasti_domain::ids::{Digest, Seq};

use super::archive::Archive;
use super::format::Segment;
use super::records::Records;
use super::witness::stretches;
use crate::record::StoredRecord;
use crate::store::envelope::{Payload, digest_of};
use crate::store::error::{Result, StoreError};

/// The segment that a record is in, for the contents that it names.
#[derive(Debug, Clone)]
pub struct SealedContents(Arc<Segment>);

impl SealedContents {
    /// The content with this digest, if the segment holds it.
    #[must_use]
    pub fn get(&self, digest: Digest) -> Option<&[u8]> {
        let found = self.0.contents().find(|(name, _)| *name == digest)?.1;
        (digest_of(found) == digest).then_some(found)
    }
}

/// Hands every record from `from` on (inclusive) in the segments of `dir` to `visit`: its exact bytes, what they
/// say, and the contents sealed with it; until the segments end or `visit` says `false`.
///
/// # Errors
/// [`StoreError::NotFound`] if no segment holds `from`, [`StoreError::Damaged`] where one is missing or not what
/// was written.
pub fn each_sealed(
    dir: &Path,
    from: Seq,
    visit: &mut dyn FnMut(&[u8], &StoredRecord, &SealedContents) -> bool,
) -> Result<()> {
    let files = stretches(Archive::look(dir)?.list())
        .into_iter()
        .find_map(|mut stretch| {
            stretch.retain(|(_, last, _)| *last >= from);
            let holds = stretch.first().is_some_and(|(first, ..)| *first <= from);
            holds.then_some(stretch)
        });
    let Some(files) = files else {
        let dir = dir.to_owned();
        return Err(StoreError::NotFound { dir });
    };
    let mut records = Records::new(files);
    loop {
        let Some(step) = records.step()? else {
            return Ok(());
        };
        let place = step.envelope.place;
        if place.seq < from {
            continue;
        }
        let exact = step.record.to_vec();
        let (payload, beside) = match step.envelope.payload {
            Payload::Inline(bytes) => (bytes.to_vec(), None),
            Payload::Beside { digest, .. } => (Vec::new(), Some(digest)),
        };
        let mut stored = step.envelope.into_record(payload, step.hash);
        let segment = records.segment().expect("a step was taken in it");
        let contents = SealedContents(Arc::clone(segment));
        if let Some(digest) = beside {
            let found = contents.get(digest).map(<[u8]>::to_vec);
            stored.record.payload = found.ok_or_else(|| {
                StoreError::damaged(place.seq, dir, "payload is missing in the segment")
            })?;
        }
        if !visit(&exact, &stored, &contents) {
            return Ok(());
        }
    }
}
