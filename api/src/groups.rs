//! Groups of a user as this machine knows them: the primary one first. A user it does not know has a group of
//! their own name, so that defaults always name somebody.

use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

/// How long an answer is kept: membership changes seldom, requests come often.
const KEPT: Duration = Duration::from_secs(60);

/// Users remembered; names come from outside.
const REMEMBERED_MAX: usize = 1_000;

type Known = HashMap<String, (Instant, Vec<String>)>;

/// Groups of `user`, never none.
pub(crate) fn of(user: &str) -> Vec<String> {
    static KNOWN: OnceLock<Mutex<Known>> = OnceLock::new();
    let known = KNOWN.get_or_init(Mutex::default);
    let mut known = known.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((at, groups)) = known.get(user)
        && at.elapsed() < KEPT
    {
        return groups.clone();
    }
    if known.len() >= REMEMBERED_MAX {
        known.clear();
    }
    let read = |path: &str| fs::read_to_string(Path::new(path)).unwrap_or_default();
    let groups = find(user, &read("/etc/passwd"), &read("/etc/group"));
    known.insert(user.to_owned(), (Instant::now(), groups.clone()));
    groups
}

fn find(user: &str, passwd: &str, group: &str) -> Vec<String> {
    let fields = |line: &str| line.split(':').map(str::to_owned).collect::<Vec<_>>();
    let primary = passwd
        .lines()
        .map(fields)
        .find(|entry| entry.len() > 3 && entry[0] == user)
        .map(|entry| entry[3].clone());
    let mut groups = Vec::new();
    for entry in group.lines().map(fields).filter(|entry| entry.len() > 3) {
        if Some(&entry[2]) == primary.as_ref() {
            groups.insert(0, entry[0].clone());
        } else if entry[3].split(',').any(|member| member == user) {
            groups.push(entry[0].clone());
        }
    }
    if groups.is_empty() {
        groups.push(user.to_owned());
    }
    groups
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASSWD: &str = "root:x:0:0:root:/:/bin/sh\nann:x:1000:100::/:/bin/sh\n";
    const GROUP: &str = "root:x:0:\nops:x:50:bob,ann\nusers:x:100:\nbroken\n";

    #[test]
    fn the_primary_group_is_first() {
        assert_eq!(find("ann", PASSWD, GROUP), ["users", "ops"]);
        assert_eq!(find("root", PASSWD, GROUP), ["root"]);
    }

    #[test]
    fn an_unknown_user_has_a_group_of_the_same_name() {
        assert_eq!(find("zoe", PASSWD, GROUP), ["zoe"]);
        assert_eq!(find("zoe", "", ""), ["zoe"]);
        assert_eq!(find("bob", PASSWD, GROUP), ["ops"]);
    }
}
