//! Documents of dialects, by kind and key.

use std::ops::Bound;

use crate::rows::DocumentView;
use crate::views::Views;

impl Views {
    /// A document.
    #[must_use]
    pub fn document(&self, kind: &str, key: &str) -> Option<&DocumentView> {
        self.model.documents.get(kind)?.get(key)
    }

    /// Documents of a kind whose keys begin with `prefix`, by key, those after `after`.
    pub fn documents<'a>(
        &'a self,
        kind: &str,
        prefix: &'a str,
        after: Option<&'a str>,
    ) -> impl Iterator<Item = (&'a str, &'a DocumentView)> {
        let start = match after {
            Some(after) if after >= prefix => Bound::Excluded(after),
            _ => Bound::Included(prefix),
        };
        let of_kind = self.model.documents.get(kind);
        of_kind
            .into_iter()
            .flat_map(move |all| all.range::<str, _>((start, Bound::Unbounded)))
            .map(|(key, view)| (key.as_str(), view))
            .take_while(move |(key, _)| key.starts_with(prefix))
    }

    /// As [`Views::documents`] the other way round: those before `before`, or from the last.
    pub fn documents_back<'a>(
        &'a self,
        kind: &str,
        prefix: &'a str,
        before: Option<&'a str>,
    ) -> impl Iterator<Item = (&'a str, &'a DocumentView)> {
        let of_kind = self.model.documents.get(kind);
        let end = before.map_or(Bound::Unbounded, Bound::Excluded);
        of_kind
            .into_iter()
            .flat_map(move |all| all.range::<str, _>((Bound::Included(prefix), end)).rev())
            .map(|(key, view)| (key.as_str(), view))
            .skip_while(move |(key, _)| !key.starts_with(prefix))
            .take_while(move |(key, _)| key.starts_with(prefix))
    }
}
