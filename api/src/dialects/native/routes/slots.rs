//! The slots of a batch: its ledger.

use fasti_core::domain::ids::Seq;
use warp::http::StatusCode;

use super::super::{map, wire};
use super::batches::visible;
use super::listing;
use crate::call::{Call, json};
use crate::errors::{Answer, Problem, ProblemDocument};
use crate::query::cursor;

/// List the slots of a batch
///
/// Newest first, each slot with its outcome and the reason; slots in a row that had the same outcome at once are one
/// record. With sums that must balance: planned = fired + missed + skipped + superseded + cancelled + waiting.
#[utoipa::path(get, path = "/api/v1/batches/{id}/slots", tag = "schedules",
    params(("id" = String, Path, description = "UUID"),
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 1000, description = "Items a page; default 100"),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before"),
        ("min_seq" = Option<u64>, Query, description = "Wait until the answer knows of this event"),
        ("as_of" = Option<String>, Query, description = "As it was after this event, or at this instant (RFC 3339)")),
    responses((status = 200, body = wire::SlotPage), (status = "4XX", body = ProblemDocument)))]
pub(crate) async fn list_slots(id: String, call: Call) -> Answer {
    let id = map::batch_id(&id)?;
    let mut query = call.query()?;
    let (limit, min_seq) = (query.limit()?, query.min_seq()?);
    let before = match query.cursor("slots")? {
        None => None,
        Some([seq]) => {
            let wrong = |_| Problem::invalid("cursor", "is no cursor of this list");
            Some(Seq(seq.parse().map_err(wrong)?))
        }
    };
    query.finish()?;
    let clock = call.app.parts.clock.clone();
    let asked = call.ask(min_seq, move |views, asker| {
        let batch = visible(views, asker, id)?;
        let missing = || Problem::not_found("batch", &id);
        let ledger = views.ledger(id)?.ok_or_else(missing)?;
        let schedule = &batch.definition.schedule;
        let rule = views.rule(schedule).ok().flatten();
        let is_live = batch.deleted_at.is_none();
        let open = match (&ledger.plan, rule) {
            (Some(plan), Some(rule)) if is_live => {
                map::open_slots(plan, &rule, &schedule.policy, clock.now())
            }
            (Some(_) | None, Some(_) | None) => None,
        };
        let page = views.slots(id, before, limit)?;
        let mut items = match before {
            None => map::unrecorded(&batch, &ledger, open),
            Some(_) => Vec::new(),
        };
        items.extend(page.items.iter().map(map::slot));
        let next = page.next.map(|seq| cursor("slots", &[&seq.to_string()]));
        let plan = ledger.plan.as_ref();
        Ok(wire::SlotPage {
            items,
            next_cursor: next,
            as_of_seq: page.as_of.0,
            totals: map::slot_totals(&ledger),
            plan: plan.map(|plan| map::slot_plan(plan, open)),
        })
    });
    let (body, as_of) = asked.await?;
    let response = json(StatusCode::OK, &body, as_of);
    Ok(listing::linked(
        &call,
        response,
        body.next_cursor.as_deref(),
    ))
}
