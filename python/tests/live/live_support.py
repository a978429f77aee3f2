"""One real server per test module: started, asked, stopped."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any, Dict, List, Optional

import pytest

#: Longest wait for anything, in seconds; nothing here takes a tenth of it.
PATIENCE = 60.0

SOURCES = Path(__file__).resolve().parents[2] / "src"


class Server:
    """One running server with a data folder of its own."""

    def __init__(
        self,
        folder: Path,
        *more: str,
        listen: str = "127.0.0.1:0",
        variables: Optional[Dict[str, str]] = None,
    ) -> None:
        binary = os.environ.get("FASTI_BIN")
        if not binary:
            pytest.fail("FASTI_BIN must name the fasti binary that these tests are about")
        assert shutil.which(binary), f"FASTI_BIN is no program: {binary}"
        self.folder = folder
        self.images = folder / "images"
        self._lines: List[str] = []
        self._listening = threading.Event()
        arguments = [binary, "serve", "--data", str(folder / "data"), "--listen", listen]
        arguments.extend(more)
        environment = {**os.environ, "FASTI_PYTHON": sys.executable, "NO_COLOR": "1"}
        for name in ("FASTI_URL", "FASTI_TOKEN", "FASTI_USER"):
            environment.pop(name, None)
        environment.update(variables or {})
        self.process = subprocess.Popen(
            arguments, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True, env=environment
        )
        self._reader = threading.Thread(target=self._read)
        self._reader.start()
        if not self._listening.wait(PATIENCE):
            self.stop()
            pytest.fail(f"the server did not say where it listens:\n{self.output}")
        self._wait_until_healthy()

    @property
    def output(self) -> str:
        return "".join(self._lines)

    def _read(self) -> None:
        """Keep reading what the server says, so that it never waits for us."""
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self._lines.append(line)
            found = re.search(r"listening on (http://[\d.]+:\d+)", line)
            if found:
                self.url = found.group(1)
                self._listening.set()
        self._listening.set()

    def _wait_until_healthy(self) -> None:
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                with urllib.request.urlopen(f"{self.url}/api/v1/health", timeout=PATIENCE):
                    return
            except OSError:
                if time.monotonic() > deadline or self.process.poll() is not None:
                    pytest.fail(f"the server is not healthy:\n{self.output}")
                time.sleep(0.02)

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """Send one request of the native API as it is."""
        request = urllib.request.Request(
            f"{self.url}/api/v1{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
            raw = answer.read()
        return json.loads(raw) if raw else None

    def call_for_status(self, method: str, path: str) -> int:
        """Send one request; returns the status of its answer."""
        request = urllib.request.Request(f"{self.url}/api/v1{path}", method=method)
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as refusal:
            with refusal:
                return refusal.code

    def image(self, name: str, files: Dict[str, str]) -> str:
        """Write modules into a folder and register it as an image; returns its name."""
        root = self.images / name.replace("/", "_").replace(" ", "_")
        for file, text in files.items():
            path = root / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, "utf-8")
        quoted = urllib.parse.quote(name, safe="")
        self.call("PUT", f"/images/{quoted}", {"path": str(root), "python": None, "env": {}})
        return name

    def finished(self, run_id: int) -> Dict[str, Any]:
        """Wait until a run has ended and return it."""
        deadline = time.monotonic() + PATIENCE
        while True:
            run: Dict[str, Any] = self.call("GET", f"/runs/{run_id}")
            if run["status"] not in ("queued", "running"):
                return run
            assert time.monotonic() < deadline, f"run {run_id} goes on and on: {run}"
            time.sleep(0.02)

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self._reader.join()
        if self.process.stderr is not None:
            self.process.stderr.close()
