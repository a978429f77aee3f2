"""What the page about the client shows, run as it is but for the addresses."""

import re
import subprocess
import sys
from pathlib import Path

from live_datature.datature_support import Receiver, Server, write_items

PAGE = Path(__file__).resolve().parents[3] / "docs" / "datature.md"


def test_the_example_of_the_page_runs(server: Server, receiver: Receiver, tmp_path: Path) -> None:
    blocks = re.findall(r"^```python\n(.*?)^```$", PAGE.read_text("utf-8"), re.M | re.S)
    script = "\n".join(blocks)
    for shown, real in (
        ("http://127.0.0.1:7450", server.url),
        ("http://127.0.0.1:8000", receiver.url),
    ):
        assert shown in script
        script = script.replace(shown, real)
    write_items(tmp_path / "photos.ndjson", [{"kind": "Image", "url": f"{receiver.url}/one"}])
    ran = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr
    assert [delivered["jobName"] for delivered in receiver.bodies()] == ["first"]
