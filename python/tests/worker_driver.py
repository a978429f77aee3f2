"""Drives a real worker through a real socketpair, as the runner does."""

import base64
import json
import os
import pickle
import signal
import socket
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any, Dict, List, Optional

SOURCES = Path(__file__).resolve().parent.parent / "src"

#: Longest wait for the worker's next word, in seconds.
PATIENCE = 30.0


class Ended:
    """What an attempt left behind."""

    def __init__(self, message: Dict[str, Any], task: Dict[str, Any]) -> None:
        self.message = message
        self.status: int = message["status"]
        self.stdout = Path(task["stdout"]).read_bytes()
        self.stderr = Path(task["stderr"]).read_text("utf-8")
        self._result = Path(task["result_path"])
        self._failure = Path(task["failure_path"])

    @property
    def code(self) -> int:
        assert os.WIFEXITED(self.status), f"died by a signal: {self.status}\n{self.stderr}"
        return os.WEXITSTATUS(self.status)

    @property
    def has_value(self) -> bool:
        return "value" in self.message or self._result.exists()

    @property
    def value(self) -> Any:
        assert self.code == 0, self.stderr
        handed = self._handed("value")
        return pickle.loads(self._result.read_bytes() if handed is None else handed)

    @property
    def failure(self) -> Any:
        handed = self._handed("failure")
        if handed is not None:
            return json.loads(handed)
        return json.loads(self._failure.read_text()) if self._failure.exists() else None

    def _handed(self, what: str) -> Optional[bytes]:
        """Return what went through the pipe; then there is no file."""
        if what not in self.message:
            return None
        assert not self._result.exists()
        assert not self._failure.exists()
        return base64.b64decode(self.message[what])


class Worker:
    """One worker process and our end of its socket."""

    def __init__(self, folder: Path, **environment: str) -> None:
        self.folder = folder
        self.code = folder / "code"
        self.code.mkdir()
        self._count = 0
        self._buffer = b""
        self._tasks: Dict[str, Dict[str, Any]] = {}
        self._waiting: List[Dict[str, Any]] = []
        ours, theirs = socket.socketpair()
        ours.settimeout(PATIENCE)
        self.socket = ours
        self.log = folder / "worker.log"
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-u", "-m", "fasti._worker"],
                stdin=theirs.fileno(),
                stdout=log,
                stderr=log,
                cwd=folder,
                env={**os.environ, "PYTHONPATH": str(SOURCES), **environment},
                start_new_session=True,
            )
        theirs.close()
        self.ready = self.receive()

    def module(self, name: str, text: str) -> None:
        """Write a module of user code; dots make packages."""
        path = self.code.joinpath(*name.split(".")).with_suffix(".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        for parent in path.parents:
            if parent == self.code:
                break
            (parent / "__init__.py").touch()
        path.write_text(text, "utf-8")

    def task(self, entrypoint: str, **changes: Any) -> Dict[str, Any]:
        """Return a task document with everything absent but what is given."""
        self._count += 1
        name = f"{self._count}"
        scratch = self.folder / "scratch" / name
        scratch.mkdir(parents=True)
        return {
            "attempt": f"{name}.1",
            "entrypoint": entrypoint,
            "import_path": [str(self.code)],
            "cwd": str(scratch),
            "stdout": str(self.folder / f"{name}.out"),
            "stderr": str(self.folder / f"{name}.err"),
            "env": {},
            "result_path": str(self.folder / f"{name}.result"),
            "failure_path": str(self.folder / f"{name}.failure"),
            "sub_job_name": "the task",
            "scheduled_time": "2024-03-31T01:00:00.000Z",
            "runtime": "2024-03-31T01:00:00.125Z",
            "rundate": "2024-03-31",
            "part_num": 0,
            "num_parts": 1,
            "configuration": None,
            "configuration_blob": None,
            "arguments_blob": None,
            "upstreams": [],
            **changes,
        }

    def send(self, message: Dict[str, Any]) -> None:
        self.send_body(json.dumps(message).encode())

    def send_body(self, body: bytes) -> None:
        self.socket.sendall(struct.pack(">I", len(body)) + body)

    def receive(self) -> Dict[str, Any]:
        """Return the worker's next message."""
        while True:
            if len(self._buffer) >= 4:
                (length,) = struct.unpack(">I", self._buffer[:4])
                if len(self._buffer) >= 4 + length:
                    body = self._buffer[4 : 4 + length]
                    self._buffer = self._buffer[4 + length :]
                    message: Dict[str, Any] = json.loads(body)
                    return message
            data = self.socket.recv(1 << 16)
            assert data, f"the worker hung up: {self.log.read_text('utf-8', 'replace')}"
            self._buffer += data

    def start(self, task: Dict[str, Any]) -> str:
        attempt: str = task["attempt"]
        self._tasks[attempt] = task
        code = json.dumps([task["entrypoint"], task["import_path"]])
        parts = ("start", attempt, code, json.dumps(task))
        self.send_body("\0".join(parts).encode())
        return attempt

    def seen(self, ends: int) -> None:
        """Tell how many ends of calls in kept processes are known."""
        self.send_body(f"seen\0{ends}".encode())

    def next_of(self, operation: str, attempt: str) -> Dict[str, Any]:
        """Return the message of that kind about an attempt; others wait their turn."""
        while True:
            for message in self._waiting:
                if message["op"] == operation and message["id"] == attempt:
                    self._waiting.remove(message)
                    return message
            self._waiting.append(self.receive())

    def end_of(self, attempt: str) -> Ended:
        return Ended(self.next_of("exited", attempt), self._tasks[attempt])

    def run(self, entrypoint: str, text: Optional[str] = None, **changes: Any) -> Ended:
        """Run one task to its end; ``text`` is written as its module before."""
        if text is not None:
            self.module(entrypoint.rpartition(".")[0], text)
        return self.end_of(self.start(self.task(entrypoint, **changes)))

    def stored(self, value: Any) -> str:
        """Store a value as an earlier task would have; returns its path."""
        self._count += 1
        path = self.folder / f"value-{self._count}"
        path.write_bytes(pickle.dumps(value, 5))
        return str(path)

    def close(self) -> None:
        self.socket.close()
        try:
            self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            os.kill(self.process.pid, signal.SIGKILL)
            self.process.wait()
            raise


def upstream(task: str, result_name: str, *parts: Dict[str, Any], **more: Any) -> Dict[str, Any]:
    """Return the description of a plain upstream, or of a parallel one."""
    parallel = bool(more.get("parallel"))
    return {
        "task": task,
        "result_name": result_name,
        "parallel": parallel,
        "parts": [{"name": task, **parts[0]}] if not parallel else list(parts),
    }
