//! Given some past, when something is asked, then exactly this happens: transcripts.

mod batches;
mod graphs;
mod keys;
mod placing;
mod repeats;
mod reports;
mod retries;
mod sets;
mod size;
mod stops;
