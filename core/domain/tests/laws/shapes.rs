//! Small random definitions.

use fasti_domain::calendar::CalendarMode;
use fasti_domain::calendars::CalendarRef;
use fasti_domain::definition::{
    Definition, EndCondition, Parts, Priority, RetryPolicy, Task, TaskOptions,
};
use fasti_domain::schedule::{RunAfter, Schedule};
use fasti_domain::slots::{Misfire, Overlap, SlotPolicy};
use fasti_domain::trigger::{Trigger, TriggerSource};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::batches::{batch, task};

#[derive(Debug, Clone)]
pub(crate) struct Shape {
    tasks: Vec<(u32, u32, u8)>,
    /// One bit a pair of tasks.
    edges: u32,
    fail_after_seconds: Option<u64>,
    zone: bool,
    needs_image: bool,
    schedule: Option<ScheduleShape>,
    /// Started by messages too, perhaps after so many seconds of silence.
    trigger: Option<Option<u64>>,
    /// Its times go by the calendar `days`.
    calendar: Option<CalendarMode>,
}

/// Cron text, misfire and overlap, start deadline and jitter in seconds; or the number of a batch to run after.
#[derive(Debug, Clone)]
enum ScheduleShape {
    Cron(&'static str, Misfire, Overlap, Option<u64>, Option<u32>),
    After(u8, EndCondition),
}

fn schedule() -> BoxedStrategy<ScheduleShape> {
    let cron = prop_oneof![
        3 => Just("* * * * * *"),
        3 => Just("*/7 * * * * *"),
        2 => Just("* * * * *"),
        1 => Just("30 2 * * *"),
    ];
    let misfire = prop_oneof![
        Just(Misfire::Latest),
        Just(Misfire::All),
        Just(Misfire::Within),
        Just(Misfire::Skip),
    ];
    let overlap = prop_oneof![
        Just(Overlap::Allow),
        Just(Overlap::Skip),
        Just(Overlap::QueueOne),
        Just(Overlap::QueueAll),
        Just(Overlap::CancelOld),
    ];
    let condition = prop_oneof![
        Just(EndCondition::OnSuccess),
        Just(EndCondition::OnFailure),
        Just(EndCondition::Always),
    ];
    let timed = (
        cron,
        misfire,
        overlap,
        proptest::option::of(1..5_u64),
        proptest::option::of(0..9_u32),
    );
    prop_oneof![
        4 => timed.prop_map(|(c, m, o, s, j)| ScheduleShape::Cron(c, m, o, s, j)),
        2 => (0..3_u8, condition).prop_map(|(b, c)| ScheduleShape::After(b, c)),
    ]
    .boxed()
}

impl ScheduleShape {
    fn schedule(&self) -> Schedule {
        match self {
            Self::Cron(cron, misfire, overlap, start_deadline_seconds, jitter_seconds) => {
                Schedule {
                    cron: Some((*cron).to_owned()),
                    policy: SlotPolicy {
                        misfire: *misfire,
                        misfire_max: matches!(misfire, Misfire::All | Misfire::Within).then_some(3),
                        overlap: *overlap,
                        start_deadline_seconds: *start_deadline_seconds,
                        jitter_seconds: *jitter_seconds,
                        ..SlotPolicy::default()
                    },
                    ..Schedule::default()
                }
            }
            Self::After(batch, condition) => Schedule {
                run_after: Some(RunAfter {
                    job_name: Some(format!("b{batch}")),
                    job_uuid: None,
                    condition: *condition,
                }),
                ..Schedule::default()
            },
        }
    }
}

pub(crate) fn shape() -> BoxedStrategy<Shape> {
    let tasks = vec((1..4_u32, 0..3_u32, 0..4_u8), 1..7);
    let image = prop_oneof![6 => Just(false), 1 => Just(true)];
    (
        tasks,
        any::<u32>(),
        proptest::option::of(1..4_u64),
        any::<bool>(),
        image,
        proptest::option::weighted(0.3, schedule()),
        proptest::option::weighted(0.2, proptest::option::of(1..4_u64)),
        proptest::option::weighted(0.2, calendar()),
    )
        .prop_map(
            |(tasks, edges, fail_after_seconds, zone, needs_image, schedule, trigger, calendar)| {
                Shape {
                    tasks,
                    edges,
                    fail_after_seconds,
                    zone,
                    needs_image,
                    schedule,
                    trigger,
                    calendar,
                }
            },
        )
        // Values of unboxed strategies grow until they fill the stack.
        .boxed()
}

fn calendar() -> impl Strategy<Value = CalendarMode> {
    prop_oneof![
        Just(CalendarMode::OnlyOpenDays),
        Just(CalendarMode::OnlyClosedDays),
        Just(CalendarMode::NextOpenDay),
    ]
}

/// Further attempts with waits that grow, by chance, and an exit code that ends them.
fn spread() -> TaskOptions {
    TaskOptions {
        retry: Some(RetryPolicy {
            backoff_percent: Some(150),
            jitter_percent: 30,
            never_codes: vec![2],
            ..RetryPolicy::default()
        }),
        ..TaskOptions::default()
    }
}

impl Shape {
    pub(crate) fn definition(&self, name: &str) -> Definition {
        let tasks = self.tasks.iter().enumerate();
        let tasks: Vec<Task> = tasks
            .map(|(index, &(parts, retries, priority))| Task {
                parts: if parts == 1 {
                    Parts::One
                } else {
                    Parts::Count(parts)
                },
                retries,
                options: (retries > 1).then(|| Box::new(spread())),
                priority: match priority {
                    0 => Some(Priority::High),
                    1 => Some(Priority::Low),
                    _ => None,
                },
                ..task(&format!("t{index}"))
            })
            .collect();
        let count = u32::try_from(tasks.len()).unwrap();
        let pairs = (1..count).flat_map(|to| (0..to).map(move |from| (from, to)));
        let edges: Vec<(u32, u32)> = pairs
            .enumerate()
            .filter(|(bit, _)| self.edges >> bit & 1 == 1)
            .map(|(_, pair)| pair)
            .collect();
        let mut definition = batch(name, tasks, &edges);
        definition.fail_after_seconds = self.fail_after_seconds;
        if let Some(schedule) = &self.schedule {
            definition.schedule = schedule.schedule();
        }
        if let Some(debounce_seconds) = self.trigger {
            definition.schedule.triggers = vec![Trigger {
                name: "orders".to_owned(),
                source: TriggerSource::Nats {
                    subject: "orders.>".to_owned(),
                },
                filter: vec![],
                debounce_seconds,
            }];
        }
        let has_times = definition.schedule.cron.is_some();
        if let Some(mode) = self.calendar.filter(|_| has_times) {
            let name = "days".to_owned();
            definition.schedule.calendars = vec![CalendarRef { name, mode }];
        }
        definition.schedule.timezone = self.zone.then(|| "Asia/Tokyo".to_owned());
        definition.image = self.needs_image.then(|| "image".to_owned());
        definition
    }

    /// Whether it may be refused for what is or is not registered.
    pub(crate) fn needs_more(&self) -> bool {
        self.needs_image || self.calendar.is_some()
    }

    /// Number of task runs.
    pub(crate) fn nodes(&self) -> u32 {
        self.tasks.iter().map(|(parts, ..)| parts).sum()
    }
}
