//! What is true of any rule in any zone at any instant.

use chrono_tz::TZ_VARIANTS;
use fasti_domain::calendar::{Rule, YEAR_MAX, YEAR_MIN};
use fasti_domain::time::Timestamp;
use proptest::prelude::*;

use super::naive::{Draw, Drawn};
use super::{at, cron, rule, shown};

const SECOND_US: i64 = 1_000_000;
const DAY_US: i64 = 86_400 * SECOND_US;

/// A drawn rule in a zone, and an instant of the years 1970 to 2110.
fn rule_and_instant() -> impl Strategy<Value = (Rule, Timestamp)> {
    let zone = 0..TZ_VARIANTS.len();
    let instant = 0..140 * 366 * DAY_US;
    (any::<u64>(), zone, instant).prop_map(|(seed, zone, instant)| {
        let drawn = Drawn::draw(&mut Draw(seed), TZ_VARIANTS[zone].name());
        (rule(&drawn.schedule), Timestamp(instant))
    })
}

/// Each zone that comes up has its changes found first, which is most of the work of a case.
fn config() -> ProptestConfig {
    ProptestConfig {
        cases: ProptestConfig::default().cases / 4,
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn next_and_last_are_neighbours((rule, instant) in rule_and_instant()) {
        let next = rule.next_after(instant).unwrap();
        prop_assert!(next > instant);
        prop_assert!(rule.is_slot(next));
        prop_assert_eq!(rule.next_from(next), Some(next));
        // The last before the next is the last up to the instant.
        prop_assert_eq!(rule.prev_before(next), rule.prev_before(instant.plus_us(1)));
        prop_assert_eq!(rule.count_between(instant, next), 1);
        prop_assert_eq!(rule.count_between(instant, next.plus_us(-1)), 0);
        if let Some(last) = rule.prev_before(instant) {
            prop_assert!(last < instant);
            prop_assert!(rule.is_slot(last));
            prop_assert_eq!(rule.next_after(last), rule.next_from(instant));
        }
    }

    #[test]
    fn counting_is_enumerating((rule, instant) in rule_and_instant(), days in 1..400_i64) {
        let mut until = instant.plus_us(days * DAY_US);
        let mut count = 0;
        let mut slot = instant;
        while let Some(next) = rule.next_after(slot).filter(|next| *next <= until) {
            slot = next;
            count += 1;
            if count == 500 {
                until = slot;
            }
        }
        prop_assert_eq!(rule.count_between(instant, until), count);
        let back = std::iter::successors(rule.prev_before(until.plus_us(1)), |slot| rule.prev_before(*slot));
        prop_assert_eq!(back.take_while(|slot| *slot > instant).count() as u64, count);
    }

    #[test]
    fn counts_add_up((rule, first) in rule_and_instant(), more in prop::array::uniform2(0..50 * 366 * DAY_US)) {
        let second = first.plus_us(more[0]);
        let third = second.plus_us(more[1]);
        let parts = rule.count_between(first, second) + rule.count_between(second, third);
        prop_assert_eq!(rule.count_between(first, third), parts);
        prop_assert_eq!(rule.count_between(third, first), 0);
    }
}

#[test]
fn every_instant_has_an_answer() {
    let ends = [
        i64::MIN,
        i64::MIN + 1,
        -DAY_US,
        -1,
        0,
        1,
        i64::MAX - 1,
        i64::MAX,
        at("9999-12-31T23:59:59Z").0,
        at("9999-12-31T23:59:59Z").0 + 1,
    ];
    for (zone, text) in [
        ("UTC", "* * * * * *"),
        ("Pacific/Kiritimati", "* * * * *"),
        ("Pacific/Pago_Pago", "30 2 * * *"),
        ("Africa/Monrovia", "* * * * *"),
        ("Africa/Monrovia", "0 0 29 2 *"),
        ("Europe/Paris", "0 0 */28 2 Mon"),
    ] {
        let rule = rule(&cron(text, zone));
        let begin = format!("{YEAR_MIN}-01-01T00:00:00Z");
        let first = rule.next_after(Timestamp(i64::MIN)).unwrap();
        let last = rule.prev_before(Timestamp(i64::MAX)).unwrap();
        assert!(first >= at(&begin), "{}", shown(first));
        let century = &YEAR_MAX.to_string()[..2];
        assert!(shown(last).starts_with(century), "{}", shown(last));
        assert_eq!(rule.prev_before(first), None);
        assert_eq!(rule.next_after(last), None);
        assert_eq!(rule.count_between(Timestamp(i64::MIN), first), 1);
        assert_eq!(rule.count_between(last, Timestamp(i64::MAX)), 0);
        let all = rule.count_between(Timestamp(i64::MIN), Timestamp(i64::MAX));
        for end in ends {
            let end = Timestamp(end);
            assert!(rule.next_after(end).is_none_or(|slot| slot > end));
            assert!(rule.next_from(end).is_none_or(|slot| slot >= end));
            assert!(rule.prev_before(end).is_none_or(|slot| slot < end));
            let below = rule.count_between(Timestamp(i64::MIN), end);
            let above = rule.count_between(end, Timestamp(i64::MAX));
            assert_eq!(below + above, all);
        }
    }
}

#[test]
fn ten_years_of_seconds_are_counted_at_once() {
    let rule = rule(&cron("* * * * * *", "Europe/Paris"));
    let (begin, end) = (at("2014-01-01T00:00:00Z"), at("2024-01-01T00:00:00Z"));
    for _ in 0..200 {
        assert_eq!(rule.count_between(begin, end), 3652 * 86_400);
    }
}
