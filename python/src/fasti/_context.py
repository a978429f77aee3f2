"""What is going on around a call: the current DAG, and whether user code is imported.

Kept apart from the DAG class so that the worker can use it without loading the SDK's
submission side.
"""

from __future__ import annotations

from contextvars import ContextVar, Token

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Optional

    from fasti._dag import DAG

_current: ContextVar[Optional["DAG"]] = ContextVar("fasti_current_dag", default=None)

# A plain counter rather than a context variable: an import may start threads, and
# what they submit while it runs belongs to the import as well.
_imports_open = 0


def current_dag() -> Optional["DAG"]:
    """Return the DAG of the innermost open ``with`` block of this thread or task."""
    return _current.get()


def enter_dag(dag: Optional["DAG"]) -> "Token[Optional[DAG]]":
    """Make a DAG current; the token given back undoes it."""
    return _current.set(dag)


def leave_dag(token: "Token[Optional[DAG]]") -> None:
    """Restore what was current before the matching :func:`enter_dag`."""
    _current.reset(token)


class importing_user_code:  # noqa: N801 (used like a function)
    """Mark a ``with`` block in which the worker imports user modules.

    A script that defines functions and submits a DAG at its top level must not submit
    itself again whenever one of its functions runs.
    """

    # A plain class: generator-based context managers cost a fresh process forty pages.
    __slots__ = ()

    def __enter__(self) -> None:
        global _imports_open
        _imports_open += 1

    def __exit__(self, *_: object) -> None:
        global _imports_open
        _imports_open -= 1


def is_importing_user_code() -> bool:
    """Tell whether the worker is importing user modules right now."""
    return _imports_open > 0
