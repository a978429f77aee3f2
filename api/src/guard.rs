//! Refuses what a web page elsewhere could make a browser send: hosts that are not ours (DNS rebinding) and
//! requests of other origins. Holds for every route, event streams and static files included.

use std::net::IpAddr;

use warp::http::{HeaderMap, Method, Uri, header};

use crate::config::ApiConfig;
use crate::errors::{Code, Problem};

/// Longest path with parameters, in bytes.
const ADDRESS_BYTES_MAX: usize = 8 * 1024;

/// Checks host, origin and length of the address.
///
/// # Errors
/// 400, 403, 414 or 421.
pub(crate) fn check(
    config: &ApiConfig,
    method: &Method,
    uri: &Uri,
    headers: &HeaderMap,
    is_static: bool,
) -> Result<(), Problem> {
    let address_bytes = uri.path().len() + uri.query().map_or(0, str::len);
    if address_bytes > ADDRESS_BYTES_MAX {
        let detail = format!(
            "the address has {address_bytes} bytes, more than the {ADDRESS_BYTES_MAX} allowed; send long values in the body"
        );
        return Err(Problem::new(Code::AddressTooLong, detail));
    }
    let authority = authority(uri, headers)?;
    if !is_ours(config, host_of(authority)) {
        let detail = format!(
            "this server does not answer for `{authority}`; use the address it listens on, or start it with the host allowed"
        );
        return Err(Problem::new(Code::Misdirected, detail));
    }
    check_origin(method, headers, authority, is_static)
}

/// Host and port that the request is for: of HTTP/2 in the address, of HTTP/1.1 in the header.
fn authority<'a>(uri: &'a Uri, headers: &'a HeaderMap) -> Result<&'a str, Problem> {
    if let Some(authority) = uri.authority() {
        return Ok(authority.as_str());
    }
    let mut hosts = headers.get_all(header::HOST).iter();
    let host = hosts.next().and_then(|host| host.to_str().ok());
    match (host, hosts.next()) {
        (Some(host), None) => Ok(host),
        _ => Err(Problem::new(
            Code::Malformed,
            "a request has exactly one Host header",
        )),
    }
}

fn host_of(authority: &str) -> &str {
    if let Some(rest) = authority.strip_prefix('[') {
        return match rest.split_once(']') {
            Some((host, port)) if is_port(port) => host,
            Some(_) | None => "",
        };
    }
    let end = authority.find(':').unwrap_or(authority.len());
    let (host, port) = authority.split_at(end);
    if is_port(port) { host } else { "" }
}

/// Nothing, or a colon with digits: anything else is no port, and what comes before it no host of ours.
fn is_port(text: &str) -> bool {
    let digits = text.strip_prefix(':');
    text.is_empty() || digits.is_some_and(|port| port.parse::<u16>().is_ok() || port.is_empty())
}

fn is_ours(config: &ApiConfig, host: &str) -> bool {
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    if host == "localhost" || host.ends_with(".localhost") {
        return true;
    }
    if let Ok(ip) = host.parse::<IpAddr>() {
        let listens_on = config.listen.ip();
        if ip.is_loopback() || ip == listens_on {
            return true;
        }
    }
    config
        .allowed_hosts
        .iter()
        .any(|allowed| allowed.eq_ignore_ascii_case(&host))
}

fn check_origin(
    method: &Method,
    headers: &HeaderMap,
    authority: &str,
    is_static: bool,
) -> Result<(), Problem> {
    let is_safe = method == Method::GET || method == Method::HEAD;
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    // Following a link here gives the page that has it nothing to read.
    let is_navigation = text("sec-fetch-mode") == Some("navigate");
    if is_safe && (is_static || is_navigation) {
        return Ok(());
    }
    let refused = |detail: String| Err(Problem::new(Code::CrossSite, detail));
    if let Some(origin) = headers.get(header::ORIGIN) {
        let origin = origin.to_str().unwrap_or("null");
        let own = origin
            .split_once("://")
            .is_some_and(|(_, rest)| rest.eq_ignore_ascii_case(authority));
        if !own {
            return refused(format!(
                "a page of `{origin}` may not use this server; open its own page at http://{authority}/"
            ));
        }
    }
    if text("sec-fetch-site") == Some("cross-site") {
        return refused(format!(
            "a page of another site may not use this server; open its own page at http://{authority}/"
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn status(method: &str, pairs: &[(&'static str, &str)]) -> u16 {
        let mut config = ApiConfig::new(([10, 0, 0, 7], 7450).into(), "d".into(), "0", "me");
        config.allowed_hosts.push("fasti.example.org".to_owned());
        let headers = pairs
            .iter()
            .map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()))
            .collect();
        let method = method.parse().unwrap();
        let uri = Uri::from_static("/api/v1/runs");
        check(&config, &method, &uri, &headers, false).map_or_else(|p| p.code().status(), |()| 200)
    }

    #[test]
    fn only_known_hosts_are_answered_for() {
        for host in [
            "localhost:7450",
            "127.0.0.1",
            "[::1]:7450",
            "10.0.0.7:7450",
            "Fasti.Example.Org",
            "x.localhost",
        ] {
            assert_eq!(status("GET", &[("host", host)]), 200, "{host}");
        }
        for host in [
            "evil.example",
            "10.0.0.8",
            "localhost.evil.example",
            "[::2]",
            "127.0.0.1:7450.evil.example",
            "[::1].evil.example",
            "[::1]:x",
            "",
        ] {
            assert_eq!(status("GET", &[("host", host)]), 421, "{host}");
        }
        assert_eq!(status("GET", &[]), 400);
    }

    #[test]
    fn other_origins_are_refused() {
        let host = ("host", "localhost:7450");
        let own = ("origin", "http://localhost:7450");
        for method in ["GET", "POST", "DELETE"] {
            assert_eq!(status(method, &[host, own]), 200);
            for foreign in ["http://localhost:8000", "https://evil.example", "null"] {
                assert_eq!(
                    status(method, &[host, ("origin", foreign)]),
                    403,
                    "{foreign}"
                );
            }
            let cross = ("sec-fetch-site", "cross-site");
            assert_eq!(status(method, &[host, cross]), 403);
        }
        let link = [
            host,
            ("sec-fetch-site", "cross-site"),
            ("sec-fetch-mode", "navigate"),
        ];
        assert_eq!(status("GET", &link), 200);
        assert_eq!(status("POST", &link), 403);
    }

    #[test]
    fn long_addresses_are_refused() {
        let config = ApiConfig::new(([127, 0, 0, 1], 1).into(), "d".into(), "0", "me");
        let uri: Uri = format!("/x?{}", "a".repeat(9_000)).parse().unwrap();
        let headers = [(header::HOST, "localhost".parse().unwrap())]
            .into_iter()
            .collect();
        let refused = check(&config, &Method::GET, &uri, &headers, false).unwrap_err();
        assert_eq!(refused.code(), Code::AddressTooLong);
    }
}
