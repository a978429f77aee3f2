//! Named calendars, both ways.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use fasti_core::domain::calendar::NamedCalendar;
use fasti_core::domain::calendars::CalendarRecord;

use super::super::wire;
use crate::errors::Problem;

/// What somebody saves.
///
/// # Errors
/// 422 with the field.
pub(crate) fn calendar_from_wire(given: wire::CalendarBody) -> Result<NamedCalendar, Problem> {
    Ok(NamedCalendar {
        closed_weekdays: given.closed_weekdays,
        closed: dates("closed", given.closed)?,
        open: dates("open", given.open)?,
    })
}

fn dates(
    field: &str,
    given: BTreeMap<String, String>,
) -> Result<BTreeMap<NaiveDate, String>, Problem> {
    // The one spelling: several of one day would be one day with one of their labels.
    let exact = |text: &str| {
        let date: Option<NaiveDate> = text.parse().ok();
        date.filter(|date| date.to_string() == text)
    };
    let read = |(text, label): (String, String)| match exact(&text) {
        Some(date) => Ok((date, label)),
        None => Err(Problem::invalid(
            field,
            format!("`{text}` is no date; write YYYY-MM-DD"),
        )),
    };
    given.into_iter().map(read).collect()
}

/// As it is answered.
pub(crate) fn calendar(name: &str, record: &CalendarRecord) -> wire::Calendar {
    let dates = |dates: &BTreeMap<NaiveDate, String>| {
        let texts = dates.iter();
        let texts = texts.map(|(date, label)| (date.to_string(), label.clone()));
        texts.collect()
    };
    let days = &record.calendar;
    wire::Calendar {
        name: name.to_owned(),
        version: record.version,
        owner: record.owner.clone(),
        days: wire::CalendarBody {
            closed_weekdays: days.closed_weekdays.clone(),
            closed: dates(&days.closed),
            open: dates(&days.open),
        },
    }
}
