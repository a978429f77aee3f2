//! Slots one after another, for a look ahead before anything is saved.

use super::rule::Rule;
use crate::time::Timestamp;

/// The slots of a rule from an instant on, that instant included, at most so many.
#[must_use]
pub fn upcoming(rule: &Rule, from: Timestamp, most: usize) -> Upcoming<'_> {
    Upcoming {
        rule,
        next: rule.next_from(from),
        left: most,
    }
}

/// See [`upcoming`].
#[derive(Debug, Clone)]
pub struct Upcoming<'a> {
    rule: &'a Rule,
    next: Option<Timestamp>,
    left: usize,
}

impl Iterator for Upcoming<'_> {
    type Item = Timestamp;

    fn next(&mut self) -> Option<Timestamp> {
        self.left = self.left.checked_sub(1)?;
        let slot = self.next?;
        // The end of the range ends the look ahead as well.
        self.next = self.rule.next_after(slot);
        Some(slot)
    }
}
