//! Jobs by status, and groups.

use std::collections::{BTreeMap, BTreeSet};

use fasti_projector::Views;
use fasti_projector::rows::{Phase, PhaseCounts};
use serde_json::{Map, Value};

use super::super::folders::Folder;
use super::super::wire::{Status, Summary};
use super::status;

/// What begins the label that a group is.
const GROUP: &str = "group:";

/// The label that a group is.
pub(in super::super) fn group_label(group: &str) -> String {
    format!("{GROUP}{group}")
}

/// The group among labels.
pub(in super::super) fn group_of(labels: &[String]) -> Option<&str> {
    labels.iter().find_map(|label| label.strip_prefix(GROUP))
}

/// Jobs of a folder by how far they are: of one group, or of all. One moment of the views.
pub(in super::super) fn counts(views: &Views, folder: &Folder, group: Option<&str>) -> PhaseCounts {
    let mut sum = PhaseCounts::default();
    for batch in &folder.batches {
        for (labels, counts) in views.phase_counts(*batch) {
            if group.is_none() || group_of(labels) == group {
                sum.merge(counts);
            }
        }
    }
    sum
}

/// Names of all groups that a folder ever had jobs in.
pub(in super::super) fn groups(views: &Views, folder: &Folder) -> BTreeSet<String> {
    let batches = folder.batches.iter();
    let counted = batches.flat_map(|batch| views.phase_counts(*batch));
    counted
        .filter_map(|(labels, _)| group_of(labels).map(str::to_owned))
        .collect()
}

/// As it is answered: every status is there.
pub(in super::super) fn summary(
    counts: &PhaseCounts,
    is_limited: bool,
    group: Option<String>,
) -> Summary {
    let mut sums: BTreeMap<Status, u64> = Status::ALL.iter().map(|(_, one)| (*one, 0)).collect();
    for phase in Phase::ALL {
        *sums.entry(status(phase, is_limited)).or_default() += counts.of(phase);
    }
    let name = |(name, one): &(&str, Status)| {
        let sum = sums.get(one).copied().unwrap_or_default();
        ((*name).to_owned(), Value::from(sum))
    };
    Summary {
        group,
        job_statuses: Value::Object(Status::ALL.iter().map(name).collect::<Map<_, _>>()),
    }
}
