//! What lies beside the log and when it may go: which contents the events name, until when they were used, and which
//! of them are over a limit of age or size. Decides nothing about the log and removes nothing itself.

mod plan;
mod references;

pub use plan::{Expired, Item, Limits, expired};
pub use references::{References, SurveyError, Used};
