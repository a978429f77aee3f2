//! Parts of lists: what was asked for, and what comes back.

use fasti_core::domain::ids::Seq;

/// Direction of a list.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Order {
    /// Smallest id first.
    #[default]
    Ascending,
    /// Largest id first.
    Descending,
}

/// A part of a list, all of it read at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T, C> {
    /// The items, in the order asked for. There may be fewer than asked for, even none, with more to come:
    /// go on while `next` is there.
    pub items: Vec<T>,
    /// Give it as `after` to go on; `None` at the end of the list.
    pub next: Option<C>,
    /// Last event that the answer knows of.
    pub as_of: Seq,
}

/// How many there are in a whole list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Total {
    /// Number of items that fit the filter.
    pub count: u64,
    /// `false`: too many to look at them all; there are at least `count`.
    pub is_exact: bool,
}
