//! Schedules, both ways.

use fasti_core::domain::calendar::Rule;
use fasti_core::domain::calendars::CalendarRef;
use fasti_core::domain::definition::EndCondition;
use fasti_core::domain::schedule::{FirstLast, RunAfter, Schedule};
use fasti_core::domain::slots::{Misfire, Overlap, SlotPolicy};

use super::super::wire;
use super::trigger;
use crate::errors::Problem;

/// What the author wrote, for the domain; `path` is that of the schedule.
///
/// # Errors
/// 422 with the field.
pub(crate) fn from_wire(path: &str, given: wire::Schedule) -> Result<Schedule, Problem> {
    let run_after = run_after(path, &given)?;
    let policy = policy(&given);
    let triggers = given.triggers.clone().unwrap_or_default().into_iter();
    let triggers = triggers
        .enumerate()
        .map(|(index, it)| trigger::from_wire(&format!("{path}.triggers[{index}]"), it));
    let triggers = triggers.collect::<Result<_, _>>()?;
    let calendars = given.calendars.unwrap_or_default().into_iter();
    Ok(Schedule {
        at_minutes: given.at_minutes.unwrap_or_default(),
        every_minute: given.every_minute,
        at_hours: given.at_hours.unwrap_or_default(),
        every_hour: given.every_hour,
        weekdays: given.weekdays.unwrap_or_default(),
        day_of_month: given.day_of_month,
        first_last: given.first_last.map(|it| FirstLast {
            weekday: it.weekday,
            which: it.which,
        }),
        in_months: given.in_months.unwrap_or_default(),
        every_month: given.every_month,
        timezone: given.timezone,
        rundate_offset: given.rundate_offset,
        cron: given.cron,
        run_after,
        policy,
        calendars: calendars
            .map(|used| CalendarRef {
                name: used.name,
                mode: used.mode.into(),
            })
            .collect(),
        triggers,
    })
}

fn policy(given: &wire::Schedule) -> SlotPolicy {
    SlotPolicy {
        misfire: given.misfire.map(Into::into).unwrap_or_default(),
        misfire_within_seconds: given.misfire_within_seconds,
        misfire_max: given.misfire_max,
        overlap: given.overlap.map(Into::into).unwrap_or_default(),
        start_deadline_seconds: given.start_deadline_seconds,
        jitter_seconds: given.jitter_seconds,
    }
}

fn run_after(path: &str, given: &wire::Schedule) -> Result<Option<RunAfter>, Problem> {
    let field = |name: &str| format!("{path}.{name}");
    let job_uuid = match &given.run_after_job_uuid {
        None => None,
        Some(text) => Some(text.parse().map_err(|_| {
            Problem::invalid(
                field("run_after_job_uuid"),
                format!("`{text}` is no id of a batch: must be a UUID"),
            )
        })?),
    };
    if given.run_after_job_name.is_none() && job_uuid.is_none() {
        return match given.run_after_job_condition {
            None => Ok(None),
            Some(_) => Err(Problem::invalid(
                field("run_after_job_condition"),
                "a condition needs run_after_job_name or run_after_job_uuid beside it",
            )),
        };
    }
    Ok(Some(RunAfter {
        job_name: given.run_after_job_name.clone(),
        job_uuid,
        condition: given
            .run_after_job_condition
            .map(Into::into)
            .unwrap_or_default(),
    }))
}

/// As it is answered: what was not given is left out.
pub(super) fn to_wire(schedule: &Schedule) -> wire::Schedule {
    fn list<T: Clone>(items: &[T]) -> Option<Vec<T>> {
        (!items.is_empty()).then(|| items.to_vec())
    }
    let run_after = schedule.run_after.as_ref();
    let policy = &schedule.policy;
    let calendars = schedule.calendars.iter().map(|used| wire::CalendarUse {
        name: used.name.clone(),
        mode: used.mode.into(),
    });
    wire::Schedule {
        at_minutes: list(&schedule.at_minutes),
        every_minute: schedule.every_minute,
        at_hours: list(&schedule.at_hours),
        every_hour: schedule.every_hour,
        weekdays: list(&schedule.weekdays),
        day_of_month: schedule.day_of_month,
        first_last: schedule.first_last.as_ref().map(|it| wire::FirstLast {
            weekday: it.weekday.clone(),
            which: it.which.clone(),
        }),
        in_months: list(&schedule.in_months),
        every_month: schedule.every_month,
        timezone: schedule.timezone.clone(),
        rundate_offset: schedule.rundate_offset,
        cron: schedule.cron.clone(),
        run_after_job_name: run_after.and_then(|it| it.job_name.clone()),
        run_after_job_uuid: run_after
            .and_then(|it| it.job_uuid)
            .map(|id| id.to_string()),
        run_after_job_condition: run_after.map(|it| it.condition.into()),
        calendars: list(&calendars.collect::<Vec<_>>()),
        misfire: (policy.misfire != Misfire::default()).then(|| policy.misfire.into()),
        misfire_within_seconds: policy.misfire_within_seconds,
        misfire_max: policy.misfire_max,
        overlap: (policy.overlap != Overlap::default()).then(|| policy.overlap.into()),
        start_deadline_seconds: policy.start_deadline_seconds,
        jitter_seconds: policy.jitter_seconds,
        triggers: list(&schedule.triggers).map(|it| it.iter().map(trigger::to_wire).collect()),
    }
}

/// One line of English, of a batch. What it ran after may be gone, and another one of that name is another batch.
pub(super) fn describe_batch(schedule: &Schedule, rule: Option<&Rule>, is_linked: bool) -> String {
    let is_lost = schedule.run_after.is_some() && !is_linked;
    let described = describe(schedule, rule);
    if is_lost {
        format!(
            "{described}; that batch was deleted, so it is only started by hand until it is saved again"
        )
    } else {
        described
    }
}

/// One line of English.
pub(super) fn describe(schedule: &Schedule, rule: Option<&Rule>) -> String {
    if let Some(rule) = rule {
        return rule.describe();
    }
    let Some(after) = &schedule.run_after else {
        return match schedule.triggers.len() {
            0 => "only started by hand".to_owned(),
            _ => "started by messages".to_owned(),
        };
    };
    let batch = match (&after.job_name, after.job_uuid) {
        (Some(name), _) => format!("the batch `{name}`"),
        (None, Some(id)) => format!("the batch {id}"),
        (None, None) => "another batch".to_owned(),
    };
    match after.condition {
        EndCondition::OnSuccess => format!("After each run of {batch} that succeeds"),
        EndCondition::OnFailure => format!("After each run of {batch} that fails"),
        EndCondition::Always => format!("After each run of {batch}, however it ends"),
    }
}
