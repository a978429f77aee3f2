//! The slots of a batch as they are answered.

use fasti_core::domain::calendar::Rule;
use fasti_core::domain::slots::SlotPolicy;
use fasti_core::domain::time::Timestamp;
use fasti_projector::rows::{BatchView, LedgerView, PlanView, SlotOutcome, SlotView};

use super::super::wire;
use super::{maybe_time, time};

/// Slots that are due and not recorded: first, last, number.
pub(crate) type OpenSlots = Option<(Timestamp, Timestamp, u64)>;

/// Which slots after a plan's mark are due at `now`, whatever their jitter.
pub(crate) fn open_slots(
    plan: &PlanView,
    rule: &Rule,
    policy: &SlotPolicy,
    now: Timestamp,
) -> OpenSlots {
    let jitter_us = i64::from(policy.jitter_seconds.unwrap_or(0)) * 1_000_000;
    let until = now.plus_us(-jitter_us);
    let first = rule.next_after(plan.through).filter(|it| *it <= until)?;
    let last = rule.prev_before(until.plus_us(1))?;
    Some((first, last, rule.count_between(plan.through, until)))
}

/// A record.
pub(crate) fn slot(view: &SlotView) -> wire::Slot {
    wire::Slot {
        outcome: match view.outcome {
            SlotOutcome::Fired => "fired",
            SlotOutcome::Missed => "missed",
            SlotOutcome::Skipped => "skipped",
            SlotOutcome::Superseded => "superseded",
            SlotOutcome::Cancelled => "cancelled",
            SlotOutcome::Alerted => "alerted",
        },
        first: time(view.first),
        last: time(view.last),
        count: view.count,
        reason: view.reason.clone(),
        run_id: view.run.map(|run| run.0),
        version: view.version,
        seq: Some(view.seq.0),
        at: Some(time(view.at)),
    }
}

/// Slots without a record: those that are due, and those that wait.
pub(crate) fn unrecorded(
    batch: &BatchView,
    ledger: &LedgerView,
    open: OpenSlots,
) -> Vec<wire::Slot> {
    let row = |outcome, (first, last, count), reason: &str| wire::Slot {
        outcome,
        first: time(first),
        last: time(last),
        count,
        reason: Some(reason.to_owned()),
        run_id: None,
        version: batch.version,
        seq: None,
        at: None,
    };
    let mut rows = Vec::new();
    if let Some(open) = open {
        let reason = if batch.paused {
            "its batch is paused; it is recorded as skipped when the batch is resumed"
        } else {
            "it is due and has no outcome yet"
        };
        rows.push(row("open", open, reason));
    }
    let waiting = ledger.plan.as_ref().map(|plan| plan.waiting.as_slice());
    let waiting = waiting.unwrap_or_default();
    if let (Some(first), Some(last)) = (waiting.first(), waiting.last()) {
        let range = (first.slot, last.slot, waiting.len() as u64);
        let reason = if batch.paused {
            "its batch is paused; it is started when the batch is resumed and no earlier run goes on"
        } else {
            "an earlier run of its batch goes on"
        };
        rows.push(row("waiting", range, reason));
    }
    rows
}

/// Sums of all time.
pub(crate) fn slot_totals(ledger: &LedgerView) -> wire::SlotTotals {
    let totals = &ledger.totals;
    wire::SlotTotals {
        fired: totals.fired,
        missed: totals.missed,
        skipped: totals.skipped,
        superseded: totals.superseded,
        cancelled: totals.cancelled,
        alerted: totals.alerted,
        waiting: ledger.plan.as_ref().map_or(0, |it| it.waiting.len() as u64),
    }
}

/// The present plan.
pub(crate) fn slot_plan(plan: &PlanView, open: OpenSlots) -> wire::SlotPlan {
    wire::SlotPlan {
        since: time(plan.since),
        through: time(plan.through),
        next_slot: maybe_time(plan.next.map(|next| next.slot)),
        next_due: maybe_time(plan.next.map(|next| next.due)),
        planned: plan.planned,
        closed: plan.totals.closed(),
        waiting: plan.waiting_own,
        open: open.map_or(0, |(_, _, count)| count),
        balanced: plan.is_balanced(),
    }
}
