"""Every Python example of the documentation runs.

A block that begins with ``# name.py`` is that file, and is run as a script if it has a
main part.  The other blocks of a page are one script, in their order.  A comment
``<!-- image: NAME -->`` makes the folder of the files an image of that name.
"""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import List

import pytest

from live.live_support import SOURCES, Server

ROOT = Path(__file__).resolve().parents[3]
#: About the clients of other products: the suites of those clients run what they show.
OF_CLIENTS = {"docs/datature.md", "docs/rescale-htc.md"}
PAGES = sorted(
    {
        path.relative_to(ROOT).as_posix()
        for path in [
            *(ROOT / "docs").rglob("*.md"),
            ROOT / "README.md",
            ROOT / "python" / "README.md",
        ]
        if "```python\n" in path.read_text("utf-8")
    }
    - OF_CLIENTS
)

BLOCK = re.compile(r"^```python\n(.*?)^```$", re.M | re.S)
FILE = re.compile(r"# ([\w/]+\.py)\n")
IMAGE = re.compile(r"<!-- image: (\S+) -->")


def run(arguments: List[str], live: Server, folder: Path) -> None:
    path = os.pathsep.join([str(SOURCES), str(folder)])
    environment = {**os.environ, "PYTHONPATH": path, "FASTI_URL": live.url}
    ran = subprocess.run(
        [sys.executable, "-W", "error", *arguments],
        cwd=folder, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr


def test_there_are_pages() -> None:
    assert "docs/python.md" in PAGES


@pytest.mark.parametrize("page", PAGES)
def test_examples(live: Server, tmp_path: Path, page: str) -> None:
    text = (ROOT / page).read_text("utf-8")
    rest: List[str] = []
    scripts: List[str] = []
    for block in BLOCK.findall(text):
        file = FILE.match(block)
        if file is None:
            rest.append(block)
            continue
        path = tmp_path / file.group(1)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(block)
        if "__main__" in block:
            scripts.append(str(path))
    for name in IMAGE.findall(text):
        live.call("PUT", f"/images/{name}", {"path": str(tmp_path), "python": None, "env": {}})
    for script in scripts:
        run([script], live, tmp_path)
    if rest:
        (tmp_path / "examples_of_the_page.py").write_text("\n".join(rest))
        run(["examples_of_the_page.py"], live, tmp_path)
