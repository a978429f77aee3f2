//! Documents: small values that a dialect keeps, as events like everything else. The domain knows their kind, key and
//! version and what they hold on to; what is in them is the dialect's business.
//!
//! Several are changed together or not at all, so that a dialect never leaves half of what it was asked for.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::access::Principal;
use crate::event::Event;
use crate::ids::Digest;
use crate::limits::{
    DOCUMENT_BLOBS_MAX, DOCUMENT_BYTES_MAX, DOCUMENT_CHANGES_MAX, DOCUMENT_KEY_BYTES_MAX,
    DOCUMENTS_MAX,
};
use crate::rejection::Rejection;
use crate::state::State;

/// A change of one document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DocumentChange {
    /// What sort of document: `<dialect>.<noun>`.
    pub kind: String,
    /// Which of its kind.
    pub key: String,
    /// What it is to hold, JSON; `None` removes it.
    pub body: Option<Arc<str>>,
    /// Version that it must have now; 0: it must not be there. `None`: whatever it has.
    pub expected: Option<u32>,
    /// Contents of the blob store that it needs.
    pub blobs: Vec<Digest>,
}

/// A document of a dialect was made, or has a new version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct DocumentSaved {
    /// What sort of document.
    pub kind: String,
    /// Which of its kind.
    pub key: String,
    /// Version, from 1; a document that was removed begins again.
    pub version: u32,
    /// User who saved it.
    pub by: String,
    /// What it holds, JSON.
    pub body: Arc<str>,
    /// Contents of the blob store that it needs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub blobs: Vec<Digest>,
}

/// A document is gone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct DocumentRemoved {
    /// What sort of document.
    pub kind: String,
    /// Which of its kind.
    pub key: String,
}

/// What decisions need of a document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct KnownDocument {
    version: u32,
    blobs: Vec<Digest>,
}

impl State {
    /// Version of a document; `None` when it is not there.
    #[must_use]
    pub fn document_version(&self, kind: &str, key: &str) -> Option<u32> {
        let documents = self.documents.get(kind)?;
        Some(documents.get(key)?.version)
    }

    /// Contents that documents need.
    pub(crate) fn document_blobs(&self) -> BTreeSet<Digest> {
        let all = self.documents.values().flat_map(BTreeMap::values);
        all.flat_map(|document| document.blobs.iter().copied())
            .collect()
    }
}

pub(crate) fn change(
    state: &State,
    who: &Principal,
    changes: &[DocumentChange],
) -> Result<Vec<Event>, Rejection> {
    if changes.len() > DOCUMENT_CHANGES_MAX {
        return Err(Rejection::invalid(
            "changes",
            format!("at most {DOCUMENT_CHANGES_MAX} documents are changed at a time"),
        ));
    }
    let mut seen = BTreeSet::new();
    let mut events = Vec::with_capacity(changes.len());
    let mut made = 0;
    for (index, change) in changes.iter().enumerate() {
        check(change, index)?;
        if !seen.insert((&change.kind, &change.key)) {
            return Err(Rejection::invalid(
                format!("changes[{index}].key"),
                "a document is changed once in a request; join the changes",
            ));
        }
        let version = state.document_version(&change.kind, &change.key);
        check_version(change, version)?;
        made += usize::from(version.is_none() && change.body.is_some());
        events.extend(event(state, who, change, version)?);
    }
    let there: usize = state.documents.values().map(BTreeMap::len).sum();
    if made > 0 && there + made > DOCUMENTS_MAX {
        return Err(Rejection::Limit {
            message: format!("{DOCUMENTS_MAX} documents are kept already; remove some first"),
        });
    }
    Ok(events)
}

fn event(
    state: &State,
    who: &Principal,
    change: &DocumentChange,
    version: Option<u32>,
) -> Result<Option<Event>, Rejection> {
    let Some(body) = &change.body else {
        let removed = DocumentRemoved {
            kind: change.kind.clone(),
            key: change.key.clone(),
        };
        // What is not there need not go.
        return Ok(version.map(|_| removed.into()));
    };
    let missing = |digest: &&Digest| !state.bundles.contains_key(digest);
    if let Some(digest) = change.blobs.iter().find(missing) {
        return Err(Rejection::UnknownBundle {
            digest: digest.to_string(),
        });
    }
    let saved = DocumentSaved {
        kind: change.kind.clone(),
        key: change.key.clone(),
        version: version.unwrap_or_default() + 1,
        by: who.user.clone(),
        body: body.clone(),
        blobs: change.blobs.clone(),
    };
    Ok(Some(saved.into()))
}

fn check(change: &DocumentChange, index: usize) -> Result<(), Rejection> {
    let refuse = |field: &str, message: String| {
        let field = format!("changes[{index}].{field}");
        Err(Rejection::invalid(field, message))
    };
    let is_word = |byte: u8| byte.is_ascii_lowercase() || matches!(byte, b'.' | b'_');
    if change.kind.is_empty() || change.kind.len() > 64 || !change.kind.bytes().all(is_word) {
        return refuse(
            "kind",
            "a kind is 1 to 64 of a to z, `.` and `_`".to_owned(),
        );
    }
    if change.key.is_empty() || change.key.len() > DOCUMENT_KEY_BYTES_MAX {
        return refuse(
            "key",
            format!("a key has 1 to {DOCUMENT_KEY_BYTES_MAX} bytes"),
        );
    }
    let length = change.body.as_ref().map_or(0, |body| body.len());
    if length > DOCUMENT_BYTES_MAX {
        return refuse(
            "body",
            format!("a document has at most {DOCUMENT_BYTES_MAX} bytes, this one {length}"),
        );
    }
    if change.blobs.len() > DOCUMENT_BLOBS_MAX {
        return refuse(
            "blobs",
            format!("a document needs at most {DOCUMENT_BLOBS_MAX} blobs"),
        );
    }
    Ok(())
}

fn check_version(change: &DocumentChange, version: Option<u32>) -> Result<(), Rejection> {
    let present = version.unwrap_or_default();
    if change.expected.is_none_or(|expected| expected == present) {
        return Ok(());
    }
    Err(Rejection::DocumentChanged {
        kind: change.kind.clone(),
        key: change.key.clone(),
        version: present,
    })
}

pub(crate) fn saved(state: &mut State, event: &DocumentSaved) {
    let known = KnownDocument {
        version: event.version,
        blobs: event.blobs.clone(),
    };
    let documents = state.documents.entry(event.kind.clone()).or_default();
    documents.insert(event.key.clone(), known);
}

pub(crate) fn removed(state: &mut State, event: &DocumentRemoved) {
    let Some(documents) = state.documents.get_mut(&event.kind) else {
        return;
    };
    documents.remove(&event.key);
    if documents.is_empty() {
        state.documents.remove(&event.kind);
    }
}
