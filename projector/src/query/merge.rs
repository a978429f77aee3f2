//! Ids from several sorted lists as one sorted list without repetitions.

use std::iter::Peekable;

use crate::error::ViewsError;
use crate::page::Order;

/// One sorted list.
pub(super) type Source<'a> = Box<dyn Iterator<Item = Result<u64, ViewsError>> + 'a>;

/// See the module.
pub(super) struct Merged<'a> {
    sources: Vec<Peekable<Source<'a>>>,
    order: Order,
}

impl<'a> Merged<'a> {
    pub(super) fn new(sources: Vec<Source<'a>>, order: Order) -> Self {
        Self {
            sources: sources.into_iter().map(Iterator::peekable).collect(),
            order,
        }
    }
}

impl Iterator for Merged<'_> {
    type Item = Result<u64, ViewsError>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut first: Option<u64> = None;
        for source in &mut self.sources {
            let head = match source.peek() {
                None => continue,
                Some(Ok(head)) => *head,
                Some(Err(_)) => return source.next(),
            };
            first = Some(match (first, self.order) {
                (None, _) => head,
                (Some(first), Order::Ascending) => first.min(head),
                (Some(first), Order::Descending) => first.max(head),
            });
        }
        let first = first?;
        for source in &mut self.sources {
            source.next_if(|head| matches!(head, Ok(head) if *head == first));
        }
        Some(Ok(first))
    }
}

/// Smallest and largest id to be listed after `after`; `None` when there can be none.
pub(super) fn bounds(order: Order, after: Option<u64>) -> Option<(u64, u64)> {
    match (order, after) {
        (_, None) => Some((0, u64::MAX)),
        (Order::Ascending, Some(after)) => after.checked_add(1).map(|low| (low, u64::MAX)),
        (Order::Descending, Some(after)) => after.checked_sub(1).map(|high| (0, high)),
    }
}

/// An iterator that goes the way the list goes.
pub(super) fn directed<'a>(
    ids: impl DoubleEndedIterator<Item = u64> + 'a,
    order: Order,
) -> Source<'a> {
    match order {
        Order::Ascending => Box::new(ids.map(Ok)),
        Order::Descending => Box::new(ids.rev().map(Ok)),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn merged(lists: &[&[u64]], order: Order) -> Vec<u64> {
        let sources = lists
            .iter()
            .map(|list| directed(list.iter().copied(), order))
            .collect();
        Merged::new(sources, order).map(Result::unwrap).collect()
    }

    #[test]
    fn lists_become_one_in_either_direction() {
        let lists: [&[u64]; 3] = [&[1, 4, 9], &[2, 4], &[]];
        assert_eq!(merged(&lists, Order::Ascending), [1, 2, 4, 9]);
        assert_eq!(merged(&lists, Order::Descending), [9, 4, 2, 1]);
        assert!(merged(&[], Order::Ascending).is_empty());
    }

    #[test]
    fn a_list_goes_on_behind_its_cursor() {
        assert_eq!(bounds(Order::Ascending, Some(4)), Some((5, u64::MAX)));
        assert_eq!(bounds(Order::Descending, Some(4)), Some((0, 3)));
        assert_eq!(bounds(Order::Descending, Some(0)), None);
        assert_eq!(bounds(Order::Ascending, Some(u64::MAX)), None);
    }
}
