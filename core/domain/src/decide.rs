//! May this happen, and what is then the case? One arm a command; the rules are with their nouns.

use std::collections::BTreeSet;

use crate::access::Principal;
use crate::command::{Command, Follow, Request};
use crate::event::{
    BundleRegistered, Event, ImageRegistered, ImageRemoved, LogCreated, ServerStarted,
};
use crate::graph::check_name;
use crate::ids::{Digest, LogId};
use crate::image::Image;
use crate::limits::{BUNDLES_MAX, IMAGES_MAX};
use crate::rejection::Rejection;
use crate::slots::{self, RunIds};
use crate::state::State;
use crate::time::Timestamp;
use crate::{
    backfill, batch, calendars, contents, documents, drain, flow, placement, pool, run, run_set,
    spawnable, trigger, undo,
};

/// Events that the request leads to at once. Changes nothing; the same input gives the same events.
///
/// # Errors
/// Why the request cannot be granted.
#[expect(clippy::too_many_lines, reason = "one arm a command")]
pub fn decide(state: &State, request: &Request, at: Timestamp) -> Result<Vec<Event>, Rejection> {
    let who = &request.principal;
    match &request.command {
        Command::CreateLog { log_id, seed } => Ok(create_log(state, *log_id, *seed)),
        Command::StartServer {
            version,
            host,
            tz_database,
            settings,
        } => Ok(vec![
            ServerStarted {
                version: version.clone(),
                host: host.clone(),
                tz_database: tz_database.clone(),
                settings: settings.clone(),
            }
            .into(),
        ]),
        Command::SaveBatch {
            definition,
            expected_version,
        } => batch::save(state, who, definition, *expected_version, at),
        Command::PauseBatch {
            batch,
            reason,
            until,
        } => batch::pause(state, who, *batch, reason.as_deref(), *until, at),
        Command::ResumeBatch { batch } => batch::resume(state, who, *batch, at),
        Command::DeleteBatch { batch, force } => batch::delete(state, who, *batch, *force, at),
        Command::SaveCalendar { name, calendar } => calendars::save(state, who, name, calendar, at),
        Command::RemoveCalendar { name } => calendars::remove(state, who, name),
        Command::ChangeDocuments { changes } => documents::change(state, who, changes),
        Command::RegisterImage { image } => register_image(state, who, image),
        Command::RemoveImage { name } => remove_image(state, who, name),
        Command::RegisterBundle { digest, size } => register_bundle(state, *digest, *size),
        Command::TakeSignal(signal) => trigger::take(state, signal, at),
        Command::RemoveContents(removed) => Ok(contents::remove(removed)),
        Command::RemoveBundles { digests } => Ok(contents::remove_bundles(state, digests)),
        Command::CreateRun(create) => run::create::create(state, who, create, at),
        Command::CreateRunWithin { create, window } => {
            run::create::within(state, who, create, *window, at)
        }
        Command::MoveRunEnd { run, ends_at } => run::stop::move_end(state, who, *run, *ends_at, at),
        Command::CreateRunSet {
            batch,
            title,
            labels,
            runs,
            more,
        } => run_set::create(state, who, *batch, title, labels, runs, *more, at),
        Command::AddRunSetRuns {
            run_set,
            runs,
            more,
        } => run_set::add(state, who, *run_set, runs, *more, at),
        Command::CreateBackfill(request) => backfill::create(state, who, request, at),
        Command::PauseRunSet { run_set } => backfill::pause(state, who, *run_set),
        Command::ResumeRunSet { run_set } => backfill::resume(state, who, *run_set),
        Command::CancelRunSet { run_set, reason } => {
            backfill::cancel(state, who, *run_set, reason.as_deref())
        }
        Command::CancelRun { run, reason } => {
            run::stop::cancel(state, who, *run, reason.as_deref())
        }
        Command::Flow(command) => flow::decide(state, who, command, at),
        Command::CancelBatchRuns {
            batch,
            label,
            reason,
        } => run::stop::cancel_of_batch(state, who, *batch, label.as_deref(), reason.as_deref()),
        Command::LimitPool { pool, limits } => pool::limit(state, who, pool, limits),
        Command::Undo(undo) => undo::undo(state, who, undo, at),
        Command::JoinRunner { info } => placement::join(state, info),
        Command::LoseRunner { runner, reason } => Ok(placement::lose(state, runner, reason)),
        Command::DrainRunner {
            runner,
            reason,
            instead_of,
        } => drain::drain(state, who, runner, reason.as_deref(), instead_of.as_ref()),
        Command::ResumeRunner { runner } => drain::resume(state, who, runner),
        Command::Report { runner, reports } => placement::report(state, runner, reports),
        Command::Wake => Ok(run::stop::wake(state, at)),
        Command::Follow(follow) => Ok(decide_follow(state, follow, at)),
    }
}

fn create_log(state: &State, log_id: LogId, seed: [u8; 16]) -> Vec<Event> {
    if state.log_id.is_some() {
        return Vec::new();
    }
    vec![LogCreated { log_id, seed }.into()]
}

/// Consequences are never refused.
fn decide_follow(state: &State, follow: &Follow, at: Timestamp) -> Vec<Event> {
    match follow {
        Follow::OpenRun { run } => run::create::open(state, *run, at),
        Follow::StopRun { run } => run::stop::stop(state, *run),
        Follow::SettleAttempts { run, ends } => run::progress::settle(state, *run, ends, at),
        Follow::Advance { run, ended } => run::progress::advance(state, *run, ended),
        Follow::BeginRun { run } => run::progress::begin(state, *run, at),
        Follow::FireQueued { batch } => {
            slots::fire_queued(state, *batch, at, &mut RunIds::of(state))
        }
        Follow::StartAfter { batch, parent } => slots::start_after(state, *batch, *parent, at),
        Follow::ReplanCalendar { name } => calendars::replan(state, name, at),
        Follow::Replan => slots::replan(state),
        Follow::LoseAttempts { runner, reason } => {
            placement::lose_attempts(state, runner, reason, at)
        }
        Follow::FillRunSet { run_set } => backfill::fill(state, *run_set, at),
        Follow::CloseRunSet { run_set } => run_set::close(state, *run_set),
        Follow::SettleRunSet { run_set } => run_set::settle(state, *run_set),
        Follow::FillFlows { flow_set } => flow::fill(state, *flow_set),
        Follow::SettleFlows => flow::settle(state, at),
        Follow::Place => placement::place(state),
    }
}

pub(crate) fn register_image(
    state: &State,
    who: &Principal,
    image: &Image,
) -> Result<Vec<Event>, Rejection> {
    check_name("name", &image.name)?;
    if image.path.is_some() && image.bundle.is_some() {
        return Err(Rejection::invalid(
            "bundle",
            "an image has a path or a bundle, not both",
        ));
    }
    if let Some(bundle) = image.bundle
        && !state.bundles.contains_key(&bundle)
    {
        return Err(Rejection::UnknownBundle {
            digest: bundle.to_string(),
        });
    }
    if image.tags.is_empty() {
        return Err(Rejection::invalid(
            "tags",
            "name at least one of dev, pre, prod",
        ));
    }
    spawnable::check_image(image)?;
    match state.images.get(&image.name) {
        Some(known) => check_image_owner(who, known)?,
        None if state.images.len() >= IMAGES_MAX => {
            return Err(Rejection::Limit {
                message: format!("{IMAGES_MAX} images are registered already; remove some first"),
            });
        }
        None => {}
    }
    let image = Image {
        owner: who.user.clone(),
        ..image.clone()
    };
    if state.images.get(&image.name) == Some(&image) {
        return Ok(Vec::new());
    }
    Ok(vec![ImageRegistered { image }.into()])
}

pub(crate) fn check_image_owner(who: &Principal, image: &Image) -> Result<(), Rejection> {
    if who.is_admin || who.user == image.owner {
        return Ok(());
    }
    Err(Rejection::NotImageOwner {
        name: image.name.clone(),
        owner: image.owner.clone(),
    })
}

pub(crate) fn remove_image(
    state: &State,
    who: &Principal,
    name: &str,
) -> Result<Vec<Event>, Rejection> {
    let Some(image) = state.images.get(name) else {
        return Err(Rejection::NoSuchImage {
            name: name.to_owned(),
        });
    };
    check_image_owner(who, image)?;
    let using: BTreeSet<Digest> = state
        .definitions
        .iter()
        .filter(|(_, used)| {
            let definition = used.graph.definition();
            let mut tasks = definition.tasks.iter();
            tasks.any(|task| definition.image_of(task) == Some(name))
        })
        .map(|(digest, _)| *digest)
        .collect();
    let user = state
        .runs
        .values()
        .find(|run| using.contains(&run.definition));
    if let Some(run) = user {
        return Err(Rejection::ImageBusy {
            name: name.to_owned(),
            run: run.id,
        });
    }
    Ok(vec![
        ImageRemoved {
            name: name.to_owned(),
        }
        .into(),
    ])
}

fn register_bundle(state: &State, digest: Digest, size: u64) -> Result<Vec<Event>, Rejection> {
    if state.bundles.contains_key(&digest) {
        return Ok(Vec::new());
    }
    if state.bundles.len() >= BUNDLES_MAX {
        return Err(Rejection::Limit {
            message: format!("{BUNDLES_MAX} bundles are registered already"),
        });
    }
    Ok(vec![BundleRegistered { digest, size }.into()])
}
