//! Given some past, when something is asked, then exactly this happens: transcripts.

mod backfills;
mod batches;
mod calendars;
mod documents;
mod drains;
mod flows;
mod flows_laws;
mod flows_sizes;
mod graphs;
mod keys;
mod placing;
mod pools;
mod progress;
mod rehearsal;
mod repeats;
mod reports;
mod retries;
mod sets;
mod size;
mod slots;
mod slots_late;
mod stops;
mod triggers;
mod undo;
mod undo_laws;
mod windows;
