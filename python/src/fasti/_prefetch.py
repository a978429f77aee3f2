"""Code of entrypoint modules, found and loaded once in the worker, executed in each child.

Finding a module and reading its compiled code is most of what importing costs a
fresh process.  The worker does that part before it forks, without executing anything;
children then import as usual, through a finder that already knows.  Every fork checks
that neither the files nor the folders searched have changed.
"""

from __future__ import annotations

import os
import sys
import warnings
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from types import CodeType
from typing import Any, Dict, List, NamedTuple, Optional, Sequence, Tuple

#: Entrypoints whose modules are kept; beyond this all are dropped and found again.
KEPT_MAX = 256

#: What a file or folder is recognised by: inode, size, time of change.
_Stamp = Tuple[int, int, int]


class _Module(NamedTuple):
    spec: ModuleSpec
    #: Value of the package's ``__path__`` that it was found by; None at the top level.
    parent_path: Optional[List[str]]


class _Found(NamedTuple):
    modules: Dict[str, _Module]
    #: Everything whose change would make the modules others.
    stamps: Dict[str, Optional[_Stamp]]


class Prefetcher:
    """The worker's side: knows the modules of the entrypoints it has seen."""

    def __init__(self) -> None:
        self._found: Dict[Tuple[str, Tuple[str, ...]], _Found] = {}

    def offer(self, entrypoint: str, import_path: Sequence[str]) -> None:
        """Make the modules of an entrypoint known to the next child.

        Modules that cannot be found or read are left to the child, whose error it is.
        """
        key = (entrypoint, tuple(import_path))
        found = self._found.get(key)
        if found is None or any(_stamp(path) != seen for path, seen in found.stamps.items()):
            if len(self._found) >= KEPT_MAX:
                self._found.clear()
            found = self._found[key] = _find(entrypoint, import_path)
        _FINDER.modules = found.modules


class _Finder:
    """The child's side: a finder that answers for the modules of its entrypoint."""

    def __init__(self) -> None:
        self.modules: Dict[str, _Module] = {}

    def find_spec(self, name: str, path: Any = None, _target: Any = None) -> Optional[ModuleSpec]:
        """Return what was found before, if it would be searched for in the same place.

        Each module is given once, so that reloading it goes back to the file.
        """
        module = self.modules.pop(name, None)
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


def install() -> None:
    """Put the finder where the search of the import path begins, behind everything else."""
    position = sys.meta_path.index(PathFinder) if PathFinder in sys.meta_path else 0
    sys.meta_path.insert(position, _FINDER)


def _find(entrypoint: str, import_path: Sequence[str]) -> _Found:
    found = _Found({}, {})
    search: List[str] = [*import_path, *(entry for entry in sys.path if entry not in import_path)]
    parent_path: Optional[List[str]] = None
    name = ""
    for component in entrypoint.replace(":", ".").split("."):
        name = f"{name}.{component}" if name else component
        if name in sys.modules or name in sys.builtin_module_names:
            break
        spec = _load(name, search, parent_path, found)
        if spec is None or spec.submodule_search_locations is None:
            break
        search = parent_path = list(spec.submodule_search_locations)
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
    found.modules[name] = _Module(spec, parent_path)
    return spec


def _stamp(path: str) -> Optional[_Stamp]:
    try:
        status = os.stat(path)
    except OSError:
        return None
    return (status.st_ino, status.st_size, status.st_mtime_ns)
