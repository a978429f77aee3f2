//! What is sent: scalars, bodies, and the published JSON forms.

pub(super) mod batch;
pub(super) mod body;
pub(super) mod dataset;
pub(super) mod definition;
pub(super) mod interface;
pub(super) mod manifest;
pub(super) mod time;
