//! Engine, log, bus and protocol of Fasti around the pure domain.

mod ahead;
pub mod attempt_token;
pub mod bus;
pub mod codec;
pub mod engine;
pub mod feed;
pub mod link;
pub mod mem;
pub mod output;
pub mod ports;
pub mod protocol;
pub mod record;
pub mod retention;
pub mod samples;
pub mod store;

pub use fasti_domain as domain;
