//! Which addresses may be reached: what an item or a webhook names comes from outside, and a request from inside a
//! network may reach what nobody outside could. A name is resolved once, all that it stands for is checked, and the
//! connection goes to what was checked.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use fasti_core::protocol::item_v1::Targets;
use ureq::http::Uri;
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::NextTimeout;

/// See the module.
#[derive(Debug, Clone)]
pub(super) struct Reach(pub(super) Targets);

impl Reach {
    /// The address of a request, if it may be made.
    ///
    /// # Errors
    /// Why not, and what to do.
    pub(super) fn check(&self, url: &str) -> Result<Uri, String> {
        let uri: Uri = url
            .parse()
            .map_err(|error| format!("`{url}` is no address: {error}"))?;
        let host = uri.host().unwrap_or_default();
        let scheme = uri.scheme_str().unwrap_or_default();
        if host.is_empty() || !matches!(scheme, "http" | "https") {
            return Err(format!("`{url}` is no http or https address"));
        }
        if scheme == "http" && !self.0.local && !self.is_allowed(host) {
            return Err(format!(
                "`{url}` is plain http; use https, or allow the host by name in `[predictions] allowed_hosts`"
            ));
        }
        Ok(uri)
    }

    fn is_allowed(&self, host: &str) -> bool {
        let host = host.trim_matches(['[', ']']);
        self.0
            .allowed
            .iter()
            .any(|known| known.eq_ignore_ascii_case(host))
    }

    fn may_reach(&self, host: &str, ip: IpAddr) -> bool {
        self.0.local || self.is_allowed(host) || is_public(ip)
    }
}

/// Whether anybody could reach an address from anywhere.
fn is_public(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => is_public_v4(ip),
        IpAddr::V6(ip) => match embedded_v4(ip) {
            Some(ip) => is_public_v4(ip),
            None => is_public_v6(ip),
        },
    }
}

fn is_public_v4(ip: Ipv4Addr) -> bool {
    let [a, b, c, _] = ip.octets();
    let shared = a == 100 && (64..128).contains(&b);
    let protocols = (a, b, c) == (192, 0, 0);
    let benchmarks = a == 198 && (b == 18 || b == 19);
    !(a == 0
        || a >= 240
        || ip.is_private()
        || ip.is_loopback()
        || ip.is_link_local()
        || ip.is_multicast()
        || ip.is_broadcast()
        || ip.is_documentation()
        || shared
        || protocols
        || benchmarks)
}

fn is_public_v6(ip: Ipv6Addr) -> bool {
    let first = ip.segments()[0];
    // Global unicast is 2000::/3; of that, documentation and Teredo are nobody's.
    (0x2000..0x4000).contains(&first)
        && ip.segments()[..2] != [0x2001, 0x0db8]
        && ip.segments()[..2] != [0x2001, 0x0000]
}

/// The address of version 4 that one of version 6 leads to: mapped, NAT64, 6to4.
fn embedded_v4(ip: Ipv6Addr) -> Option<Ipv4Addr> {
    let s = ip.segments();
    let of = |high: u16, low: u16| {
        let [a, b] = high.to_be_bytes();
        let [c, d] = low.to_be_bytes();
        Ipv4Addr::new(a, b, c, d)
    };
    match s {
        [0, 0, 0, 0, 0, 0xffff, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] => {
            Some(of(high, low))
        }
        [0x2002, high, low, ..] => Some(of(high, low)),
        _ => None,
    }
}

/// Resolves a name to what may be reached of it.
#[derive(Debug)]
pub(super) struct Checked(pub(super) Reach);

impl Resolver for Checked {
    fn resolve(
        &self,
        uri: &Uri,
        config: &ureq::config::Config,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let refused = |why: String| ureq::Error::Other(why.into());
        // Redirections come here as well.
        self.0.check(&uri.to_string()).map_err(refused)?;
        let found = DefaultResolver::default().resolve(uri, config, timeout)?;
        let host = uri.host().unwrap_or_default();
        let forbidden = found.iter().find(|addr| !self.0.may_reach(host, addr.ip()));
        match forbidden {
            None => Ok(found),
            Some(addr) => Err(refused(format!(
                "`{host}` is {}, which is not a public address; allow the host by name in `[predictions] allowed_hosts`",
                addr.ip()
            ))),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn what_is_not_public_is_told_apart() {
        for inside in [
            "127.0.0.1",
            "10.1.2.3",
            "172.16.0.1",
            "192.168.1.1",
            "169.254.169.254",
            "0.0.0.0",
            "100.64.0.1",
            "224.0.0.1",
            "255.255.255.255",
            "::1",
            "::",
            "fe80::1",
            "fc00::1",
            "::ffff:127.0.0.1",
            "64:ff9b::7f00:1",
            "2002:7f00:1::",
            "2001:db8::1",
            "ff02::1",
        ] {
            assert!(!is_public(inside.parse().unwrap()), "{inside}");
        }
        for outside in [
            "1.1.1.1",
            "93.184.216.34",
            "2606:4700::1111",
            "::ffff:1.1.1.1",
        ] {
            assert!(is_public(outside.parse().unwrap()), "{outside}");
        }
    }

    #[test]
    fn plain_http_is_for_one_machine_or_by_name() {
        let outside = Reach(Targets {
            local: false,
            allowed: vec!["Images.Example".to_owned()],
        });
        assert!(outside.check("http://example.org/x").is_err());
        assert!(outside.check("https://example.org/x").is_ok());
        assert!(outside.check("http://images.example/x").is_ok());
        let local = Reach(Targets {
            local: true,
            allowed: Vec::new(),
        });
        assert!(local.check("http://127.0.0.1:1/x").is_ok());
        for bad in [
            "ftp://x/y",
            "nothing",
            "",
            "http://",
            "file:///etc/passwd",
            "/x",
        ] {
            assert!(local.check(bad).is_err(), "{bad}");
        }
        assert!(outside.may_reach("images.example", "127.0.0.1".parse().unwrap()));
        assert!(!outside.may_reach("other.example", "127.0.0.1".parse().unwrap()));
    }
}
