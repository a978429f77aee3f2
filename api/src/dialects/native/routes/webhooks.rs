//! Webhooks: a signed request starts a batch.

use std::sync::Arc;

use fasti_core::domain::trigger::{PAYLOAD_BYTES_MAX, Signal, TriggerSource};
use warp::http::StatusCode;

use super::super::{map, wire};
use crate::call::{App, Call, json};
use crate::errors::{Answer, Code, Problem, ProblemDocument};
use crate::query::decode_segment;
use crate::routes::{Routes, any_of, route};
use crate::table::Scope;
use crate::trace::traceparent;
use crate::webhook;

pub(super) fn routes(app: &Arc<App>, scope: &mut Scope<'_>) -> Routes {
    any_of([route!(scope, app, POST [id / trigger] => post_webhook)])
}

/// Start a batch by a webhook
///
/// The body is the payload, JSON of at most 64 KiB. `Fasti-Webhook-Signature` is `v1=` and the HMAC-SHA256 in
/// hexadecimal, with the key of the trigger, over timestamp, a dot, id, a dot and the body. A request older than five
/// minutes is refused; an id that came before starts nothing and gets the same answer.
#[utoipa::path(post, path = "/api/v1/webhooks/{id}/{trigger}", tag = "schedules",
    params(("id" = String, Path, description = "UUID of the batch"),
        ("trigger" = String, Path, description = "Name of the trigger"),
        ("Fasti-Webhook-Id" = String, Header, description = "Chosen by the sender, one for each event; 1 to 128 visible ASCII characters"),
        ("Fasti-Webhook-Timestamp" = i64, Header, description = "When it was signed: seconds since 1970"),
        ("Fasti-Webhook-Signature" = String, Header, description = "`v1=` and the signature; several with commas between while keys change")),
    request_body(content = String, description = "The payload", content_type = "application/json"),
    responses((status = 202, description = "What became of it", body = wire::SignalAnswer),
        (status = "4XX", body = ProblemDocument)))]
pub(crate) async fn post_webhook(id: String, trigger: String, mut call: Call) -> Answer {
    let trigger = decode_segment(&trigger)?;
    call.query()?.finish()?;
    let body = call.bytes_within(PAYLOAD_BYTES_MAX as u64).await?;
    let wanted = trigger.clone();
    // Who cannot sign learns nothing, not even whether the batch is there.
    let unknown = || Problem::new(Code::Unauthenticated, webhook::REFUSED);
    let batch = id.parse().map_err(|_| unknown())?;
    let key = call.ask(None, move |views, _| {
        let found = views.batch(batch)?.filter(|it| it.deleted_at.is_none());
        let definition = found.map(|it| it.definition);
        let key = definition.and_then(|definition| {
            let triggers = &definition.schedule.triggers;
            let found = triggers.iter().find(|it| it.name == wanted)?;
            match &found.source {
                TriggerSource::Webhook { key } => Some(key.clone()),
                TriggerSource::Nats { .. } | TriggerSource::Stream { .. } => None,
            }
        });
        Ok(key)
    });
    let (key, _) = key.await?;
    let keys = &call.app.config.webhook_keys.0;
    let key = key.and_then(|name| keys.get(&name)).ok_or_else(unknown)?;
    let now = call.app.parts.clock.now();
    let signal = Signal {
        batch,
        trigger,
        id: webhook::verified(key, &call.headers, &body, now)?,
        payload: Arc::from(&*body),
    };
    let trace = traceparent(&call.headers).map(Into::into);
    let receipt = call.app.parts.engine.submit(signal.into_request(trace));
    let receipt = receipt.await?;
    let answer = map::signal_answer(&receipt);
    let answer = answer.ok_or_else(|| Problem::internal(&"a signal got no outcome"))?;
    Ok(json(StatusCode::ACCEPTED, &answer, receipt.seq))
}
