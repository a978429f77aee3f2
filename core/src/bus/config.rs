//! Where NATS is, whose events these are, and how they are encoded. Values only; nothing here connects.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

/// Replicas a stream can have at most, given by the server.
const REPLICAS_MAX: usize = 5;

/// What is wrong with a setting.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// Not a tenant name.
    #[error(
        "cannot use `{0}` as the tenant on NATS: use 1 to 32 characters a-z, 0-9 and -, beginning with a letter or digit"
    )]
    Tenant(String),
    /// Not an encoding.
    #[error("cannot use `{0}` as the encoding on NATS: use json or msgpack")]
    Encoding(String),
    /// Not an address.
    #[error(
        "cannot use `{url}` as the address of a NATS server: {why} (an example: nats://127.0.0.1:4222)"
    )]
    Url {
        /// What was given, without what may be a password.
        url: String,
        /// What is wrong.
        why: String,
    },
    /// Replicas out of range.
    #[error("cannot keep {0} replicas of the event stream: use 1 to {REPLICAS_MAX}, an odd number")]
    Replicas(usize),
}

/// Whose events these are: one token of every subject and part of the stream's name. Lower case only, because
/// the stream's name is in upper case and two tenants must not share it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tenant(String);

impl Tenant {
    /// A tenant, if `name` is made as it must be.
    ///
    /// # Errors
    /// [`ConfigError::Tenant`].
    pub fn new(name: &str) -> Result<Self, ConfigError> {
        let is_word = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        let fits = name.len() <= 32
            && name.bytes().next().is_some_and(is_word)
            && name.bytes().all(|byte| is_word(byte) || byte == b'-');
        if fits {
            Ok(Self(name.to_owned()))
        } else {
            Err(ConfigError::Tenant(name.to_owned()))
        }
    }

    /// Name of the stream with all events of this tenant.
    #[must_use]
    pub fn stream(&self) -> String {
        format!("FASTI_EVENTS_{}", self.0.to_ascii_uppercase())
    }

    /// Name of the stream with the anchors of this tenant's log.
    #[must_use]
    pub fn anchor_stream(&self) -> String {
        format!("FASTI_ANCHORS_{}", self.0.to_ascii_uppercase())
    }

    /// Subject of these anchors.
    #[must_use]
    pub fn anchor_subject(&self) -> String {
        format!("fasti.anchors.v1.{}", self.0)
    }

    /// Name of the bucket with exact records that are too large for messages.
    #[must_use]
    pub fn bucket(&self) -> String {
        format!("FASTI_RECORDS_{}", self.0.to_ascii_uppercase())
    }
}

impl Default for Tenant {
    fn default() -> Self {
        Self("default".to_owned())
    }
}

impl fmt::Display for Tenant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Tenant {
    type Err = ConfigError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::new(text)
    }
}

/// How the payload of an event is written in the body of its message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Encoding {
    /// JSON.
    #[default]
    Json,
    /// msgpack maps with field names.
    Msgpack,
}

impl FromStr for Encoding {
    type Err = ConfigError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "json" => Ok(Self::Json),
            "msgpack" => Ok(Self::Msgpack),
            _ => Err(ConfigError::Encoding(text.to_owned())),
        }
    }
}

/// How the server knows us. What is secret does not print.
#[derive(Clone, PartialEq, Eq, Default)]
pub enum Access {
    /// As the address says: `nats://user:password@host`, or nothing.
    #[default]
    Url,
    /// A credentials file, read at every connect so that it can be replaced.
    CredentialsFile(PathBuf),
    /// A file with the seed of an nkey, read at every connect.
    NkeyFile(PathBuf),
    /// A token.
    Token(String),
    /// A user with a password.
    User {
        /// Name.
        name: String,
        /// Password.
        password: String,
    },
}

impl fmt::Debug for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Url => f.write_str("Url"),
            Self::CredentialsFile(path) => write!(f, "CredentialsFile({})", path.display()),
            Self::NkeyFile(path) => write!(f, "NkeyFile({})", path.display()),
            Self::Token(_) => f.write_str("Token(hidden)"),
            Self::User { name, .. } => write!(f, "User({name}, hidden)"),
        }
    }
}

/// Certificates, for servers that want more than the system's own.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tls {
    /// Refuse a server that does not offer TLS. Default: take what the server and the address say.
    pub is_required: bool,
    /// Certificates of authorities, PEM, beside the system's.
    pub authorities: Option<PathBuf>,
    /// Our own certificate and its key, PEM.
    pub identity: Option<(PathBuf, PathBuf)>,
}

/// Everything the publisher needs to know.
#[derive(Clone, PartialEq, Eq)]
pub struct NatsConfig {
    url: String,
    /// Whose events these are. Default `default`.
    pub tenant: Tenant,
    /// How bodies are written. Default JSON.
    pub encoding: Encoding,
    /// How the server knows us. Default: as the address says.
    pub access: Access,
    /// Certificates. Default: the system's.
    pub tls: Tls,
    replicas: usize,
}

/// The address may hold a password.
impl fmt::Debug for NatsConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NatsConfig")
            .field("url", &without_password(&self.url))
            .field("tenant", &self.tenant)
            .field("encoding", &self.encoding)
            .field("access", &self.access)
            .field("tls", &self.tls)
            .field("replicas", &self.replicas)
            .finish()
    }
}

impl NatsConfig {
    /// The server at `url` (several of one cluster parted by commas), with defaults for the rest.
    ///
    /// # Errors
    /// [`ConfigError::Url`].
    pub fn new(url: &str) -> Result<Self, ConfigError> {
        let config = Self {
            url: url.to_owned(),
            tenant: Tenant::default(),
            encoding: Encoding::default(),
            access: Access::default(),
            tls: Tls::default(),
            replicas: 1,
        };
        config.servers()?;
        Ok(config)
    }

    /// With this many replicas when the stream has to be made: 1 (the default), 3 or 5. A stream that is
    /// there keeps what it has.
    ///
    /// # Errors
    /// [`ConfigError::Replicas`].
    pub fn with_replicas(mut self, replicas: usize) -> Result<Self, ConfigError> {
        if replicas > REPLICAS_MAX || replicas.is_multiple_of(2) {
            return Err(ConfigError::Replicas(replicas));
        }
        self.replicas = replicas;
        Ok(self)
    }

    /// See [`NatsConfig::with_replicas`].
    pub(super) fn replicas(&self) -> usize {
        self.replicas
    }

    /// The addresses, each as the client takes it.
    pub(super) fn servers(&self) -> Result<Vec<async_nats::ServerAddr>, ConfigError> {
        let wrong = |part: &str, why: String| ConfigError::Url {
            url: without_password(part),
            why,
        };
        self.url
            .split(',')
            .map(str::trim)
            .map(|part| {
                let address: async_nats::ServerAddr = part
                    .parse()
                    .map_err(|error: std::io::Error| wrong(part, error.to_string()))?;
                match problem(&address) {
                    Some(problem) => Err(wrong(part, problem.to_owned())),
                    None => Ok(address),
                }
            })
            .collect()
    }

    /// The addresses for people, without passwords.
    #[must_use]
    pub fn shown_url(&self) -> String {
        without_password(&self.url)
    }
}

/// What is wrong with an address that the client would take.
fn problem(address: &async_nats::ServerAddr) -> Option<&'static str> {
    let (scheme, rest) = address.as_url_str().split_once("://").unwrap_or_default();
    if !matches!(scheme, "nats" | "tls") {
        return Some("it must begin with nats:// or tls://");
    }
    if address.host().is_empty() {
        return Some("it names no host");
    }
    rest.trim_end_matches('/')
        .contains('/')
        .then_some("there is a path after the host")
}

/// Addresses without the part before `@`.
fn without_password(url: &str) -> String {
    let one = |part: &str| {
        let (scheme, rest) = part.split_once("://").unwrap_or(("", part));
        let host = rest.rsplit_once('@').map_or(rest, |(_, host)| host);
        let mark = if scheme.is_empty() { "" } else { "://" };
        format!("{scheme}{mark}{host}")
    };
    url.split(',').map(one).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn tenants_never_share_a_stream() {
        assert_eq!(Tenant::new("a-1").unwrap().stream(), "FASTI_EVENTS_A-1");
        assert_eq!(Tenant::default(), Tenant::new("default").unwrap());
        for bad in ["", "Acme", "a_b", "a.b", "-", "-a", "ä", &"x".repeat(33)] {
            assert!(Tenant::new(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn addresses_are_checked_and_passwords_do_not_print() {
        let config = NatsConfig::new("nats://me:secret@a:4222, b:4223").unwrap();
        assert_eq!(config.servers().unwrap().len(), 2);
        assert_eq!(config.shown_url(), "nats://a:4222, b:4223");
        assert!(!format!("{config:?}").contains("secret"));
        for bad in [
            "",
            "a,,b",
            "nats://",
            "http://a",
            "ws://a",
            "a/b",
            "nats://me:secret@ho st",
        ] {
            let error = NatsConfig::new(bad).unwrap_err().to_string();
            assert!(!error.contains("secret"), "{error}");
        }
        let hidden = Access::Token("secret".to_owned());
        assert!(!format!("{hidden:?}").contains("secret"));
    }

    #[test]
    fn replicas_are_odd() {
        for (replicas, is_good) in [
            (0, false),
            (1, true),
            (2, false),
            (3, true),
            (5, true),
            (7, false),
        ] {
            let config = NatsConfig::new("localhost").unwrap();
            assert_eq!(
                config.with_replicas(replicas).is_ok(),
                is_good,
                "{replicas}"
            );
        }
    }
}
