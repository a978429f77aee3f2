//! The publisher against a real NATS server: whatever happens to either side, the stream is the log, event by
//! event.
//!
//! `server` starts and kills the server, `world` has a log in memory and compares it with the stream. The
//! server's program is given by `FASTI_TEST_NATS_SERVER`.

mod divergence;
mod intake;
mod outage;
mod publishing;
mod rate;
mod restoring;
mod server;
mod world;
