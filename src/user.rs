//! The user that this process runs as.

/// Name of the user this process runs as.
pub(crate) fn name() -> String {
    let uid = rustix::process::getuid().as_raw().to_string();
    let passwd = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    let entry = passwd
        .lines()
        .map(|line| line.split(':').collect::<Vec<_>>());
    let mut found = entry.filter(|fields| fields.get(2) == Some(&uid.as_str()));
    found
        .next()
        .map_or_else(|| format!("uid-{uid}"), |fields| fields[0].to_owned())
}
