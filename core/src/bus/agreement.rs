//! Whether the end of the stream is a point of our log: the question behind every resumption. Pure.
//!
//! The stream is a copy, so a shorter one is filled up. A longer or different one means that somebody else
//! wrote, that the log is an older copy of itself, or that the stream belongs to another log: then nothing is
//! sent, because either side could be the right one and only a person can say which.

use fasti_domain::ids::{Digest, Seq};

/// What stands at the end of the stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Tail {
    /// Its sequence in the stream; 0 when there is no message.
    pub(super) seq: Seq,
    /// Chain hash it carries; `None` when the message is not one of ours, or gone.
    pub(super) hash: Option<String>,
    /// Source it carries.
    pub(super) source: Option<String>,
    /// Messages that were taken out from between others.
    pub(super) holes: u64,
}

/// Stream and log disagree.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the stream ends at {stream_seq} and the log at {log_seq}, and they disagree: {reason}")]
pub struct Divergence {
    /// Last sequence of the stream.
    pub stream_seq: Seq,
    /// Last sequence of the log.
    pub log_seq: Seq,
    /// What was found and what to do.
    pub reason: String,
}

/// Where to go on: the stream holds the log up to the sequence answered. `hash_at` is the log's chain hash at
/// the end of the stream; it is not asked for when the log does not reach that far.
pub(super) fn agreed<E>(
    tail: &Tail,
    log_seq: Seq,
    own_source: &str,
    hash_at: impl FnOnce(Seq) -> Result<Option<[u8; 32]>, E>,
) -> Result<Result<Seq, Divergence>, E> {
    let differ = |reason: String| {
        Ok(Err(Divergence {
            stream_seq: tail.seq,
            log_seq,
            reason,
        }))
    };
    if tail.holes > 0 {
        return differ(format!(
            "{} messages were deleted from the middle of the stream; delete the stream to have it filled again from the log",
            tail.holes
        ));
    }
    if tail.seq == Seq(0) {
        return Ok(Ok(Seq(0)));
    }
    let Some(found) = &tail.hash else {
        return differ(format!(
            "message {} was not published by Fasti; find out who writes to the subjects of this tenant, then delete the stream to have it filled again from the log",
            tail.seq
        ));
    };
    if let Some(source) = tail
        .source
        .as_deref()
        .filter(|source| *source != own_source)
    {
        return differ(format!(
            "the stream holds the events of {source}, and this is {own_source}; give one of them another tenant"
        ));
    }
    if tail.seq > log_seq {
        return differ(
            "the stream has events that the log lacks; the log may be an older copy: restore the newer one, or delete the stream to go on with this log"
                .to_owned(),
        );
    }
    let own = hash_at(tail.seq)?.map(|hash| Digest(hash).to_string());
    if own.as_ref() != Some(found) {
        return differ(format!(
            "event {} is another one in the stream than in the log; the log may be an older copy that went on: restore the right one, or delete the stream to go on with this log",
            tail.seq
        ));
    }
    Ok(Ok(tail.seq))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    const LOG: &str = "/fasti/me";

    fn tail(seq: u64, hash: Option<u8>) -> Tail {
        Tail {
            seq: Seq(seq),
            hash: hash.map(|byte| Digest([byte; 32]).to_string()),
            source: hash.map(|_| LOG.to_owned()),
            holes: 0,
        }
    }

    /// A log of ten events; the hash of each is its sequence.
    fn check(tail: &Tail) -> Result<Seq, Divergence> {
        let hash_at = |seq: Seq| {
            let byte = u8::try_from(seq.0).unwrap();
            assert!((1..=10).contains(&byte), "asked beyond the log: {seq}");
            Ok::<_, ()>(Some([byte; 32]))
        };
        agreed(tail, Seq(10), LOG, hash_at).unwrap()
    }

    #[test]
    fn a_stream_that_is_a_beginning_of_the_log_is_continued() {
        assert_eq!(check(&tail(0, None)), Ok(Seq(0)));
        assert_eq!(check(&tail(1, Some(1))), Ok(Seq(1)));
        assert_eq!(check(&tail(10, Some(10))), Ok(Seq(10)));
    }

    #[test]
    fn anything_else_stops_and_names_both_ends() {
        let other_log = Tail {
            source: Some("/fasti/you".to_owned()),
            ..tail(10, Some(10))
        };
        let holed = Tail {
            holes: 2,
            ..tail(10, Some(10))
        };
        for (tail, word) in [
            (tail(11, Some(11)), "lacks"),
            (tail(10, Some(9)), "another one"),
            (tail(3, None), "not published by Fasti"),
            (tail(12, None), "not published by Fasti"),
            (other_log, "/fasti/you"),
            (holed, "middle"),
        ] {
            let found = check(&tail).unwrap_err();
            assert_eq!((found.stream_seq, found.log_seq), (tail.seq, Seq(10)));
            assert!(found.reason.contains(word), "{found}");
        }
    }

    #[test]
    fn a_log_that_cannot_be_read_is_no_divergence() {
        let read = agreed(&tail(4, Some(4)), Seq(10), LOG, |_| Err("disk"));
        assert_eq!(read, Err("disk"));
    }
}
