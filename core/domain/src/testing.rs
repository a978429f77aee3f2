//! Small definitions for the tests of this crate.

use crate::definition::{Definition, EndCondition, Parts, Priority, Resources, Tag, Task, Work};
use crate::schedule::Schedule;

/// A task that runs `/bin/true`.
pub(crate) fn task(name: &str) -> Task {
    Task {
        name: name.to_owned(),
        work: Work::Command {
            argv: vec!["/bin/true".to_owned()],
            env: std::collections::BTreeMap::new(),
            cwd: None,
            stdin: None,
        },
        parts: Parts::One,
        image: None,
        description: String::new(),
        configuration: None,
        configuration_blob: None,
        resources: Resources::default(),
        retries: 0,
        count_for_prewarming: false,
        priority: None,
        timeout_ms: None,
        options: None,
    }
}

/// A definition without edges, owned by `owner`, group `group`.
pub(crate) fn definition(name: &str, tasks: Vec<Task>) -> Definition {
    Definition {
        name: name.to_owned(),
        tag: Tag::Dev,
        schedule: Schedule::default(),
        image: None,
        bundle: None,
        python: None,
        labels: Vec::new(),
        fail_after_seconds: None,
        fail_after_run_children: EndCondition::OnSuccess,
        run_as: "owner".to_owned(),
        owner: "owner".to_owned(),
        group: "group".to_owned(),
        permissions: "rwrwr-".to_owned(),
        priority: Priority::Normal,
        alert_email: None,
        alert_sms: None,
        alert_only_failures: false,
        tasks,
        edges: Vec::new(),
        annotations: std::collections::BTreeMap::new(),
    }
}
