"""The exceptions of the SDK and of the worker.

    SchedulerError (Exception)
      ValidationError (ValueError)          a bad argument or definition; server 400, 413, 422
        DuplicateNameError                  a task name used twice in one DAG
        CyclicDependencyError               the graph has a cycle
        MissingDagError                     a task without a DAG to belong to
      ArgumentResolutionError (TypeError)   a parameter could not be given a value
      EntrypointError (ImportError)         the entrypoint names nothing that can be called
      ResultNotAvailable (ValueError)       the task run has no stored value
      NotFound (LookupError, ValueError)    no such batch, run or task run
      Conflict                              the server refuses in the present state
      PermissionDenied (PermissionError)    not allowed, or not authenticated
      ConnectionFailed (ConnectionError)    the server gave no answer
      RunFailed (RuntimeError)              a run that was waited for did not succeed
      ServerError (RuntimeError)            the server failed, or its answer makes no sense

Each is also an instance of the built-in named in brackets, so that scripts may catch either.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Optional


class SchedulerError(Exception):
    """Base of every error raised by this package.

    ``message`` is the text.  Errors that came from the server also carry ``code`` (a
    stable word such as ``validation_failed``), ``status`` (the HTTP status) and
    ``field`` (the path of the offending field); these are ``None`` otherwise.
    """

    def __init__(
        self,
        message: str,
        *,
        code: Optional[str] = None,
        status: Optional[int] = None,
        field: Optional[str] = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.status = status
        self.field = field

    def __str__(self) -> str:
        return self.message


class ValidationError(SchedulerError, ValueError):
    """An argument or a definition breaks a rule; nothing was submitted."""


class DuplicateNameError(ValidationError):
    """Two tasks, or parts, of one DAG have the same name."""


class CyclicDependencyError(ValidationError):
    """The tasks wait for each other; the message names those on the cycle."""


class MissingDagError(ValidationError):
    """A task was built outside a ``with DAG(...)`` block and without ``dag=``."""


class ArgumentResolutionError(SchedulerError, TypeError):
    """A parameter of an entrypoint has no value, or more than one candidate."""


class EntrypointError(SchedulerError, ImportError):
    """The entrypoint string leads to nothing that can be called."""


class ResultNotAvailable(SchedulerError, ValueError):
    """The task run did not succeed, or has not finished: it has no value."""


class NotFound(SchedulerError, LookupError, ValueError):
    """The batch, run or task run does not exist, or may not be seen."""


class Conflict(SchedulerError):
    """The request does not fit the present state of what it is about."""


class PermissionDenied(SchedulerError, PermissionError):
    """The user may not do this, or could not be authenticated."""


class ConnectionFailed(SchedulerError, ConnectionError):
    """The server could not be reached."""


class RunFailed(SchedulerError, RuntimeError):
    """A run that was waited for did not succeed; the message names what failed."""


class ServerError(SchedulerError, RuntimeError):
    """The server reported a failure of its own, or answered nonsense."""
