//! Rows to bytes and back: msgpack without field names. The name of the table carries the version of the
//! shape, so that rows of another shape are never read.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::ViewsError;

pub(super) fn encode<T: Serialize + ?Sized>(row: &T) -> Vec<u8> {
    rmp_serde::to_vec(row).expect("rows are plain data and the buffer is memory")
}

pub(super) fn decode<T: DeserializeOwned>(what: &'static str, row: &[u8]) -> Result<T, ViewsError> {
    rmp_serde::from_slice(row).map_err(|source| ViewsError::Row { what, source })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use fasti_core::domain::attempt::{Outcome, ResultRef, Usage};
    use fasti_core::domain::ids::{Digest, RunnerId, TaskRunId};
    use fasti_core::domain::run::TaskStatus;
    use fasti_core::domain::time::Timestamp;

    use super::*;
    use crate::model::{AttemptRow, Detail, TaskCell, When};

    fn outcomes() -> Vec<Option<Outcome>> {
        let message = String::from("why");
        vec![
            None,
            Some(Outcome::Exited { code: 3 }),
            Some(Outcome::Signaled { signal: 9 }),
            Some(Outcome::SpawnFailed {
                errno: 2,
                message: message.clone(),
            }),
            Some(Outcome::TimedOut { limit_ms: 5 }),
            Some(Outcome::Stopped),
            Some(Outcome::Lost { message }),
        ]
    }

    #[test]
    fn every_kind_of_task_run_comes_back() {
        let attempt = |(number, outcome)| AttemptRow {
            number,
            pid: 7,
            runner: RunnerId::new("r-1").unwrap(),
            leased_at: Timestamp(1),
            started_at: Timestamp(2).into(),
            finished_at: When::default(),
            outcome,
            reason: Some("reason".into()),
            usage: Usage {
                cpu_us: 1,
                max_rss_kib: 2,
                stdout_bytes: 3,
                stderr_bytes: 4,
            },
        };
        let cell = TaskCell {
            status: TaskStatus::Failure,
            queued_at: Timestamp(1).into(),
            started_at: When::default(),
            finished_at: Timestamp(-5).into(),
            reason: Some("reason".into()),
            detail: Some(Box::new(Detail {
                attempts: (1..).zip(outcomes()).map(attempt).collect(),
                result: Some(ResultRef {
                    sha256: Digest([3; 32]),
                    size: 9,
                    format: "pickle".to_owned(),
                }),
                reused_from: Some(TaskRunId(4)),
                retry_at: Some(Timestamp(9)),
            })),
            passed: 3,
        };
        let cells = vec![TaskCell::default(), cell];
        let back: Vec<TaskCell> = decode("task runs", &encode(&cells)).unwrap();
        assert_eq!(back, cells);
    }

    #[test]
    fn bytes_of_another_shape_are_an_error() {
        let error = decode::<TaskCell>("task runs", b"\xc1rubbish").unwrap_err();
        assert!(error.to_string().contains("task runs"), "{error}");
    }
}
