"""What the page about the client shows, run as it is but for the address."""

import re
import subprocess
import sys
from pathlib import Path

from live.live_support import Server

PAGE = Path(__file__).resolve().parents[3] / "docs" / "rescale-htc.md"


def test_the_example_of_the_page_runs(server: Server, tmp_path: Path) -> None:
    blocks = re.findall(r"^```python\n(.*?)^```$", PAGE.read_text("utf-8"), re.M | re.S)
    script = "\n".join([*blocks, "print(session.get_bearer_token().payload['workspaceId'])"])
    assert "http://127.0.0.1:7450" in script
    script = script.replace("http://127.0.0.1:7450", server.url)
    ran = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.strip() == "fasti"
