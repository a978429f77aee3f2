//! Tokens that the server signs: for sessions of users, and for tasks that ask for one. JSON Web Tokens (RFC 7519)
//! with HMAC-SHA256; the key lies in the data folder, so that they hold over a restart.

use std::fs::{File, OpenOptions};
use std::io::{Error, ErrorKind, Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use fasti_core::domain::time::Timestamp;
use fasti_core::ports::{Clock, SignTokens};
use jwt_compact::alg::{Hs256, Hs256Key};
use jwt_compact::{AlgorithmExt as _, Claims, Header, TimeOptions, Token, UntrustedToken};
use serde_json::{Map, Value};

/// Name of the file with the key.
const FILE: &str = "signing.key";

/// Bytes of the key.
const KEY_BYTES: usize = 32;

/// What a token is for. It is in the token, under the signature: claims that a task asks for never make a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// A user's session.
    Session,
    /// A task's.
    Task,
}

impl Purpose {
    fn as_str(self) -> &'static str {
        match self {
            Self::Session => "fasti-session",
            Self::Task => "fasti-task",
        }
    }
}

/// The key. Its value does not print.
#[derive(Clone)]
pub struct SigningKey(Arc<Hs256Key>);

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SigningKey")
    }
}

impl SigningKey {
    /// The key of a data folder; made if there is none yet.
    ///
    /// # Errors
    /// It can be neither read nor made, or what is there is no key.
    pub fn open(data: &Path) -> std::io::Result<Self> {
        let path = data.join(FILE);
        match std::fs::read(&path) {
            Ok(bytes) => Self::of_bytes(&bytes),
            Err(error) if error.kind() == ErrorKind::NotFound => {
                let mut bytes = [0; KEY_BYTES];
                File::open("/dev/urandom")?.read_exact(&mut bytes)?;
                // Whole or not at all: half a key would be one that nobody can use again.
                let draft = data.join(format!("{FILE}.new"));
                let mut file = OpenOptions::new()
                    .write(true)
                    .create(true)
                    .truncate(true)
                    .mode(0o600)
                    .open(&draft)?;
                file.write_all(&bytes)?;
                file.sync_all()?;
                std::fs::rename(&draft, &path)?;
                File::open(data)?.sync_all()?;
                Self::of_bytes(&bytes)
            }
            Err(error) => Err(error),
        }
    }

    fn of_bytes(bytes: &[u8]) -> std::io::Result<Self> {
        if bytes.len() == KEY_BYTES {
            return Ok(Self(Arc::new(Hs256Key::new(bytes))));
        }
        let message = format!(
            "{FILE} has {} bytes, not {KEY_BYTES}: it is no key; remove it for a new one, which ends all sessions",
            bytes.len()
        );
        Err(Error::new(ErrorKind::InvalidData, message))
    }

    /// What signs the tokens that tasks ask for.
    #[must_use]
    pub fn for_tasks(&self, clock: Arc<dyn Clock + Sync>) -> Arc<dyn SignTokens> {
        Arc::new(TaskSigner {
            key: self.clone(),
            clock,
        })
    }

    /// A token that says `claims` from `now` on.
    pub(crate) fn sign(
        &self,
        purpose: Purpose,
        mut claims: Map<String, Value>,
        now: Timestamp,
        lifetime: Duration,
    ) -> Result<String, String> {
        // These are the token's own.
        for name in ["iat", "nbf", "exp"] {
            claims.remove(name);
        }
        claims.insert("iss".to_owned(), purpose.as_str().into());
        let seconds = i64::try_from(lifetime.as_secs()).unwrap_or(i64::MAX);
        let now = whole_seconds(now);
        let mut claims = Claims::new(claims);
        claims.issued_at = Some(now);
        claims.expiration = now.checked_add_signed(chrono::TimeDelta::seconds(seconds));
        let header = Header::empty().with_token_type("JWT");
        let signed = Hs256.token(&header, &claims, &*self.0);
        signed.map_err(|error| error.to_string())
    }

    /// What a token says, if it is one of ours for this purpose and holds now.
    pub(crate) fn verified(
        &self,
        purpose: Purpose,
        token: &str,
        now: Timestamp,
    ) -> Option<Map<String, Value>> {
        let untrusted = UntrustedToken::new(token).ok()?;
        let validator = Hs256.validator::<Map<String, Value>>(&*self.0);
        let token: Token<Map<String, Value>> = validator.validate(&untrusted).ok()?;
        let now = whole_seconds(now);
        let times = TimeOptions::new(chrono::TimeDelta::zero(), || now);
        let claims = token.claims();
        claims.validate_expiration(&times).ok()?;
        let mut all = claims.custom.clone();
        if all.get("iss").and_then(Value::as_str) != Some(purpose.as_str()) {
            return None;
        }
        let times = [("iat", claims.issued_at), ("exp", claims.expiration)];
        for (name, time) in times {
            if let Some(time) = time {
                all.insert(name.to_owned(), time.timestamp().into());
            }
        }
        Some(all)
    }
}

fn whole_seconds(at: Timestamp) -> DateTime<Utc> {
    DateTime::from_timestamp(at.0.div_euclid(1_000_000), 0).unwrap_or_default()
}

/// See [`SigningKey::for_tasks`].
struct TaskSigner {
    key: SigningKey,
    clock: Arc<dyn Clock + Sync>,
}

impl std::fmt::Debug for TaskSigner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TaskSigner")
    }
}

impl SignTokens for TaskSigner {
    fn sign(&self, claims: &str, lifetime: Duration) -> Result<String, String> {
        let claims = serde_json::from_str(claims).map_err(|error| error.to_string())?;
        let now = self.clock.now();
        self.key.sign(Purpose::Task, claims, now, lifetime)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    const NOW: Timestamp = Timestamp(1_700_000_000_500_000);

    fn claims() -> Map<String, Value> {
        [("sub".to_owned(), "ada".into())].into_iter().collect()
    }

    #[test]
    fn the_key_stays_and_is_nobody_elses() {
        let data = tempfile::tempdir().unwrap();
        let key = SigningKey::open(data.path()).unwrap();
        let mode = std::fs::metadata(data.path().join(FILE)).unwrap();
        assert_eq!(mode.permissions().mode() & 0o777, 0o600);
        let hour = Duration::from_secs(3_600);
        let token = key.sign(Purpose::Session, claims(), NOW, hour).unwrap();
        let again = SigningKey::open(data.path()).unwrap();
        let read = again.verified(Purpose::Session, &token, NOW).unwrap();
        assert_eq!(read["sub"], "ada");
        assert_eq!(
            read["exp"].as_i64().unwrap() - read["iat"].as_i64().unwrap(),
            3_600
        );
        std::fs::write(data.path().join(FILE), b"short").unwrap();
        assert!(SigningKey::open(data.path()).is_err());
    }

    #[test]
    fn what_is_not_signed_for_this_does_not_hold() {
        let data = tempfile::tempdir().unwrap();
        let key = SigningKey::open(data.path()).unwrap();
        let hour = Duration::from_secs(3_600);
        let token = key.sign(Purpose::Task, claims(), NOW, hour).unwrap();
        assert!(key.verified(Purpose::Task, &token, NOW).is_some());
        assert!(key.verified(Purpose::Session, &token, NOW).is_none());
        let late = NOW.plus_us(3_601_000_000);
        assert!(key.verified(Purpose::Task, &token, late).is_none());
        let other = tempfile::tempdir().unwrap();
        let other = SigningKey::open(other.path()).unwrap();
        assert!(other.verified(Purpose::Task, &token, NOW).is_none());
        let parts: Vec<&str> = token.split('.').collect();
        let unsigned = format!("eyJhbGciOiJub25lIn0.{}.", parts[1]);
        let cut = format!("{}.{}", parts[0], parts[1]);
        for bad in ["", "x", "a.b.c", &unsigned, &cut, &token[..token.len() - 2]] {
            assert!(key.verified(Purpose::Task, bad, NOW).is_none(), "{bad}");
        }
    }
}
