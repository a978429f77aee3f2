//! Webhooks.

use serde::{Deserialize, Serialize};

/// `POST …/webhooks`, and `PATCH` of one.
#[derive(Debug, Default, Deserialize)]
pub(in super::super) struct WebhookRequest {
    #[serde(default)]
    pub(in super::super) name: Option<String>,
    #[serde(default)]
    pub(in super::super) spec: Option<WebhookSpec>,
}

#[derive(Debug, Default, Deserialize)]
pub(in super::super) struct WebhookSpec {
    #[serde(default)]
    pub(in super::super) endpoint: Option<String>,
    #[serde(default)]
    pub(in super::super) secret: Option<WebhookSecret>,
    #[serde(default)]
    pub(in super::super) retries: Option<RetriesRequest>,
}

/// Does not print.
#[derive(Deserialize)]
pub(in super::super) struct WebhookSecret {
    pub(in super::super) contents: String,
}

impl std::fmt::Debug for WebhookSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("WebhookSecret")
    }
}

#[derive(Debug, Default, Clone, Copy, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in super::super) struct RetriesRequest {
    #[serde(default)]
    pub(in super::super) max_retries: Option<u32>,
    #[serde(default)]
    pub(in super::super) max_backoff_ms: Option<u64>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(in super::super) struct Webhook {
    pub(in super::super) id: String,
    pub(in super::super) object: &'static str,
    pub(in super::super) project_id: String,
    pub(in super::super) name: String,
    pub(in super::super) endpoint: String,
    pub(in super::super) retries: Retries,
    pub(in super::super) create_date: i64,
    pub(in super::super) update_date: i64,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(in super::super) struct Retries {
    pub(in super::super) max_retries: u32,
    pub(in super::super) max_backoff_ms: u64,
}

/// Answer to `:test`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(in super::super) struct WebhookTest {
    pub(in super::super) status: &'static str,
    pub(in super::super) response_code: u16,
    pub(in super::super) latency_ms: u64,
    pub(in super::super) attempt_count: u32,
    pub(in super::super) body: Option<String>,
    pub(in super::super) reason: Option<String>,
}
