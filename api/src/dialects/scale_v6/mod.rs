//! The v6 batch services of Scale, under `/v6` (and `/v7`, which means the same).
//!
//! | their word | our word |
//! |---|---|
//! | job type, its revisions | step type, its revisions; each is a version of the batch `scale.<name>.<version>` |
//! | recipe type, its revisions | flow type, its revisions |
//! | recipe type definition | graph of flows |
//! | condition | decision |
//! | dataset, member | item set, item |
//! | batch | set of flows; root and superseded batch: its chain |
//! | recipe, sub-recipe | flow, flow inside of a flow |
//! | recipe node | slot |
//! | job | step |
//! | job execution | a run with one task run and one attempt |
//! | canceled | cancelled |
//!
//! `routes` are the handlers, `wire` reads what is sent and writes scalars, `map` writes what there is.

mod answer;
mod map;
mod page;
mod query;
pub(crate) mod routes;
mod wire;

pub(crate) use answer::refused;

/// Whether a path is of this dialect.
pub(crate) fn is_own(path: &str) -> bool {
    path.starts_with("/v6/") || path.starts_with("/v7/")
}
