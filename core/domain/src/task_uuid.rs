//! One name, unique everywhere, for a task of a run: a UUID that is computed from the log, the run and the position
//! of the task, and from which run and position are computed back. Nothing has to be remembered for it.

use std::fmt;
use std::hash::Hasher;
use std::str::FromStr;

use siphasher::sip128::{Hasher128, SipHasher24};

use crate::ids::{LogId, RunId};

/// Bits for the position of a task: more than a definition may have tasks.
const TASK_BITS: u32 = 17;

/// Bits by which a UUID of this log is told from any other.
const CHECK_BITS: u32 = 122 - 64 - TASK_BITS;

/// A UUID of version 8, see the module.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct TaskUuid(u128);

impl TaskUuid {
    /// The name of a task of a run.
    #[must_use]
    pub fn new(log: &LogId, run: RunId, task: u32) -> Self {
        let task = u128::from(task) & mask(TASK_BITS);
        let plain = (u128::from(run.0) << TASK_BITS) | task;
        let check = hash(log, 1, plain) & mask(CHECK_BITS);
        let hidden = plain ^ (hash(log, 2, check) & mask(64 + TASK_BITS));
        Self::of_payload((hidden << CHECK_BITS) | check)
    }

    /// The run, and the position of the task in its definition; `None` for one that is not of this log.
    #[must_use]
    pub fn task(self, log: &LogId) -> Option<(RunId, u32)> {
        let payload = self.payload()?;
        let check = payload & mask(CHECK_BITS);
        let plain = (payload >> CHECK_BITS) ^ (hash(log, 2, check) & mask(64 + TASK_BITS));
        if hash(log, 1, plain) & mask(CHECK_BITS) != check {
            return None;
        }
        let run = u64::try_from(plain >> TASK_BITS).ok()?;
        let task = u32::try_from(plain & mask(TASK_BITS)).ok()?;
        Some((RunId(run), task))
    }

    /// 122 bits with version and variant between them.
    fn of_payload(payload: u128) -> Self {
        let high = payload >> 74;
        let middle = (payload >> 62) & mask(12);
        let low = payload & mask(62);
        Self((high << 80) | (8 << 76) | (middle << 64) | (0b10 << 62) | low)
    }

    fn payload(self) -> Option<u128> {
        let is_ours = (self.0 >> 76) & mask(4) == 8 && (self.0 >> 62) & mask(2) == 0b10;
        let middle = (self.0 >> 64) & mask(12);
        is_ours.then_some(((self.0 >> 80) << 74) | (middle << 62) | (self.0 & mask(62)))
    }
}

fn mask(bits: u32) -> u128 {
    (1 << bits) - 1
}

fn hash(log: &LogId, purpose: u8, value: u128) -> u128 {
    let mut hasher = SipHasher24::new_with_key(&log.0);
    hasher.write(&[purpose]);
    hasher.write(&value.to_le_bytes());
    u128::from_le_bytes(hasher.finish128().as_bytes())
}

impl fmt::Display for TaskUuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let part = |shift: u32, bits: u32| (self.0 >> shift) & mask(bits);
        write!(
            f,
            "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
            part(96, 32),
            part(80, 16),
            part(64, 16),
            part(48, 16),
            part(0, 48)
        )
    }
}

impl FromStr for TaskUuid {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let parts: Vec<&str> = text.split('-').collect();
        let lengths = parts.iter().map(|part| part.len());
        let is_hex = parts
            .iter()
            .all(|part| part.bytes().all(|b| b.is_ascii_hexdigit()));
        if !is_hex || !lengths.eq([8, 4, 4, 4, 12]) {
            return Err(());
        }
        u128::from_str_radix(&parts.concat(), 16)
            .map(Self)
            .map_err(|_| ())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn a_name_leads_back_to_its_task() {
        let log = LogId([7; 16]);
        for run in [0, 1, 77, u64::from(u32::MAX), u64::MAX] {
            for task in [0, 1, 99_999] {
                let uuid = TaskUuid::new(&log, RunId(run), task);
                let text = uuid.to_string();
                assert_eq!(text.len(), 36);
                assert_eq!(&text[14..15], "8");
                assert!(matches!(&text[19..20], "8" | "9" | "a" | "b"), "{text}");
                let read: TaskUuid = text.parse().unwrap();
                assert_eq!(read.task(&log), Some((RunId(run), task)));
                assert_eq!(read.task(&LogId([8; 16])), None);
            }
        }
    }

    #[test]
    fn other_texts_are_no_names() {
        let log = LogId([7; 16]);
        let known = TaskUuid::new(&log, RunId(5), 0).to_string();
        let mut changed = known.clone();
        changed.replace_range(35.., if known.ends_with('0') { "1" } else { "0" });
        let other: TaskUuid = changed.parse().unwrap();
        assert_eq!(other.task(&log), None);
        for bad in ["", "x", "155f18d4", &known[1..], &known.replace('-', "_")] {
            assert!(bad.parse::<TaskUuid>().is_err(), "{bad}");
        }
        let random: TaskUuid = "6f1c2a0e-9d1b-4c5e-8a77-0123456789ab".parse().unwrap();
        assert_eq!(random.task(&log), None);
    }
}
