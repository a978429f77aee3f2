//! Requests to addresses that others name.

use std::sync::Arc;
use std::time::Duration;

use fasti_core::protocol::item_v1::Targets;
use ureq::Agent;
use ureq::tls::{Certificate, RootCerts, TlsConfig};
use ureq::unversioned::transport::DefaultConnector;

use super::targets::{Checked, Reach};

/// A client that reaches only what it may.
pub(super) fn agent(targets: &Targets, timeout: Duration, redirects: u32, url: &str) -> Agent {
    let mut config = Agent::config_builder()
        .timeout_global(Some(timeout))
        .http_status_as_error(false)
        .max_redirects(redirects)
        .max_redirects_will_error(false)
        .user_agent(concat!("fasti/", env!("CARGO_PKG_VERSION")))
        .proxy(None);
    // Reading the certificates of the machine takes longer than most requests.
    if url.starts_with("https") || redirects > 0 {
        config = config.tls_config(tls());
    }
    Agent::with_parts(
        config.build(),
        DefaultConnector::default(),
        Checked(Reach(targets.clone())),
    )
}

fn tls() -> TlsConfig {
    let found = rustls_native_certs::load_native_certs();
    let roots: Vec<Certificate<'static>> = found
        .certs
        .iter()
        .map(|cert| Certificate::from_der(cert).to_owned())
        .collect();
    TlsConfig::builder()
        .root_certs(RootCerts::Specific(Arc::new(roots)))
        .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .build()
}

/// What went wrong, in one line.
pub(super) fn why(error: &ureq::Error) -> String {
    if let ureq::Error::Other(inner) = error {
        return inner.to_string();
    }
    if let ureq::Error::Timeout(_) = error {
        return "no answer in time".to_owned();
    }
    error.to_string()
}
