//! Named calendars as records: saved in versions, used by schedules, owned by who saved them first.
//!
//! A new version counts from the moment it is saved: slots that were due before had the old one.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::access::Principal;
use crate::batch::Batch;
use crate::calendar::{
    CalendarMode, CalendarUse, CompiledCalendar, NamedCalendar, Rule, ScheduleError,
};
use crate::event::{CalendarRemoved, CalendarSaved, Event, SchedulePlanned};
use crate::graph::check_name;
use crate::limits::CALENDARS_MAX;
use crate::rejection::Rejection;
use crate::schedule::Schedule;
use crate::slots;
use crate::state::State;
use crate::time::Timestamp;

/// What a schedule does with a calendar.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct CalendarRef {
    /// Its name.
    pub name: String,
    /// What it does to the days of the schedule.
    pub mode: CalendarMode,
}

/// A calendar that schedules may use.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CalendarRecord {
    /// Version, from 1.
    pub version: u32,
    /// User who saved it first.
    pub owner: String,
    /// Which days are open.
    pub calendar: Arc<NamedCalendar>,
}

/// A calendar as the state keeps it: ready for rules, which are made of it at every slot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "(String, CalendarRecord)", into = "(String, CalendarRecord)")]
pub(crate) struct KnownCalendar {
    name: String,
    record: CalendarRecord,
    /// `None` when this build cannot read what another one saved.
    compiled: Option<Arc<CompiledCalendar>>,
}

impl From<(String, CalendarRecord)> for KnownCalendar {
    fn from((name, record): (String, CalendarRecord)) -> Self {
        let compiled = record.calendar.compile(&name).ok().map(Arc::new);
        Self {
            name,
            record,
            compiled,
        }
    }
}

impl From<KnownCalendar> for (String, CalendarRecord) {
    fn from(known: KnownCalendar) -> Self {
        (known.name, known.record)
    }
}

impl KnownCalendar {
    fn ready(&self) -> Result<Arc<CompiledCalendar>, ScheduleError> {
        match &self.compiled {
            Some(compiled) => Ok(compiled.clone()),
            // Says what is wrong.
            None => self.record.calendar.compile(&self.name).map(Arc::new),
        }
    }
}

/// The rule of a schedule with its calendars, which `find` knows by name.
///
/// # Errors
/// The first field that is wrong.
pub fn rule_with<'a>(
    schedule: &Schedule,
    find: impl Fn(&str) -> Option<&'a NamedCalendar>,
) -> Result<Option<Rule>, ScheduleError> {
    rule_of(schedule, |name| {
        Some(find(name)?.compile(name).map(Arc::new))
    })
}

fn rule_of(
    schedule: &Schedule,
    find: impl Fn(&str) -> Option<Result<Arc<CompiledCalendar>, ScheduleError>>,
) -> Result<Option<Rule>, ScheduleError> {
    let Some(mut rule) = Rule::compile(schedule)? else {
        return match schedule.calendars.first() {
            None => Ok(None),
            Some(_) => Err(ScheduleError {
                field: "calendars",
                message: "calendars act on times: give the schedule some, or no calendars"
                    .to_owned(),
            }),
        };
    };
    for used in &schedule.calendars {
        let Some(calendar) = find(&used.name) else {
            return Err(ScheduleError {
                field: "calendars",
                message: format!("there is no calendar `{}`; save it first", used.name),
            });
        };
        rule = rule.with_calendar(CalendarUse {
            calendar: calendar?,
            mode: used.mode,
        })?;
    }
    if rule.can_fire() {
        return Ok(Some(rule));
    }
    Err(ScheduleError {
        field: "calendars",
        message: "with these calendars the schedule can never fire".to_owned(),
    })
}

impl State {
    /// The rule of a schedule by the calendars there are; `None` when it has no times.
    ///
    /// # Errors
    /// The first field that is wrong.
    pub fn rule(&self, schedule: &Schedule) -> Result<Option<Rule>, ScheduleError> {
        rule_of(schedule, |name| {
            self.calendars.get(name).map(KnownCalendar::ready)
        })
    }

    /// A calendar.
    #[must_use]
    pub fn calendar(&self, name: &str) -> Option<&CalendarRecord> {
        self.calendars.get(name).map(|known| &known.record)
    }

    fn uses_of<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Batch> {
        self.batches.values().filter(move |batch| {
            let schedule = self.batch_definition(batch).map(|it| &it.schedule);
            schedule.is_some_and(|it| it.calendars.iter().any(|used| used.name == name))
        })
    }
}

pub(crate) fn save(
    state: &State,
    who: &Principal,
    name: &str,
    calendar: &Arc<NamedCalendar>,
    at: Timestamp,
) -> Result<Vec<Event>, Rejection> {
    check_name("name", name)?;
    let compiled = match calendar.compile(name) {
        Ok(compiled) => Arc::new(compiled),
        Err(error) => return Err(Rejection::invalid(error.field, error.message)),
    };
    let known = state.calendar(name);
    match known {
        Some(known) => check_owner(who, name, known)?,
        None if state.calendars.len() >= CALENDARS_MAX => {
            return Err(Rejection::Limit {
                message: format!("{CALENDARS_MAX} calendars are saved already; remove some first"),
            });
        }
        None => {}
    }
    if known.is_some_and(|known| known.calendar == *calendar) {
        return Ok(Vec::new());
    }
    let mut events = Vec::new();
    let mut ids = slots::RunIds::of(state);
    for batch in state.uses_of(name) {
        check_still_fires(state, batch, &compiled)?;
        events.extend(slots::close_for_change(state, batch, at, &mut ids));
    }
    let event = CalendarSaved {
        name: name.to_owned(),
        version: known.map_or(1, |known| known.version + 1),
        owner: known.map_or_else(|| who.user.clone(), |known| known.owner.clone()),
        calendar: calendar.clone(),
    };
    events.push(event.into());
    Ok(events)
}

/// A calendar must not silence a batch that uses it.
fn check_still_fires(
    state: &State,
    batch: &Batch,
    calendar: &Arc<CompiledCalendar>,
) -> Result<(), Rejection> {
    let Some(definition) = state.batch_definition(batch) else {
        return Ok(());
    };
    let rule = rule_of(&definition.schedule, |used| {
        if used == calendar.name() {
            return Some(Ok(calendar.clone()));
        }
        state.calendars.get(used).map(KnownCalendar::ready)
    });
    rule.map(drop).map_err(|error| {
        Rejection::invalid(
            "closed",
            format!("the batch `{}` uses it: {}", batch.name, error.message),
        )
    })
}

pub(crate) fn check_owner(
    who: &Principal,
    name: &str,
    known: &CalendarRecord,
) -> Result<(), Rejection> {
    if who.is_admin || who.user == known.owner {
        return Ok(());
    }
    Err(Rejection::NotCalendarOwner {
        name: name.to_owned(),
        owner: known.owner.clone(),
    })
}

pub(crate) fn remove(state: &State, who: &Principal, name: &str) -> Result<Vec<Event>, Rejection> {
    let Some(known) = state.calendar(name) else {
        return Err(Rejection::NoSuchCalendar {
            name: name.to_owned(),
        });
    };
    check_owner(who, name, known)?;
    if let Some(batch) = state.uses_of(name).next() {
        return Err(Rejection::CalendarBusy {
            name: name.to_owned(),
            batch: batch.id,
        });
    }
    Ok(vec![
        CalendarRemoved {
            name: name.to_owned(),
        }
        .into(),
    ])
}

/// New plans for the batches that use a calendar, from now on.
pub(crate) fn replan(state: &State, name: &str, at: Timestamp) -> Vec<Event> {
    let planned = |batch: &Batch| {
        let definition = state.batch_definition(batch)?;
        batch.plan.as_ref()?;
        let event = SchedulePlanned {
            batch: batch.id,
            version: batch.version,
            after: at,
            next: slots::next_slot(state, batch.id, definition, at),
        };
        Some(event.into())
    };
    state.uses_of(name).filter_map(planned).collect()
}

pub(crate) fn saved(state: &mut State, event: &CalendarSaved) {
    let record = CalendarRecord {
        version: event.version,
        owner: event.owner.clone(),
        calendar: event.calendar.clone(),
    };
    let known = KnownCalendar::from((event.name.clone(), record));
    state.calendars.insert(event.name.clone(), known);
}

pub(crate) fn removed(state: &mut State, event: &CalendarRemoved) {
    state.calendars.remove(&event.name);
}
