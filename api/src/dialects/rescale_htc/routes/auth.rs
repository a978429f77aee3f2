//! From an API key to a token, and whose both are.

use std::sync::Arc;

use serde_json::{Map, Value, json};
use warp::http::StatusCode;

use super::super::access::{self, SESSION, credential, is_api_key, key, refused};
use super::super::map;
use crate::call::{App, Call, json as answer};
use crate::errors::{Answer, Problem};
use crate::routes::{Routes, any_of, route};
use crate::signing::Purpose;
use crate::table::Scope;

pub(super) fn routes(app: &Arc<App>, scope: &mut Scope<'_>) -> Routes {
    any_of([
        route!(scope, app, GET ["token"] => token),
        route!(scope, app, GET ["token" / "whoami"] => claims),
        route!(scope, app, GET ["whoami"] => whoami),
    ])
}

pub(super) fn key_routes(app: &Arc<App>, scope: &mut Scope<'_>) -> Routes {
    route!(scope, app, GET ["jwks.json"] => keys)
}

/// What a credential other than a bearer token entitles to: the claims of the session that it begins.
fn begun(call: &Call) -> Result<Map<String, Value>, Problem> {
    let config = &call.app.config;
    if let Some(given) = credential(call, "Token") {
        if is_api_key(call, given) {
            return Ok(map::identity(&config.rescale, &config.server_user));
        }
        return Err(refused(
            "the API key is not the server's; ask its operator for the present one",
        ));
    }
    if let Some(given) = credential(call, "Refresh") {
        let now = call.app.parts.clock.now();
        let claims = key(call)?.verified(Purpose::Task, given, now);
        let claims = claims.filter(|claims| access::text(claims, "use") == Some("refresh"));
        return claims
            .ok_or_else(|| refused("the refresh token is not of this server, or holds no longer"));
    }
    Err(refused(
        "an API key is needed: `Authorization: Token <API key>`",
    ))
}

async fn token(call: Call) -> Answer {
    let mut claims = begun(&call)?;
    claims.remove("use");
    let now = call.app.parts.clock.now();
    let signed = key(&call)?.sign(Purpose::Session, claims, now, SESSION);
    let signed = signed.map_err(|error| Problem::internal(&error))?;
    let body = json!({ "tokenValue": signed, "expiresIn": SESSION.as_secs() });
    Ok(answer(StatusCode::OK, &body, call.last_seq()))
}

async fn whoami(call: Call) -> Answer {
    let claims = begun(&call)?;
    let config = &call.app.config;
    let user = access::text(&claims, "sub").unwrap_or_default();
    let is_admin = user == config.server_user && !claims.contains_key("taskId");
    let body = json!({
        "user": {
            "userId": user,
            "email": map::email(user),
            "fullName": user,
            "workspace": { "id": config.rescale.workspace_id, "name": config.rescale.workspace_name },
            "organization": { "code": config.rescale.organization },
            "isWorkspaceAdmin": is_admin,
            "isOrganizationAdmin": is_admin,
        },
        "userFeatures": [],
    });
    Ok(answer(StatusCode::OK, &body, call.last_seq()))
}

async fn claims(mut call: Call) -> Answer {
    let caller = access::authenticate(&mut call)?;
    Ok(answer(StatusCode::OK, &caller.claims, call.last_seq()))
}

/// Tokens are signed with a secret key, which is in no list.
async fn keys(call: Call) -> Answer {
    let body = json!({ "keys": [] });
    Ok(answer(StatusCode::OK, &body, call.last_seq()))
}
