//! What an attempt used while it ran: points in a plain file beside its output, never in the log.
//!
//! ```text
//! output/<run>/<index / 1000>/<index>.<attempt>.use
//! ```
//!
//! Points of a fixed length, one after the other. A runner appends one about once a second and rewrites the file
//! when it grows too long; whoever reads may find the last point half written, and leaves it out. An attempt
//! shorter than a second has no file: where it started and what it used in all is in the log.

use std::path::{Path, PathBuf};

use fasti_domain::ids::RunId;
use fasti_domain::time::Timestamp;

use crate::output;

/// Bytes of a point.
const POINT_BYTES: usize = 24;

/// Points that a file holds at most; older ones are thinned to keep to it.
pub const POINTS_MAX: usize = 600;

/// What a process and all below it used up to an instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sample {
    /// The instant, by the clock of the runner.
    pub at: Timestamp,
    /// Processor time since the start of the attempt, in microseconds.
    pub cpu_us: u64,
    /// Resident memory, in KiB.
    pub rss_kib: u64,
}

impl Sample {
    /// Its bytes in the file.
    #[must_use]
    pub fn bytes(&self) -> [u8; POINT_BYTES] {
        let mut bytes = [0; POINT_BYTES];
        bytes[..8].copy_from_slice(&self.at.0.to_le_bytes());
        bytes[8..16].copy_from_slice(&self.cpu_us.to_le_bytes());
        bytes[16..].copy_from_slice(&self.rss_kib.to_le_bytes());
        bytes
    }
}

/// File of one attempt.
#[must_use]
pub fn path(data: &Path, run: RunId, index: u32, attempt: u32) -> PathBuf {
    output::folder(data, run, index).join(format!("{index}.{attempt}.use"))
}

/// The points of a file, in order of time. What is behind the last whole point, and points that go back in time,
/// are left out.
#[must_use]
pub fn read(bytes: &[u8]) -> Vec<Sample> {
    let mut samples: Vec<Sample> = Vec::with_capacity(bytes.len() / POINT_BYTES);
    for point in bytes.chunks_exact(POINT_BYTES) {
        let word = |at: usize| {
            let mut word = [0; 8];
            word.copy_from_slice(&point[at..at + 8]);
            word
        };
        let sample = Sample {
            at: Timestamp(i64::from_le_bytes(word(0))),
            cpu_us: u64::from_le_bytes(word(8)),
            rss_kib: u64::from_le_bytes(word(16)),
        };
        if samples.last().is_none_or(|last| last.at < sample.at) {
            samples.push(sample);
        }
    }
    samples
}

/// Makes room: of the older half every second point goes. Processor time is a sum, so none of it is lost; of two
/// amounts of memory the larger stays. What is old is thinned again and again, what is new is as it was.
pub fn thin(samples: &mut Vec<Sample>) {
    let half = samples.len() / 4 * 2;
    let mut thinned = Vec::with_capacity(samples.len() - half / 2);
    for pair in samples[..half].chunks_exact(2) {
        thinned.push(Sample {
            rss_kib: pair[0].rss_kib.max(pair[1].rss_kib),
            ..pair[1]
        });
    }
    thinned.extend_from_slice(&samples[half..]);
    *samples = thinned;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(second: i64) -> Sample {
        let second_u64 = second.unsigned_abs();
        Sample {
            at: Timestamp(second * 1_000_000),
            cpu_us: second_u64 * 10,
            rss_kib: 100_000 - second_u64,
        }
    }

    #[test]
    fn points_are_read_as_they_were_written() {
        let samples: Vec<Sample> = (0..5).map(sample).collect();
        let mut bytes: Vec<u8> = samples.iter().flat_map(Sample::bytes).collect();
        assert_eq!(read(&bytes), samples);
        bytes.extend([7; POINT_BYTES - 1]);
        assert_eq!(read(&bytes), samples, "half a point is none");
        bytes.truncate(POINT_BYTES);
        bytes.extend(sample(0).bytes());
        assert_eq!(read(&bytes), samples[..1], "time does not stand still");
        assert_eq!(read(&[]), []);
    }

    #[test]
    fn what_is_old_is_thinned_and_the_ends_stay() {
        let mut samples: Vec<Sample> = Vec::new();
        for second in 0..50_000 {
            samples.push(sample(second));
            if samples.len() == POINTS_MAX {
                thin(&mut samples);
            }
            assert!(samples.len() < POINTS_MAX);
        }
        assert_eq!(samples.last(), Some(&sample(49_999)));
        let seconds: Vec<i64> = samples.iter().map(|s| s.at.0 / 1_000_000).collect();
        assert!(seconds.is_sorted());
        let gaps: Vec<i64> = seconds.windows(2).map(|pair| pair[1] - pair[0]).collect();
        assert!(gaps[gaps.len() - 200..].iter().all(|gap| *gap == 1));
        assert!(gaps[..100].iter().all(|gap| *gap > 1));
        // Memory of what went is in what stayed.
        assert!(samples[0].rss_kib > 100_000 - samples[0].at.0.unsigned_abs() / 1_000_000);
    }

    #[test]
    fn the_file_lies_beside_the_output() {
        let path = path(Path::new("/d"), RunId(8000), 2230, 2);
        assert_eq!(path, Path::new("/d/output/8000/2/2230.2.use"));
    }
}
