//! Recorded history once more, with something otherwise.

use std::sync::Arc;

use fasti_core::domain::ids::Seq;
use fasti_core::domain::time::Timestamp;
use fasti_core::feed::Feed;
use fasti_projector::{PastError, seq_at};
use fasti_replay::what_if::{Answer as Estimate, Reader, WhatIf, WhatIfError, what_if};
use warp::http::StatusCode;

use super::super::{map, wire};
use crate::call::{App, Call, json};
use crate::errors::{Answer, Code, Problem, ProblemDocument};
use crate::routes::{Routes, any_of, route};
use crate::table::Scope;

pub(super) fn routes(app: &Arc<App>, scope: &mut Scope<'_>) -> Routes {
    any_of([route!(scope, app, POST [] => estimate)])
}

/// Estimate what would have been
///
/// Plays recorded history again with another schedule, other slots, pools, priorities or another version of a batch, and causes
/// nothing. Each figure comes as recorded, as the model has it without changes, and as estimated with a band. Reads the log from its
/// beginning; administrators only, because it is about all batches.
#[utoipa::path(post, path = "/api/v1/what-if", tag = "schedules",
    request_body = wire::WhatIfBody,
    responses((status = 200, body = wire::WhatIf), (status = "4XX", body = ProblemDocument)))]
pub(crate) async fn estimate(mut call: Call) -> Answer {
    call.query()?.finish()?;
    let limit = call.app.config.json_bytes_max;
    let (given, _) = call.json_within::<wire::WhatIfBody>(limit).await?;
    if !call.principal.is_admin {
        let detail = "what would have been is about all batches: only an administrator may ask";
        return Err(Problem::new(Code::Forbidden, detail));
    }
    let now = call.app.parts.clock.now();
    let asked = map::what_if(given, now)?;
    if asked.until > now {
        let detail = "what is still to come is not recorded; `fasti simulate` looks ahead";
        return Err(Problem::invalid("until", detail));
    }
    if asked.from >= asked.until {
        return Err(Problem::invalid("from", "must be earlier than `until`"));
    }
    let (feed, ask) = (call.app.parts.feed.clone(), asked.clone());
    let (estimate, last) = call.in_turn(move || played(&feed, &ask)).await??;
    let body = map::estimate(&asked, estimate, last);
    Ok(json(StatusCode::OK, &body, last))
}

fn played(feed: &Feed, asked: &WhatIf) -> Result<(Estimate, Seq), Problem> {
    let last = feed.last();
    let before = Timestamp(asked.until.0 - 1);
    let end = match seq_at(feed, last, before) {
        Ok(end) => end,
        Err(PastError::TooEarly(_)) => Seq(0),
        Err(error) => return Err(error.into()),
    };
    let mut reader = Reader::new(asked.from, asked.until);
    let read = feed.each_until(Seq(0), end, &mut |entries| {
        for entry in entries {
            reader.see(&entry.recorded);
        }
    });
    read.map_err(|error| Problem::internal(&error))?;
    Ok((what_if(&reader.finish(), asked)?, last))
}

impl From<WhatIfError> for Problem {
    fn from(error: WhatIfError) -> Self {
        let detail = error.to_string();
        match error {
            WhatIfError::Invalid { field, .. } => Self::invalid(field, detail),
            WhatIfError::UnknownBatch(_) => Self::new(Code::NotFound, detail),
            WhatIfError::TooMuch(_) => Self::invalid("from", detail),
        }
    }
}
