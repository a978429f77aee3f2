//! The closing table: every suite with what passed, what failed and how long it took.
//!
//! A suite that could not run is a failure here, never a gap: nothing is left out in silence. A part of the
//! tree that does not exist is named as absent.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use anyhow::Result;

use crate::junit::Case;

/// One line of the table.
#[derive(Debug, Clone, PartialEq)]
struct Row {
    suite: String,
    passed: usize,
    failed: usize,
    took: Duration,
    note: String,
}

/// What ran so far.
#[derive(Debug, Default)]
pub(crate) struct Report {
    rows: Vec<Row>,
}

impl Report {
    /// Runs one check that counts as a single pass or failure. An error counts as a failure with its text.
    pub(crate) fn check(&mut self, suite: &str, run: impl FnOnce() -> Result<bool>) -> bool {
        println!("\n=== {suite}");
        let start = Instant::now();
        let (good, note) = match run() {
            Ok(good) => (good, String::new()),
            Err(error) => (false, format!("{error:#}")),
        };
        if !note.is_empty() {
            println!("{note}");
        }
        self.counts(
            suite,
            usize::from(good),
            usize::from(!good),
            start.elapsed(),
            &note,
        );
        good
    }

    /// Adds a suite by its counts.
    pub(crate) fn counts(
        &mut self,
        suite: &str,
        passed: usize,
        failed: usize,
        took: Duration,
        note: &str,
    ) {
        self.rows.push(Row {
            suite: suite.to_owned(),
            passed,
            failed,
            took,
            note: note.to_owned(),
        });
    }

    /// Adds a suite that failed before it could count anything.
    pub(crate) fn failed(&mut self, suite: &str, note: &str) {
        self.counts(suite, 0, 1, Duration::ZERO, note);
    }

    /// Names a part that the tree does not have, so that its absence is seen.
    pub(crate) fn absent(&mut self, suite: &str, path: &str) {
        self.counts(suite, 0, 0, Duration::ZERO, &format!("absent: no {path}"));
    }

    /// Adds single tests, one line for each suite in them. A test that did not run counts as failed.
    pub(crate) fn cases(&mut self, cases: &[Case]) {
        let mut suites: Vec<&str> = cases.iter().map(|case| case.suite.as_str()).collect();
        suites.sort_unstable();
        suites.dedup();
        for suite in suites {
            let of_suite = || cases.iter().filter(|case| case.suite == suite);
            let passed = of_suite().filter(|case| case.passed()).count();
            let failed = of_suite().count() - passed;
            let skipped = of_suite().filter(|case| case.skipped()).count();
            let took = of_suite().map(|case| case.took).sum();
            let note = match skipped {
                0 => String::new(),
                skipped => format!("{skipped} of them did not run"),
            };
            self.counts(suite, passed, failed, took, &note);
        }
    }

    /// Prints the table and the closing line; `true` when nothing failed and something passed.
    pub(crate) fn close(&self) -> bool {
        print!("\n{}", self.table());
        self.good()
    }

    /// Whether nothing failed and at least one thing ran.
    fn good(&self) -> bool {
        let (passed, failed) = self.sums();
        failed == 0 && passed > 0
    }

    fn sums(&self) -> (usize, usize) {
        let passed = self.rows.iter().map(|row| row.passed).sum();
        let failed = self.rows.iter().map(|row| row.failed).sum();
        (passed, failed)
    }

    /// The table as text; its last line is `N passed, N failed`.
    fn table(&self) -> String {
        let width = self
            .rows
            .iter()
            .map(|row| row.suite.chars().count())
            .max()
            .unwrap_or(0)
            .max("suite".len());
        let mut text = format!(
            "{:<width$}  {:>7}  {:>7}  {:>8}\n",
            "suite", "passed", "failed", "seconds"
        );
        for row in &self.rows {
            let line = format!(
                "{:<width$}  {:>7}  {:>7}  {:>8.1}  {}",
                row.suite,
                row.passed,
                row.failed,
                row.took.as_secs_f64(),
                row.note.lines().next().unwrap_or_default()
            );
            text.push_str(line.trim_end());
            text.push('\n');
        }
        let (passed, failed) = self.sums();
        writeln!(text, "\n{passed} passed, {failed} failed")
            .expect("writing to a string never fails");
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::junit::Outcome;

    fn case(suite: &str, outcome: Outcome) -> Case {
        Case {
            suite: suite.to_owned(),
            outcome,
            took: Duration::from_millis(500),
        }
    }

    #[test]
    fn the_last_line_is_the_plain_sum() {
        let mut report = Report::default();
        report.counts("a", 3, 1, Duration::from_secs(2), "");
        report.counts("b", 4, 0, Duration::ZERO, "two\nlines");
        let table = report.table();
        assert_eq!(table.lines().last(), Some("7 passed, 1 failed"));
        assert!(table.contains("two\n"));
        assert!(!report.good());
    }

    #[test]
    fn a_check_that_errs_is_a_failure_with_its_reason() {
        let mut report = Report::default();
        assert!(!report.check("x", || anyhow::bail!("no such tool")));
        assert!(report.table().contains("no such tool"));
        assert!(!report.good());
    }

    #[test]
    fn a_test_that_did_not_run_counts_as_failed() {
        let mut report = Report::default();
        report.cases(&[
            case("s", Outcome::Passed),
            case("s", Outcome::Skipped),
            case("t", Outcome::Passed),
        ]);
        assert_eq!(report.sums(), (2, 1));
        assert!(report.table().contains("1 of them did not run"));
        assert_eq!(report.rows[0].took, Duration::from_secs(1));
    }

    #[test]
    fn nothing_run_is_not_success() {
        let mut report = Report::default();
        report.absent("simulation", "tests/sim");
        assert!(!report.good());
        report.counts("a", 1, 0, Duration::ZERO, "");
        assert!(report.good());
        assert!(report.table().contains("absent: no tests/sim"));
    }
}
