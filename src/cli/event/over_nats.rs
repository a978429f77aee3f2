//! `fasti event tail --nats`: the same events from NATS alone, whether or not the server that published them is there.

use std::time::Duration;

use fasti_core::bus::{NatsConfig, ReadError, Wanted, end_of_stream, follow};
use fasti_core::domain::event::EventKind;
use fasti_core::domain::ids::{RunId, Seq};
use serde_json::Value;

use super::super::exit::{Exit, Failure};
use super::super::log::stream::{blocking, unreachable};
use super::super::show::Show;
use super::{Filter, PAUSE, TailArgs, print};

/// Prints events until there were as many as wanted.
pub(super) fn tail(nats: &NatsConfig, show: &Show, args: &TailArgs) -> anyhow::Result<()> {
    let wanted = wanted(&args.filter)?;
    let mut last = match args.after {
        Some(after) => Seq(after),
        None => blocking(end_of_stream(nats))?.map_err(failure)?,
    };
    let mut left = args.limit.unwrap_or(u64::MAX);
    let mut is_first = true;
    let mut pause = PAUSE.0;
    while left > 0 {
        let from = last;
        let mut printed = Ok(());
        let mut take = |event: Value| {
            (is_first, pause) = (false, PAUSE.0);
            last = event["seq"].as_u64().map_or(last, Seq);
            left -= 1;
            printed = print(show, &event);
            printed.is_ok() && left > 0
        };
        let ended = blocking(follow(nats, &wanted, from, &mut take))?;
        printed?;
        match ended {
            Ok(()) => return Ok(()),
            Err(error @ ReadError::Away(_)) if !is_first || args.after.is_none() => {
                show.note(&format!("{error}; taking the stream up again"));
            }
            Err(error) => return Err(failure(error)),
        }
        std::thread::sleep(pause);
        pause = Duration::min(pause * 2, PAUSE.1);
    }
    Ok(())
}

fn failure(error: ReadError) -> anyhow::Error {
    match error {
        ReadError::NoStream(_) => Failure::new(Exit::NotFound, error.to_string()).into(),
        ReadError::Away(_) | ReadError::NoRecord { .. } | ReadError::Foreign { .. } => {
            unreachable(error)
        }
    }
}

/// Which subjects to listen to. Names of batches are known to the server alone.
fn wanted(filter: &Filter) -> anyhow::Result<Wanted> {
    let usage = |message: String| anyhow::Error::from(Failure::new(Exit::Usage, message));
    let batch = match &filter.batch {
        Some(text) => Some(text.parse().map_err(|_| {
            usage(format!(
                "`{text}` is no id: with --nats, --batch takes the id of a batch, as `fasti batch show` tells it"
            ))
        })?),
        None => None,
    };
    let kind = |name: &String| {
        EventKind::of(name).ok_or_else(|| {
            usage(format!(
                "there are no events of type `{name}`; docs/protocol/events.md lists them"
            ))
        })
    };
    Ok(Wanted {
        kinds: filter.types.iter().map(kind).collect::<Result<_, _>>()?,
        batch,
        run: filter.run.map(RunId),
    })
}
