//! Ten years across every change of the clock, in thirty zones, for 2,010 schedules drawn at random: the slots are
//! exactly those of the brute-force reckoning. Each run compares a small share around every change; the whole is
//! compared when `FASTI_LONG` is set to 1.
//!
//! The years lie in the past, since releases of the time zone database differ about the future.

use fasti_domain::calendar::Rule;
use fasti_domain::time::Timestamp;

use super::naive::{Draw, Drawn};
use super::rule;
use super::scan::Zone;

const FIRST_YEAR: i16 = 2010;
const END_YEAR: i16 = 2020;
const MINUTE_US: i64 = 60_000_000;

/// Schedules for each zone: all, and the share of a short run.
const SCHEDULES: usize = 67;
const SHARE: usize = 3;

/// What is looked at around a change in a short run, either way.
const AROUND_MINUTES: i64 = 36 * 60;

#[expect(
    clippy::disallowed_methods,
    reason = "how much to compare is said from outside"
)]
fn is_long() -> bool {
    std::env::var_os("FASTI_LONG").is_some_and(|value| !value.is_empty() && value != "0")
}

fn compare(zone_name: &str, seed: u64) {
    let zone = Zone::of_system(zone_name, FIRST_YEAR, END_YEAR);
    let begin = 14_610 * 1440;
    let end = begin + 3652 * 1440;
    let stretches: Vec<(i64, i64)> = if is_long() {
        vec![(begin, end)]
    } else {
        let around = zone
            .changes()
            .map(|at| (at - AROUND_MINUTES, at + AROUND_MINUTES));
        around.chain([(begin + 5000, begin + 9000)]).collect()
    };
    let mut draw = Draw(seed);
    for index in 0..SCHEDULES {
        let drawn = Drawn::draw(&mut draw, zone_name);
        if index >= SHARE && !is_long() {
            break;
        }
        let rule = rule(&drawn.schedule);
        for (begin, end) in &stretches {
            let expected = zone.fires(&drawn, *begin, *end);
            check(
                &rule,
                &expected,
                *begin,
                *end,
                &format!("{:?}", drawn.schedule),
            );
        }
    }
}

/// Forwards, backwards and counted.
fn check(rule: &Rule, expected: &[i64], begin: i64, end: i64, what: &str) {
    let minute = |slot: Timestamp| {
        assert_eq!(slot.0 % MINUTE_US, 0);
        slot.0 / MINUTE_US
    };
    let mut found = Vec::with_capacity(expected.len());
    let mut at = Timestamp(begin * MINUTE_US - 1);
    while let Some(slot) = rule.next_after(at)
        && minute(slot) < end
    {
        found.push(minute(slot));
        at = slot;
    }
    assert_same(&found, expected, "forwards", what);
    found.clear();
    at = Timestamp(end * MINUTE_US);
    while let Some(slot) = rule.prev_before(at)
        && minute(slot) >= begin
    {
        found.push(minute(slot));
        at = slot;
    }
    found.reverse();
    assert_same(&found, expected, "backwards", what);
    let last = Timestamp(end * MINUTE_US - 1);
    let count = rule.count_between(Timestamp(begin * MINUTE_US - 1), last);
    assert_eq!(count, expected.len() as u64, "counted: {what}");
}

fn assert_same(found: &[i64], expected: &[i64], direction: &str, what: &str) {
    if found == expected {
        return;
    }
    let wrong = found.iter().find(|minute| !expected.contains(minute));
    let lacking = expected.iter().find(|minute| !found.contains(minute));
    let text =
        |minute: Option<&i64>| minute.map(|minute| Timestamp(minute * MINUTE_US).to_string());
    panic!(
        "{direction}: {:?} is no slot, {:?} is lacking: {what}",
        text(wrong),
        text(lacking)
    );
}

macro_rules! zones {
    ($($test:ident $seed:literal $name:literal,)*) => {
        $(
            #[test]
            fn $test() {
                compare($name, $seed);
            }
        )*

        #[test]
        fn there_are_thirty_zones() {
            assert_eq!([$($name),*].len(), 30);
        }
    };
}

zones! {
    africa_cairo 1 "Africa/Cairo",
    africa_casablanca 2 "Africa/Casablanca",
    africa_windhoek 3 "Africa/Windhoek",
    america_asuncion 4 "America/Asuncion",
    america_caracas 5 "America/Caracas",
    america_havana 6 "America/Havana",
    america_new_york 7 "America/New_York",
    america_santiago 8 "America/Santiago",
    america_sao_paulo 9 "America/Sao_Paulo",
    america_scoresbysund 10 "America/Scoresbysund",
    america_st_johns 11 "America/St_Johns",
    antarctica_casey 12 "Antarctica/Casey",
    antarctica_troll 13 "Antarctica/Troll",
    asia_amman 14 "Asia/Amman",
    asia_gaza 15 "Asia/Gaza",
    asia_kathmandu 16 "Asia/Kathmandu",
    asia_kolkata 17 "Asia/Kolkata",
    asia_pyongyang 18 "Asia/Pyongyang",
    asia_tehran 19 "Asia/Tehran",
    atlantic_azores 20 "Atlantic/Azores",
    australia_lord_howe 21 "Australia/Lord_Howe",
    australia_sydney 22 "Australia/Sydney",
    europe_dublin 23 "Europe/Dublin",
    europe_istanbul 24 "Europe/Istanbul",
    europe_moscow 25 "Europe/Moscow",
    europe_paris 26 "Europe/Paris",
    pacific_apia 27 "Pacific/Apia",
    pacific_chatham 28 "Pacific/Chatham",
    pacific_fakaofo 29 "Pacific/Fakaofo",
    utc 30 "UTC",
}
