//! What must hold after a power cut: the server starts by itself on what is left, and everything that anybody had
//! been told by then is there.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;

use super::record::{Recording, SEALING, Told};
use crate::support::chance::Chance;
use crate::support::command_line;
use crate::support::disk::model::{Disk, Unsynced};
use crate::support::disk::trace::Call;
use crate::support::server::Server;

/// What a start found that had survived.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Survived {
    /// Events there are.
    pub(super) events: usize,
    /// Things somebody had been told.
    pub(super) told: usize,
}

/// Cuts the power after so many calls, starts a server on what is left and looks for what is missing.
///
/// # Errors
/// What is wrong, in words.
pub(super) fn cut(
    recording: &Recording,
    calls: usize,
    unsynced: Unsynced,
    chance: &mut Chance,
) -> Result<Survived, String> {
    let mut server = Server::stopped(&["--slots", "2"]);
    server.configure(SEALING);
    let before = &recording.calls[..calls];
    Disk::after(before).cut(unsynced, chance, &server.data());
    after_another_boot(&server.data());
    let outcome = start_and_look(&mut server, recording, before);
    outcome.map_err(|why| format!("cut after call {calls}, unsynced {unsynced:?}: {why}"))
}

/// A power cut ends the boot of the machine: whatever remembers one remembers another.
fn after_another_boot(data: &Path) {
    let mark = data.join("views/boot");
    let remembers = std::fs::read_to_string(&mark).is_ok_and(|text| text.contains('-'));
    if remembers {
        std::fs::write(&mark, "00000000-0000-0000-0000-000000000000").unwrap();
    }
}

fn start_and_look(
    server: &mut Server,
    recording: &Recording,
    before: &[Call],
) -> Result<Survived, String> {
    server.spawn();
    if !server.listens() {
        return Err(format!("it refuses to start\n{}", server.said()));
    }
    if server.said().contains("panicked") {
        return Err(format!("a panic was shown\n{}", server.said()));
    }
    let events = server.api().events();
    let told: Vec<Told> = before
        .iter()
        .filter_map(|call| {
            let Call::Mark(mark) = call else { return None };
            Some(Told::of(mark))
        })
        .collect();
    everything_seen_is_there(&events, recording, &told)?;
    everything_told_is_there(server, &events, &told)?;
    server.kill();
    is_whole(server.folder(), &server.data())?;
    Ok(Survived {
        events: events.len(),
        told: told.len(),
    })
}

fn everything_seen_is_there(
    events: &[Value],
    recording: &Recording,
    told: &[Told],
) -> Result<(), String> {
    for (expected, event) in (1_u64..).zip(events) {
        if event["seq"] != expected {
            return Err(format!("event {expected} is missing: {event}"));
        }
    }
    let seen = told.iter().filter_map(|told| {
        let Told::Seen(count) = told else { return None };
        Some(*count)
    });
    let seen = seen.max().unwrap_or(0);
    if events.len() < seen {
        return Err(format!(
            "{seen} events were seen, {} are left",
            events.len()
        ));
    }
    for (was, is) in recording.seen[..seen].iter().zip(events) {
        if was != is {
            return Err(format!("event {was} was seen, it is {is} now"));
        }
    }
    Ok(())
}

fn everything_told_is_there(
    server: &Server,
    events: &[Value],
    told: &[Told],
) -> Result<(), String> {
    let created: BTreeMap<u64, &Value> = events
        .iter()
        .filter(|event| event["type"] == "run.created")
        .filter_map(|event| Some((event["run_id"].as_u64()?, event)))
        .collect();
    for told in told {
        let is_there = match told {
            Told::Run { id, key } => created
                .get(id)
                .is_some_and(|event| event["data"]["idempotency_key"] == **key),
            Told::Batch(id) => is_found(server, "GET", &format!("/batches/{id}")),
            Told::Bundle(id) => is_found(server, "HEAD", &format!("/bundles/{id}")),
            Told::Seen(_) => true,
        };
        if !is_there {
            return Err(format!("{told:?} was acknowledged and is gone"));
        }
    }
    Ok(())
}

fn is_found(server: &Server, method: &str, path: &str) -> bool {
    let status = server.api().send(method, path, &[], None).status;
    (200..300).contains(&status)
}

/// The audit of the stopped log finds nothing.
fn is_whole(home: &Path, data: &Path) -> Result<(), String> {
    let verified = command_line::verify_ended(home, data);
    if verified.code == 0 {
        Ok(())
    } else {
        Err(format!("the log does not verify: {verified:?}"))
    }
}
