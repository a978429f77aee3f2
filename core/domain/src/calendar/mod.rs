//! Civil time: what a wall clock in some zone shows. Rules go in with instants; no clock is read.

pub mod rundate;
