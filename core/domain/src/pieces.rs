//! Long lists, in as many events as keep each small enough to stay inline in the log: a larger payload is a file of
//! its own, with syncs of its own, and would make the widest commits the slowest.

use crate::attempt::{AttemptEnd, AttemptStart, Outcome};
use crate::limits::EVENT_LIST_BYTES_MAX;
use crate::stages::StageMark;

/// About the encoded bytes of a lease, names of fields included.
pub(crate) const LEASE_BYTES: usize = 60;

/// About the encoded bytes of one item of an event's list. Too little is not wrong, but slow.
pub(crate) trait EncodedBytes {
    /// Names of fields included.
    fn encoded_bytes(&self) -> usize;
}

impl EncodedBytes for AttemptStart {
    fn encoded_bytes(&self) -> usize {
        100
    }
}

impl EncodedBytes for StageMark {
    fn encoded_bytes(&self) -> usize {
        50 + self.stage.len() + self.detail.as_ref().map_or(0, |detail| 10 + detail.len())
    }
}

impl EncodedBytes for AttemptEnd {
    fn encoded_bytes(&self) -> usize {
        const END_BYTES: usize = 160;
        const RESULT_BYTES: usize = 110;
        const FAILURE_BYTES: usize = 40;
        let result = self.result.as_ref().map_or(0, |_| RESULT_BYTES);
        let failure = self.failure.as_ref().map_or(0, |failure| {
            FAILURE_BYTES + failure.reason.len() + failure.message.len()
        });
        let outcome = match &self.outcome {
            Outcome::SpawnFailed { message, .. } | Outcome::Lost { message } => message.len(),
            Outcome::Exited { .. }
            | Outcome::Signaled { .. }
            | Outcome::TimedOut { .. }
            | Outcome::Stopped => 0,
        };
        let gathered = self.gathered.as_ref().map_or(0, |gathered| {
            let files = gathered
                .files
                .iter()
                .map(|it| 40 + it.path.len() + it.output.len());
            20 + files.sum::<usize>() + gathered.values.as_ref().map_or(0, |it| it.len())
        });
        END_BYTES + result + failure + outcome + gathered
    }
}

/// The items in order, as lists that fit one event each. An item that is too long by itself is a list of its own.
pub(crate) fn pieces<T: EncodedBytes>(items: Vec<T>) -> Vec<Vec<T>> {
    let mut all: Vec<Vec<T>> = Vec::new();
    let mut left = 0;
    for item in items {
        let bytes = item.encoded_bytes();
        match all.last_mut() {
            Some(last) if bytes <= left => {
                left -= bytes;
                last.push(item);
            }
            Some(_) | None => {
                left = EVENT_LIST_BYTES_MAX.saturating_sub(bytes);
                all.push(vec![item]);
            }
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Item(usize);

    impl EncodedBytes for Item {
        fn encoded_bytes(&self) -> usize {
            self.0
        }
    }

    #[test]
    fn lists_are_cut_where_they_get_too_long() {
        let max = EVENT_LIST_BYTES_MAX;
        let items = [max / 2, max / 2, 1, 2 * max, max].map(Item);
        let lens: Vec<usize> = pieces(items.into()).iter().map(Vec::len).collect();
        assert_eq!(lens, [2, 1, 1, 1]);
        assert!(pieces(Vec::<Item>::new()).is_empty());
    }
}
