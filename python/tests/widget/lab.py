"""A JupyterLab with folders of its own, and a browser that can reach nothing else."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.parse
from pathlib import Path
from typing import Any, Dict, List

import pytest

#: Longest wait for anything, in seconds; JupyterLab takes minutes to start on a very busy machine.
PATIENCE = 240.0

SOURCES = Path(__file__).resolve().parents[2] / "src"

BROWSER_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # What is not on this machine does not exist: the widget must not need a network.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
]


class Lab:
    """One running JupyterLab that serves notebooks of one folder."""

    def __init__(self, folder: Path, server_url: str) -> None:
        self.notebooks = folder / "notebooks"
        self.notebooks.mkdir()
        self._log = folder / "lab.log"
        settings = folder / "settings" / "@jupyterlab" / "apputils-extension"
        settings.mkdir(parents=True)
        quiet = {"fetchNews": "false", "checkForUpdates": False}
        (settings / "notification.jupyterlab-settings").write_text(json.dumps(quiet), "utf-8")
        environment = {
            **os.environ,
            "FASTI_URL": server_url,
            "FASTI_USER": "tester",
            "PYTHONPATH": str(SOURCES),
            "IPYTHONDIR": str(folder / "ipython"),
            "JUPYTER_CONFIG_DIR": str(folder / "config"),
            "JUPYTER_DATA_DIR": str(folder / "data"),
            "JUPYTER_RUNTIME_DIR": str(folder / "runtime"),
            "JUPYTERLAB_SETTINGS_DIR": str(folder / "settings"),
            "JUPYTERLAB_WORKSPACES_DIR": str(folder / "workspaces"),
        }
        arguments = [
            sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root",
            "--ServerApp.ip=127.0.0.1", "--ServerApp.port=0", "--IdentityProvider.token=",
            f"--ServerApp.root_dir={self.notebooks}",
        ]  # fmt: skip
        with self._log.open("w", encoding="utf-8") as log:
            self._process = subprocess.Popen(
                arguments, env=environment, stdout=log, stderr=log, stdin=subprocess.DEVNULL
            )
        self.url = self._wait_for_url(folder / "runtime")

    def _wait_for_url(self, runtime: Path) -> str:
        """Return the address that the server wrote down once it listens."""
        deadline = time.monotonic() + PATIENCE
        while True:
            for file in runtime.glob("jpserver-*.json"):
                try:
                    return str(json.loads(file.read_text("utf-8"))["url"])
                except ValueError:
                    pass  # half written
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                pytest.fail(f"JupyterLab does not listen:\n{self._log.read_text('utf-8')}")
            time.sleep(0.05)

    def notebook(self, name: str, *cells: str) -> str:
        """Write a notebook; returns the address that shows it."""
        document: Dict[str, Any] = {
            "nbformat": 4,
            "nbformat_minor": 5,
            "metadata": {
                "kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}
            },
            "cells": [
                {
                    "cell_type": "code", "id": f"cell-{number}", "source": cell,
                    "metadata": {}, "outputs": [], "execution_count": None,
                }
                for number, cell in enumerate(cells)
            ],
        }  # fmt: skip
        (self.notebooks / name).write_text(json.dumps(document), "utf-8")
        return f"{self.url}lab/tree/{urllib.parse.quote(name)}?reset"

    def stop(self) -> None:
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()


def run_cells(page: Any, count: int) -> None:
    """Run the first cells of the notebook on a page, one after the other."""
    # Before the kernel is connected, what is asked of it gets lost.
    page.wait_for_selector("#jp-main-statusbar >> text=| Idle")
    page.click(".jp-Notebook .jp-CodeCell .cm-content")
    for _ in range(count):
        page.keyboard.press("Shift+Enter")


def outsiders(requests: List[str]) -> List[str]:
    """Return addresses that are not on this machine."""
    found = []
    for address in requests:
        parts = urllib.parse.urlsplit(address)
        if parts.scheme not in ("data", "blob") and parts.hostname != "127.0.0.1":
            found.append(address)
    return found
