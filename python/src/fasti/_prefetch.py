"""Modules of entrypoints, found and loaded once in the worker, executed in each child.

Finding a module, reading its compiled code and making its empty module object is most
of what importing costs a fresh process.  The worker does that part before it forks,
without executing anything; a child only executes the code, as an import would.  Each
child checks that neither the files nor the folders searched have changed, and imports
as usual if they have, or if anything about the import is out of the ordinary.
"""

from __future__ import annotations

import json
import os
import sys
import time
import warnings
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from importlib.util import module_from_spec
from types import CodeType, ModuleType
from typing import Any, Callable, Dict, List, NamedTuple, Optional, Sequence, Tuple

#: Entrypoints whose modules are kept; beyond this all are dropped and found again.
KEPT_MAX = 256

#: How often the worker looks whether what it has found is stale, in seconds.  Between
#: two looks children notice for themselves and import the slow way.
LOOK_AGAIN_S = 0.5

#: What a file or folder is recognised by: inode, size, time of change.
_Stamp = Tuple[int, int, int]


class _Module(NamedTuple):
    spec: ModuleSpec
    code: CodeType
    #: Empty, made by the spec's loader; only ever filled in a child.
    module: ModuleType
    #: Value of the package's ``__path__`` that it was found by; None at the top level.
    parent_path: Optional[List[str]]


class _Found(NamedTuple):
    #: From the outermost package inwards.
    modules: Dict[str, _Module]
    #: Everything whose change would make the modules others.
    stamps: Dict[str, Optional[_Stamp]]
    #: The import path of a task that brings one along, ready for its child.
    search: Optional[List[str]]

    def is_fresh(self) -> bool:
        # A plain loop, since every child runs it: a generator would touch more memory.
        for path, seen in self.stamps.items():  # noqa: SIM110
            if _stamp(path) != seen:
                return False
        return True


_NOTHING = _Found({}, {}, None)


class Prefetcher:
    """The worker's side: knows the modules of the entrypoints it has seen."""

    def __init__(self, learn: Callable[[str], None]) -> None:
        #: Told of each entrypoint when it is first met.
        self._learn = learn
        self._found: Dict[bytes, _Found] = {}
        self._look_at = 0.0

    def offer(self, code: bytes) -> None:
        """Make the modules of an entrypoint known to the next child.

        ``code`` is a JSON list: the entrypoint and its import path.  Modules that
        cannot be found or read are left to the child, whose error it is.
        """
        now = time.monotonic()
        if now >= self._look_at:
            self._look_at = now + LOOK_AGAIN_S
            stale = [key for key, found in self._found.items() if not found.is_fresh()]
            for key in stale:
                del self._found[key]
        found = self._found.get(code)
        if found is None:
            if len(self._found) >= KEPT_MAX:
                self._found.clear()
            entrypoint, import_path = json.loads(code)
            self._learn(entrypoint)
            found = self._found[code] = _find(entrypoint, import_path)
        _FINDER.found = found


class _Finder:
    """The child's side for imports by other modules: answers for what was found."""

    def __init__(self) -> None:
        self.found = _NOTHING

    def find_spec(self, name: str, path: Any = None, _target: Any = None) -> Optional[ModuleSpec]:
        """Return what was found before, if it would be searched for in the same place.

        Each module is given once, so that reloading it goes back to the file.
        """
        module = self.found.modules.pop(name, None)
        if module is None:
            return None
        if module.parent_path is not None and list(path or ()) != module.parent_path:
            return None
        return module.spec


class _Loader(SourceFileLoader):
    """A loader that has the code already."""

    def __init__(self, name: str, path: str, code: CodeType) -> None:
        super().__init__(name, path)
        self._code = code

    def get_code(self, fullname: str) -> CodeType:  # noqa: ARG002
        return self._code


_FINDER = _Finder()

#: Everything that is asked before the import path is searched, our finder last.
_BEFORE_PATH: List[Any] = []


def install() -> None:
    """Put the finder where the search of the import path begins, behind everything else."""
    position = sys.meta_path.index(PathFinder) if PathFinder in sys.meta_path else 0
    sys.meta_path.insert(position, _FINDER)
    _BEFORE_PATH[:] = sys.meta_path[: position + 1]


def offer_code(name: str, code: CodeType) -> None:
    """Make one module known whose code is at hand."""
    spec = ModuleSpec(name, _Loader(name, code.co_filename, code), origin=code.co_filename)
    modules = {name: _Module(spec, code, module_from_spec(spec), None)}
    _FINDER.found = _Found(modules, {}, list(sys.path))


def offered() -> object:
    """Return what the next child is offered: the same object while nothing has changed."""
    return _FINDER.found


def offer_nothing() -> None:
    """Let imports find what they find."""
    _FINDER.found = _NOTHING


def check() -> None:
    """Forget, in a child, what has changed since it was found."""
    if not _FINDER.found.is_fresh():
        _FINDER.found = _NOTHING


def search_first(import_path: Sequence[str]) -> None:
    """Put the import path of a task in front of the rest."""
    known = _FINDER.found.search
    sys.path[:] = _search(import_path) if known is None else known


def _search(import_path: Sequence[str]) -> List[str]:
    return [*import_path, *(entry for entry in sys.path if entry not in import_path)]


def execute(name: str) -> Optional[ModuleType]:
    """Execute a module and the packages around it; None leaves the import to Python.

    Errors of the modules pass through, and take the module out again, as in an import.
    """
    modules = _FINDER.found.modules
    if name not in modules or sys.meta_path[: len(_BEFORE_PATH)] != _BEFORE_PATH:
        return None
    parent: Optional[ModuleType] = None
    for each in [found for found in modules if name == found or name.startswith(found + ".")]:
        module = sys.modules.get(each)
        if module is None:
            known = modules.pop(each, None)
            if known is None or (parent is not None and parent.__path__ != known.parent_path):
                return None
            module = _execute(each, known)
            if parent is not None and module is not None:
                setattr(parent, each.rpartition(".")[2], module)
        parent = module
    return parent


def _execute(name: str, known: _Module) -> Optional[ModuleType]:
    module, spec = known.module, known.spec
    sys.modules[name] = module
    spec._initializing = True  # type: ignore[attr-defined]  # read by errors about cycles
    try:
        exec(known.code, module.__dict__)
    except BaseException:
        sys.modules.pop(name, None)
        raise
    finally:
        spec._initializing = False  # type: ignore[attr-defined]
    # A module may have put another in its place.
    return sys.modules.get(name)


def _is_answered_elsewhere(name: str, parent_path: Optional[List[str]]) -> bool:
    """Tell whether a finder in front of ours has the module; it then stays with Python."""
    others = [finder for finder in _BEFORE_PATH if finder is not _FINDER]
    return any(finder.find_spec(name, parent_path) is not None for finder in others)


def _find(entrypoint: str, import_path: Sequence[str]) -> _Found:
    search = _search(import_path)
    found = _Found({}, {}, search)
    # What a task brings along is unpacked once for all: nothing is written beside it.
    writes_no_bytecode = sys.dont_write_bytecode
    sys.dont_write_bytecode = writes_no_bytecode or bool(import_path)
    parent_path: Optional[List[str]] = None
    name = ""
    for component in entrypoint.replace(":", ".").split("."):
        name = f"{name}.{component}" if name else component
        if name in sys.modules or _is_answered_elsewhere(name, parent_path):
            break
        spec = _load(name, search, parent_path, found)
        if spec is None or spec.submodule_search_locations is None:
            break
        search = parent_path = list(spec.submodule_search_locations)
    sys.dont_write_bytecode = writes_no_bytecode
    return found


def _load(
    name: str, search: List[str], parent_path: Optional[List[str]], found: _Found
) -> Optional[ModuleSpec]:
    """Find one module, load its code, and note both; None if it is not plain source."""
    try:
        spec = PathFinder.find_spec(name, search)
        if spec is None or type(spec.loader) is not SourceFileLoader or spec.origin is None:
            return None
        found.stamps[spec.origin] = _stamp(spec.origin)
        for folder in search:
            found.stamps[folder] = _stamp(folder)
            if spec.origin.startswith(os.path.join(folder, "")):
                break  # later ones were not looked at
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            code = spec.loader.get_code(name)
    except (ImportError, SyntaxError, ValueError, OSError):
        return None
    if code is None:
        return None
    spec.loader = _Loader(name, spec.origin, code)
    found.modules[name] = _Module(spec, code, module_from_spec(spec), parent_path)
    return spec


def _stamp(path: str) -> Optional[_Stamp]:
    try:
        status = os.stat(path)
    except OSError:
        return None
    return (status.st_ino, status.st_size, status.st_mtime_ns)
