"""The walk that the documentation shows, as it is, against a real server."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from live.live_support import PATIENCE, Server

WALK = Path(__file__).resolve().parents[3] / "examples" / "scale-v6" / "walk.sh"


def test_the_walk(live: Server) -> None:
    for tool in ("curl", "jq"):
        if shutil.which(tool) is None:
            pytest.fail(f"the walk needs {tool}; install it to run this test")
    done = subprocess.run(
        ["sh", str(WALK), live.url],
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert '{"recipes_total":3,"jobs_total":6,"jobs_completed":6}' in lines
    assert '{"count":"CHANGED","tidy":"UNCHANGED"}' in lines
    assert '{"new_jobs":3,"of":["count"]}' in lines
    assert '{"size":15}' in lines
    assert '{"jobs_total":[6,6],"counted":[3,3]}' in lines
