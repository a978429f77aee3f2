"""Attempts without a task, run by the worker itself before its first fork.

What Python learns while it runs code (which types have which methods, how often a
function is called) it writes down all over its memory.  Learnt before the fork, all
children share it; learnt after, each child pays for it page by page.
"""

from __future__ import annotations

import gc
import os
import signal
import sys
from typing import Any, Dict

from fasti import _child, _entrypoint, _frames, _handover, _prefetch

#: Python specialises code after eight calls, and settles a few calls later.
ROUNDS = 16

#: Name of a module that lives only while it is rehearsed.
_MODULE = "fasti_rehearsal"
_CODE = compile("def rehearse():\n    return None\n", "<fasti rehearsal>", "exec")

_TASK: Dict[str, Any] = {
    "attempt": "0.0",
    "entrypoint": _MODULE + ".rehearse",
    "import_path": ["/"],
    "cwd": None,
    "stdout": None,
    "stderr": None,
    "env": {"FASTI_REHEARSAL": "1"},
    "result_path": os.devnull,
    "failure_path": None,
    "sub_job_name": "rehearsal",
    "scheduled_time": "2024-03-31T01:00:00.000Z",
    "runtime": "2024-03-31T01:00:00.000Z",
    "rundate": "2024-03-31",
    "part_num": 0,
    "num_parts": 1,
    "configuration": None,
    "configuration_blob": None,
    "arguments_blob": None,
    "upstreams": [],
}


def rehearse() -> None:
    """Run a few attempts that leave nothing behind."""
    main, argv = sys.modules["__main__"], list(sys.argv)
    writes_no_bytecode = sys.dont_write_bytecode
    spare = os.open(os.devnull, os.O_WRONLY | os.O_CLOEXEC)
    body = _frames.encode(_TASK)[4:]
    reading, writing = _handover.make_pipe()
    _child.hand_over_to(writing)
    for _ in range(ROUNDS):
        _entrypoint.learn(_TASK["entrypoint"])
        _prefetch.offer_code(_MODULE, _CODE)
        _child.leave_worker([os.dup(spare)], {1: (b"", -1)}.values())
        gc.disable()
        task = _frames.parse(body)
        _child.redirect(os.devnull, spare)
        _child.set_up(task)
        _child.run(task)
        _handover.receive(reading, os.getpid())
        sys.modules.pop(_MODULE, None)
    _child.hand_over_to(-1)
    for descriptor in (spare, reading, writing):
        os.close(descriptor)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _prefetch.offer_nothing()
    os.environ.pop("FASTI_REHEARSAL", None)
    sys.modules["__main__"] = main
    sys.argv[:] = argv
    sys.dont_write_bytecode = writes_no_bytecode
