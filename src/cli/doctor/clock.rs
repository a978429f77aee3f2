//! The clock, and what it means elsewhere.

use fasti_core::domain::time::Timestamp;
use fasti_core::ports::Clock;

use super::Finding;
use crate::clock::SystemClock;

/// Before this program was written: 2025-01-01.
const WRITTEN: Timestamp = Timestamp(1_735_689_600_000_000);

/// Where systems keep their own time zone database; the first lines of both files say its release.
const SYSTEM_ZONES: [&str; 2] = [
    "/usr/share/zoneinfo/tzdata.zi",
    "/usr/share/zoneinfo/+VERSION",
];

pub(super) fn look() -> Finding {
    judge(SystemClock.now())
}

fn judge(now: Timestamp) -> Finding {
    if now < WRITTEN {
        return Finding::fail(
            "clock",
            format!("it is {now} by the system's clock, which is wrong: set it"),
        );
    }
    Finding::ok("clock", format!("it is {now}"))
}

pub(super) fn zones() -> Finding {
    let found = SYSTEM_ZONES
        .iter()
        .find_map(|path| std::fs::read_to_string(path).ok());
    compare(
        chrono_tz::IANA_TZDB_VERSION,
        found.as_deref().and_then(release),
    )
}

/// Release in the first line: `# version 2025b`, or the bare word.
fn release(text: &str) -> Option<&str> {
    let line = text.lines().next()?;
    let word = line.strip_prefix("# version ").unwrap_or(line).trim();
    (word.len() == 5 && word.starts_with("20")).then_some(word)
}

/// Releases sort by their names.
fn compare(ours: &str, theirs: Option<&str>) -> Finding {
    match theirs {
        None => Finding::ok(
            "zones",
            format!("time zone database {ours}, built in; the system's release is unknown"),
        ),
        Some(theirs) if theirs > ours => {
            let text = format!(
                "time zone database {ours}, built in, is older than the system's {theirs}: \
                 schedules in zones that changed since may be off; use a newer Fasti"
            );
            Finding::warn("zones", text)
        }
        Some(theirs) if theirs < ours => {
            let text = format!(
                "time zone database {ours}, built in, is newer than the system's {theirs}: \
                 tasks may see other local times than schedules do; update the system's tzdata"
            );
            Finding::warn("zones", text)
        }
        Some(_) => Finding::ok(
            "zones",
            format!("time zone database {ours}, built in, as on the system"),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::super::Level;
    use super::*;

    #[test]
    fn releases_are_read_and_compared() {
        assert_eq!(release("# version 2025b\n# more"), Some("2025b"));
        assert_eq!(release("2024a\n"), Some("2024a"));
        assert_eq!(release("# version unknown"), None);
        assert_eq!(release(""), None);
        let levels = [None, Some("2025a"), Some("2025b"), Some("2026a")]
            .map(|it| compare("2025b", it).level);
        assert_eq!(levels, [Level::Ok, Level::Warn, Level::Ok, Level::Warn]);
    }

    #[test]
    fn a_clock_in_the_past_fails() {
        assert_eq!(judge(Timestamp(0)).level, Level::Fail);
        assert_eq!(judge(WRITTEN).level, Level::Ok);
    }
}
