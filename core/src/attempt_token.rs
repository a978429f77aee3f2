//! The token by which a running attempt may ask the server on behalf of the owner of its batch.
//!
//! It is derived from the token of the lease and stored nowhere: who has it cannot report in the runner's place, and
//! it is worth nothing once the attempt is over. It reaches the task as `FASTI_TOKEN` in its environment.

use fasti_domain::ids::{AttemptId, Token};
use sha2::{Digest as _, Sha256};

use crate::codec::sha256;

/// How every such token begins, so that none can be mistaken for that of a server.
const PREFIX: &str = "fasti-attempt:";

/// The token of a leased attempt, `fasti-attempt:<attempt>:<64 hex>`.
#[must_use]
pub fn attempt_token(attempt: AttemptId, lease: Token) -> String {
    let mut hasher = Sha256::new();
    hasher.update(PREFIX);
    hasher.update(attempt.to_string());
    hasher.update(lease.0);
    let digest = fasti_domain::ids::Digest(hasher.finalize().into());
    format!("{PREFIX}{attempt}:{digest}")
}

/// The attempt that a text claims to be the token of; `None` when it is no such token.
#[must_use]
pub fn claimed_attempt(text: &str) -> Option<AttemptId> {
    let (attempt, _) = text.strip_prefix(PREFIX)?.split_once(':')?;
    attempt.parse().ok()
}

/// Whether a text is the token of the attempt, in a time that says nothing about how alike they are: what is compared
/// are digests of both.
#[must_use]
pub fn is_token_of(text: &str, attempt: AttemptId, lease: Token) -> bool {
    sha256(text.as_bytes()) == sha256(attempt_token(attempt, lease).as_bytes())
}

#[cfg(test)]
mod tests {
    use fasti_domain::ids::TaskRunId;

    use super::*;

    fn attempt(number: u32) -> AttemptId {
        AttemptId {
            task_run: TaskRunId(8231),
            number,
        }
    }

    #[test]
    fn it_names_its_attempt_and_no_other_fits() {
        let lease = Token([7; 16]);
        let token = attempt_token(attempt(1), lease);
        assert_eq!(claimed_attempt(&token), Some(attempt(1)));
        assert!(is_token_of(&token, attempt(1), lease));
        assert!(!is_token_of(&token, attempt(2), lease));
        assert!(!is_token_of(&token, attempt(1), Token([8; 16])));
        assert!(!token.contains(&lease.to_string()));
        for other in ["", "s3cret", "fasti-attempt:", "fasti-attempt:x:y"] {
            assert_eq!(claimed_attempt(other), None, "{other}");
        }
    }
}
