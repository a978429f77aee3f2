"""The process of one attempt: its surroundings, how it ends, what it leaves behind.

Everything the attempt needs was imported before the fork; what runs here is the
shortest way to the user's function and out again.  A child never returns to the
worker's loop: :func:`run_and_exit` ends in ``os._exit``.
"""

from __future__ import annotations

# Of `signal` it is the names that cost: each call makes members of an enumeration.
import _signal  # type: ignore[import-not-found]  # the module below `signal`
import atexit
import gc
import importlib
import json
import os
import sys
import time
import types
from typing import Any, Iterable, Mapping, NoReturn, Optional, Tuple

from fasti import _attempt, _handover, _prefetch
from fasti._errors import ArgumentResolutionError, EntrypointError

#: Exit status after an error in the task; ``sys.exit(n)`` has its own.
EXIT_FAILURE = 1
#: Exit status after a KeyboardInterrupt, as a shell reports a death by SIGINT.
EXIT_INTERRUPTED = 130

#: Longest failure message handed to the runner, in characters.  The whole text is in stderr.
MESSAGE_CHARS_MAX = 1000


#: The pipe to the worker, if there is one.
_handover_to = -1


def run_and_exit(task: Mapping[str, Any], descriptor: int = -1) -> NoReturn:
    """Run one attempt in this process and end it; never returns.

    ``descriptor`` is the pipe by which what is short goes back to the worker.
    """
    code = EXIT_FAILURE
    try:
        code = run_once(task, descriptor)
    finally:
        # Whatever went wrong above, this copy of the worker must not go on.
        finish_and_exit(code)


def run_once(task: Mapping[str, Any], descriptor: int) -> int:
    """Run one attempt in this process, up to its exit status."""
    hand_over_to(descriptor)
    try:
        set_up(task)
    except BaseException as error:  # the user's code has not started: our own error
        _say(f"fasti: cannot prepare the attempt: {type(error).__name__}: {error}")
        _leave_reason(task, "exception", error)
        return EXIT_FAILURE
    return run(task)


def finish_and_exit(code: int) -> NoReturn:
    """End this process as an interpreter ends."""
    try:
        _finish_python()
    finally:
        os._exit(code)


def leave_worker(own: Iterable[int], others: Iterable[Tuple[bytes, int]]) -> None:
    """Undo what a fresh copy of the worker inherited.

    That is its signal handlers, its own descriptors, and the pipes of its attempts.
    """
    _signal.set_wakeup_fd(-1)
    _signal.signal(_signal.SIGCHLD, _signal.SIG_DFL)
    _signal.signal(_signal.SIGINT, _signal.default_int_handler)
    for descriptor in own:
        os.close(descriptor)
    for _, descriptor in others:
        if descriptor >= 0:
            os.close(descriptor)
    gc.enable()


def hand_over_to(descriptor: int) -> None:
    """Give values and failures to this pipe where they fit."""
    global _handover_to
    _handover_to = descriptor


def set_up(task: Mapping[str, Any]) -> None:
    try:
        os.setpgid(0, 0)
    except OSError:
        # Fails for the leader of a session, which is in a group of its own already.
        pass
    # Output first, so that every later complaint lands where the user looks.
    redirect(task["stdout"], 1)
    redirect(task["stderr"], 2)
    environment = task["env"] or {}
    for name, text in environment.items():
        os.environ[name] = text
    if "TZ" in environment:
        time.tzset()
    if task["cwd"]:
        os.chdir(task["cwd"])
    if task["import_path"]:
        _prefetch.search_first(task["import_path"])
        # What a task brings along is unpacked once for all: nothing is written beside it.
        sys.dont_write_bytecode = True
    _prefetch.check()
    sys.argv[:] = [task["entrypoint"]]
    # User code must not find the worker when it looks for its own main module; a
    # pool of processes would otherwise start a second worker.
    sys.modules["__main__"] = types.ModuleType("__main__")


#: Held so that replacing it does not take it apart, which costs time in every child.
_WORKER_MAIN = sys.modules["__main__"]


def redirect(path: Optional[str], descriptor: int) -> None:
    if not path:
        return
    opened = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    os.dup2(opened, descriptor, inheritable=True)
    os.close(opened)


def run(task: Mapping[str, Any]) -> int:
    """Run the task, store its value, and return the exit status."""
    try:
        try:
            value = _attempt.run(task)
        except SystemExit as error:
            code = _exit_status(error.code)
            if code:
                return code
            value = None
        _attempt.store(value, task["result_path"], task["entrypoint"], _handover_to)
        return 0
    except (ArgumentResolutionError, EntrypointError) as error:
        return _framework_failure(task, error)
    except _attempt.UnserialisableError as error:
        _say(str(error))
        _leave_reason(task, "unserialisable", error)
        return EXIT_FAILURE
    except KeyboardInterrupt as error:
        _show(error)
        _leave_reason(task, "interrupted", error)
        return EXIT_INTERRUPTED
    except BaseException as error:
        _show(error)
        _leave_reason(task, "exception", error)
        return EXIT_FAILURE


def _framework_failure(task: Mapping[str, Any], error: Exception) -> int:
    """Report an error that has no user code to blame a line of."""
    if _user_traceback(error) is not None:
        # Raised inside the user's function, by a DAG it builds for instance: an
        # ordinary exception of that function.
        _show(error)
        _leave_reason(task, "exception", error)
    else:
        _say(f"{type(error).__name__}: {error}")
        entrypoint = isinstance(error, EntrypointError)
        _leave_reason(task, "entrypoint" if entrypoint else "argument_resolution", error)
    return EXIT_FAILURE


def _exit_status(code: Any) -> int:
    """Return the process status that ``sys.exit(code)`` asks for."""
    if code is None:
        return 0
    if isinstance(code, int):
        # Only the low byte reaches the parent: 256 must not turn into success.
        return (code & 0xFF) or (1 if code else 0)
    _say(str(code))
    return EXIT_FAILURE


_OWN_FOLDER = os.path.dirname(os.path.abspath(__file__)) + os.sep
_NOT_USER_CODE = (_OWN_FOLDER, importlib.__file__, "<frozen importlib")


def _user_traceback(error: BaseException) -> Optional[types.TracebackType]:
    """Return the part of a traceback that starts where user code starts."""
    trace = error.__traceback__
    while trace is not None:
        if not trace.tb_frame.f_code.co_filename.startswith(_NOT_USER_CODE):
            return trace
        trace = trace.tb_next
    return None


def _show(error: BaseException) -> None:
    """Print an uncaught exception as an interpreter of its own would."""
    trace = _user_traceback(error)
    if trace is not None or isinstance(error, SyntaxError):
        error.__traceback__ = trace
    try:
        sys.excepthook(type(error), error, error.__traceback__)
    except BaseException as second:
        _say(f"fasti: sys.excepthook failed: {type(second).__name__}: {second}")
        sys.__excepthook__(type(error), error, error.__traceback__)


def _say(text: str) -> None:
    try:
        sys.stderr.write(text + "\n")
        sys.stderr.flush()
    except (OSError, ValueError, AttributeError):
        # stderr was closed by the user's code: there is nobody left to tell.
        pass


def _leave_reason(task: Mapping[str, Any], reason: str, error: BaseException) -> None:
    """Say why the attempt failed, to the worker or where the runner looks for it."""
    path = task["failure_path"]
    if not path:
        return
    try:
        text = " ".join(str(error).split())
    except Exception:
        text = ""
    if reason in ("exception", "interrupted"):
        text = f"{type(error).__name__}: {text}" if text else type(error).__name__
    message = json.dumps({"reason": reason, "message": text[:MESSAGE_CHARS_MAX]})
    if _handover.send(_handover_to, _handover.FAILURE, message.encode("ascii")):
        return
    try:
        with open(path, "w", encoding="ascii") as file:
            file.write(message)
    except OSError as failed:
        _say(f"fasti: cannot write {path!r}: {failed}")


def _finish_python() -> None:
    """Do what an interpreter does at its end, short of taking itself apart."""
    try:
        # Waits for threads that are no daemons, like any Python program.  The module is
        # there only if the task imported it (see below on why the worker does not).
        threading = sys.modules.get("threading")
        if threading is not None:
            threading._shutdown()
        atexit._run_exitfuncs()
    except BaseException as error:
        _show(error)
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError, AttributeError):
            # Closed or replaced by the user's code: nothing of ours is in it.
            pass
