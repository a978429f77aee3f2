"""``CommandTask``: a node that runs a program instead of a Python function."""

from __future__ import annotations

from collections.abc import Mapping

from fasti import _checks
from fasti._node import Node
from fasti._priority import Priority as PriorityLevel
from fasti._retry import Retry as RetryPolicy

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, Iterable, List, Optional, Union

    from fasti._dag import DAG
    from fasti._sources import Upstream


class CommandTask(Node):
    """A program with its arguments, started directly and never through a shell.

    ``Command`` is a list of strings, the program first.  ``Env`` is added to its
    environment; ``Cwd`` is its working directory (default: a scratch folder of its
    own); ``Stdin`` is text for its standard input (default: empty); after
    ``TimeoutSeconds`` (default: never) it is ended and has failed.  Exit status 0 is
    success.  Without an image it runs on the host as it is.  ``Pool`` and ``PoolUnits``
    are those of :class:`Task`.

    Edges work as for :class:`Task`; its value, for functions downstream, is None.
    """

    Command: List[str]
    Env: Dict[str, str]
    Cwd: Optional[str]
    Stdin: Optional[str]
    TimeoutSeconds: Optional[int]

    def __init__(
        self,
        Name: Optional[str] = None,
        Command: Optional[Iterable[str]] = None,
        Env: Optional[Mapping[str, str]] = None,
        Cwd: Optional[str] = None,
        Stdin: Optional[str] = None,
        TimeoutSeconds: Optional[int] = None,
        Image: Optional[str] = None,
        Description: str = "",
        dag: Optional["DAG"] = None,
        Arch: str = "amd64",
        Os: str = "fedora",
        CPU: int = 400,
        Memory: int = 400,
        Disk: int = 300,
        Retries: int = 0,
        CountForPrewarming: bool = False,
        Priority: Union[PriorityLevel, str, None] = None,
        *,
        Retry: Optional[RetryPolicy] = None,
        Pool: Optional[str] = None,
        PoolUnits: int = 1,
    ) -> None:
        super().__init__(
            Name,
            dag,
            Command=Command,
            Env=Env,
            Cwd=Cwd,
            Stdin=Stdin,
            TimeoutSeconds=TimeoutSeconds,
            Image=Image,
            Description=Description,
            Arch=Arch,
            Os=Os,
            CPU=CPU,
            Memory=Memory,
            Disk=Disk,
            Retries=Retries,
            CountForPrewarming=CountForPrewarming,
            Priority=Priority,
            Retry=Retry,
            Pool=Pool,
            PoolUnits=PoolUnits,
        )

    def _check(self) -> None:
        super()._check()
        self.Command = _checks.items("Command", self.Command)
        for word in self.Command:
            _without_nul("Command", word)
        if not self.Command or not self.Command[0]:
            raise _checks.fail("Command", self.Command, "a list of strings, the program first")
        self.Env = _environment(self.Env)
        self.Cwd = _checks.optional_text("Cwd", self.Cwd)
        if self.Cwd is not None and not self.Cwd.startswith("/"):
            raise _checks.fail("Cwd", self.Cwd, "an absolute path, or None for a scratch folder")
        if self.Stdin is not None:
            _checks.text("Stdin", self.Stdin)
        if self.TimeoutSeconds is not None:
            _checks.integer("TimeoutSeconds", self.TimeoutSeconds, 1)

    def _needs_image(self) -> bool:
        return False

    def _as_upstream(self) -> Upstream:
        from fasti._sources import Upstream

        return Upstream(self._name, self._name, parallel=False, parts=(self._name,))

    def _definition(self) -> Dict[str, Any]:
        return {
            **super()._definition(),
            "command": self.Command,
            "env": self.Env,
            "cwd": self.Cwd,
            "stdin": self.Stdin,
            "timeout_seconds": self.TimeoutSeconds,
        }


def _environment(value: Any) -> Dict[str, str]:
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise _checks.fail("Env", value, "a dict of names to strings")
    for name, text in value.items():
        _without_nul("Env", name)
        _without_nul("Env", text)
        if not name or "=" in name:
            raise _checks.fail("Env", name, "a dict whose names are not empty and without '='")
    return dict(value)


def _without_nul(argument: str, value: Any) -> None:
    if "\0" in _checks.text(argument, value):
        raise _checks.fail(argument, value, "text without NUL characters")
