//! Who asks: an API key is changed into a signed token, which comes with everything else. A token of a task is good
//! for its own project and task.

use std::time::Duration;

use fasti_core::domain::access::Principal;
use serde_json::{Map, Value};
use warp::http::{HeaderValue, header};

use crate::auth;
use crate::call::Call;
use crate::errors::{Code, Problem};
use crate::groups;
use crate::signing::{Purpose, SigningKey};

/// How long a session's token holds: six hours. Clients fetch another one when less than about two are left.
pub(super) const SESSION: Duration = Duration::from_secs(6 * 3_600);

/// What a caller may do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Scope {
    /// Everything.
    Workspace,
    /// What is in one task.
    Task { project: String, task: String },
}

/// Somebody with a token.
#[derive(Debug, Clone)]
pub(super) struct Caller {
    pub(super) principal: Principal,
    pub(super) scope: Scope,
    /// All that the token says.
    pub(super) claims: Map<String, Value>,
}

pub(super) fn key(call: &Call) -> Result<&SigningKey, Problem> {
    let key = call.app.config.signing_key.as_ref();
    key.ok_or_else(|| Problem::new(Code::NotReady, "this server has no key to sign tokens with"))
}

pub(super) fn refused(detail: &str) -> Problem {
    let wanted = HeaderValue::from_static("Bearer realm=\"fasti\"");
    Problem::new(Code::Unauthenticated, detail).with_header(header::WWW_AUTHENTICATE, wanted)
}

/// What comes behind this word in the authorization.
pub(super) fn credential<'a>(call: &'a Call, word: &str) -> Option<&'a str> {
    let given = call.header(header::AUTHORIZATION.as_str())?;
    let (scheme, rest) = given.split_once(' ')?;
    let rest = rest.trim();
    (scheme.eq_ignore_ascii_case(word) && !rest.is_empty()).then_some(rest)
}

/// Whether the text is the API key of this server; without one, any text is.
pub(super) fn is_api_key(call: &Call, given: &str) -> bool {
    auth::is_token(&call.app.config, given.as_bytes())
}

/// The caller, by the bearer token; the call is theirs from now on.
///
/// # Errors
/// 401.
pub(super) fn authenticate(call: &mut Call) -> Result<Caller, Problem> {
    let Some(token) = credential(call, "Bearer") else {
        return Err(refused(
            "a bearer token is needed: get one at /auth/token with `Authorization: Token <API key>`",
        ));
    };
    let caller = of_token(call, token).ok_or_else(|| {
        refused("the bearer token is not of this server, or holds no longer; get a new one at /auth/token")
    })?;
    call.principal = caller.principal.clone();
    Ok(caller)
}

/// As [`authenticate`], for everything in a project.
///
/// # Errors
/// 401, or 403 for a token of a task elsewhere.
pub(super) fn for_project(call: &mut Call, project: &str) -> Result<Caller, Problem> {
    let caller = authenticate(call)?;
    match &caller.scope {
        Scope::Task { project: own, .. } if own != project => Err(elsewhere()),
        Scope::Task { .. } | Scope::Workspace => Ok(caller),
    }
}

/// As [`authenticate`], for everything in a task.
///
/// # Errors
/// 401, or 403 for a token of another task.
pub(super) fn for_task(call: &mut Call, project: &str, task: &str) -> Result<Caller, Problem> {
    let caller = for_project(call, project)?;
    match &caller.scope {
        Scope::Task { task: own, .. } if own != task => Err(elsewhere()),
        Scope::Task { .. } | Scope::Workspace => Ok(caller),
    }
}

/// As [`authenticate`], for what only sessions of users may do.
///
/// # Errors
/// 401, or 403 for the token of a task.
pub(super) fn for_workspace(call: &mut Call) -> Result<Caller, Problem> {
    let caller = authenticate(call)?;
    match caller.scope {
        Scope::Workspace => Ok(caller),
        Scope::Task { .. } => Err(elsewhere()),
    }
}

fn elsewhere() -> Problem {
    let detail = "this token is that of a job: it is good for its own project and task only";
    Problem::new(Code::Forbidden, detail)
}

fn of_token(call: &Call, token: &str) -> Option<Caller> {
    let key = call.app.config.signing_key.as_ref()?;
    let now = call.app.parts.clock.now();
    if let Some(claims) = key.verified(Purpose::Session, token, now) {
        return session(call, claims);
    }
    let claims = key.verified(Purpose::Task, token, now)?;
    (text(&claims, "use") == Some("bearer"))
        .then(|| task(claims))
        .flatten()
}

fn session(call: &Call, claims: Map<String, Value>) -> Option<Caller> {
    let user = text(&claims, "sub")?.to_owned();
    if let Some((project, task)) = text(&claims, "projectId").zip(text(&claims, "taskId")) {
        let scope = Scope::Task {
            project: project.to_owned(),
            task: task.to_owned(),
        };
        let principal = Principal::user(&user, groups::of(&user), false);
        return Some(Caller {
            principal,
            scope,
            claims,
        });
    }
    let is_admin = user == call.app.config.server_user;
    Some(Caller {
        principal: Principal::user(&user, groups::of(&user), is_admin),
        scope: Scope::Workspace,
        claims,
    })
}

/// What a task may do is what its owner may, never as an administrator.
fn task(claims: Map<String, Value>) -> Option<Caller> {
    let user = text(&claims, "sub")?;
    let scope = Scope::Task {
        project: text(&claims, "projectId")?.to_owned(),
        task: text(&claims, "taskId")?.to_owned(),
    };
    Some(Caller {
        principal: Principal::user(user, groups::of(user), false),
        scope,
        claims,
    })
}

pub(super) fn text<'a>(claims: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    claims.get(name)?.as_str()
}
