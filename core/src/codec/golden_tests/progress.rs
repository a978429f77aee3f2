//! Samples of what is said of runs and tasks on their way.

use fasti_domain::event::*;
use fasti_domain::ids::TaskRunId;
use fasti_domain::stages::StageMark;
use fasti_domain::time::Timestamp;

use super::{BATCH, RUN, runner};

pub(super) fn samples() -> Vec<Event> {
    vec![
        RunEndMoved {
            run: RUN,
            batch: BATCH,
            ends_at: Timestamp(1_711_846_800_000_000),
        }
        .into(),
        TaskProgressed {
            run: RUN,
            batch: BATCH,
            runner: runner(),
            marks: vec![
                StageMark {
                    task_run: TaskRunId(43),
                    number: 1,
                    stage: "gathered".to_owned(),
                    at: Timestamp(1_711_846_800_000_000),
                    detail: None,
                    is_note: false,
                },
                StageMark {
                    task_run: TaskRunId(43),
                    number: 1,
                    stage: "delivered".to_owned(),
                    at: Timestamp(1_711_846_800_000_000),
                    detail: Some(r#"{"status":200}"#.to_owned()),
                    is_note: true,
                },
            ],
        }
        .into(),
    ]
}
