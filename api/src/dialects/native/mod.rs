//! The native dialect, under `/api/v1`: handlers (`routes`), what is sent and received (`wire`), and the way
//! between that and the domain (`map`).

pub(crate) mod map;
pub(crate) mod routes;
mod submit;
pub(crate) mod wire;

/// Where the dialect begins.
pub(crate) const PREFIX: &str = "/api/v1/";

/// Paths that say whether the server is well: answered even when nothing else is.
pub(crate) fn is_health(path: &str) -> bool {
    matches!(path, "/healthz" | "/readyz" | "/api/v1/health")
}

/// Paths that need no token: they say nothing about anybody's work, or are guarded otherwise.
pub(crate) fn is_open(path: &str) -> bool {
    let own = path.strip_prefix(PREFIX).unwrap_or_default();
    matches!(path, "/healthz" | "/readyz")
        || matches!(own, "health" | "version" | "openapi.json" | "asyncapi.json" | "session")
        || own.starts_with("errors/")
        // Signed by whoever sends it.
        || own.starts_with("webhooks/")
}
