//! Settings: flags over `FASTI_*` variables over the configuration file over defaults.
//!
//! Flags and variables are read by clap; this file is the configuration file and where things lie by default.

use std::path::{Path, PathBuf};

use anyhow::Context;
use fasti_api::{ImageRule, RescaleConfig};
use serde::Deserialize;

/// `fasti/config.toml`, as written. An unknown key is an error: a misspelt one would be a silent default.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct ConfigFile {
    /// Server the command line and the Python package speak to.
    pub(crate) url: Option<String>,
    /// Token they show.
    pub(crate) token: Option<String>,
    /// Settings of `fasti serve`.
    pub(crate) server: ServerSection,
    /// Settings of schedules.
    pub(crate) schedule: ScheduleSection,
    /// Settings of publishing.
    pub(crate) nats: NatsSection,
    /// Sealing and retention.
    pub(crate) log: crate::sealing::LogSection,
    /// Limits of results and bundles.
    pub(crate) blobs: crate::sweeping::BlobsSection,
    /// Limits of output.
    pub(crate) output: crate::sweeping::OutputSection,
    /// What predicts the items of batch jobs.
    pub(crate) predictions: crate::predictions::PredictionsSection,
    /// How containers are run.
    pub(crate) containers: fasti_runner::containers::Settings,
    /// How the server presents itself to clients of Rescale HTC.
    pub(crate) rescale: RescaleSection,
}

/// `[server]`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct ServerSection {
    /// Data folder.
    pub(crate) data: Option<PathBuf>,
    /// Address.
    pub(crate) listen: Option<String>,
    /// Attempts at a time.
    pub(crate) slots: Option<u32>,
    /// Interpreter of tasks that name none.
    pub(crate) python: Option<String>,
    /// Token that callers must show.
    pub(crate) token: Option<String>,
    /// `leave`, `wait` or `kill`.
    pub(crate) on_shutdown: Option<String>,
    /// Wait before a failed task is tried again.
    pub(crate) retry_delay_seconds: Option<f64>,
    /// Disk space set aside, in MiB.
    pub(crate) reserve_mib: Option<u64>,
    /// Free disk space below which no new request is taken, in MiB.
    pub(crate) free_min_mib: Option<u64>,
    /// Listen elsewhere than on this machine, in clear text.
    pub(crate) insecure_http: Option<bool>,
    /// File with the keys that webhooks are signed with: a line `name = "secret"` each.
    pub(crate) webhook_keys: Option<PathBuf>,
    /// Further names under which the server is reached.
    pub(crate) allowed_hosts: Vec<String>,
}

/// `[schedule]`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct ScheduleSection {
    /// How old a slot may be that passed while nobody could start it, and still fire.
    pub(crate) catch_up_seconds: Option<f64>,
}

/// `[nats]`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct NatsSection {
    /// Address of the NATS server.
    pub(crate) url: Option<String>,
    /// Second token of subjects after the version.
    pub(crate) tenant: Option<String>,
    /// `json` or `msgpack`.
    pub(crate) encoding: Option<String>,
    /// Whether messages carry the exact records, sealed with `stream.key`; default: true.
    pub(crate) records: Option<bool>,
}

/// `[rescale]`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct RescaleSection {
    /// Where jobs are said to run.
    pub(crate) region: Option<String>,
    /// Id of the workspace.
    pub(crate) workspace_id: Option<String>,
    /// Its name.
    pub(crate) workspace_name: Option<String>,
    /// Code of the organization.
    pub(crate) organization: Option<String>,
    /// Which image names there are, first fit first.
    pub(crate) images: Option<Vec<RescaleImage>>,
}

/// `[[rescale.images]]`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RescaleImage {
    /// A name; a `*` at its end stands for anything.
    pub(crate) pattern: String,
    /// The registered image whose variables its jobs get.
    #[serde(default)]
    pub(crate) image: Option<String>,
}

impl RescaleSection {
    /// As used, with the defaults filled in.
    pub(crate) fn used(self) -> anyhow::Result<RescaleConfig> {
        let default = RescaleConfig::default();
        let images = self.images.map(|images| {
            let rules = images.into_iter().map(|it| ImageRule {
                pattern: it.pattern,
                image: it.image,
            });
            rules.collect()
        });
        let used = RescaleConfig {
            region: self.region.unwrap_or(default.region),
            workspace_id: self.workspace_id.unwrap_or(default.workspace_id),
            workspace_name: self.workspace_name.unwrap_or(default.workspace_name),
            organization: self.organization.unwrap_or(default.organization),
            images: images.unwrap_or(default.images),
        };
        // Clients pick the region of a project by these, and make a folder of the workspace's name.
        if !used.region.contains("AWS") && !used.region.contains("GCP") {
            anyhow::bail!(
                "rescale.region is `{}`: a region has AWS or GCP in its name",
                used.region
            );
        }
        if used.workspace_name.is_empty() || used.workspace_name.contains('/') {
            anyhow::bail!("rescale.workspace_name is empty or has a slash");
        }
        Ok(used)
    }
}

impl ConfigFile {
    /// Reads the file named, which must be there, or else the user's own, which need not.
    pub(crate) fn load(named: Option<&Path>) -> anyhow::Result<Self> {
        let (path, required) = match named {
            Some(path) => (path.to_owned(), true),
            None => match user_file() {
                Some(path) => (path, false),
                None => return Ok(Self::default()),
            },
        };
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound && !required => {
                return Ok(Self::default());
            }
            Err(error) => {
                return Err(error).with_context(|| format!("reading {}", path.display()));
            }
        };
        toml::from_str(&text).with_context(|| format!("reading {}", path.display()))
    }
}

fn user_file() -> Option<PathBuf> {
    Some(folder("XDG_CONFIG_HOME", ".config")?.join("config.toml"))
}

/// Where a server keeps its data when nobody says otherwise.
pub(crate) fn default_data() -> PathBuf {
    folder("XDG_DATA_HOME", ".local/share").unwrap_or_else(|| PathBuf::from("fasti-data"))
}

fn folder(variable: &str, below_home: &str) -> Option<PathBuf> {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
    let base = match set(variable) {
        Some(folder) => PathBuf::from(folder),
        None => PathBuf::from(set("HOME")?).join(below_home),
    };
    Some(base.join("fasti"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_keys_are_named() {
        let error = toml::from_str::<ConfigFile>("[server]\nlisen = \"x\"")
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("lisen") && error.contains("listen"),
            "{error}"
        );
    }

    #[test]
    fn what_clients_of_rescale_see_can_be_chosen() {
        let read = |text: &str| toml::from_str::<ConfigFile>(text).unwrap().rescale.used();
        assert_eq!(read("").unwrap(), RescaleConfig::default());
        let used = read(
            "[rescale]\nregion = \"GCP_US_CENTRAL1\"\n[[rescale.images]]\npattern = \"team/*\"\nimage = \"tools\"",
        )
        .unwrap();
        assert_eq!(used.region, "GCP_US_CENTRAL1");
        assert_eq!(used.images[0].image.as_deref(), Some("tools"));
        assert!(read("[rescale]\nregion = \"here\"").is_err());
        assert!(read("[rescale]\nworkspace_name = \"a/b\"").is_err());
    }

    #[test]
    fn a_file_that_was_named_must_be_there() {
        let error = ConfigFile::load(Some(Path::new("/nowhere/config.toml"))).unwrap_err();
        assert!(error.to_string().contains("/nowhere/config.toml"));
    }
}
