//! Events by their names. Every record that is read is looked up here, millions of them while a log is folded, so it
//! is a few comparisons and no walk through all names.

use std::sync::LazyLock;

use super::EventKind;

/// Kinds by length of the name and then by name: most comparisons end with the length.
static SORTED: LazyLock<Vec<(&'static str, EventKind)>> = LazyLock::new(|| {
    let mut sorted: Vec<_> = EventKind::ALL
        .iter()
        .map(|kind| (kind.name(), *kind))
        .collect();
    sorted.sort_unstable_by_key(|(name, _)| (name.len(), *name));
    sorted
});

/// The kind of this name.
pub(super) fn find(name: &str) -> Option<EventKind> {
    let wanted = (name.len(), name);
    let found = SORTED.binary_search_by(|(known, _)| (known.len(), *known).cmp(&wanted));
    found.ok().map(|at| SORTED[at].1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_found_and_no_other() {
        for kind in EventKind::ALL {
            assert_eq!(find(kind.name()), Some(*kind));
            assert_eq!(find(&kind.name()[1..]), None);
        }
        assert_eq!(find(""), None);
        assert_eq!(find("run.teleported"), None);
    }
}
