"""From an entrypoint string to the function that it names.

``package.file.function`` or ``package.file:function`` names a function;
``package.file`` names a module that defines ``__batch_main__`` or exactly one
decorated function.  This module imports user code and must therefore be used only
where a task is about to run.
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any, Callable, Dict, Iterator, List, Optional, Tuple

from fasti import _context, _prefetch
from fasti._entrypoint_name import MAIN_NAME, MARK, is_valid
from fasti._errors import EntrypointError

#: Parent, last component, and whether the whole must be a function, of entrypoints that
#: were split before.
_known: Dict[str, Tuple[str, str, bool]] = {}


def learn(entrypoint: str) -> None:
    """Split an entrypoint ahead, in the worker, for all its children."""
    if is_valid(entrypoint):
        if len(_known) >= _prefetch.KEPT_MAX:
            _known.clear()
        _known[entrypoint] = _split(entrypoint)


def _split(entrypoint: str) -> Tuple[str, str, bool]:
    if not is_valid(entrypoint):
        raise EntrypointError(
            f"entrypoint {entrypoint!r} is not of the form 'package.file.function'"
        )
    parent, _, last = entrypoint.replace(":", ".").rpartition(".")
    return (parent, last, ":" in entrypoint)


def resolve(entrypoint: str) -> Callable[..., Any]:
    """Import and return the function that an entrypoint names; the first match wins.

    Raises :class:`EntrypointError` if it names nothing that can be called.  Errors of
    the user's module while it is imported pass through unchanged.
    """
    parent, last, whole_is_function = _known.get(entrypoint) or _split(entrypoint)
    module = _import(parent)
    if module is not None:
        function = getattr(module, last, None)
        if callable(function):
            return function  # type: ignore[no-any-return]
    if not whole_is_function:
        found = _from_module(entrypoint)
        if found is not None:
            return found
    raise EntrypointError(_explanation(entrypoint, parent, last, module, whole_is_function))


def _from_module(name: str) -> Optional[Callable[..., Any]]:
    module = _import(name)
    if module is None:
        return None
    main = getattr(module, MAIN_NAME, None)
    if callable(main):
        return main  # type: ignore[no-any-return]
    decorated = _decorated(module)
    return decorated[0] if len(decorated) == 1 else None


def _decorated(module: ModuleType) -> List[Callable[..., Any]]:
    """Return the decorated functions defined in a module itself, each once."""

    def candidates() -> Iterator[Any]:
        seen = set()
        for value in vars(module).values():
            if MARK in getattr(value, "__dict__", ()) and id(value) not in seen:
                seen.add(id(value))
                yield value

    return [value for value in candidates() if value.__module__ == module.__name__]


def _import(name: str) -> Optional[ModuleType]:
    """Return a module, or None if it does not exist; other import errors pass through."""
    with _context.importing_user_code():
        try:
            module = sys.modules.get(name) or _prefetch.execute(name)
            if module is None:
                # Unlike importlib.import_module, this stays in C for the most part.
                __import__(name)
                module = sys.modules[name]
            return module
        except ModuleNotFoundError as error:
            # Only the absence of the module itself, or of a package above it, is an
            # answer; a missing import inside the user's module is the user's error.
            missing = error.name
            if missing is not None and (name == missing or name.startswith(missing + ".")):
                return None
            raise
        except SystemExit as error:
            raise EntrypointError(
                f"module {name!r} called sys.exit({error.code!r}) while it was imported"
            ) from error


def _explanation(
    entrypoint: str, parent: str, last: str, module: Optional[ModuleType], only_function: bool
) -> str:
    if module is None:
        first = f"there is no module {parent!r}"
    elif not hasattr(module, last):
        first = f"module {parent!r} has no attribute {last!r}"
    else:
        first = f"{last!r} of module {parent!r} is not callable"
    if only_function:
        return f"cannot find entrypoint {entrypoint!r}: {first}"
    whole = _import(entrypoint) if module is not None else None
    if whole is None:
        second = f"there is no module {entrypoint!r}"
    else:
        second = (
            f"module {entrypoint!r} defines no {MAIN_NAME} and "
            f"{len(_decorated(whole))} decorated functions (exactly one would be taken)"
        )
    return f"cannot find entrypoint {entrypoint!r}: {first}; {second}"
