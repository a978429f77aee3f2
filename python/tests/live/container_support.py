"""A real container engine with storage of its own, and an image made of what this machine has.

Nothing is fetched: the image is a few programs of the machine, this interpreter's base, and the
libraries that they are linked with.  Which options podman needs differs by machine, so they are
tried; an engine that cannot even run `true` gives the reason, for the tests that then look at how
Fasti refuses.
"""

import functools
import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import tempfile
from pathlib import Path
from typing import Any, Callable, Iterator, List, Optional, Set

#: The image that the tests use.
IMAGE = "localhost/fasti-test:1"

PROGRAMS = ("sh", "sleep", "cat", "env", "id", "ls", "head", "true")

#: Folders of the standard library that no task here imports.
LEFT_OUT = {
    "__pycache__",
    "dist-packages",
    "ensurepip",
    "idlelib",
    "lib2to3",
    "site-packages",
    "test",
    "tests",
    "tkinter",
    "turtledemo",
}

#: Options that podman is tried with, the fewest first.
RUNTIMES: List[List[str]] = [[], ["--runtime=runc"], ["--runtime=crun"]]
RUN_ARGS: List[List[str]] = [
    ["--network=none"],
    ["--network=none", "--ulimit=nofile=1024:20000", "--ulimit=nproc=4096:4096"],
]

#: Longest wait for one call of podman, in seconds.
PODMAN_PATIENCE = 120.0


class Podman:
    """What works here, or why nothing does."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.engine_args: List[str] = []
        self.run_args: List[str] = []
        self.why_not: Optional[str] = None
        # Paths of sockets below it must be short.
        self.storage = tempfile.mkdtemp(prefix="fc")
        if shutil.which("podman") is None:
            self.why_not = "there is no podman (on Debian: apt-get install podman runc)"
            return
        archive = folder / "image.tar"
        _write_image(archive)
        for runtime in RUNTIMES:
            self.engine_args = [
                f"--root={self.storage}/storage",
                f"--runroot={self.storage}/run",
                "--storage-driver=vfs",
                *runtime,
            ]
            self._call("import", str(archive), IMAGE)
            for run_args in RUN_ARGS:
                self.run_args = run_args
                tried = self._call("run", "--rm", "--pull=never", *run_args, IMAGE, "/bin/true")
                if tried.returncode == 0:
                    self.why_not = None
                    archive.unlink()
                    return
                self.why_not = tried.stderr.strip() or f"exit code {tried.returncode}"

    def _call(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        command = ["podman", *self.engine_args, *arguments]
        return subprocess.run(command, capture_output=True, text=True, timeout=PODMAN_PATIENCE)

    @property
    def config(self) -> str:
        """The part of the configuration file that makes a server use it."""
        lists = {"engine_args": self.engine_args, "run_args": self.run_args}
        lines = [f"{name} = {json.dumps(value)}\n" for name, value in lists.items()]
        return '[containers]\nengine = "podman"\npull = "never"\n' + "".join(lines)

    def containers(self) -> List[str]:
        """Names of the containers that there are, whatever they do."""
        listed = self._call("ps", "--all", "--format", "{{.Names}}")
        assert listed.returncode == 0, listed.stderr
        return listed.stdout.split()

    def close(self) -> None:
        if self.why_not is None:
            self._call("rm", "--all", "--force", "--time", "0")
        shutil.rmtree(self.storage, ignore_errors=True)


def where_containers_run(test: Callable[..., None]) -> Callable[..., None]:
    """Let a test with the fixture ``engine`` be where no container can be run.

    What its other fixtures found out there, that Fasti refuses, is then all there is to see.
    """

    @functools.wraps(test)
    def run(**given: Any) -> None:
        if given["engine"].why_not is None:
            test(**given)

    return run


def podman(folder: Path) -> Iterator[Podman]:
    """Body of the fixture."""
    engine = Podman(folder)
    if engine.why_not is not None:
        print(f"NO CONTAINERS CAN BE RUN HERE: {engine.why_not}", file=sys.__stderr__, flush=True)
    try:
        yield engine
    finally:
        engine.close()


def _write_image(path: Path) -> None:
    interpreter = Path(sys.base_prefix, "bin", f"python{sys.version_info[0]}.{sys.version_info[1]}")
    library = Path(sysconfig.get_path("stdlib", vars={"installed_base": sys.base_prefix}))
    binaries = {interpreter, *(library / "lib-dynload").glob("*.so")}
    links = {"/usr/bin/python3": str(interpreter)}
    for name in PROGRAMS:
        found = shutil.which(name)
        assert found is not None, f"this machine has no {name}"
        binaries.add(Path(found))
        links[f"/bin/{name}"] = found
    with tarfile.open(path, "w") as archive:
        seen: Set[str] = set()

        def add(file: Path, name: str) -> None:
            if name not in seen:
                seen.add(name)
                archive.add(file.resolve(), name.lstrip("/"), recursive=False)

        for binary in sorted(binaries):
            add(binary, str(binary))
            for linked in _libraries(binary):
                add(Path(linked), linked)
        for folder, folders, files in os.walk(library):
            folders[:] = [
                one for one in folders if one not in LEFT_OUT and not one.startswith("config-")
            ]
            for file in files:
                add(Path(folder, file), str(Path(folder, file)))
        for name, target in links.items():
            if name not in seen:
                link = tarfile.TarInfo(name.lstrip("/"))
                link.type, link.linkname = tarfile.SYMTYPE, target
                archive.addfile(link)
        for folder in ("tmp", "etc", "proc", "dev", "sys"):
            entry = tarfile.TarInfo(folder)
            entry.type, entry.mode = tarfile.DIRTYPE, 0o755
            archive.addfile(entry)


def _libraries(binary: Path) -> List[str]:
    """Return the libraries that a program is linked with, by the paths where it looks for them."""
    printed = subprocess.run(["ldd", str(binary)], capture_output=True, text=True).stdout
    return re.findall(r"(/\S+) \(0x", printed)
