//! When, and whether, a failed attempt is followed by another one.

use serde::{Deserialize, Serialize};

use crate::attempt::Outcome;
use crate::ids::AttemptId;
use crate::limits::{RETRY_BACKOFF_PERCENT_MAX, RETRY_CODES_MAX, RETRY_DELAY_MS_MAX};
use crate::rejection::Rejection;
use crate::seeded;

/// Longest wait of a policy that names none: an hour.
const DEFAULT_DELAY_MAX_MS: u64 = 3_600_000;

/// How the further attempts of a task are spread, and which failures are worth one.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct RetryPolicy {
    /// Wait before the first further attempt in milliseconds; the server's setting when not given.
    #[serde(default)]
    pub delay_ms: Option<u64>,
    /// Each wait is so many percent of the one before; at least 100, which is what counts when not given.
    #[serde(default)]
    pub backoff_percent: Option<u32>,
    /// Longest wait; an hour when not given, or the first wait if that is longer.
    #[serde(default)]
    pub delay_max_ms: Option<u64>,
    /// Up to so many percent of each wait are left out, by chance: the same on every replay.
    #[serde(default)]
    pub jitter_percent: u32,
    /// Exit codes that are tried again; all when empty. With some given, signals are not.
    #[serde(default)]
    pub only_codes: Vec<i32>,
    /// Exit codes that are not tried again.
    #[serde(default)]
    pub never_codes: Vec<i32>,
}

impl RetryPolicy {
    /// # Errors
    /// The first field that is wrong.
    pub(crate) fn check(&self, field: &dyn Fn(&str) -> String) -> Result<(), Rejection> {
        let invalid = |name, message: String| Err(Rejection::invalid(field(name), message));
        let most = RETRY_DELAY_MS_MAX / 1_000;
        if self.delay_ms.is_some_and(|it| it > RETRY_DELAY_MS_MAX) {
            return invalid("delay_seconds", format!("must be 0 to {most}"));
        }
        let is_long = |it: u64| it == 0 || it > RETRY_DELAY_MS_MAX;
        if self.delay_max_ms.is_some_and(is_long) {
            return invalid(
                "max_delay_seconds",
                format!("must be more than 0, and at most {most}"),
            );
        }
        if let (Some(first), Some(longest)) = (self.delay_ms, self.delay_max_ms)
            && first > longest
        {
            return invalid(
                "max_delay_seconds",
                "must not be less than `delay_seconds`".to_owned(),
            );
        }
        let factors = 100..=RETRY_BACKOFF_PERCENT_MAX;
        if self
            .backoff_percent
            .is_some_and(|it| !factors.contains(&it))
        {
            let most = RETRY_BACKOFF_PERCENT_MAX / 100;
            return invalid("backoff", format!("must be 1 to {most}"));
        }
        if self.jitter_percent > 100 {
            return invalid("jitter", "must be 0 to 1".to_owned());
        }
        for (name, codes) in [
            ("on_exit_codes", &self.only_codes),
            ("not_on_exit_codes", &self.never_codes),
        ] {
            let is_code = |code: &i32| (1..=255).contains(code);
            if codes.len() > RETRY_CODES_MAX || !codes.iter().all(is_code) {
                let message = format!("must be at most {RETRY_CODES_MAX} exit codes from 1 to 255");
                return invalid(name, message);
            }
        }
        let is_both = |code: &&i32| self.never_codes.contains(code);
        match self.only_codes.iter().find(is_both) {
            Some(code) => invalid(
                "not_on_exit_codes",
                format!("{code} is in `on_exit_codes` too"),
            ),
            None => Ok(()),
        }
    }

    /// Whether a failure of this kind is worth another attempt.
    #[must_use]
    pub fn takes(&self, outcome: &Outcome) -> bool {
        match outcome {
            Outcome::Exited { code } => {
                (self.only_codes.is_empty() || self.only_codes.contains(code))
                    && !self.never_codes.contains(code)
            }
            Outcome::Signaled { .. }
            | Outcome::SpawnFailed { .. }
            | Outcome::TimedOut { .. }
            | Outcome::Stopped
            | Outcome::Lost { .. } => self.only_codes.is_empty(),
        }
    }

    /// Wait after the failure number `failed`, from 1; `default_ms` is the server's.
    #[must_use]
    pub fn delay_ms(&self, failed: u32, default_ms: u64, seed: &[u8; 16], after: AttemptId) -> u64 {
        let first = self.delay_ms.unwrap_or(default_ms);
        let longest = self.delay_max_ms;
        let longest = longest.unwrap_or_else(|| first.max(DEFAULT_DELAY_MAX_MS));
        let factor = u64::from(self.backoff_percent.unwrap_or(100));
        let mut delay = first.min(longest);
        for _ in 1..failed {
            let next = delay.saturating_mul(factor) / 100;
            if next >= longest || next == delay {
                delay = next.min(longest);
                break;
            }
            delay = next;
        }
        let spread = delay * u64::from(self.jitter_percent) / 100;
        delay - seeded::retry_jitter(seed, after, spread)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::TaskRunId;

    fn delays(policy: &RetryPolicy) -> Vec<u64> {
        let after = |number| AttemptId {
            task_run: TaskRunId(7),
            number,
        };
        (1..=5)
            .map(|failed| policy.delay_ms(failed, 1_000, &[3; 16], after(failed)))
            .collect()
    }

    #[test]
    fn waits_grow_up_to_the_longest() {
        let fixed = RetryPolicy::default();
        assert_eq!(delays(&fixed), [1_000; 5]);
        let doubled = RetryPolicy {
            delay_ms: Some(500),
            backoff_percent: Some(200),
            delay_max_ms: Some(3_000),
            ..RetryPolicy::default()
        };
        assert_eq!(delays(&doubled), [500, 1_000, 2_000, 3_000, 3_000]);
        let none = RetryPolicy {
            delay_ms: Some(0),
            backoff_percent: Some(1_000),
            ..RetryPolicy::default()
        };
        assert_eq!(delays(&none), [0; 5]);
        let long = RetryPolicy {
            delay_ms: Some(7_200_000),
            backoff_percent: Some(200),
            ..RetryPolicy::default()
        };
        assert_eq!(delays(&long), [7_200_000; 5]);
        let many = RetryPolicy {
            backoff_percent: Some(101),
            ..RetryPolicy::default()
        };
        let after = AttemptId {
            task_run: TaskRunId(1),
            number: 1,
        };
        assert_eq!(
            many.delay_ms(u32::MAX, 1_000, &[0; 16], after),
            DEFAULT_DELAY_MAX_MS
        );
    }

    #[test]
    fn jitter_only_shortens_and_stays_the_same() {
        let half = RetryPolicy {
            jitter_percent: 50,
            ..RetryPolicy::default()
        };
        let found = delays(&half);
        assert!(
            found.iter().all(|it| (500..=1_000).contains(it)),
            "{found:?}"
        );
        assert!(found.iter().any(|it| *it != found[0]), "{found:?}");
        assert_eq!(found, delays(&half));
    }

    #[test]
    fn exit_codes_decide() {
        let exited = |code| Outcome::Exited { code };
        let killed = Outcome::Signaled { signal: 9 };
        let policy = |only: &[i32], never: &[i32]| RetryPolicy {
            only_codes: only.to_vec(),
            never_codes: never.to_vec(),
            ..RetryPolicy::default()
        };
        assert!(policy(&[], &[]).takes(&killed));
        assert!(policy(&[], &[2]).takes(&killed));
        assert!(!policy(&[75], &[]).takes(&killed));
        assert!(policy(&[75], &[]).takes(&exited(75)));
        assert!(!policy(&[75], &[]).takes(&exited(1)));
        assert!(!policy(&[], &[2]).takes(&exited(2)));
        assert!(policy(&[], &[2]).takes(&exited(1)));
    }

    #[test]
    fn what_is_wrong_is_named() {
        let field = |name: &str| name.to_owned();
        let of = |policy: RetryPolicy| match policy.check(&field) {
            Err(Rejection::Invalid { field, .. }) => field,
            other => panic!("{other:?}"),
        };
        let default = RetryPolicy::default;
        let long = Some(RETRY_DELAY_MS_MAX + 1);
        assert!(default().check(&field).is_ok());
        assert_eq!(
            of(RetryPolicy {
                delay_ms: long,
                ..default()
            }),
            "delay_seconds"
        );
        assert_eq!(
            of(RetryPolicy {
                delay_max_ms: long,
                ..default()
            }),
            "max_delay_seconds"
        );
        assert_eq!(
            of(RetryPolicy {
                delay_max_ms: Some(0),
                ..default()
            }),
            "max_delay_seconds"
        );
        assert_eq!(
            of(RetryPolicy {
                backoff_percent: Some(99),
                ..default()
            }),
            "backoff"
        );
        assert_eq!(
            of(RetryPolicy {
                jitter_percent: 101,
                ..default()
            }),
            "jitter"
        );
        assert_eq!(
            of(RetryPolicy {
                only_codes: vec![0],
                ..default()
            }),
            "on_exit_codes"
        );
        assert_eq!(
            of(RetryPolicy {
                never_codes: vec![256],
                ..default()
            }),
            "not_on_exit_codes"
        );
        let both = RetryPolicy {
            only_codes: vec![1],
            never_codes: vec![1],
            ..default()
        };
        assert_eq!(of(both), "not_on_exit_codes");
    }
}
