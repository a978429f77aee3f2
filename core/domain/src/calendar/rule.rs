//! A compiled schedule: which instants are its slots. Finds the next and the last one and counts them by arithmetic
//! on days and spans of the zone, never by trying minutes.
//!
//! Two kinds of rules meet a changing clock differently. A *fixed-time* rule (its hours are not all 24) fires once for
//! each nominal time: at the first instant at which the clock shows it or, when it is left out, has gone past it. A
//! *free-running* rule fires at every instant at which the clock shows a nominal time: nothing is moved, and a
//! repeated hour fires twice. Times left out by a change of zone ([`super::ZONE_CHANGE_S`]) never fire.

use chrono_tz::Tz;

use super::civil::{DAY_S, YEAR_MAX, YEAR_MIN, day_number};
use super::error::ScheduleError;
use super::fields;
use super::named::CALENDARS_MAX;
use super::nominal::{CalendarUse, Nominal};
use super::zone::{Span, Spans};
use crate::schedule::Schedule;
use crate::time::Timestamp;

const SECOND_US: i64 = 1_000_000;

/// A compiled schedule. Slots lie in the years [`super::YEAR_MIN`] to [`super::YEAR_MAX`] of UTC; before and after there are none.
#[derive(Debug, Clone)]
pub struct Rule {
    pub(crate) nominal: Nominal,
    zone: Tz,
    spans: &'static Spans,
}

/// Two rules are equal when they have the same sets, zone and calendars, however they were written.
impl PartialEq for Rule {
    fn eq(&self, other: &Self) -> bool {
        self.nominal == other.nominal && self.zone == other.zone
    }
}

impl Eq for Rule {}

/// What a changing clock did to a slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClockNote {
    /// The clock left its nominal time out; it fires at the first instant after.
    MovedOutOfGap,
    /// The clock shows its time twice; this is the first.
    FirstOfTwo,
    /// The clock shows its time twice; this is the second.
    SecondOfTwo,
}

impl Rule {
    /// Checks a schedule and compiles it; `None` when it has no times: started by hand, or after another batch.
    ///
    /// # Errors
    /// The first thing wrong, with its field.
    pub fn compile(schedule: &Schedule) -> Result<Option<Self>, ScheduleError> {
        let zone = fields::check(schedule)?;
        let Some((times, days)) = fields::sets(schedule)? else {
            return Ok(None);
        };
        Ok(Some(Self {
            nominal: Nominal::new(times, days),
            zone,
            spans: Spans::of(zone),
        }))
    }

    /// The rule with a further calendar, which acts on what the earlier ones left.
    ///
    /// # Errors
    /// More than [`CALENDARS_MAX`] calendars.
    pub fn with_calendar(self, calendar: CalendarUse) -> Result<Self, ScheduleError> {
        if self.nominal.calendars().len() >= CALENDARS_MAX {
            let message = format!("a schedule uses at most {CALENDARS_MAX} calendars; join some");
            return Err(ScheduleError::new("calendars", message));
        }
        Ok(Self {
            nominal: self.nominal.with(calendar),
            ..self
        })
    }

    /// Whether there is any slot at all; a rule without calendars has some, but calendars may leave none.
    #[must_use]
    pub fn can_fire(&self) -> bool {
        self.nominal.can_match()
    }

    /// The zone whose clock the rule goes by.
    #[must_use]
    pub fn zone(&self) -> Tz {
        self.zone
    }

    /// Whether the rule has no time of day and so keeps its rhythm when clocks change.
    #[must_use]
    pub fn is_free_running(&self) -> bool {
        self.nominal.times.is_free_running()
    }

    /// The first slot after an instant.
    #[must_use]
    pub fn next_after(&self, at: Timestamp) -> Option<Timestamp> {
        self.first_from(at.0.div_euclid(SECOND_US) + 1).map(instant)
    }

    /// The first slot at or after an instant.
    #[must_use]
    pub fn next_from(&self, at: Timestamp) -> Option<Timestamp> {
        self.first_from(ceiling(at)).map(instant)
    }

    /// The last slot before an instant.
    #[must_use]
    pub fn prev_before(&self, at: Timestamp) -> Option<Timestamp> {
        self.last_to(ceiling(at) - 1).map(instant)
    }

    /// Whether an instant is a slot.
    #[must_use]
    pub fn is_slot(&self, at: Timestamp) -> bool {
        self.next_from(at) == Some(at)
    }

    /// How many slots lie after one instant, up to and with another: what [`Self::next_after`] would go through.
    #[must_use]
    pub fn count_between(&self, after: Timestamp, until: Timestamp) -> u64 {
        let begin_s = (after.0.div_euclid(SECOND_US) + 1).max(first_s());
        let end_s = (until.0.div_euclid(SECOND_US) + 1).min(last_s() + 1);
        if end_s <= begin_s {
            return 0;
        }
        if self.is_free_running() {
            self.count_free(begin_s, end_s)
        } else {
            self.count_fixed(begin_s, end_s)
        }
    }

    /// What a changing clock did to a slot; `None` for most slots, and for instants that are none.
    #[must_use]
    pub fn clock_note(&self, slot: Timestamp) -> Option<ClockNote> {
        if !self.is_slot(slot) {
            return None;
        }
        let second = slot.0.div_euclid(SECOND_US);
        let index = self.spans.index_at(second);
        let span = self.spans.all()[index];
        let local_s = second + span.offset_s;
        if second == span.begin_s
            && !self.is_free_running()
            && self.fires_for_gap(&span)
            && self.nominal.count(local_s, local_s + 1) == 0
        {
            return Some(ClockNote::MovedOutOfGap);
        }
        if local_s < span.fresh_s {
            return Some(ClockNote::SecondOfTwo);
        }
        let next = self.spans.all().get(index + 1)?;
        (local_s >= next.local_begin_s()).then_some(ClockNote::FirstOfTwo)
    }

    fn first_from(&self, second: i64) -> Option<i64> {
        let second = second.max(first_s());
        if second > last_s() {
            return None;
        }
        let found = if self.is_free_running() {
            self.first_free(second)
        } else {
            self.first_fixed(second)
        };
        found.filter(|found| *found <= last_s())
    }

    fn last_to(&self, second: i64) -> Option<i64> {
        let second = second.min(last_s());
        if second < first_s() {
            return None;
        }
        let found = if self.is_free_running() {
            self.last_free(second)
        } else {
            self.last_fixed(second)
        };
        found.filter(|found| *found >= first_s())
    }

    fn first_free(&self, second: i64) -> Option<i64> {
        let spans = self.spans.all();
        let mut index = self.spans.index_at(second);
        let mut begin_s = second + spans[index].offset_s;
        // From `clear.0` until before `clear.1` nothing matches.
        let mut clear = (begin_s, begin_s);
        loop {
            let span = &spans[index];
            let end_s = self.spans.end_s(index);
            if begin_s < clear.0 || end_s + span.offset_s > clear.1 {
                let found = self.nominal.from(begin_s);
                if let Some(local_s) = found
                    && local_s - span.offset_s < end_s
                {
                    return Some(local_s - span.offset_s);
                }
                clear = (begin_s, found.unwrap_or(i64::MAX));
            }
            index += 1;
            begin_s = spans.get(index)?.local_begin_s();
        }
    }

    fn last_free(&self, second: i64) -> Option<i64> {
        let spans = self.spans.all();
        let mut index = self.spans.index_at(second);
        let mut end_s = second + spans[index].offset_s;
        // After `clear.0`, up to and with `clear.1`, nothing matches.
        let mut clear = (end_s, end_s);
        loop {
            let span = &spans[index];
            if end_s > clear.1 || span.local_begin_s() <= clear.0 {
                let found = self.nominal.to(end_s);
                if let Some(local_s) = found
                    && local_s >= span.local_begin_s()
                {
                    return Some(local_s - span.offset_s);
                }
                clear = (found.unwrap_or(i64::MIN), end_s);
            }
            let begin_s = span.begin_s;
            index = index.checked_sub(1)?;
            end_s = begin_s - 1 + spans[index].offset_s;
        }
    }

    fn count_free(&self, begin_s: i64, end_s: i64) -> u64 {
        let first = self.spans.index_at(begin_s);
        let last = self.spans.index_at(end_s - 1);
        let spans = self.spans.all();
        (first..=last)
            .map(|index| {
                let span = &spans[index];
                let begin_s = begin_s.max(span.begin_s) + span.offset_s;
                let end_s = end_s.min(self.spans.end_s(index)) + span.offset_s;
                self.nominal.count(begin_s, end_s)
            })
            .sum()
    }

    /// The earliest local second whose instant is not before `second`.
    fn local_from(&self, second: i64) -> i64 {
        let span = &self.spans.all()[self.spans.index_at(second)];
        if second <= span.begin_s {
            return span.fresh_s;
        }
        (second + span.offset_s).max(span.fresh_s)
    }

    fn first_fixed(&self, second: i64) -> Option<i64> {
        let mut local_s = self.local_from(second);
        loop {
            local_s = self.nominal.from(local_s)?;
            let span = &self.spans.all()[self.spans.index_of_local(local_s)];
            if local_s >= span.local_begin_s() {
                return Some(local_s - span.offset_s);
            }
            if !span.is_zone_change {
                return Some(span.begin_s);
            }
            local_s = span.local_begin_s();
        }
    }

    fn last_fixed(&self, second: i64) -> Option<i64> {
        let span = &self.spans.all()[self.spans.index_at(second)];
        let mut local_s = (second + span.offset_s).max(span.fresh_s - 1);
        loop {
            local_s = self.nominal.to(local_s)?;
            let span = &self.spans.all()[self.spans.index_of_local(local_s)];
            if local_s >= span.local_begin_s() {
                return Some(local_s - span.offset_s);
            }
            if !span.is_zone_change {
                return Some(span.begin_s);
            }
            local_s = span.fresh_s - 1;
        }
    }

    /// Every nominal time is a slot, but those left out together are one, or none after a change of zone.
    fn count_fixed(&self, begin_s: i64, end_s: i64) -> u64 {
        let (from, until) = (self.local_from(begin_s), self.local_from(end_s));
        let mut count = self.nominal.count(from, until);
        let changes = self.spans.index_at(begin_s)..=self.spans.index_at(end_s - 1);
        for span in &self.spans.all()[changes] {
            if span.begin_s < begin_s || !span.has_gap() {
                continue;
            }
            let after_s = span.local_begin_s();
            let left_out = self.nominal.count(span.fresh_s, after_s);
            if left_out == 0 {
                continue;
            }
            count -= left_out;
            if !span.is_zone_change && self.nominal.count(after_s, after_s + 1) == 0 {
                count += 1;
            }
        }
        count
    }

    fn fires_for_gap(&self, span: &Span) -> bool {
        span.has_gap()
            && !span.is_zone_change
            && self.nominal.count(span.fresh_s, span.local_begin_s()) > 0
    }
}

fn first_s() -> i64 {
    day_number(YEAR_MIN, 1, 1) * DAY_S
}

fn last_s() -> i64 {
    day_number(YEAR_MAX + 1, 1, 1) * DAY_S - 1
}

/// The first whole second that is not before an instant.
fn ceiling(at: Timestamp) -> i64 {
    at.0.div_euclid(SECOND_US) + i64::from(at.0.rem_euclid(SECOND_US) != 0)
}

fn instant(second: i64) -> Timestamp {
    Timestamp(second * SECOND_US)
}
