//! What becomes of slots that cannot simply fire: chosen by the author of the schedule, with these defaults.

use serde::{Deserialize, Serialize};

/// Slots that `all` and `within` make up for at most, unless the schedule says fewer.
pub const MADE_UP_MAX: u32 = 1_000;

/// The same, when the schedule does not say.
pub const MADE_UP_DEFAULT: u32 = 100;

/// Longest jitter in seconds: an hour.
pub const JITTER_SECONDS_MAX: u32 = 3_600;

/// Longest of the other times of a policy in seconds: ten years.
pub const POLICY_SECONDS_MAX: u64 = 10 * 366 * 86_400;

/// What becomes of slots that passed while nobody could start them.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Misfire {
    /// The newest fires if it is recent enough; the others are missed.
    #[default]
    Latest,
    /// All fire, oldest first, up to a number; the oldest beyond it are missed.
    All,
    /// Those recent enough fire, up to a number; the others are missed.
    Within,
    /// All are missed.
    Skip,
}

impl Misfire {
    /// As written.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Latest => "latest",
            Self::All => "all",
            Self::Within => "within",
            Self::Skip => "skip",
        }
    }
}

/// What becomes of a slot while an earlier run of the batch goes on.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Overlap {
    /// It fires.
    #[default]
    Allow,
    /// It is skipped.
    Skip,
    /// It waits; a slot that waited before it is superseded.
    QueueOne,
    /// It waits behind those that wait already.
    QueueAll,
    /// It fires, and the earlier runs are cancelled.
    CancelOld,
}

impl Overlap {
    /// As written.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Skip => "skip",
            Self::QueueOne => "queue_one",
            Self::QueueAll => "queue_all",
            Self::CancelOld => "cancel_old",
        }
    }
}

/// All policies of a schedule. Always written whole, see [`crate::schedule::Schedule`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default)]
pub struct SlotPolicy {
    /// Slots that passed while nobody could start them.
    pub misfire: Misfire,
    /// How old such a slot may be, in seconds; the server's setting (an hour) when not given.
    pub misfire_within_seconds: Option<u64>,
    /// How many such slots are made up for; [`MADE_UP_DEFAULT`] when not given.
    pub misfire_max: Option<u32>,
    /// Slots that come while an earlier run goes on.
    pub overlap: Overlap,
    /// A run that has not started this many seconds after its slot is cancelled, a slot that waits so long is
    /// skipped.
    pub start_deadline_seconds: Option<u64>,
    /// Each slot fires up to this many seconds late, by chance: the same on every replay.
    pub jitter_seconds: Option<u32>,
}

impl SlotPolicy {
    /// The first number out of its bounds: its field and what it must be.
    #[must_use]
    pub fn problem(&self) -> Option<(&'static str, String)> {
        let seconds = |field, value: Option<u64>| {
            let is_wrong = value.is_some_and(|it| !(1..=POLICY_SECONDS_MAX).contains(&it));
            is_wrong.then(|| (field, format!("must be 1 to {POLICY_SECONDS_MAX} seconds")))
        };
        let max = self.misfire_max;
        let jitter = self.jitter_seconds;
        seconds("misfire_within_seconds", self.misfire_within_seconds)
            .or_else(|| seconds("start_deadline_seconds", self.start_deadline_seconds))
            .or_else(|| {
                max.is_some_and(|it| !(1..=MADE_UP_MAX).contains(&it))
                    .then(|| ("misfire_max", format!("must be 1 to {MADE_UP_MAX}")))
            })
            .or_else(|| {
                jitter.is_some_and(|it| it > JITTER_SECONDS_MAX).then(|| {
                    (
                        "jitter_seconds",
                        format!("must be 0 to {JITTER_SECONDS_MAX} seconds"),
                    )
                })
            })
    }

    /// The first policy that would do nothing: its field and why.
    #[must_use]
    pub fn idle(&self, has_times: bool) -> Option<(&'static str, String)> {
        let default = Self::default();
        let given = [
            (self.misfire != default.misfire, "misfire"),
            (
                self.misfire_within_seconds.is_some(),
                "misfire_within_seconds",
            ),
            (self.misfire_max.is_some(), "misfire_max"),
            (self.overlap != default.overlap, "overlap"),
            (
                self.start_deadline_seconds.is_some(),
                "start_deadline_seconds",
            ),
            (
                self.jitter_seconds.is_some_and(|it| it > 0),
                "jitter_seconds",
            ),
        ];
        if let Some((_, field)) = given.iter().find(|(is_given, _)| *is_given && !has_times) {
            let message = "acts on slots: give the schedule times, or leave it out";
            return Some((field, message.to_owned()));
        }
        let misfire = self.misfire.as_str();
        let asks = |field, others: &str| {
            let message = format!("does nothing with `misfire` {misfire}; it goes with {others}");
            Some((field, message))
        };
        match self.misfire {
            Misfire::All | Misfire::Skip if self.misfire_within_seconds.is_some() => {
                asks("misfire_within_seconds", "latest and within")
            }
            Misfire::Latest | Misfire::Skip if self.misfire_max.is_some() => {
                asks("misfire_max", "all and within")
            }
            Misfire::Latest | Misfire::All | Misfire::Within | Misfire::Skip => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_do_nothing_is_refused() {
        let of = |misfire, within, max| SlotPolicy {
            misfire,
            misfire_within_seconds: within,
            misfire_max: max,
            ..SlotPolicy::default()
        };
        let field = |policy: SlotPolicy, has_times| policy.idle(has_times).map(|it| it.0);
        let (within, max) = (Some("misfire_within_seconds"), Some("misfire_max"));
        for (misfire, wanted) in [
            (Misfire::Latest, [None, max]),
            (Misfire::All, [within, None]),
            (Misfire::Within, [None, None]),
            (Misfire::Skip, [within, max]),
        ] {
            assert_eq!(field(of(misfire, Some(9), None), true), wanted[0]);
            assert_eq!(field(of(misfire, None, Some(9)), true), wanted[1]);
            assert_eq!(field(of(misfire, None, None), true), None);
        }
        assert_eq!(field(SlotPolicy::default(), false), None);
        assert_eq!(field(of(Misfire::All, None, None), false), Some("misfire"));
        let jitter = |seconds| SlotPolicy {
            jitter_seconds: Some(seconds),
            ..SlotPolicy::default()
        };
        assert_eq!(field(jitter(0), false), None);
        assert_eq!(field(jitter(1), false), Some("jitter_seconds"));
    }
}
