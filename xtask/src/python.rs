//! Checks and tests of the Python package, as far as `python/` exists.
//!
//! Settings of the tools live in `python/pyproject.toml`, so that they say the same when called by hand.

use std::ffi::OsStr;
use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::Result;

use crate::junit;
use crate::process::{answer, command, succeeds};
use crate::report::Report;
use crate::setup::Tools;
use crate::workspace::Workspace;

/// The folder of the sources.
const SOURCES: &str = "python/src";

/// Unit tests: no server.
const TESTS: &str = "python/tests";

/// Tests against the real binary.
const LIVE_TESTS: &str = "python/tests/live";

/// Tests with the published Datature client against the real binary.
const DATATURE_TESTS: &str = "python/tests/live_datature";

/// Tests of the dialect of Rescale HTC with its published client.
const RESCALE_TESTS: &str = "python/tests/live_rescalehtc";

/// Tests of the notebook widget, in a JupyterLab and a browser.
const WIDGET_TESTS: &str = "python/tests/widget";

/// Tests of the web page, in a browser.
const PAGE_TESTS: &str = "python/tests/page";

/// Those of them that walk through every view in every size, and measure nothing.
const VIEW_TESTS: &str = "python/tests/page/test_views.py";

/// Processes that share the files of a suite: most tests wait for a server or a child most of the time.
const TWO: &[&str] = &["--numprocesses=2", "--dist=loadfile"];

/// The same, where the tests of one file are long.
const TWO_BY_TEST: &[&str] = &["--numprocesses=2", "--dist=load"];

/// One test after the other: they measure, or need the machine for themselves.
const ALONE: &[&str] = &["-p", "no:xdist"];

/// Lints, types and the oldest version.
pub(crate) fn checks(workspace: &Workspace, tools: &Tools, report: &mut Report) {
    if !workspace.has(SOURCES) {
        report.absent("python checks", SOURCES);
        return;
    }
    report.check("ruff check", || {
        succeeds(&mut ruff(workspace, tools, &["check", "--quiet"]))
    });
    report.check("ruff format", || {
        succeeds(&mut ruff(
            workspace,
            tools,
            &["format", "--check", "--quiet"],
        ))
    });
    report.check("mypy --strict", || {
        let mut mypy = module(workspace, tools, "mypy");
        mypy.env("MYPY_CACHE_DIR", workspace.tools().join("mypy"));
        succeeds(mypy.args(["--strict", "--python-version", "3.9", "src"]))
    });
    report.check("python 3.9", || oldest_version(workspace, tools));
}

/// The unit tests on every interpreter that the machine has, the live tests, those of the widget and of the page.
pub(crate) fn tests(workspace: &Workspace, tools: &Tools, report: &mut Report) {
    let suite = Suite {
        name: "python".to_owned(),
        python: tools.python(),
        folder: TESTS,
        without: &[
            LIVE_TESTS,
            DATATURE_TESTS,
            RESCALE_TESTS,
            WIDGET_TESTS,
            PAGE_TESTS,
        ],
        spread: TWO,
    };
    suite.run(workspace, tools, report);
    for (version, python) in tools.other_pythons() {
        let name = format!("python {version}");
        let python = python.as_path();
        Suite {
            name,
            python,
            ..suite
        }
        .run(workspace, tools, report);
    }
    let live = Suite {
        name: "python live".to_owned(),
        folder: LIVE_TESTS,
        without: &[],
        ..suite
    };
    live.run(workspace, tools, report);
    let datature = Suite {
        name: "python datature".to_owned(),
        folder: DATATURE_TESTS,
        python: tools.datature_python(),
        without: &[],
        spread: TWO,
    };
    datature.run(workspace, tools, report);
    let rescale = Suite {
        name: "python rescalehtc".to_owned(),
        folder: RESCALE_TESTS,
        without: &[],
        ..suite
    };
    rescale.run(workspace, tools, report);
    let widget = Suite {
        name: "python widget".to_owned(),
        folder: WIDGET_TESTS,
        python: tools.widget_python(),
        without: &[],
        spread: ALONE,
    };
    widget.run(workspace, tools, report);
    let page = Suite {
        name: "page".to_owned(),
        folder: PAGE_TESTS,
        without: &[VIEW_TESTS],
        ..widget
    };
    page.run(workspace, tools, report);
    let views = Suite {
        name: "page views".to_owned(),
        folder: VIEW_TESTS,
        without: &[],
        spread: TWO_BY_TEST,
        ..page
    };
    views.run(workspace, tools, report);
}

/// One folder of tests on one interpreter.
struct Suite<'a> {
    name: String,
    python: &'a Path,
    folder: &'a str,
    without: &'a [&'a str],
    /// Arguments that say over how many processes the tests are spread.
    spread: &'a [&'a str],
}

/// Ruff over the package, its tests and the examples, all by the package's settings.
fn ruff(workspace: &Workspace, tools: &Tools, verb: &[&str]) -> Command {
    let mut ruff = module(workspace, tools, "ruff");
    ruff.env("RUFF_CACHE_DIR", workspace.tools().join("ruff"));
    ruff.args(verb);
    if workspace.has("python/pyproject.toml") {
        ruff.args(["--config", "pyproject.toml"]);
    }
    ruff.arg(".");
    if workspace.has("examples") {
        ruff.arg("../examples");
    }
    ruff
}

/// Nothing newer than 3.9 is used: by reading, and by compiling where such an interpreter is on the path.
fn oldest_version(workspace: &Workspace, tools: &Tools) -> Result<bool> {
    let mut vermin = in_python(workspace, tools.python().with_file_name("vermin"));
    vermin.args(["--target=3.9-", "--no-tips", "--violations", "--quiet"]);
    let read = succeeds(vermin.arg("src"))?;
    let mut oldest = in_python(workspace, "python3.9");
    if answer(oldest.arg("--version")).is_none() {
        println!("no python3.9 on the path: the sources were read for 3.9, not compiled with it");
        return Ok(read);
    }
    let compile = "import ast, pathlib\n\
        for path in pathlib.Path('src').rglob('*.py'): ast.parse(path.read_bytes(), str(path))";
    let mut oldest = in_python(workspace, "python3.9");
    Ok(succeeds(oldest.args(["-c", compile]))? && read)
}

impl Suite<'_> {
    /// Runs the tests and counts them. No test at all in a folder that exists is a failure.
    fn run(&self, workspace: &Workspace, tools: &Tools, report: &mut Report) {
        let name = &self.name;
        if !workspace.has(self.folder) {
            report.absent(name, self.folder);
            return;
        }
        println!("\n=== {name}");
        let file = format!("{}.xml", name.replace(' ', "-"));
        let results = workspace.tools().join(file);
        // What an earlier run left must not be counted for this one.
        drop(fs::remove_file(&results));
        let ran = self.pytest(workspace, tools, &results);
        let cases = junit::read(&results, |_, _| name.clone()).unwrap_or_default();
        report.cases(&cases);
        let all_good = cases.iter().all(junit::Case::passed);
        match ran {
            Ok(true) if !cases.is_empty() => {}
            // The failing tests are in the table already.
            Ok(false) if !cases.is_empty() && !all_good => {}
            Ok(_) => report.failed(name, "pytest did not run to its end"),
            Err(error) => report.failed(name, &format!("{error:#}")),
        }
    }

    fn pytest(&self, workspace: &Workspace, tools: &Tools, results: &Path) -> Result<bool> {
        let mut pytest = module_of(workspace, self.python, "pytest");
        pytest
            .args(["--quiet", "-p", "no:cacheprovider"])
            .args(self.spread);
        pytest.arg("--junitxml");
        pytest.arg(results).arg(workspace.path(self.folder));
        for without in self.without {
            pytest.arg("--ignore").arg(workspace.path(without));
        }
        tools.hand_to(&mut pytest, workspace, "debug");
        succeeds(&mut pytest)
    }
}

/// A module of the virtual environment, run as a program with the sources on its path.
fn module(workspace: &Workspace, tools: &Tools, name: &str) -> Command {
    module_of(workspace, tools.python(), name)
}

fn module_of(workspace: &Workspace, python: &Path, name: &str) -> Command {
    let mut command = in_python(workspace, python);
    command
        .env("PYTHONPATH", workspace.path(SOURCES))
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .args(["-m", name]);
    command
}

/// A program started in `python/`, where the tools find their settings.
fn in_python(workspace: &Workspace, program: impl AsRef<OsStr>) -> Command {
    let mut command = command(workspace, program);
    command.current_dir(workspace.path("python"));
    command
}
