//! Whose something is, as far as the right to read it depends on that.

use fasti_core::domain::access::{Principal, Right, permits};
use fasti_core::domain::definition::Definition;

/// Owner, group and permissions of a batch or run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Access<'a> {
    /// Owner.
    pub owner: &'a str,
    /// Group.
    pub group: &'a str,
    /// Six characters, `rwrwr-`.
    pub permissions: &'a str,
}

/// Decides what a list shows. `&|_| true` shows everything.
pub type Visible<'a> = &'a dyn Fn(Access<'_>) -> bool;

impl Access<'_> {
    /// Whether the principal has the right on it.
    #[must_use]
    pub fn permits(&self, principal: &Principal, right: Right) -> bool {
        permits(principal, right, self.owner, self.group, self.permissions)
    }
}

impl<'a> From<&'a Definition> for Access<'a> {
    fn from(definition: &'a Definition) -> Self {
        Self {
            owner: &definition.owner,
            group: &definition.group,
            permissions: &definition.permissions,
        }
    }
}
