"""Packing a source tree: the same bytes for the same tree, and nothing that must stay out."""

import io
import os
import tarfile
from pathlib import Path
from typing import Dict

import pytest

from fasti import _bundle
from fasti._ignore import IgnoreRules
from fasti.scheduler import ValidationError


def write(root: Path, files: Dict[str, str]) -> None:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def members(packed: bytes) -> Dict[str, tarfile.TarInfo]:
    with tarfile.open(fileobj=io.BytesIO(packed), mode="r:gz") as archive:
        return {info.name: info for info in archive.getmembers()}


def test_what_is_left_out(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "pkg/m.py": "x = 1", "pkg/__pycache__/m.pyc": "", "pkg/n.pyc": "", ".git/HEAD": "",
            "venv/pyvenv.cfg": "", "venv/lib/x.py": "", "node_modules/x.js": "",
            ".ipynb_checkpoints/n.ipynb": "", "data/big.bin": "", "data/keep.txt": "",
            ".dtignore": "*.bin\n",
        },
    )  # fmt: skip
    assert list(members(_bundle.pack(str(tmp_path)))) == [
        ".dtignore", "data/keep.txt", "pkg/m.py",
    ]  # fmt: skip


def test_same_tree_same_bytes(tmp_path: Path) -> None:
    for name in ("one", "two"):
        write(tmp_path / name, {"b.py": "1", "a/c.py": "2", "a/b.py": "3"})
    os.utime(tmp_path / "two" / "b.py", (0, 0))
    first, second = (_bundle.pack(str(tmp_path / name)) for name in ("one", "two"))
    assert first == second
    (tmp_path / "two" / "b.py").write_text("changed")
    assert _bundle.pack(str(tmp_path / "two")) != first


def test_no_names_of_users_and_plain_modes(tmp_path: Path) -> None:
    write(tmp_path, {"run.sh": "", "m.py": ""})
    (tmp_path / "run.sh").chmod(0o777)
    info = members(_bundle.pack(str(tmp_path)))
    assert (info["run.sh"].mode, info["m.py"].mode) == (0o755, 0o644)
    assert (info["m.py"].uid, info["m.py"].uname, info["m.py"].mtime) == (0, "", 0)


def test_links_inside_are_kept_and_links_outside_refused(tmp_path: Path) -> None:
    root = tmp_path / "root"
    write(root, {"m.py": "x"})
    (root / "link.py").symlink_to("m.py")
    assert members(_bundle.pack(str(root)))["link.py"].linkname == "m.py"
    (root / "out").symlink_to("..")
    with pytest.raises(ValidationError, match="out of WorkDir"):
        _bundle.pack(str(root))


def test_hard_links_are_sent_as_files(tmp_path: Path) -> None:
    write(tmp_path, {"a.py": "x"})
    os.link(tmp_path / "a.py", tmp_path / "b.py")
    info = members(_bundle.pack(str(tmp_path)))
    assert info["b.py"].isreg()
    assert info["b.py"].size == 1


def test_too_large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "noise").write_bytes(os.urandom(200_000))
    monkeypatch.setattr(_bundle, "PACKED_BYTES_MAX", 100_000)
    with pytest.raises(ValidationError, match=r"\.dtignore"):
        _bundle.pack(str(tmp_path))


@pytest.mark.parametrize(
    ("rules", "path", "is_folder", "ignored"),
    [
        (["*.log"], "a/b.log", False, True),
        (["*.log"], "a/b.log.txt", False, False),
        (["/top"], "top", False, True),
        (["/top"], "a/top", False, False),
        (["a/b"], "a/b", False, True),
        (["a/b"], "x/a/b", False, False),
        (["build/"], "x/build", True, True),
        (["build/"], "x/build", False, False),
        (["**/deep"], "a/b/deep", False, True),
        (["**/deep"], "deep", False, True),
        (["a/**"], "a/b/c", False, True),
        (["a/**"], "a", True, False),
        (["a/**/z"], "a/z", False, True),
        (["a/**/z"], "a/b/c/z", False, True),
        (["f?o"], "foo", False, True),
        (["f?o"], "f/o", False, False),
        (["[ab].py"], "b.py", False, True),
        (["[!ab].py"], "b.py", False, False),
        (["*.log", "!keep.log"], "keep.log", False, False),
        (["# comment", "", "\\#file"], "#file", False, True),
        (["trailing  "], "trailing", False, True),
        (["a+b(c)"], "a+b(c)", False, True),
        (["[open"], "[open", False, True),
    ],
)
def test_ignore_rules(rules: "list[str]", path: str, is_folder: bool, ignored: bool) -> None:
    assert IgnoreRules(rules).ignores(path, is_folder) is ignored
