//! What the server and a runner say to each other, independent of the transport: a Unix socket on one
//! machine, NATS between machines.

pub mod frame;
pub mod item_v1;
pub mod runner_v1;
