//! Lists, a page at a time.

use serde::Serialize;
use utoipa::ToSchema;

/// A page of a list.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Page<T: ToSchema> {
    /// The items. There may be fewer than asked for with more to come.
    pub(crate) items: Vec<T>,
    /// Give it as `cursor` to go on; null at the end.
    pub(crate) next_cursor: Option<String>,
    /// Position in the log that this answer is as of.
    pub(crate) as_of_seq: u64,
}

/// A page of runs.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RunPage {
    /// The runs.
    pub(crate) items: Vec<super::Run>,
    /// Give it as `cursor` to go on; null at the end.
    pub(crate) next_cursor: Option<String>,
    /// Position in the log that this answer is as of.
    pub(crate) as_of_seq: u64,
    /// Runs on all pages.
    pub(crate) total: u64,
    /// Whether `total` is exact; if not, there are at least so many.
    pub(crate) total_is_exact: bool,
}
