//! Fetches what an item names.

use std::time::Duration;

use fasti_core::protocol::item_v1::ItemSpec;

use super::ItemLine;
use super::http::{agent, why};
use super::targets::Reach;

/// Time that a fetch may take in all.
const TIMEOUT: Duration = Duration::from_secs(60);

/// Addresses that one may lead to in turn; each is checked.
const REDIRECTS_MAX: u32 = 5;

/// The bytes that the item's address leads to.
///
/// # Errors
/// It may not be reached, does not answer, or not with success.
pub(super) fn gather(spec: &ItemSpec, line: &ItemLine) -> Result<Vec<u8>, String> {
    let url = &line.url;
    Reach(spec.targets.clone()).check(url)?;
    let redirects = if url.starts_with("https") {
        REDIRECTS_MAX
    } else {
        0
    };
    let agent = agent(&spec.targets, TIMEOUT, redirects, url);
    let mut response = agent
        .get(url)
        .call()
        .map_err(|error| format!("cannot fetch `{url}`: {}", why(&error)))?;
    let status = response.status();
    if !status.is_success() {
        return Err(format!("`{url}` answers {}", status.as_u16()));
    }
    response
        .body_mut()
        .with_config()
        .limit(spec.item_bytes_max)
        .read_to_vec()
        .map_err(|error| {
            if let ureq::Error::BodyExceedsLimit(limit) = error {
                return format!("`{url}` is larger than the {limit} bytes allowed");
            }
            format!("cannot fetch `{url}`: {}", why(&error))
        })
}
