//! Signals to the runner itself. TERM ends it. Those of a terminal (INT, HUP, QUIT) are for the server only,
//! and pass without effect.
//!
//! SIGIO comes from the question whether a file is still open elsewhere, and means nothing here.
//!
//! They are caught rather than ignored, because a child inherits what is ignored, but never a handler. For
//! the same reason, signals that whoever started the runner had ignored are caught too: tasks begin with
//! default actions.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};

/// Caught signals.
pub(super) struct Signals {
    terminate: Signal,
}

impl Signals {
    /// Catch them. The handlers stay for the life of the process.
    ///
    /// # Errors
    /// The system refuses.
    pub(super) fn set_up() -> io::Result<Self> {
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        for number in ignored(&status).into_iter().chain([
            libc::SIGINT,
            libc::SIGHUP,
            libc::SIGQUIT,
            libc::SIGIO,
        ]) {
            // SIGPIPE is ignored by the Rust runtime, which resets it in children.
            if number != libc::SIGPIPE
                && let Err(error) = signal(SignalKind::from_raw(number))
            {
                tracing::debug!(%error, number, "cannot catch an ignored signal; tasks inherit it");
            }
        }
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
        })
    }

    /// Wait for TERM.
    pub(super) async fn terminate(&mut self) {
        if self.terminate.recv().await.is_none() {
            std::future::pending::<()>().await;
        }
    }
}

/// Numbers of the classic signals (1 to 31) that `/proc/self/status` lists as ignored.
fn ignored(status: &str) -> Vec<i32> {
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask
        .and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok())
        .unwrap_or(0);
    (1..32)
        .filter(|number| mask & 1 << (number - 1) != 0)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mask_counts_from_one() {
        let status = "Name:\tx\nSigIgn:\t0000000000001001\nSigCgt:\t0000000000000002\n";
        assert_eq!(ignored(status), [libc::SIGHUP, libc::SIGPIPE]);
        assert_eq!(ignored(""), [0; 0]);
    }
}
