"""The reference pages are what their generator writes."""

import subprocess
import sys
from pathlib import Path

TOOL = Path(__file__).resolve().parents[1] / "tools" / "reference.py"


def test_the_pages_are_as_written() -> None:
    ran = subprocess.run(
        [sys.executable, str(TOOL), "--check"], capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr
