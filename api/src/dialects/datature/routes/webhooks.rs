//! Webhooks: where predictions are delivered.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::json;
use uuid::Uuid;

use super::super::documents::{Stored, WEBHOOKS, now};
use super::super::errors::{bad, in_use};
use super::super::map::{JobNote, ms};
use super::super::secrets;
use super::super::wire::{self, RetriesRequest, WebhookRequest, WebhookSecret};
use super::jobs::unfinished;
use super::{body, known_project, ok};
use crate::call::{App, Call};
use crate::config::Delivery;
use crate::errors::{Answer, Code, Problem};
use crate::routes::{Routes, any_of, route};
use crate::table::Scope;

const RETRIES_DEFAULT: u32 = 3;
const RETRIES_MAX: u32 = 100;
const BACKOFF_MS_DEFAULT: u64 = 15_000;
const BACKOFF_MS_MAX: u64 = 3_600_000;

/// Bytes of an address.
const ENDPOINT_BYTES_MAX: usize = 2_048;

/// What is kept of a webhook. Its secret is a file of the same name.
#[derive(Debug, Clone, Deserialize, Serialize)]
pub(super) struct Webhook {
    name: String,
    pub(super) endpoint: String,
    pub(super) max_retries: u32,
    pub(super) max_backoff_ms: u64,
    pub(super) has_secret: bool,
}

pub(super) fn routes(app: &Arc<App>, scope: &mut Scope<'_>) -> Routes {
    any_of([
        route!(scope, app, GET [project / "batch" / "webhooks"] => list),
        route!(scope, app, POST [project / "batch" / "webhooks"] => post),
        route!(scope, app, GET [project / "batch" / "webhooks" / id] => get),
        route!(scope, app, PATCH [project / "batch" / "webhooks" / id] => patch),
        route!(scope, app, DELETE [project / "batch" / "webhooks" / id] => delete),
        route!(scope, app, PUT [project / "batch" / "webhooks" / id / "secret"] => put_secret),
        route!(scope, app, POST [project / "batch" / "webhooks" / id] => act),
    ])
}

fn show(project: &str, stored: Stored<Webhook>) -> wire::Webhook {
    let webhook = stored.value;
    wire::Webhook {
        id: stored.id,
        object: "webhook",
        project_id: project.to_owned(),
        name: webhook.name,
        endpoint: webhook.endpoint,
        retries: wire::Retries {
            max_retries: webhook.max_retries,
            max_backoff_ms: webhook.max_backoff_ms,
        },
        create_date: stored.created_ms,
        update_date: stored.updated_ms,
    }
}

fn check_endpoint(endpoint: &str) -> Result<(), Problem> {
    let uri: Option<warp::http::Uri> = endpoint.parse().ok();
    let is_fine = uri.is_some_and(|uri| {
        matches!(uri.scheme_str(), Some("http" | "https"))
            && uri.host().is_some_and(|host| !host.is_empty())
    });
    if is_fine && endpoint.len() <= ENDPOINT_BYTES_MAX {
        return Ok(());
    }
    Err(bad("spec.endpoint", "must be an http or https address"))
}

fn check_name(name: &str) -> Result<(), Problem> {
    if name.trim().is_empty() || name.chars().count() > 200 {
        return Err(bad("name", "give a name of 1 to 200 characters"));
    }
    Ok(())
}

fn set_retries(webhook: &mut Webhook, retries: RetriesRequest) -> Result<(), Problem> {
    let max_retries = retries.max_retries.unwrap_or(webhook.max_retries);
    let max_backoff_ms = retries.max_backoff_ms.unwrap_or(webhook.max_backoff_ms);
    if max_retries > RETRIES_MAX {
        return Err(bad(
            "spec.retries.maxRetries",
            format_args!("at most {RETRIES_MAX}"),
        ));
    }
    if max_backoff_ms > BACKOFF_MS_MAX {
        return Err(bad(
            "spec.retries.maxBackoffMs",
            format_args!("at most {BACKOFF_MS_MAX}"),
        ));
    }
    webhook.max_retries = max_retries;
    webhook.max_backoff_ms = max_backoff_ms;
    Ok(())
}

async fn list(project: String, call: Call) -> Answer {
    known_project(&call, &project).await?;
    let of = project.clone();
    let page = WEBHOOKS
        .page(&call, &project, move |it| show(&of, it))
        .await?;
    ok(&call, &page)
}

async fn get(project: String, id: String, call: Call) -> Answer {
    known_project(&call, &project).await?;
    let stored = WEBHOOKS.get(&call, &project, &id).await?;
    ok(&call, &show(&project, stored))
}

async fn post(project: String, mut call: Call) -> Answer {
    known_project(&call, &project).await?;
    let new: WebhookRequest = body(&mut call).await?;
    let name = new.name.unwrap_or_default();
    check_name(&name)?;
    let spec = new.spec.unwrap_or_default();
    let endpoint = spec.endpoint.unwrap_or_default();
    check_endpoint(&endpoint)?;
    let key = spec
        .secret
        .map(|secret| secrets::key(&secret.contents))
        .transpose()?;
    let mut webhook = Webhook {
        name,
        endpoint,
        max_retries: RETRIES_DEFAULT,
        max_backoff_ms: BACKOFF_MS_DEFAULT,
        has_secret: key.is_some(),
    };
    set_retries(&mut webhook, spec.retries.unwrap_or_default())?;
    let id = WEBHOOKS.new_id();
    // First the file: a webhook without its secret would deliver unsigned.
    if let Some(key) = key {
        secrets::keep(&call, &id, key).await?;
    }
    match WEBHOOKS.create(&call, &project, id.clone(), webhook).await {
        Ok(stored) => ok(&call, &show(&project, stored)),
        Err(problem) => {
            secrets::forget(&call, &id).await;
            Err(problem)
        }
    }
}

async fn patch(project: String, id: String, mut call: Call) -> Answer {
    known_project(&call, &project).await?;
    let (change, _): (WebhookRequest, _) = call.json_or_default().await?;
    let spec = change.spec.unwrap_or_default();
    // A secret in here is one that the client makes up when it is loaded; only `/secret` changes it.
    if change.name.is_none() && spec.endpoint.is_none() && spec.retries.is_none() {
        return Err(bad(
            "spec",
            "nothing to change; give an endpoint, retries or a name",
        ));
    }
    change.name.as_deref().map_or(Ok(()), check_name)?;
    spec.endpoint.as_deref().map_or(Ok(()), check_endpoint)?;
    let update = WEBHOOKS.update(&call, &project, &id, |webhook: &mut Webhook| {
        if let Some(name) = &change.name {
            webhook.name.clone_from(name);
        }
        if let Some(endpoint) = &spec.endpoint {
            webhook.endpoint.clone_from(endpoint);
        }
        set_retries(webhook, spec.retries.unwrap_or_default())?;
        Ok(Vec::new())
    });
    let stored = update.await?;
    ok(&call, &show(&project, stored))
}

async fn put_secret(project: String, id: String, mut call: Call) -> Answer {
    known_project(&call, &project).await?;
    let secret: WebhookSecret = body(&mut call).await?;
    let key = secrets::key(&secret.contents)?;
    WEBHOOKS.get::<Webhook>(&call, &project, &id).await?;
    secrets::keep(&call, &id, key).await?;
    let update = WEBHOOKS.update(&call, &project, &id, |webhook: &mut Webhook| {
        webhook.has_secret = true;
        Ok(Vec::new())
    });
    let stored = update.await?;
    ok(&call, &show(&project, stored))
}

async fn delete(project: String, id: String, call: Call) -> Answer {
    known_project(&call, &project).await?;
    WEBHOOKS.get::<Webhook>(&call, &project, &id).await?;
    let used = |note: &JobNote| {
        let destinations = &note.result_delivery.destinations;
        destinations.iter().any(|to| to.webhook_id == id)
    };
    if let Some(job) = unfinished(&call, &project, used).await? {
        return Err(in_use(format!(
            "the job {job} delivers to the webhook {id}; cancel it, or wait until it is finished"
        )));
    }
    WEBHOOKS.remove(&call, &project, &id).await?;
    secrets::forget(&call, &id).await;
    let deleted = wire::Deleted { id, deleted: true };
    ok(&call, &deleted)
}

/// An action stands behind the id, after a colon.
async fn act(project: String, action: String, call: Call) -> Answer {
    known_project(&call, &project).await?;
    let (id, action) = action.split_once(':').unwrap_or((&action, ""));
    if action != "test" {
        return Err(Problem::new(
            Code::NotFound,
            format!("there is nothing to POST to at webhook `{id}` but `{id}:test`"),
        ));
    }
    test(&project, id, &call).await
}

/// One attempt, reported whatever comes of it.
async fn test(project: &str, id: &str, call: &Call) -> Answer {
    let stored: Stored<Webhook> = WEBHOOKS.get(call, project, id).await?;
    let key = match stored.value.has_secret {
        true => secrets::read(call, id).await?,
        false => None,
    };
    let at_ms = ms(now(call));
    let message = json!({
        "kind": "WebhookTest",
        "projectId": project,
        "webhookId": id,
        "createTime": at_ms,
    });
    let delivery = Delivery {
        endpoint: stored.value.endpoint,
        key,
        id: format!("test_{}", Uuid::now_v7()),
        body: message.to_string().into_bytes(),
    };
    let Some(caller) = call.app.config.predictions.caller.clone() else {
        return Err(Problem::internal(&"nobody delivers webhooks here"));
    };
    let attempted = tokio::task::spawn_blocking(move || caller.deliver(&delivery)).await;
    let attempted = attempted.map_err(|error| Problem::internal(&error))?;
    let test = wire::WebhookTest {
        status: if attempted.reason.is_none() {
            "Ok"
        } else {
            "Failed"
        },
        response_code: attempted.status,
        latency_ms: attempted.latency_ms,
        attempt_count: 1,
        body: attempted.body,
        reason: attempted.reason,
    };
    ok(call, &test)
}
