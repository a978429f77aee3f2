//! Lists of what flows are made of, by id.

use fasti_core::domain::flow::Flows;
use serde::Serialize;
use utoipa::ToSchema;

use super::{listing, runs};
use crate::call::Call;
use crate::errors::{Answer, Problem};
use crate::query::cursor;

/// A page of what `rest` gives: what comes after an id, at most so many, with their ids.
pub(super) async fn by_id<T: Serialize + ToSchema + Send + 'static>(
    call: Call,
    list: &'static str,
    rest: impl FnOnce(&Flows, u64, usize) -> Result<Vec<(u64, T)>, Problem> + Send + 'static,
) -> Answer {
    let mut query = call.query()?;
    let (limit, min_seq) = (query.limit()?, query.min_seq()?);
    let after = runs::number_cursor(&mut query, list)?.unwrap_or(0);
    query.finish()?;
    let asked = call.ask(min_seq, move |views, _| {
        let mut items = rest(views.flows(), after, limit + 1)?;
        let has_more = items.len() > limit;
        items.truncate(limit);
        let last = items.last().filter(|_| has_more);
        let next = last.map(|(id, _)| cursor(list, &[&id.to_string()]));
        Ok((items.into_iter().map(|(_, it)| it).collect(), next))
    });
    let ((items, next), as_of): ((Vec<T>, _), _) = asked.await?;
    Ok(listing::page(&call, items, next, as_of))
}
