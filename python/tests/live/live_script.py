"""Running a script of a user: an interpreter of its own with the packages on the path."""

import os
import subprocess
import sys
from pathlib import Path

from live.live_support import SOURCES, Server


def script(live: Server, folder: Path, text: str, **environment: str) -> str:
    """Run a script and return what it printed."""
    path = folder / "script.py"
    path.write_text(text)
    more = {"PYTHONPATH": str(SOURCES), "FASTI_URL": live.url, **environment}
    ran = subprocess.run(
        [sys.executable, "-W", "error", str(path)],
        env={**os.environ, **more},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout
