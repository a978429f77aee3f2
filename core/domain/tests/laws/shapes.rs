//! Small random definitions.

use fasti_domain::definition::{Definition, Parts, Priority, Task};
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
    pub(crate) needs_image: bool,
}

pub(crate) fn shape() -> impl Strategy<Value = Shape> {
    let tasks = vec((1..4_u32, 0..3_u32, 0..4_u8), 1..7);
    let image = prop_oneof![6 => Just(false), 1 => Just(true)];
    (
        tasks,
        any::<u32>(),
        proptest::option::of(1..4_u64),
        any::<bool>(),
        image,
    )
        .prop_map(
            |(tasks, edges, fail_after_seconds, zone, needs_image)| Shape {
                tasks,
                edges,
                fail_after_seconds,
                zone,
                needs_image,
            },
        )
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
        definition.schedule.timezone = self.zone.then(|| "Asia/Tokyo".to_owned());
        definition.image = self.needs_image.then(|| "image".to_owned());
        definition
    }

    /// Number of task runs.
    pub(crate) fn nodes(&self) -> u32 {
        self.tasks.iter().map(|(parts, ..)| parts).sum()
    }
}
