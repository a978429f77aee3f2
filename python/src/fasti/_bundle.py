"""The source tree of a dev run: packed reproducibly, uploaded unless already known.

The same tree always gives the same bytes, so its SHA-256 names it and an unchanged
tree is not sent twice.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import tarfile
from pathlib import Path
from typing import TYPE_CHECKING, Iterator, Tuple

from fasti._errors import NotFound, ValidationError
from fasti._ignore import IgnoreRules

if TYPE_CHECKING:
    from fasti._client import Client

#: Largest packed tree, in bytes.
PACKED_BYTES_MAX = 200 * 1024 * 1024

#: The file in the tree that lists what to leave out, in gitignore syntax.
IGNORE_FILE = ".dtignore"

#: Never sent; virtual environments are recognised by their marker file besides.
_LEFT_OUT_FOLDERS = {".git", "__pycache__", "node_modules", ".ipynb_checkpoints"}
_VENV_MARKER = "pyvenv.cfg"


def upload(folder: str, client: "Client") -> str:
    """Pack a folder, make sure the server has it, and return its id (SHA-256 in hex)."""
    packed = pack(folder)
    bundle = hashlib.sha256(packed).hexdigest()
    try:
        client.send("HEAD", f"/bundles/{bundle}")
    except NotFound:
        client.send("POST", "/bundles", {"Content-Type": "application/gzip"}, packed)
    return bundle


def pack(folder: str) -> bytes:
    """Return a folder as a gzipped tar whose bytes depend on names and contents alone.

    Raises :class:`ValidationError` for a symlink that leaves the tree and for a tree
    that packs to more than 200 MB.
    """
    buffer = io.BytesIO()
    with (
        gzip.GzipFile(fileobj=buffer, mode="wb", mtime=0) as zipped,
        tarfile.open(fileobj=zipped, mode="w", format=tarfile.PAX_FORMAT) as archive,
    ):
        for path, name in _entries(folder):
            _add(archive, path, name)
            if buffer.tell() > PACKED_BYTES_MAX:
                raise ValidationError(
                    f"WorkDir {folder} packs to more than {PACKED_BYTES_MAX // 2**20} MB; "
                    f"list what is not needed in {IGNORE_FILE}",
                    field="WorkDir",
                )
    return buffer.getvalue()


def _entries(folder: str) -> Iterator[Tuple[Path, str]]:
    """Yield what to send, in an order that does not depend on the file system."""
    root = os.path.realpath(folder)
    rules = IgnoreRules.read(Path(root) / IGNORE_FILE)
    for current, folders, files in os.walk(root):
        here = Path(current)
        kept = []
        for name in sorted(folders):
            relative = (here / name).relative_to(root).as_posix()
            if _is_left_out(here / name, name) or rules.ignores(relative, is_folder=True):
                continue
            if (here / name).is_symlink():
                _check_link(here / name, root)
                yield here / name, relative
            else:
                kept.append(name)
        folders[:] = kept
        for name in sorted(files):
            relative = (here / name).relative_to(root).as_posix()
            if name.endswith(".pyc") or rules.ignores(relative, is_folder=False):
                continue
            if (here / name).is_symlink():
                _check_link(here / name, root)
            yield here / name, relative


def _is_left_out(path: Path, name: str) -> bool:
    return name in _LEFT_OUT_FOLDERS or (path / _VENV_MARKER).exists()


def _check_link(path: Path, root: str) -> None:
    target = os.path.realpath(path)
    if os.path.isabs(os.readlink(path)) or os.path.commonpath([target, root]) != root:
        raise ValidationError(
            f"symlink {path} leads out of WorkDir, to {os.readlink(path)}", field="WorkDir"
        )


def _add(archive: tarfile.TarFile, path: Path, name: str) -> None:
    info = archive.gettarinfo(str(path), arcname=name)
    if not (info.isreg() or info.issym()):
        if info.islnk():  # a hard link to an earlier file: send its content again
            info.type = tarfile.REGTYPE
            info.size = path.stat().st_size
            info.linkname = ""
        else:
            return  # sockets, devices and the like are no source code
    info.uid = info.gid = 0
    info.uname = info.gname = ""
    info.mtime = 0
    info.mode = 0o755 if info.mode & 0o100 else 0o644
    if info.issym():
        archive.addfile(info)
        return
    with open(path, "rb") as file:
        archive.addfile(info, file)
