"""The walk through sets of flows that the documentation shows, as it is, against a real server."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from live.live_support import PATIENCE, Server

WALK = Path(__file__).resolve().parents[3] / "examples" / "run-sets" / "walk.sh"


def test_the_walk(live: Server) -> None:
    for tool in ("curl", "jq"):
        if shutil.which(tool) is None:
            pytest.fail(f"the walk needs {tool}; install it to run this test")
    done = subprocess.run(
        ["sh", str(WALK), live.url],
        env={"PATH": os.environ["PATH"], "FASTI": os.environ["FASTI_BIN"], "NO_PROXY": "127.0.0.1"},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert '{"flows":2,"steps":4}' in lines, done.stdout
    assert '{"count":"changed","tidy":"unchanged"}' in lines
    assert '{"steps":[4,4],"counted":[2,2]}' in lines
    # The tidied texts are shared: only the counts have a second run.
    runs = live.call("GET", "/runs?limit=100")["items"]
    names = [run["batch_name"] for run in runs]
    assert (names.count("step.tidy.1"), names.count("step.count.1")) == (2, 4)
