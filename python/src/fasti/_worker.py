"""Entry of a worker process: ``python -u -m fasti._worker``.

Speaks with the runner over descriptor 0 (see :mod:`fasti._zygote`), or runs a single
task in this process with ``--once <task.json>``.  Started as the main module, so it
holds no state that others could want to import.

Environment: ``FASTI_PRELOAD`` names modules, separated by commas, that are imported
before the first fork and are then shared by all children.  ``FASTI_REUSE`` is the number
of calls that one process may serve (see :mod:`fasti._reuse`).
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import signal
import socket
import sys
from typing import Any, List, NoReturn

USAGE_EXIT = 2


def main(arguments: List[str]) -> NoReturn:
    """Serve a runner, or run one task; ends the process."""
    _leave_start_folder()
    _speak_utf8()
    if len(arguments) == 2 and arguments[0] == "--once":
        _run_once(arguments[1])
    if arguments:
        print("usage: python -u -m fasti._worker [--once TASK.json]", file=sys.stderr)
        sys.exit(USAGE_EXIT)
    _serve()


def _serve() -> NoReturn:
    runner = _take_socket()
    gc.disable()
    # A Ctrl-C in a terminal is the runner's to handle; children get the default back.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_SETMASK, [])
    # The worker's own modules first: what every child touches then lies close together.
    from fasti._zygote import Zygote

    _preload(os.environ.get("FASTI_PRELOAD", ""))
    Zygote(runner, _pool(os.environ.get("FASTI_REUSE", ""))).serve()
    # Children live on without us: no handlers, no waiting.
    os._exit(0)


def _pool(calls: str) -> Any:
    """Return what keeps processes for further calls, if the image wants that."""
    if not calls:
        return None
    from fasti import _reuse

    wanted = _reuse.calls_of(calls)
    if wanted == 1:
        return None
    # What their processes need, loaded once for all.
    for name in ("ctypes", "fasti._served"):
        importlib.import_module(name)
    return _reuse.Pool(wanted)


def _run_once(path: str) -> NoReturn:
    from fasti import _child

    with open(path, encoding="utf-8") as file:
        task = json.load(file)
    _load_sdk()
    _child.run_and_exit(task)


def _take_socket() -> socket.socket:
    """Move the runner's socket away from descriptor 0, out of user code's reach."""
    try:
        runner = socket.socket(fileno=os.dup(0))  # dup makes it close-on-exec
    except OSError as error:
        print(f"fasti worker: descriptor 0 is no socket: {error}", file=sys.stderr)
        sys.exit(USAGE_EXIT)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    return runner


def _leave_start_folder() -> None:
    """Take the folder the runner started us in off the import path."""
    if sys.path and sys.path[0] in ("", os.getcwd()):
        del sys.path[0]


def _speak_utf8() -> None:
    """Make text I/O UTF-8 whatever the locale, here and in what tasks start."""
    os.environ["PYTHONUNBUFFERED"] = "1"
    os.environ.setdefault("PYTHONIOENCODING", "utf-8:surrogateescape")
    # Undecodable file names can be printed; stderr never fails at all.
    for stream, errors in (
        (sys.stdin, "surrogateescape"),
        (sys.stdout, "surrogateescape"),
        (sys.stderr, "backslashreplace"),
    ):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(encoding="utf-8", errors=errors)


def _preload(names: str) -> None:
    _load_sdk()
    for name in filter(None, (name.strip() for name in names.split(","))):
        try:
            importlib.import_module(name)
        except Exception as error:
            # The task that needs the module will fail with a traceback of its own.
            print(f"fasti worker: cannot preload {name!r}: {error}", file=sys.stderr)
    threading = sys.modules.get("threading")
    if threading is not None and threading.active_count() > 1:
        print("fasti worker: a preloaded module started threads; forks are unsafe", file=sys.stderr)


def _load_sdk() -> None:
    """Import what user modules import anyway, once instead of in every child."""
    importlib.import_module("fasti.scheduler")
    importlib.import_module("dt.scheduler")


if __name__ == "__main__":
    main(sys.argv[1:])
