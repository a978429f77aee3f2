"""Images by ``fasti image``: folders, wheels, requirements, and what goes wrong with them."""

import json
import os
import subprocess
import threading
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Iterator, List

import pytest

from fasti.scheduler import DAG, Task, ValidationError
from live.live_support import PATIENCE, Server

#: Longest wait for an environment, in seconds: minutes on a very busy machine.
BUILD_PATIENCE = 4 * PATIENCE

MODULE = """
def price():
    return {value}
"""


def _wheel(folder: Path, value: int, name: str = "shop_tools") -> Path:
    """Make a wheel with one module whose function returns ``value``."""
    path = folder / f"{name}-{value}.0-py3-none-any.whl"
    info = f"{name}-{value}.0.dist-info"
    files = {
        f"{name}.py": MODULE.format(value=value),
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {value}.0\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\n"
        "Tag: py3-none-any\n",
    }
    files[f"{info}/RECORD"] = "".join(f"{file},,\n" for file in [*files, f"{info}/RECORD"])
    with zipfile.ZipFile(path, "w") as archive:
        for file, text in files.items():
            archive.writestr(file, text)
    return path


def _start(live: Server, *arguments: object) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [os.environ["FASTI_BIN"], "--url", live.url, "image", *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def _image(live: Server, *arguments: object) -> "subprocess.CompletedProcess[str]":
    running = _start(live, *arguments)
    out, err = running.communicate(timeout=BUILD_PATIENCE)
    return subprocess.CompletedProcess(running.args, running.returncode, out, err)


def _python_of(live: Server, name: str) -> str:
    shown = _image(live, "show", name, "--json")
    assert shown.returncode == 0, shown.stderr
    return str(json.loads(shown.stdout)["python"])


def _value(live: Server, image: str, entrypoint: str) -> Any:
    dag = DAG(Name=f"of {image}", Image=image)
    Task(Name="price", Entrypoint=entrypoint, dag=dag)
    run = dag.run()
    assert live.finished(run)["status"] == "success", run.logs("price")
    return run.result("price")


def _builds(live: Server) -> List[Path]:
    return sorted((live.folder / "data" / "environments").glob("*/*-*/venv"))


class Index:
    """A package index with one wheel, which answers only once it is let."""

    def __init__(self, wheel: Path) -> None:
        self.open = threading.Event()
        self.asked = threading.Event()
        index = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                index.asked.set()
                index.open.wait(BUILD_PATIENCE)
                is_file = self.path.endswith(".whl")
                page = f'<a href="/{wheel.name}">{wheel.name}</a>'.encode()
                body = wheel.read_bytes() if is_file else page
                self.send_response(200)
                kind = "application/octet-stream" if is_file else "text/html"
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._http.daemon_threads = True
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.01,))
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._http.server_address[1]}/simple"

    def close(self) -> None:
        self.open.set()
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()


@pytest.fixture
def index(tmp_path: Path) -> Iterator[Index]:
    made = Index(_wheel(tmp_path, 42, "from_index"))
    yield made
    made.close()


def test_a_folder_where_it_is_and_a_packed_one(live: Server, tmp_path: Path) -> None:
    code = tmp_path / "code"
    code.mkdir()
    (code / "shop_code.py").write_text(MODULE.format(value=1), "utf-8")
    added = _image(live, "add", "in place", "--path", code, "--env", "A=b", "--tag", "dev")
    assert added.returncode == 0, added.stderr
    assert added.stderr == "registered the image in place\n"
    packed = _image(live, "add", "packed/one", "--bundle", code)
    assert packed.returncode == 0, packed.stderr
    (code / "shop_code.py").write_text(MODULE.format(value=2), "utf-8")
    assert _value(live, "in place", "shop_code.price") == 2
    assert _value(live, "packed/one", "shop_code.price") == 1, "later edits stay here"
    listed = _image(live, "list").stdout
    assert "packed/one" in listed
    assert "in place" in listed
    assert "A=b" in _image(live, "show", "in place").stdout
    assert _image(live, "remove", "in place").returncode == 0
    assert _image(live, "show", "in place").returncode == 3


def test_a_wheel_gets_an_environment_and_progress_is_shown(live: Server, tmp_path: Path) -> None:
    before = len(_builds(live))
    # The same file: a wheel built again has other times in it, and is another.
    wheel = _wheel(tmp_path, 3)
    added = _image(live, "add", "wheel", "--wheel", wheel)
    assert added.returncode == 0, added.stderr
    for said in ("installing\n", "Successfully installed shop-tools-3.0", "registered the image"):
        assert said in added.stderr
    assert _value(live, "wheel", "shop_tools.price") == 3
    again = _image(live, "add", "wheel again", "--wheel", wheel)
    assert again.returncode == 0, again.stderr
    assert _python_of(live, "wheel again") == _python_of(live, "wheel")
    assert len(_builds(live)) == before + 1, "the second found what the first had made"


def test_the_same_at_the_same_time_is_made_once(live: Server, tmp_path: Path) -> None:
    before = len(_builds(live))
    wheel = _wheel(tmp_path, 4)
    running = [_start(live, "add", f"twin {n}", "--wheel", wheel) for n in range(4)]
    for process in running:
        _, err = process.communicate(timeout=BUILD_PATIENCE)
        assert process.returncode == 0, err
    assert len({_python_of(live, f"twin {n}") for n in range(4)}) == 1
    assert len(_builds(live)) == before + 1


def test_requirements_that_cannot_be_had_say_so_with_the_end_of_the_output(
    live: Server, tmp_path: Path
) -> None:
    requirements = tmp_path / "requirements.txt"
    requirements.write_text("--no-index\nno-such-package-anywhere==1\n", "utf-8")
    added = _image(live, "add", "broken", "--requirements", requirements)
    assert added.returncode == 2
    assert "installing failed (exit status: 1); the output ends with:" in added.stderr
    assert "No matching distribution found for no-such-package-anywhere==1" in added.stderr
    assert _image(live, "show", "broken").returncode == 3, "nothing was registered"


def test_requirements_come_from_an_index_after_a_server_was_killed_over_them(
    tmp_path_factory: pytest.TempPathFactory, tmp_path: Path, index: Index
) -> None:
    requirements = tmp_path / "requirements.txt"
    requirements.write_text(f"--index-url {index.url}\nfrom-index\n", "utf-8")
    folder = tmp_path_factory.mktemp("killed")
    first = Server(folder)
    adding = _start(first, "add", "late", "--requirements", requirements)
    assert index.asked.wait(BUILD_PATIENCE), "the installer is at work"
    first.process.kill()
    _, err = adding.communicate(timeout=BUILD_PATIENCE)
    assert adding.returncode == 6, err
    first.stop()
    second = Server(folder)
    try:
        half_made = [path.name for path in (folder / "data" / "environments").iterdir()]
        assert len(half_made) == 1
        status = second.call_for_status("GET", f"/environments/{half_made[0]}")
        assert status == 404, "what is half made is not there"
        index.open.set()
        added = _image(second, "add", "late", "--requirements", requirements)
        assert added.returncode == 0, added.stderr
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("FASTI_URL", second.url)
            assert _value(second, "late", "from_index.price") == 42
        assert len(_builds(second)) == 1
    finally:
        second.stop()


def test_containers_are_refused_with_the_reason(tmp_path: Path) -> None:
    podman = tmp_path / "bin" / "podman"
    podman.parent.mkdir()
    podman.write_text("#!/bin/sh\necho 'cannot set up namespaces' >&2\nexit 125\n")
    podman.chmod(0o755)
    server = Server(tmp_path, variables={"PATH": str(podman.parent)})
    try:
        refused = _image(server, "add", "boxed", "--container", "python:3.12")
        assert refused.returncode == 2
        assert (
            "no containers can be run here: `podman info` fails: cannot set up namespaces;"
            " there is no program `docker`"
        ) in refused.stderr
        assert _image(server, "show", "boxed").returncode == 3
    finally:
        server.stop()


def test_what_cannot_be_added_is_named(live: Server, tmp_path: Path) -> None:
    nowhere = tmp_path / "nowhere"
    assert f"`{nowhere}` is no folder" in _image(live, "add", "x", "--path", nowhere).stderr
    wheel = tmp_path / "tools.zip"
    assert f"`{wheel}` is no wheel" in _image(live, "add", "x", "--wheel", wheel).stderr
    missing = _image(live, "add", "x", "--wheel", _wheel(tmp_path, 5), "--python", "no-such")
    assert missing.returncode == 2
    assert "python: `no-such` cannot run tasks" in missing.stderr


def test_an_unknown_image_is_an_error_that_says_how_to_register_it() -> None:
    dag = DAG(Name="lost", Image="never registered")
    Task(Name="a", Entrypoint="a.b", dag=dag)
    with pytest.raises(ValidationError, match="fasti image add") as caught:
        dag.save()
    assert "never registered" in str(caught.value)
    assert caught.value.code == "unknown_image"
