//! Instants and durations as the dialect writes them.

use chrono::{DateTime, SecondsFormat, Utc};
use fasti_core::domain::time::Timestamp;
use serde_json::Value;

/// An instant in UTC with six fractional digits.
pub(crate) fn stamp(at: Timestamp) -> String {
    at.to_utc().to_rfc3339_opts(SecondsFormat::Micros, true)
}

/// The same, or null.
pub(crate) fn maybe(at: Option<Timestamp>) -> Value {
    at.map_or(Value::Null, |at| stamp(at).into())
}

/// `P1DT1H1M1S`: whole seconds, rounded half up, the seconds always there.
pub(crate) fn duration(us: i64) -> String {
    let seconds = (us.max(0) + 500_000) / 1_000_000;
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3_600 % 24, seconds / 60 % 60);
    let part = |number: i64, unit: char| {
        let text = format!("{number}{unit}");
        if number > 0 { text } else { String::new() }
    };
    let (days, hours, minutes) = (part(days, 'D'), part(hours, 'H'), part(minutes, 'M'));
    format!("P{days}T{hours}{minutes}{}S", seconds % 60)
}

/// An instant with its zone.
pub(crate) fn instant(text: &str) -> Option<Timestamp> {
    // A zone is `Z` or an offset ahead of it; offsets behind it are not taken.
    let is_zoned = text.ends_with(['Z', 'z']) || text.contains('+');
    // Seconds may be left out.
    let whole = match text.get(..16).zip(text.get(16..)) {
        Some((minutes, zone)) if zone.starts_with(['Z', 'z', '+']) => format!("{minutes}:00{zone}"),
        _ => text.to_owned(),
    };
    let read: DateTime<Utc> = DateTime::parse_from_rfc3339(&whole)
        .ok()
        .filter(|_| is_zoned)?
        .into();
    Some(read.into())
}

/// A bound of a stretch of time: an instant, or how long before now.
pub(crate) fn bound(text: &str, now: Timestamp) -> Option<Timestamp> {
    if text.starts_with('P') {
        Some(now.plus_us(-ago(text)?))
    } else {
        instant(text)
    }
}

/// `P[nD][T[nH][nM][nS]]` in microseconds.
fn ago(text: &str) -> Option<i64> {
    let rest = text.strip_prefix('P')?;
    let (days, time) = rest
        .split_once('T')
        .map_or((rest, None), |(days, time)| (days, Some(time)));
    if days.is_empty() && time.is_none_or(str::is_empty) || time.is_some_and(str::is_empty) {
        return None;
    }
    let mut us = part(days, &[('D', 86_400.0)])?;
    us += part(
        time.unwrap_or_default(),
        &[('H', 3_600.0), ('M', 60.0), ('S', 1.0)],
    )?;
    Some(us)
}

fn part(mut text: &str, units: &[(char, f64)]) -> Option<i64> {
    let mut us = 0.0;
    for (unit, seconds) in units {
        if let Some((number, rest)) = text.split_once(*unit) {
            let is_number =
                !number.is_empty() && number.chars().all(|c| c.is_ascii_digit() || c == '.');
            us += number.parse::<f64>().ok().filter(|_| is_number)? * seconds * 1e6;
            text = rest;
        }
    }
    // Bounded, so that the cast below is exact enough whatever was written.
    let fits = text.is_empty() && us.is_finite() && us < 1e17;
    #[expect(clippy::cast_possible_truncation, reason = "checked just above")]
    fits.then_some(us as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_written_as_published() {
        for (us, text) in [
            (200_000, "PT0S"),
            (500_000, "PT1S"),
            (59_700_000, "PT1M0S"),
            (3_600_000_000, "PT1H0S"),
            (90_061_000_000, "P1DT1H1M1S"),
        ] {
            assert_eq!(duration(us), text);
        }
    }

    #[test]
    fn bounds_need_a_zone_or_are_durations() {
        let now = Timestamp(10_000_000_000_000);
        assert_eq!(bound("P1D", now), Some(now.plus_us(-86_400_000_000)));
        assert_eq!(bound("PT1.5H", now), Some(now.plus_us(-5_400_000_000)));
        assert!(bound("2031-04-05T06:07:08.25Z", now).is_some());
        assert!(bound("2031-04-05T06:07:08+02:00", now).is_some());
        for (short, whole) in [("Z", ":00Z"), ("+02:00", ":00+02:00")] {
            let of = |rest: &str| bound(&format!("2031-04-05T06:07{rest}"), now);
            assert!(of(short).is_some());
            assert_eq!(of(short), of(whole));
        }
        for wrong in [
            "2031-04-05T06:07:08",
            "2031-04-05T06:07",
            "2031-04-05T06Z",
            "2031-04-05T06:07:08-02:00",
            "P1W",
            "P2M",
            "P",
            "PT",
            "P1DT",
            "hello",
            "",
        ] {
            assert_eq!(bound(wrong, now), None, "{wrong}");
        }
    }

    #[test]
    fn instants_come_back_as_they_were() {
        let at = Timestamp(1_933_135_628_250_001);
        assert_eq!(instant(&stamp(at)), Some(at));
    }
}
