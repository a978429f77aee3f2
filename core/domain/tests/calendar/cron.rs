//! Cron texts: what they mean, and that they are the same rules as fields.

use fasti_domain::calendar::Rule;
use fasti_domain::schedule::Schedule;

use super::{cron, rule, slots};

/// The first slots from Wednesday, 10 January 2024, 08:05:07 on.
fn expect(text: &str, expected: &[&str]) {
    let rule = rule(&cron(text, "UTC"));
    assert_eq!(
        slots(&rule, "2024-01-10T08:05:07Z", expected.len()),
        expected,
        "{text}"
    );
}

fn same(one: &str, other: &str) {
    assert_eq!(
        rule(&cron(one, "UTC")),
        rule(&cron(other, "UTC")),
        "{one} and {other}"
    );
}

#[test]
fn lists_ranges_and_steps() {
    expect(
        "*/20 * * * *",
        &[
            "2024-01-10T08:20Z",
            "2024-01-10T08:40Z",
            "2024-01-10T09:00Z",
        ],
    );
    expect(
        "5-15/5 9 * * *",
        &[
            "2024-01-10T09:05Z",
            "2024-01-10T09:10Z",
            "2024-01-10T09:15Z",
        ],
    );
    expect(
        "50/4 8 * * *",
        &[
            "2024-01-10T08:50Z",
            "2024-01-10T08:54Z",
            "2024-01-10T08:58Z",
        ],
    );
    expect(
        "0 12,18 * * *",
        &[
            "2024-01-10T12:00Z",
            "2024-01-10T18:00Z",
            "2024-01-11T12:00Z",
        ],
    );
    expect(
        "0 0 1 feb,APR-jun *",
        &["2024-02-01T00:00Z", "2024-04-01T00:00Z"],
    );
    expect(
        "0 9 * * Mon-Fri",
        &[
            "2024-01-10T09:00Z",
            "2024-01-11T09:00Z",
            "2024-01-12T09:00Z",
            "2024-01-15T09:00Z",
        ],
    );
    expect(
        "0 0 * * fri-sun",
        &[
            "2024-01-12T00:00Z",
            "2024-01-13T00:00Z",
            "2024-01-14T00:00Z",
            "2024-01-19T00:00Z",
        ],
    );
    expect("0 0 * * 0", &["2024-01-14T00:00Z"]);
    expect("0 0 * * 7", &["2024-01-14T00:00Z"]);
}

#[test]
fn seconds_come_first() {
    expect(
        "*/20 5 8 * * *",
        &[
            "2024-01-10T08:05:20Z",
            "2024-01-10T08:05:40Z",
            "2024-01-11T08:05Z",
        ],
    );
    expect(
        "* * * * * *",
        &["2024-01-10T08:05:07Z", "2024-01-10T08:05:08Z"],
    );
    same("0 5 8 * * *", "5 8 * * *");
}

#[test]
fn seconds_run_free_too() {
    let rule = rule(&cron("59 59 * * * *", "Europe/Paris"));
    assert!(rule.is_free_running());
    assert_eq!(
        slots(&rule, "2024-10-27T00:00:00Z", 2),
        ["2024-10-27T00:59:59Z", "2024-10-27T01:59:59Z"]
    );
}

#[test]
fn days_from_the_end_and_working_days() {
    expect("0 0 L * *", &["2024-01-31T00:00Z", "2024-02-29T00:00Z"]);
    expect("0 0 l-2 * *", &["2024-01-29T00:00Z", "2024-02-27T00:00Z"]);
    expect(
        "0 0 LW * *",
        &[
            "2024-01-31T00:00Z",
            "2024-02-29T00:00Z",
            "2024-03-29T00:00Z",
        ],
    );
    expect(
        "0 0 1W * *",
        &[
            "2024-02-01T00:00Z",
            "2024-03-01T00:00Z",
            "2024-04-01T00:00Z",
            "2024-05-01T00:00Z",
            "2024-06-03T00:00Z",
        ],
    );
    expect("0 0 1,L * ?", &["2024-01-31T00:00Z", "2024-02-01T00:00Z"]);
    expect("0 0 ? * 5#2", &["2024-01-12T00:00Z", "2024-02-09T00:00Z"]);
    expect("0 0 ? * friL", &["2024-01-26T00:00Z", "2024-02-23T00:00Z"]);
    expect("0 0 * * 5#5", &["2024-03-29T00:00Z", "2024-05-31T00:00Z"]);
}

#[test]
fn two_kinds_of_days() {
    // Both restricted: either will do.
    expect(
        "0 0 13 * Fri",
        &[
            "2024-01-12T00:00Z",
            "2024-01-13T00:00Z",
            "2024-01-19T00:00Z",
        ],
    );
    // One begins with a star: both must match.
    expect(
        "0 0 */2 * Mon",
        &[
            "2024-01-15T00:00Z",
            "2024-01-29T00:00Z",
            "2024-02-05T00:00Z",
        ],
    );
}

#[test]
fn rare_days() {
    expect("0 0 29 2 */1", &["2024-02-29T00:00Z", "2028-02-29T00:00Z"]);
    // 1 and 29 February on a Monday; the latter is rare, and 2100 is no leap year.
    let mondays = slots(
        &rule(&cron("0 0 */28 2 Mon", "UTC")),
        "2024-03-01T00:00:00Z",
        40,
    );
    let leap: Vec<_> = mondays
        .iter()
        .filter(|slot| slot.contains("-02-29"))
        .collect();
    assert_eq!(leap[..2], ["2044-02-29T00:00Z", "2072-02-29T00:00Z"]);
}

#[test]
fn names_for_common_texts() {
    same("@hourly", "0 * * * *");
    same("@daily", "0 0 * * *");
    same("@midnight", "@daily");
    same("@Weekly", "0 0 * * Sunday");
    same("@monthly", "0 0 1 * *");
    same("@yearly", "0 0 1 january *");
    same("@annually", "@yearly");
}

#[test]
fn the_same_rule_as_fields() {
    let fields = Schedule {
        at_hours: vec![8, 16],
        weekdays: vec!["Mon".to_owned()],
        timezone: Some("Europe/Paris".to_owned()),
        ..Schedule::default()
    };
    let text = cron("0 8,16 * * MON", "Europe/Paris");
    assert_eq!(Rule::compile(&fields), Rule::compile(&text));
    same("0 0 1-31 * *", "0 0 * * 0-6");
    same("0 0 1-31 * Mon", "@daily");
}

#[test]
fn sentences() {
    let table = [
        ("* * * * *", "Every minute on every day, UTC"),
        ("*/10 * * * * *", "Every 10 seconds on every day, UTC"),
        ("30 * * * *", "At minute 30 of every hour on every day, UTC"),
        ("15 30 9 * * *", "At 09:30:15 on every day, UTC"),
        (
            "*/5 9-17 * * mon-fri",
            "Every 5 minutes from 09:00 to 17:59 on Mondays to Fridays, UTC",
        ),
        ("0 0 L * *", "At 00:00 on the last day of the month, UTC"),
        (
            "0 0 15W * *",
            "At 00:00 on the working day nearest to day 15 of the month, UTC",
        ),
        (
            "0 6 LW 3,6 *",
            "At 06:00 on the last working day of the month in March and June, UTC",
        ),
        (
            "0 0 1-7,15 * *",
            "At 00:00 on days 1 to 7 and 15 of the month, UTC",
        ),
        (
            "0 0 */15 * Mon",
            "At 00:00 on days 1, 16 and 31 of the month, if also among Mondays, UTC",
        ),
        ("5 */6 * * *", "Every 6 hours from 00:05 on every day, UTC"),
        (
            "*/30 * 4 * * *",
            "Every 30 seconds from 04:00 to 04:59 on every day, UTC",
        ),
        (
            "0 0 * * 2#1",
            "At 00:00 on the first Tuesday of the month, UTC",
        ),
    ];
    for (text, sentence) in table {
        assert_eq!(rule(&cron(text, "UTC")).describe(), sentence, "{text}");
    }
}
