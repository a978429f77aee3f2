//! From the payloads of earlier versions to those of today: one small step a version, in a table. Stored bytes are
//! never rewritten; this happens whenever they are read.
//!
//! To raise the version of an event: raise it where the event is declared, keep the golden file of the old one, and
//! add the step here. A field that is added with a default needs none of this.

use std::borrow::Cow;

/// One step.
pub(super) struct Upcaster {
    /// Name of the event.
    pub(super) name: &'static str,
    /// Version that it starts from; it leads to the next one.
    pub(super) from: u16,
    /// The payload, a version later.
    pub(super) up: fn(&[u8]) -> Result<Vec<u8>, rmp_serde::decode::Error>,
}

/// All steps. Every event is still in its first version.
pub(super) const UPCASTERS: &[Upcaster] = &[];

/// The payload in the version `to`.
///
/// # Errors
/// A step is missing, or cannot read what it is given.
pub(super) fn upcast<'a>(
    name: &str,
    from: u16,
    to: u16,
    payload: &'a [u8],
    steps: &[Upcaster],
) -> Result<Cow<'a, [u8]>, rmp_serde::decode::Error> {
    let mut payload = Cow::Borrowed(payload);
    for version in from..to {
        let step = steps
            .iter()
            .find(|step| step.name == name && step.from == version);
        let step = step.ok_or_else(|| {
            let why = format!("nothing leads from version {version} to the next");
            rmp_serde::decode::Error::Uncategorized(why)
        })?;
        payload = Cow::Owned((step.up)(&payload)?);
    }
    Ok(payload)
}
