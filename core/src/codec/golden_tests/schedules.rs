//! Samples of the events of schedules, and of others with what schedules added to them.

use std::sync::Arc;

use fasti_domain::backfill::{Backfill, BackfillOrder};
use fasti_domain::batch::SavedFrom;
use fasti_domain::calendar::NamedCalendar;
use fasti_domain::definition::Tag;
use fasti_domain::event::*;
use fasti_domain::ids::{BatchId, Digest, RunId, RunSetId};
use fasti_domain::run::{RunStatus, RunType};
use fasti_domain::slots::NextSlot;
use fasti_domain::time::Timestamp;
use fasti_domain::trigger::RunSignal;

use super::{BATCH, RUN, run_created};

const SLOT: Timestamp = Timestamp(1_711_846_800_000_000);
const CHILD: BatchId = BatchId([0xcb; 16]);

fn next() -> Option<NextSlot> {
    Some(NextSlot {
        slot: SLOT.plus_us(3_600_000_000),
        due: SLOT.plus_us(3_607_000_000),
    })
}

fn calendar() -> Arc<NamedCalendar> {
    let json = r#"{"closed_weekdays": ["Sat", "Sun"], "closed": {"2026-12-25": "Christmas Day"},
        "open": {"2026-12-26": ""}}"#;
    Arc::new(serde_json::from_str::<NamedCalendar>(json).unwrap())
}

macro_rules! closed {
    ($event:ident, $reason:literal) => {
        $event {
            batch: BATCH,
            version: 3,
            first: SLOT,
            last: SLOT.plus_us(7_200_000_000),
            count: 3,
            reason: $reason.to_owned(),
            next: next(),
        }
        .into()
    };
}

pub(super) fn samples() -> Vec<Event> {
    let mut all = slot_samples();
    all.extend(document_samples());
    all.extend(other_samples());
    all.extend(trigger_samples());
    all
}

fn slot_samples() -> Vec<Event> {
    vec![
        SchedulePlanned {
            batch: BATCH,
            version: 3,
            after: SLOT,
            next: next(),
        }
        .into(),
        ScheduleFired {
            batch: BATCH,
            version: 3,
            slot: SLOT,
            due: SLOT.plus_us(5_000_000),
            run: RUN,
            next: next(),
        }
        .into(),
        ScheduleQueued {
            batch: BATCH,
            version: 3,
            slot: SLOT,
            due: SLOT,
            next: None,
        }
        .into(),
        closed!(ScheduleMissed, "they passed"),
        closed!(ScheduleSkipped, "its batch was paused"),
        closed!(ScheduleSuperseded, "a later slot took its place"),
        closed!(ScheduleCancelled, "its batch was deleted"),
        ScheduleAlerted {
            batch: BATCH,
            version: 3,
            first: SLOT,
            last: SLOT.plus_us(7_200_000_000),
            count: 3,
            reason: "the scheduler was away".to_owned(),
        }
        .into(),
    ]
}

fn signal() -> Arc<RunSignal> {
    Arc::new(RunSignal {
        trigger: "orders".to_owned(),
        id: "7".to_owned(),
        payload: "{\"country\":\"FR\"}".to_owned(),
    })
}

fn trigger_samples() -> Vec<Event> {
    vec![
        TriggerFired {
            batch: BATCH,
            version: 3,
            trigger: "orders".to_owned(),
            signal: "7".to_owned(),
            run: RUN,
        }
        .into(),
        TriggerHeld {
            batch: BATCH,
            version: 3,
            signal: signal(),
            since: SLOT,
            due: SLOT.plus_us(5_000_000),
        }
        .into(),
        TriggerIgnored {
            batch: BATCH,
            version: 3,
            trigger: "orders".to_owned(),
            signal: "7".to_owned(),
            reason: "its batch is paused".to_owned(),
        }
        .into(),
        RunCreated {
            run_type: RunType::Triggered,
            signal: Some(signal()),
            ..run_created()
        }
        .into(),
        RunSetPaused {
            run_set: RunSetId(99),
            reason: Some("its batch cannot run".to_owned()),
        }
        .into(),
        RunSetCancelled {
            run_set: RunSetId(99),
            batch: BATCH,
            reason: Some("wrong".to_owned()),
        }
        .into(),
    ]
}

/// Documents of dialects.
fn document_samples() -> Vec<Event> {
    vec![
        DocumentSaved {
            kind: "rescale.project".to_owned(),
            key: "p-1".to_owned(),
            version: 2,
            by: "ada".to_owned(),
            body: r#"{"name":"wing"}"#.into(),
            blobs: vec![Digest([0x9b; 32])],
        }
        .into(),
        DocumentRemoved {
            kind: "rescale.project".to_owned(),
            key: "p-1".to_owned(),
        }
        .into(),
    ]
}

fn other_samples() -> Vec<Event> {
    vec![
        CalendarSaved {
            name: "paris".to_owned(),
            version: 2,
            owner: "ada".to_owned(),
            calendar: calendar(),
        }
        .into(),
        CalendarRemoved {
            name: "paris".to_owned(),
        }
        .into(),
        RunSetCreated {
            run_set: RunSetId(99),
            batch: BATCH,
            title: "backfill".to_owned(),
            labels: vec![],
            backfill: Some(Backfill {
                from: SLOT,
                until: SLOT.plus_us(86_400_000_000),
                order: BackfillOrder::NewestFirst,
                live_max: 4,
                slots: 24,
            }),
        }
        .into(),
        RunSetPaused {
            run_set: RunSetId(99),
            reason: None,
        }
        .into(),
        RunSetResumed {
            run_set: RunSetId(99),
        }
        .into(),
        BatchSaved {
            batch: CHILD,
            name: "child".to_owned(),
            tag: Tag::Prod,
            version: 1,
            definition: Digest([0xde; 32]),
            saved_from: SavedFrom::Save,
            runs_after: Some(BATCH),
        }
        .into(),
        BatchPaused {
            batch: BATCH,
            reason: None,
            until: Some(SLOT),
        }
        .into(),
        RunCreated {
            run_type: RunType::RunAfter,
            parent_run: Some(RunId(50)),
            start_by: Some(SLOT),
            ..run_created()
        }
        .into(),
        RunFinished {
            run: RUN,
            batch: BATCH,
            status: RunStatus::Success,
            reason: None,
            starts: vec![CHILD],
        }
        .into(),
    ]
}
