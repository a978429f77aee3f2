"""The example that the documentation shows, as it is, against a real server."""

import os
import subprocess
import sys
from pathlib import Path

from live.live_support import PATIENCE, Server

EXAMPLE = Path(__file__).resolve().parents[3] / "examples" / "rescale-htc" / "pi.py"


def test_pi(server: Server, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, str(EXAMPLE), server.url],
        env={"PATH": os.environ["PATH"], "HOME": str(tmp_path), "NO_PROXY": "127.0.0.1"},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    assert done.returncode == 0, done.stderr
    # The darts fly the same way every time.
    assert done.stdout.splitlines() == ["20 of 20 jobs succeeded", "pi is about 3.1449"]
