//! A chain computed again by somebody who was given exact records, and trusts nobody who gave them. Pure.

use fasti_domain::ids::{Digest, Seq};

use super::envelope::{self, GENESIS, Payload, digest_of};
use super::head::Head;
use crate::record::StoredRecord;

/// Takes exact records from the first one on and says where they stop being a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChainCheck {
    last: Head,
    /// First position and length of the commit that is not whole yet.
    open: Option<(Seq, u32)>,
}

impl Default for ChainCheck {
    fn default() -> Self {
        Self {
            last: Head {
                seq: Seq(0),
                hash: GENESIS,
                epoch: 0,
            },
            open: None,
        }
    }
}

impl ChainCheck {
    /// Last record that was found good.
    #[must_use]
    pub fn last(&self) -> Head {
        self.last
    }

    /// Whether the last record ends its commit.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.open.is_none()
    }

    /// The next record, and the hash that it is said to lead to.
    ///
    /// # Errors
    /// A fragment saying why it is not the next one; nothing is changed then.
    pub fn push(&mut self, record: &[u8], said: [u8; 32]) -> Result<(), String> {
        let envelope = envelope::decode(record)?;
        let place = envelope.place;
        let next = self.last.seq.next();
        if place.seq != next {
            return Err(format!("event says that it is seq {}", place.seq));
        }
        let begins = place.seq == place.commit_first;
        let follows = match self.open {
            Some(open) => open == (place.commit_first, place.commit_len),
            None => begins,
        };
        if !follows || place.epoch < self.last.epoch {
            return Err("commit before this event is cut".to_owned());
        }
        let hash = envelope::chain(&self.last.hash, record);
        if hash != said {
            return Err("event does not lead to the hash it is said to have".to_owned());
        }
        let end = place.commit_first.0 + u64::from(place.commit_len);
        self.open = (next.0 + 1 != end).then_some((place.commit_first, place.commit_len));
        self.last = Head {
            seq: next,
            hash,
            epoch: place.epoch,
        };
        Ok(())
    }
}

/// The record in these exact bytes, after which the chain is at `hash`; `beside` is its payload if that lies beside the
/// log, and nothing otherwise.
///
/// # Errors
/// A fragment saying why it is none, or not with this payload.
pub fn record_of(
    exact: &[u8],
    beside: Option<&[u8]>,
    hash: [u8; 32],
) -> Result<StoredRecord, String> {
    let envelope = envelope::decode(exact)?;
    let payload = match (envelope.payload, beside) {
        (Payload::Inline(payload), None) => payload,
        (Payload::Inline(_), Some(_)) => return Err("payload is inside of it already".to_owned()),
        (Payload::Beside { .. }, None) => return Err("payload is missing".to_owned()),
        (Payload::Beside { digest, len }, Some(payload)) => {
            if digest_of(payload) != digest || payload.len() as u64 != len {
                return Err("payload is not the one that it names".to_owned());
            }
            payload
        }
    };
    let payload = payload.to_vec();
    Ok(envelope.into_record(payload, hash))
}

/// Digest of the payload of the record in these exact bytes, if that lies beside the log.
#[must_use]
pub fn payload_beside(exact: &[u8]) -> Option<Digest> {
    match envelope::decode(exact).ok()?.payload {
        Payload::Beside { digest, .. } => Some(digest),
        Payload::Inline(_) => None,
    }
}
