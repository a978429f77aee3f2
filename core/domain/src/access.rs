//! Who may do what: the six-character permission string of a batch against a principal.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::definition::Definition;
use crate::rejection::{Denied, Rejection};

/// Who asks, with the groups known of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Principal {
    /// As the log records it: `user:<name>`, `runner:<id>`, `system`.
    pub actor: Arc<str>,
    /// User name; for the system its own.
    pub user: String,
    /// Groups the user is in.
    pub groups: Vec<String>,
    /// May do everything.
    pub is_admin: bool,
}

impl Principal {
    /// The scheduler itself.
    #[must_use]
    pub fn system() -> Self {
        Self {
            actor: "system".into(),
            user: "system".to_owned(),
            groups: Vec::new(),
            is_admin: true,
        }
    }

    /// A user.
    #[must_use]
    pub fn user(name: &str, groups: Vec<String>, is_admin: bool) -> Self {
        Self {
            actor: format!("user:{name}").into(),
            user: name.to_owned(),
            groups,
            is_admin,
        }
    }
}

/// What a permission is needed for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Right {
    /// See the batch, its runs, results, logs.
    Read,
    /// Save over it, run, rerun, cancel, pause, delete.
    Write,
}

/// Whether `text` is a permission string: `r` or `-` and `w` or `-`, for user, group, others.
#[must_use]
pub fn is_permission_string(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.len() == 6
        && bytes
            .chunks_exact(2)
            .all(|pair| matches!(pair[0], b'r' | b'-') && matches!(pair[1], b'w' | b'-'))
}

/// Whether the principal has the right on a batch so defined.
#[must_use]
pub fn may(principal: &Principal, right: Right, definition: &Definition) -> bool {
    let Definition {
        owner,
        group,
        permissions,
        ..
    } = definition;
    permits(principal, right, owner, group, permissions)
}

/// Whether the principal has the right on something of this owner, group and permissions; the first class
/// that the principal is in decides.
#[must_use]
pub fn permits(
    principal: &Principal,
    right: Right,
    owner: &str,
    group: &str,
    permissions: &str,
) -> bool {
    if principal.is_admin {
        return true;
    }
    let class = if principal.user == owner {
        0
    } else if principal.groups.iter().any(|known| known == group) {
        1
    } else {
        2
    };
    let offset = match right {
        Right::Read => 0,
        Right::Write => 1,
    };
    permissions
        .as_bytes()
        .get(2 * class + offset)
        .is_some_and(|&byte| byte != b'-')
}

/// Refuses a principal without the right to change a batch.
///
/// # Errors
/// [`Rejection::Forbidden`].
pub fn check_write(
    principal: &Principal,
    action: &'static str,
    definition: &Definition,
) -> Result<(), Rejection> {
    if may(principal, Right::Write, definition) {
        return Ok(());
    }
    Err(Rejection::Forbidden(Box::new(Denied {
        user: principal.user.clone(),
        action,
        batch: definition.name.clone(),
        permissions: definition.permissions.clone(),
        owner: definition.owner.clone(),
        group: definition.group.clone(),
    })))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{definition, task};

    #[test]
    fn strings_are_read_strictly() {
        for good in ["rwrwr-", "------", "rwrwrw", "r-----"] {
            assert!(is_permission_string(good), "{good}");
        }
        for bad in ["", "rwrwr", "rwrwr--", "wrrwr-", "RWRWR-", "rwxrwx"] {
            assert!(!is_permission_string(bad), "{bad}");
        }
    }

    #[test]
    fn the_first_class_that_fits_decides() {
        let mut batch = definition("b", vec![task("t")]);
        batch.permissions = "r-rw--".to_owned();
        let owner = Principal::user(&batch.owner, vec![batch.group.clone()], false);
        let member = Principal::user("m", vec![batch.group.clone()], false);
        let other = Principal::user("o", vec![], false);
        let admin = Principal::user("a", vec![], true);
        let rights = |p: &Principal| (may(p, Right::Read, &batch), may(p, Right::Write, &batch));
        assert_eq!(
            rights(&owner),
            (true, false),
            "the owner is not helped by the group"
        );
        assert_eq!(rights(&member), (true, true));
        assert_eq!(rights(&other), (false, false));
        assert_eq!(rights(&admin), (true, true));
    }
}
