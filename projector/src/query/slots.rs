//! What became of the slots of a batch.

use fasti_core::domain::calendar::{Rule, ScheduleError};
use fasti_core::domain::calendars::{CalendarRecord, rule_with};
use fasti_core::domain::ids::{BatchId, Seq};
use fasti_core::domain::schedule::Schedule;

use crate::error::ViewsError;
use crate::model::PlanRow;
use crate::page::Page;
use crate::rows::{LedgerView, PlanView, SlotView};
use crate::views::Views;

impl Views {
    /// The rule of a schedule by the calendars there are; `None` when it has no times.
    ///
    /// # Errors
    /// The first field that is wrong.
    pub fn rule(&self, schedule: &Schedule) -> Result<Option<Rule>, ScheduleError> {
        rule_with(schedule, |name| {
            self.calendar(name).map(|it| it.calendar.as_ref())
        })
    }

    /// A calendar.
    #[must_use]
    pub fn calendar(&self, name: &str) -> Option<&CalendarRecord> {
        self.model.calendars.get(name)
    }

    /// All calendars by name, those after `after`.
    pub fn calendars<'a>(
        &'a self,
        after: Option<&'a str>,
    ) -> impl Iterator<Item = (&'a str, &'a CalendarRecord)> {
        let all = self.model.calendars.iter();
        all.map(|(name, record)| (name.as_str(), record))
            .filter(move |(name, _)| after.is_none_or(|after| *name > after))
    }

    /// The slots of a batch in sum; `None` for a batch that is not known.
    ///
    /// # Errors
    /// The history cannot be read.
    pub fn ledger(&self, id: BatchId) -> Result<Option<LedgerView>, ViewsError> {
        let Some(row) = self.model.batches.get(&id) else {
            return Ok(None);
        };
        let Some(ledger) = &row.ledger else {
            return Ok(Some(LedgerView::default()));
        };
        let definition = self.known_graph(row.definition)?;
        // A rule that cannot be read cannot have been saved.
        let rule = self.rule(&definition.definition().schedule).ok().flatten();
        Ok(Some(LedgerView {
            totals: ledger.totals,
            plan: ledger.plan.as_ref().map(|plan| plan_view(plan, rule)),
        }))
    }

    /// Records of the slots of a batch, newest first, those before `before`.
    ///
    /// # Errors
    /// The history cannot be read.
    pub fn slots(
        &self,
        id: BatchId,
        before: Option<Seq>,
        limit: usize,
    ) -> Result<Page<SlotView, Seq>, ViewsError> {
        let limit = limit.max(1);
        let mut items = self.history.slots(id, before, limit.saturating_add(1))?;
        let more = items.len() > limit;
        items.truncate(limit);
        Ok(Page {
            next: items.last().map(|last| last.seq).filter(|_| more),
            items,
            as_of: self.as_of(),
        })
    }
}

impl Views {
    /// Records of the slots of a batch, oldest first, those after the event `after`.
    ///
    /// # Errors
    /// The history cannot be read.
    pub fn slots_after(
        &self,
        id: BatchId,
        after: Seq,
        limit: usize,
    ) -> Result<Vec<SlotView>, ViewsError> {
        self.history.slots_after(id, after, limit)
    }
}

fn plan_view(plan: &PlanRow, rule: Option<Rule>) -> PlanView {
    let own = plan
        .waiting
        .iter()
        .filter(|waiting| waiting.slot > plan.since);
    PlanView {
        since: plan.since,
        through: plan.through,
        next: plan.next,
        waiting_own: own.count() as u64,
        waiting: plan.waiting.clone(),
        totals: plan.totals,
        planned: rule.map(|rule| rule.count_between(plan.since, plan.through)),
    }
}
