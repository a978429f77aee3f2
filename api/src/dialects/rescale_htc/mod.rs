//! The dialect of Rescale HTC, under `/api/v1/{auth,htc,oauth2,.well-known}`, as the `rescalehtc` client speaks it.
//!
//! | theirs | ours |
//! | --- | --- |
//! | workspace, organization | the server: one of each, named by the configuration |
//! | project | a document; its vCPU limits are the limits of a pool |
//! | task | a document, and the batch that it names: a folder of runs |
//! | jobs batch (one `POST`) | a run of a definition that is not saved, one task an element |
//! | element | a task with so many parts; `parentJobId` is its [`TaskUuid`](fasti_core::domain::task_uuid::TaskUuid) |
//! | job | a task run, `<parentJobId>:<part>` |
//! | group | a label of the definition |
//! | `retryStrategy.maxRetries` | retries of the task |
//! | cancel | `batch.runs_cancelled` |
//! | bearer token | a signed token, for a session or for a task |
//!
//! The element as it came is an annotation of the definition. Nothing lives only here.

mod access;
mod errors;
mod folders;
mod map;
mod params;
mod routes;
mod wire;

pub(crate) use errors::respond;
pub(crate) use routes::all;

/// Where the dialect begins.
const PREFIX: &str = "/api/v1/";

/// First segments behind [`PREFIX`] that are this dialect's.
const OWN: [&str; 4] = ["auth", "htc", "oauth2", ".well-known"];

/// Paths of this dialect: they say who they are in their own way, and are refused in their own words.
pub(crate) fn is_own(path: &str) -> bool {
    let first = path
        .strip_prefix(PREFIX)
        .and_then(|own| own.split('/').next());
    first.is_some_and(|first| OWN.contains(&first))
}

/// How the dialect presents this server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RescaleConfig {
    /// Where jobs are said to run: one of the published regions. Default: `AWS_US_EAST_1`.
    pub region: String,
    /// Id of the workspace. Default: `fasti`.
    pub workspace_id: String,
    /// Its name. Default: `fasti`.
    pub workspace_name: String,
    /// Code of the organization. Default: `fasti`.
    pub organization: String,
    /// Which image names there are, first fit first. Default: every name, as a process of the host.
    pub images: Vec<ImageRule>,
}

/// What stands for an image name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageRule {
    /// A name; a `*` at its end stands for anything.
    pub pattern: String,
    /// The registered image whose variables its jobs get; `None`: just the host.
    pub image: Option<String>,
}

impl ImageRule {
    fn fits(&self, name: &str) -> bool {
        match self.pattern.strip_suffix('*') {
            Some(begin) => name.starts_with(begin),
            None => self.pattern == name,
        }
    }
}

impl RescaleConfig {
    /// What stands for an image name; `None`: nothing does.
    fn image(&self, name: &str) -> Option<&ImageRule> {
        self.images.iter().find(|rule| rule.fits(name))
    }
}

impl Default for RescaleConfig {
    fn default() -> Self {
        Self {
            region: "AWS_US_EAST_1".to_owned(),
            workspace_id: "fasti".to_owned(),
            workspace_name: "fasti".to_owned(),
            organization: "fasti".to_owned(),
            images: vec![ImageRule {
                pattern: "*".to_owned(),
                image: None,
            }],
        }
    }
}
