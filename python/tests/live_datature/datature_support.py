"""A real server that can be killed and started again, and a receiver beside it.

The binary is named by ``FASTI_BIN``; without it these tests fail rather than pass unnoticed.
"""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional, Tuple

import pytest

#: Longest wait for anything, in seconds.
PATIENCE = 120.0

PROJECT = "/projects/proj_default"

#: What deliveries are signed with.
KEY = b"0123456789abcdef0123456789abcdef"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def until(what: str, happens: Callable[[], Any]) -> Any:
    """Wait until something is true; returns it."""
    deadline = time.monotonic() + PATIENCE
    while True:
        value = happens()
        if value:
            return value
        if time.monotonic() > deadline:
            pytest.fail(f"waited in vain until {what}")
        time.sleep(0.02)


class Server:
    """One server with a data folder of its own, at one address over all its starts."""

    def __init__(self, folder: Path, token: Optional[str] = None, config: str = "") -> None:
        binary = os.environ.get("FASTI_BIN")
        if not binary:
            pytest.fail("FASTI_BIN must name the fasti binary that these tests are about")
        assert shutil.which(binary), f"FASTI_BIN is no program: {binary}"
        self.binary = binary
        self.data = folder / "data"
        self.token = token
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.config = folder / "config.toml"
        self.config.write_text(config)
        self.log = folder / "stderr.txt"
        self.start()

    def start(self) -> None:
        environment = {**os.environ, "NO_COLOR": "1", "FASTI_CONFIG": str(self.config)}
        for name in ("FASTI_URL", "FASTI_TOKEN", "FASTI_USER"):
            environment.pop(name, None)
        if self.token:
            environment["FASTI_SERVER_TOKEN"] = self.token
        arguments = ["serve", "--data", str(self.data), "--listen", f"127.0.0.1:{self.port}"]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [self.binary, *arguments], stdin=subprocess.DEVNULL, stderr=log, env=environment
            )
        until("the server is healthy", self._is_healthy)

    @property
    def output(self) -> str:
        """What it said so far, and its runner."""
        return self.log.read_text()

    def _is_healthy(self) -> bool:
        if self.process.poll() is not None:
            pytest.fail(f"the server ended:\n{self.output}")
        try:
            with urllib.request.urlopen(f"{self.url}/api/v1/health", timeout=PATIENCE):
                return True
        except OSError:
            return False

    def kill(self) -> None:
        """End it as a power cut would; its runner goes on."""
        self.process.kill()
        self._ended()

    def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        self._ended()

    def _ended(self) -> None:
        self.process.wait(PATIENCE)

    def raw(
        self,
        method: str,
        path: str,
        body: Any = None,
        headers: Optional[Dict[str, str]] = None,
    ) -> Tuple[int, Any]:
        """One request as the client sends it; status and JSON of the answer."""
        data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        given = {"Content-Type": "application/json"}
        if self.token:
            given["Secret-Key"] = self.token
        given.update(headers or {})
        url = path if path.startswith("http") else self.url + path
        request = urllib.request.Request(url, method=method, data=data, headers=given)
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
                return int(answer.status), json.loads(answer.read())
        except urllib.error.HTTPError as refusal:
            with refusal:
                return refusal.code, json.loads(refusal.read())

    def events(self, name: str) -> List[Any]:
        """All events of a name, as the native interface gives them."""
        found: List[Any] = []
        after = 0
        while True:
            headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
            path = f"/api/v1/events?limit=1000&after={after}"
            _, page = self.raw("GET", path, headers=headers)
            if not page["items"]:
                return [event for event in found if event["type"] == name]
            found += page["items"]
            after = page["items"][-1]["seq"]


class Receiver:
    """Serves items and takes deliveries; a test says how."""

    def __init__(self) -> None:
        receiver = self
        self.deliveries: List[Tuple[Dict[str, str], bytes]] = []
        self.fetched: List[str] = []
        #: Statuses for the next deliveries; after them 200.
        self.answers: List[int] = []
        #: While it is clear, deliveries wait.
        self.open = threading.Event()
        self.open.set()
        self.files: Dict[str, bytes] = {}

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *_: Any) -> None:
                pass

            def answer(self, status: int, body: bytes = b"", **headers: str) -> None:
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def do_GET(self) -> None:
                receiver.fetched.append(self.path)
                if "missing" in self.path:
                    self.answer(404)
                else:
                    self.answer(200, receiver.files.get(self.path, b"0123456789"))

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.open.wait(PATIENCE)
                receiver.deliveries.append((dict(self.headers.items()), body))
                status = receiver.answers.pop(0) if receiver.answers else 200
                if 300 <= status < 400:
                    self.answer(status, Location=f"{receiver.url}/elsewhere")
                else:
                    self.answer(status, b"thanks")

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever)
        self.thread.start()

    def bodies(self) -> List[Any]:
        return [json.loads(body) for _, body in self.deliveries]

    def ids(self) -> List[str]:
        return [headers["webhook-id"] for headers, _ in self.deliveries]

    def clear(self) -> None:
        self.open.set()
        self.answers.clear()
        self.deliveries.clear()
        self.fetched.clear()

    def stop(self) -> None:
        self.open.set()
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


def write_items(path: Path, items: List[Dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(item) + "\n" for item in items))
    return path


def whole_numbers(value: Any, name: str = "") -> None:
    """No time anywhere in an answer is a float or a text."""
    if isinstance(value, dict):
        for key, inner in value.items():
            whole_numbers(inner, key)
    elif isinstance(value, list):
        for inner in value:
            whole_numbers(inner, name)
    elif re.search(r"(Date|Time|AtTime)$", name) and value is not None:
        assert isinstance(value, int), f"{name} is {value!r}"
