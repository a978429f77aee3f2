//! What looks like chance, from the seed of the log: the same on every replay, underivable without the seed.

use std::hash::Hasher;

use siphasher::sip128::{Hasher128, SipHasher24};

use crate::ids::{AttemptId, BatchId, Token};
use crate::time::Timestamp;

fn hash(seed: &[u8; 16], purpose: u8, a: u64, b: u64) -> [u8; 16] {
    let mut hasher = SipHasher24::new_with_key(seed);
    hasher.write(&[purpose]);
    hasher.write(&a.to_le_bytes());
    hasher.write(&b.to_le_bytes());
    hasher.finish128().as_bytes()
}

/// Token of an attempt.
#[must_use]
pub fn token(seed: &[u8; 16], attempt: AttemptId) -> Token {
    Token(hash(seed, 1, attempt.task_run.0, u64::from(attempt.number)))
}

/// Id of the batch made by the event at position `seq`: a UUID version 7 of the instant.
#[must_use]
pub fn batch_id(seed: &[u8; 16], seq: u64, at: Timestamp) -> BatchId {
    let mut bytes = hash(seed, 2, seq, 0);
    let millis = at.0.div_euclid(1000).to_be_bytes();
    bytes[..6].copy_from_slice(&millis[2..]);
    bytes[6] = 0x70 | (bytes[6] & 0x0f);
    bytes[8] = 0x80 | (bytes[8] & 0x3f);
    BatchId(bytes)
}

/// Delay of a slot, from 0 to `longest_us`.
#[must_use]
pub fn slot_delay_us(seed: &[u8; 16], batch: BatchId, slot: Timestamp, longest_us: u64) -> u64 {
    let (high, low) = batch.0.split_at(8);
    let word = |bytes: &[u8]| {
        bytes
            .iter()
            .fold(0, |sum, byte| sum << 8 | u64::from(*byte))
    };
    let bytes = hash(
        seed,
        3,
        word(high) ^ word(low).rotate_left(1),
        slot.0.cast_unsigned(),
    );
    word(&bytes[..8]) % longest_us.saturating_add(1).max(1)
}

/// Part of a wait that is left out, from 0 to `longest_ms`.
#[must_use]
pub fn retry_jitter(seed: &[u8; 16], after: AttemptId, longest_ms: u64) -> u64 {
    let bytes = hash(seed, 4, after.task_run.0, u64::from(after.number));
    let drawn = bytes[..8]
        .iter()
        .fold(0, |sum, byte| sum << 8 | u64::from(*byte));
    drawn % longest_ms.saturating_add(1).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::TaskRunId;

    #[test]
    fn tokens_differ_by_seed_and_attempt() {
        let attempt = |task_run, number| AttemptId {
            task_run: TaskRunId(task_run),
            number,
        };
        let one = token(&[1; 16], attempt(5, 1));
        assert_eq!(one, token(&[1; 16], attempt(5, 1)));
        assert_ne!(one, token(&[2; 16], attempt(5, 1)));
        assert_ne!(one, token(&[1; 16], attempt(5, 2)));
        assert_ne!(one, token(&[1; 16], attempt(6, 1)));
    }

    #[test]
    fn batch_ids_are_uuids_of_version_7() {
        let text = batch_id(&[1; 16], 7, Timestamp(1_711_846_800_000_000)).to_string();
        assert_eq!(&text[..13], "018e9205-3a80");
        assert_eq!(&text[14..15], "7");
        assert!(matches!(&text[19..20], "8" | "9" | "a" | "b"), "{text}");
    }
}
