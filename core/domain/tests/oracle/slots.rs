//! Slots, naively: walked one by one, each with what became of it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use fasti_domain::calendar::{NamedCalendar, Rule};
use fasti_domain::calendars::rule_with;
use fasti_domain::definition::Definition;
use fasti_domain::event::Event;
use fasti_domain::ids::{BatchId, RunId};
use fasti_domain::slots::{NextSlot, Overlap};
use fasti_domain::time::Timestamp;

/// Ranges longer than this are only counted.
const WALKED_MAX: u64 = 20_000;

/// Longer after its time than a busy moment.
fn is_late(due: Timestamp, at: Timestamp) -> bool {
    at.0 - due.0 > 5_000_000
}

/// The slots of one batch.
#[derive(Default)]
pub(super) struct SlotModel {
    definition: Option<Arc<Definition>>,
    plan: Option<PlanModel>,
    pub(super) paused: bool,
    pub(super) resume_at: Option<Timestamp>,
    /// When signals that wait start their runs, by trigger.
    held: BTreeMap<String, (String, Timestamp)>,
    /// The run that the last slot announced.
    announced: Option<(RunId, Timestamp)>,
}

struct PlanModel {
    rule: Option<Rule>,
    /// Everything up to here is accounted for.
    mark: Timestamp,
    next: Option<NextSlot>,
    waiting: BTreeSet<Timestamp>,
}

/// All batches.
#[derive(Default)]
pub(super) struct SlotModels {
    batches: BTreeMap<BatchId, SlotModel>,
    calendars: BTreeMap<String, Arc<NamedCalendar>>,
}

impl SlotModels {
    pub(super) fn saved(&mut self, batch: BatchId, definition: Arc<Definition>) {
        self.batches.entry(batch).or_default().definition = Some(definition);
    }

    /// Whether the event was about slots.
    #[expect(clippy::too_many_lines, reason = "an arm for each event")]
    pub(super) fn see(&mut self, event: &Event, at: Timestamp) -> bool {
        if let Event::CalendarSaved(event) = event {
            self.calendars
                .insert(event.name.clone(), event.calendar.clone());
        }
        let batch = event.batch();
        let Some(model) = batch.and_then(|batch| self.batches.get_mut(&batch)) else {
            return false;
        };
        match event {
            Event::SchedulePlanned(event) => {
                let definition = model.definition.as_ref().unwrap();
                let find = |name: &str| self.calendars.get(name).map(Arc::as_ref);
                // One that this build cannot read has no slots.
                let rule = rule_with(&definition.schedule, find).ok().flatten();
                model.planned(event.after, event.next, rule, at);
            }
            Event::ScheduleFired(event) => {
                assert!(
                    event.due >= event.slot && event.due <= at,
                    "fired too early"
                );
                model.announced = Some((event.run, event.slot));
                model.takes(event.slot, event.slot, 1, event.next);
            }
            Event::ScheduleQueued(event) => {
                model.takes(event.slot, event.slot, 1, event.next);
                model.plan.as_mut().unwrap().waiting.insert(event.slot);
            }
            Event::ScheduleMissed(event) => {
                let next = model.plan.as_ref().unwrap().next.unwrap();
                assert!(is_late(event.last, at), "missed, and not late");
                assert!(is_late(next.due, at), "missed, and not late");
                model.takes(event.first, event.last, event.count, event.next);
            }
            Event::ScheduleSkipped(event) if model.plan.is_some() => {
                model.takes(event.first, event.last, event.count, event.next);
            }
            Event::ScheduleSkipped(_) => {}
            Event::ScheduleSuperseded(event) => {
                model.takes(event.first, event.last, event.count, event.next);
            }
            Event::ScheduleCancelled(event) => {
                model.takes(event.first, event.last, event.count, event.next);
            }
            Event::ScheduleAlerted(event) => {
                let plan = model.plan.as_ref().unwrap();
                let next = plan.next.unwrap();
                assert_eq!(next.slot, event.first, "from the first without outcome");
                let is_due = is_late(next.due, at) && is_late(event.last, at);
                assert!(is_due || plan.rule.is_none());
                assert!(!model.paused, "nobody expects anything");
            }
            Event::TriggerHeld(event) => {
                assert!(event.due > at && event.since <= at);
                let signal = (event.signal.id.clone(), event.due);
                model.held.insert(event.signal.trigger.clone(), signal);
            }
            Event::TriggerFired(event) => {
                // Another one may start past it: its trigger may have stopped waiting for silence.
                let waited = model.held.get(&event.trigger);
                if let Some((_, due)) = waited.filter(|(signal, _)| *signal == event.signal) {
                    assert!(*due <= at, "a signal that waits starts too early");
                    model.held.remove(&event.trigger);
                }
            }
            Event::TriggerIgnored(event) => {
                model.held.retain(|_, (signal, _)| *signal != event.signal);
            }
            Event::BatchPaused(event) => {
                (model.paused, model.resume_at) = (true, event.until);
                return false;
            }
            Event::BatchResumed(_) => {
                (model.paused, model.resume_at) = (false, None);
                return false;
            }
            Event::BatchDeleted(event) => {
                model.check_complete(at);
                self.batches.remove(&event.batch);
                return false;
            }
            _ => return false,
        }
        true
    }

    /// A run that a schedule made was announced by its slot, and by nothing else.
    pub(super) fn run_created(&mut self, batch: BatchId, run: RunId, slot: Option<Timestamp>) {
        let announced = self
            .batches
            .get_mut(&batch)
            .and_then(|it| it.announced.take());
        assert_eq!(
            announced,
            slot.map(|slot| (run, slot)),
            "a slot and its run"
        );
    }

    /// Whether a slot of this batch cancels the runs before its own.
    pub(super) fn cancels_old(&self, batch: BatchId) -> bool {
        let definition = self
            .batches
            .get(&batch)
            .and_then(|it| it.definition.as_ref());
        definition.is_some_and(|it| it.schedule.policy.overlap == Overlap::CancelOld)
    }

    /// When the next slot or end of a pause is due.
    pub(super) fn wake(&self) -> Option<Timestamp> {
        let due = |model: &SlotModel| {
            let next = model.plan.as_ref().and_then(|plan| plan.next);
            let slot = next.filter(|_| !model.paused).map(|next| next.due);
            let held = model.held.values().map(|(_, due)| *due);
            slot.into_iter().chain(model.resume_at).chain(held).min()
        };
        self.batches.values().filter_map(due).min()
    }

    /// No slot that is due is without an outcome, unless its batch is paused or time has just passed.
    pub(super) fn check_next(&self) {
        for model in self.batches.values() {
            if let Some(plan) = &model.plan {
                let slot = plan
                    .rule
                    .as_ref()
                    .and_then(|rule| rule.next_after(plan.mark));
                assert_eq!(plan.next.map(|next| next.slot), slot, "the next slot");
            }
        }
    }
}

impl SlotModel {
    fn planned(
        &mut self,
        after: Timestamp,
        next: Option<NextSlot>,
        rule: Option<Rule>,
        at: Timestamp,
    ) {
        let waiting = match &self.plan {
            // What came before the change is accounted for; the check needs the rule of then.
            Some(plan) if plan.mark != after => {
                self.check_complete(at);
                self.plan.take().unwrap().waiting
            }
            Some(_) => self.plan.take().unwrap().waiting,
            None => BTreeSet::new(),
        };
        self.plan = Some(PlanModel {
            rule,
            mark: after,
            next,
            waiting,
        });
    }

    fn takes(&mut self, first: Timestamp, last: Timestamp, count: u64, next: Option<NextSlot>) {
        let plan = self.plan.as_mut().unwrap();
        assert!(first <= last);
        if last <= plan.mark {
            // Slots that waited.
            let ended: Vec<Timestamp> = plan.waiting.range(first..=last).copied().collect();
            assert_eq!(ended.len() as u64, count, "slots that were over once");
            for slot in ended {
                plan.waiting.remove(&slot);
            }
        } else {
            let Some(rule) = &plan.rule else {
                // No slot: the end of a run that would have started the batch.
                return;
            };
            assert_eq!(
                rule.next_after(plan.mark),
                Some(first),
                "a slot was left out"
            );
            if count <= WALKED_MAX {
                let mut slot = plan.mark;
                for _ in 0..count {
                    slot = rule.next_after(slot).unwrap();
                }
                assert_eq!(slot, last, "as many as are said");
            }
            plan.mark = last;
        }
        plan.next = next;
    }

    /// At the end of a plan every slot that came has its outcome.
    fn check_complete(&self, at: Timestamp) {
        if let Some(plan) = &self.plan
            && let Some(rule) = &plan.rule
        {
            let next = rule.next_after(plan.mark);
            assert!(next.is_none_or(|next| next > at), "a slot has no outcome");
        }
    }
}
