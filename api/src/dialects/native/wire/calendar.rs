//! Named calendars: which days are open.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A calendar that schedules may use.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Calendar {
    /// Its name.
    pub(crate) name: String,
    /// Version, from 1.
    pub(crate) version: u32,
    /// Who saved it first.
    pub(crate) owner: String,
    /// Which days are open.
    #[serde(flatten)]
    pub(crate) days: CalendarBody,
}

/// Which days are open: one named in `open` is; otherwise one of a closed weekday, or named in `closed`, is not.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct CalendarBody {
    /// Weekdays that are closed, `Mon` to `Sun`.
    pub(crate) closed_weekdays: Vec<String>,
    /// Dates that are closed, `YYYY-MM-DD`, each with a label, which may be empty.
    pub(crate) closed: BTreeMap<String, String>,
    /// Dates that are open in spite of the rest, each with a label.
    pub(crate) open: BTreeMap<String, String>,
}
