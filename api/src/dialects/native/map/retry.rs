//! How further attempts are spread.

use std::time::Duration;

use fasti_core::domain::definition::RetryPolicy;
use serde_json::Number;

use super::super::wire;
use super::task::{Place, seconds};
use crate::errors::Problem;

/// # Errors
/// 422 with the field.
pub(super) fn from_wire(place: &Place<'_>, given: wire::Retry) -> Result<RetryPolicy, Problem> {
    Ok(RetryPolicy {
        delay_ms: millis(place, "retry.delay_seconds", given.delay_seconds.as_ref())?,
        backoff_percent: percent(place, "retry.backoff", given.backoff)?,
        delay_max_ms: millis(
            place,
            "retry.max_delay_seconds",
            given.max_delay_seconds.as_ref(),
        )?,
        jitter_percent: percent(place, "retry.jitter", given.jitter)?.unwrap_or(0),
        only_codes: given.on_exit_codes,
        never_codes: given.not_on_exit_codes,
    })
}

/// Milliseconds, rounded; what is too long is refused by the rule itself.
fn millis(place: &Place<'_>, field: &str, given: Option<&Number>) -> Result<Option<u64>, Problem> {
    let Some(number) = given else {
        return Ok(None);
    };
    let wrong = || place.invalid(field, format!("{number} does not fit: must be 0 to 604800"));
    let seconds = number.as_f64().filter(|it| (0.0..1e9).contains(it));
    let seconds = seconds.ok_or_else(wrong)?;
    let rounded = Duration::try_from_secs_f64(seconds + 0.000_5).map_err(|_| wrong())?;
    Ok(Some(
        u64::try_from(rounded.as_millis()).map_err(|_| wrong())?,
    ))
}

/// Hundredths, rounded.
fn percent(place: &Place<'_>, field: &str, given: Option<f64>) -> Result<Option<u32>, Problem> {
    let Some(number) = given else {
        return Ok(None);
    };
    let hundredths = (number * 100.0).round();
    if !(0.0..=100_000.0).contains(&hundredths) {
        return Err(place.invalid(field, format!("{number} is out of its bounds")));
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "its bounds were looked at"
    )]
    Ok(Some(hundredths as u32))
}

/// As it is answered.
pub(super) fn to_wire(policy: &RetryPolicy) -> wire::Retry {
    let factor = |percent: u32| f64::from(percent) / 100.0;
    wire::Retry {
        delay_seconds: policy.delay_ms.and_then(seconds),
        backoff: policy.backoff_percent.map(factor),
        max_delay_seconds: policy.delay_max_ms.and_then(seconds),
        jitter: Some(policy.jitter_percent).filter(|it| *it > 0).map(factor),
        on_exit_codes: policy.only_codes.clone(),
        not_on_exit_codes: policy.never_codes.clone(),
    }
}
