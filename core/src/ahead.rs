//! Reading much of the log: other threads prove and decode stretches of it while the caller applies those before.
//!
//! One thread cuts stretches off the log, a few prove and decode one each, in turn; their results are taken in
//! the same turn, so the caller sees every event once and in order. All queues are short: what is in memory is a
//! few stretches, however long the log is.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{Scope, available_parallelism};

use fasti_domain::ids::Seq;

use crate::codec::Decoder;
use crate::feed::{Entry, FeedError};
use crate::store::{LogReader, Stretch};

/// Fewer events than this are read by the caller itself.
const WORTH_THREADS: u64 = 4_096;

/// Threads that decode, at most; one a core otherwise.
const DECODERS_MAX: usize = 4;

/// Stretches and results that wait, for each of them.
const WAITING: usize = 1;

/// A part is handed over when its payloads reach this many bytes, whatever is left of its stretch.
const PART_BYTES: usize = 1 << 20;

/// Decoded events, and whether they are the last of their stretch.
struct Part {
    entries: Vec<Entry>,
    is_last: bool,
}

type Decoded = Result<Part, FeedError>;
type Cut = Result<Stretch, FeedError>;

/// Hands the events from `from` to `upto` to `take`, in order, some at a time.
pub(crate) fn each(
    reader: &LogReader,
    from: Seq,
    upto: Seq,
    take: &mut dyn FnMut(&[Entry]),
) -> Result<(), FeedError> {
    let stretches = reader.stretches(from, upto)?;
    let stretches = stretches.map(|stretch| stretch.map_err(FeedError::from));
    if upto.0.saturating_sub(from.0) < WORTH_THREADS {
        return alone(stretches, take);
    }
    let cores = available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        let decoders: Vec<_> = (0..cores.min(DECODERS_MAX))
            .map(|_| decoder(scope))
            .collect::<std::io::Result<_>>()
            .map_err(FeedError::Threads)?;
        let (inputs, outputs): (Vec<_>, Vec<_>) = decoders.into_iter().unzip();
        let cutter = std::thread::Builder::new().name("fasti-log-cut".into());
        cutter
            .spawn_scoped(scope, move || {
                for (stretch, input) in stretches.zip(inputs.iter().cycle()) {
                    // Whoever does not take it any more has met an error.
                    if input.send(stretch).is_err() {
                        return;
                    }
                }
            })
            .map_err(FeedError::Threads)?;
        in_turn(&outputs, take)
    })
}

/// Without other threads.
fn alone(
    stretches: impl Iterator<Item = Cut>,
    take: &mut dyn FnMut(&[Entry]),
) -> Result<(), FeedError> {
    let mut decoder = Decoder::default();
    for stretch in stretches {
        decode(&mut decoder, stretch, &mut |part| {
            take(&part.entries);
            true
        })?;
    }
    Ok(())
}

/// A thread that decodes what comes in.
fn decoder<'scope>(
    scope: &'scope Scope<'scope, '_>,
) -> std::io::Result<(SyncSender<Cut>, Receiver<Decoded>)> {
    let (input, stretches) = sync_channel::<Cut>(WAITING);
    let (results, output) = sync_channel(WAITING);
    let thread = std::thread::Builder::new().name("fasti-log-decode".into());
    thread.spawn_scoped(scope, move || {
        let mut decoder = Decoder::default();
        for stretch in stretches {
            let mut is_wanted = true;
            let outcome = decode(&mut decoder, stretch, &mut |part| {
                is_wanted = results.send(Ok(part)).is_ok();
                is_wanted
            });
            if let Err(error) = outcome {
                is_wanted = results.send(Err(error)).is_ok();
            }
            if !is_wanted {
                return;
            }
        }
    })?;
    Ok((input, output))
}

/// Takes the results in the order in which the stretches were given out.
fn in_turn(outputs: &[Receiver<Decoded>], take: &mut dyn FnMut(&[Entry])) -> Result<(), FeedError> {
    for output in outputs.iter().cycle() {
        loop {
            // The cutter has ended: there is nothing more.
            let Ok(decoded) = output.recv() else {
                return Ok(());
            };
            let part = decoded?;
            take(&part.entries);
            if part.is_last {
                break;
            }
        }
    }
    Ok(())
}

/// Decodes a stretch, part after part, until `give` says that nobody wants the rest.
fn decode(
    decoder: &mut Decoder,
    stretch: Cut,
    give: &mut dyn FnMut(Part) -> bool,
) -> Result<(), FeedError> {
    let stretch = stretch?;
    let mut entries = Vec::with_capacity(stretch.len());
    let mut bytes = 0;
    let mut is_wanted = true;
    stretch.each::<FeedError>(&mut |record| {
        entries.push(decoder.decode(record)?);
        bytes += record.payload.len();
        if bytes >= PART_BYTES && is_wanted {
            bytes = 0;
            let entries = std::mem::take(&mut entries);
            is_wanted = give(Part {
                entries,
                is_last: false,
            });
        }
        Ok(())
    })?;
    if is_wanted {
        give(Part {
            entries,
            is_last: true,
        });
    }
    Ok(())
}
