//! Lists of what flows are made of, by id.

use fasti_core::domain::flow::Flows;
use serde::Serialize;
use utoipa::ToSchema;

use super::{listing, runs};
use crate::call::Call;
use crate::errors::{Answer, Problem};
use crate::query::{Query, cursor};

/// A page in the making: so many items, or so many bytes of them.
pub(super) struct Filling<T> {
    items: listing::Filling<T>,
    limit: usize,
    last: u64,
    has_more: bool,
}

impl<T: Serialize> Filling<T> {
    fn new(limit: usize) -> Self {
        Self {
            items: listing::Filling::new(),
            limit,
            last: 0,
            has_more: false,
        }
    }

    /// Takes what fits of the rest of a list, with the ids. What does not fit is not made into items.
    pub(super) fn fill<V>(
        &mut self,
        rest: impl IntoIterator<Item = (u64, V)>,
        item: impl Fn(V) -> T,
    ) {
        for (id, of) in rest {
            if self.items.items.len() >= self.limit || self.items.is_full() {
                self.has_more = true;
                return;
            }
            self.items.push(item(of));
            self.last = id;
        }
    }
}

/// A page of a list, which is filled from what comes after an id.
pub(super) async fn by_id<T: Serialize + ToSchema + Send + 'static>(
    call: Call,
    list: &'static str,
    fill: impl FnOnce(&Flows, u64, &mut Filling<T>) -> Result<(), Problem> + Send + 'static,
) -> Answer {
    let query = call.query()?;
    by_id_of(call, query, list, fill).await
}

/// The same where parameters of its own have been taken out of the query.
pub(super) async fn by_id_of<T: Serialize + ToSchema + Send + 'static>(
    call: Call,
    mut query: Query,
    list: &'static str,
    fill: impl FnOnce(&Flows, u64, &mut Filling<T>) -> Result<(), Problem> + Send + 'static,
) -> Answer {
    let (limit, min_seq) = (query.limit()?, query.min_seq()?);
    let after = runs::number_cursor(&mut query, list)?.unwrap_or(0);
    query.finish()?;
    let asked = call.ask(min_seq, move |views, _| {
        let mut page = Filling::new(limit);
        fill(views.flows(), after, &mut page)?;
        let next = page
            .has_more
            .then(|| cursor(list, &[&page.last.to_string()]));
        Ok((page.items.items, next))
    });
    let ((items, next), as_of): ((Vec<T>, _), _) = asked.await?;
    Ok(listing::page(&call, items, next, as_of))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_ends_with_so_many_items_or_so_many_bytes() {
        let filled = |limit: usize, lengths: &[usize]| {
            let mut page = Filling::new(limit);
            let rest = (1..).zip(lengths.iter().copied());
            page.fill(rest, |length| "x".repeat(length));
            (page.items.items.len(), page.last, page.has_more)
        };
        assert_eq!(filled(3, &[1, 1]), (2, 2, false));
        assert_eq!(filled(2, &[1, 1]), (2, 2, false));
        assert_eq!(filled(2, &[1, 1, 1]), (2, 2, true));
        let large = listing::PAGE_BYTES_MAX / 2;
        assert_eq!(filled(9, &[1, large, large, 1]), (3, 3, true));
        assert_eq!(filled(9, &[large, large]), (2, 2, false));
    }
}
