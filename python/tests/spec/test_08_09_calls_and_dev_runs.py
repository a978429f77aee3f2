"""Sections 8 and 9: call style, and dev runs."""

import gzip
import hashlib
import io
import os
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any, Dict, List

import pytest

from dt.scheduler import DAG, ArgumentResolutionError, ParallelTask, Task, ValidationError, batch
from fake_server import FakeServer
from fasti import _bundle, _pickling
from fasti.testing import run_dag

FOLDER = str(Path(__file__).parent)
sys.path.insert(0, FOLDER)
import functions_of_calls as f  # type: ignore[import-not-found,unused-ignore] # noqa: E402

sys.path.remove(FOLDER)


class Block:
    """A block that submits nothing when it ends."""

    def __init__(self, **more: Any) -> None:
        self.dag = DAG(**{"Name": "d", "Image": "i", **more})

    def __enter__(self) -> DAG:
        return self.dag.__enter__()

    def __exit__(self, *_: Any) -> None:
        self.dag._submitted = True
        self.dag.__exit__(None, None, None)


def test_a_call_returns_its_task() -> None:
    with Block():
        task = f.load()
    assert isinstance(task, Task)
    assert (task.Name, task.Entrypoint) == ("load", "functions_of_calls.load")
    assert (task.CPU, task.Memory, task.Image, task.ConfigurationJson) == (400, 400, None, None)


def test_further_calls_are_numbered_and_alias_renames() -> None:
    with Block():
        names = [f.load().Name, f.load().Name, f.load().alias("third").Name, f.load().Name]
    assert names == ["load", "load-1", "third", "load-3"]


@pytest.mark.parametrize("call", [lambda: f.load(1, 2), lambda: f.load(nobody=1)])
def test_arguments_are_bound_at_once(call: Any) -> None:
    with Block(), pytest.raises(TypeError):
        call()


def test_tasks_in_arguments_become_dependencies_and_their_values_arrive() -> None:
    with Block() as block:
        a, b = f.load("a"), f.load("b")
        nested = [1, {"k": (a, {"deep": b})}]
        f.compute(input=nested, factor=3)
        f.many(a, x=b)
        run = run_dag(block, rundate="2024-01-02")
    expected = [1, {"k": ("a", {"deep": "b"})}]
    assert run["compute"].value == (expected, "2024-01-02", 3)
    assert run["many"].value == (("a",), {"x": "b"})
    drawn = [(source.Name, target.Name) for source, target in block.edges]
    assert drawn == [("load", "compute"), ("load-1", "compute"), ("load", "many"),
                     ("load-1", "many")]  # fmt: skip
    assert nested == [1, {"k": (a, {"deep": b})}], "the caller's own list is left alone"


def test_tasks_in_sets() -> None:
    with Block() as block:
        f.many({f.load("x")})
        assert run_dag(block)["many"].value == (({"x"},), {})


def test_a_parallel_task_as_argument_is_a_list() -> None:
    parts = [{"Name": f"p{n}", "Description": ""} for n in range(2)]
    with Block() as block:
        f.many(ParallelTask(Name="par", Entrypoint="m.par", ConfigurationJson=parts))
        run = run_dag(block, functions={"par": lambda part_num: part_num})
    assert run["many"].value == (([0, 1],), {})


def test_literals_arrive_unchanged() -> None:
    import datetime

    value = {1: {2}, "d": datetime.date(2024, 1, 2), "b": b"\0"}
    with Block() as block:
        f.compute(value)
        assert run_dag(block)["compute"].value[0] == value


def test_added_edges_only_order_except_for_what_is_unbound() -> None:
    with Block() as block:
        f.load() >> f.compute(input=1)
        f.needs() << Task(Name="w", Entrypoint="m.wanted")
        run = run_dag(block, functions={"w": lambda: "edge"})
    assert run["compute"].value[0] == 1
    assert run["needs"].value == "edge"


def test_what_stays_without_value_is_an_error_at_submission(no_server: None) -> None:
    with Block() as block:
        f.needs()
        for call in (block.save, block.run):
            with pytest.raises(ArgumentResolutionError, match="wanted"):
                call()


def test_only_importable_functions_can_be_called(no_server: None) -> None:
    @batch()
    def local() -> None: ...

    with Block(), pytest.raises(ValidationError):
        local()


def test_functions_of_the_script_need_a_dev_run(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        "from dt.scheduler import DAG, ValidationError, batch\n"
        "@batch()\ndef f(): return 1\n"
        "try:\n    with DAG(Name='d', Image='i'): f()\n"
        "except ValidationError as error: print('refused')\n"
        f"dag = DAG(Name='d', DevRun=True, WorkDir={str(tmp_path)!r})\n"
        "dag.__enter__(); print(f().Entrypoint)\n"
    )
    source = str(Path(_bundle.__file__).parents[1])
    ran = subprocess.run(
        [sys.executable, str(script)],
        env={**os.environ, "PYTHONPATH": source},
        capture_output=True,
        text=True,
        check=True,
    )
    assert ran.stdout.split() == ["refused", "script.f"]


def test_bindings_are_sent_as_a_pickle(server: FakeServer) -> None:
    server.on("POST", "/runs", {"id": 1}, 201)
    with DAG(Name="d", Image="i"):
        f.compute(f.load("x"))
    tasks = server.requests[0].json["definition"]["tasks"]
    bindings = _pickling.loads_base64(tasks[1]["arguments_blob"])
    assert repr(bindings.named["input"]) == "<result of 'load'>"


# Section 9


def test_work_dir_is_required_and_a_folder(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for work_dir in (None, tmp_path / "none", tmp_path / "file", 5):
        with pytest.raises(ValidationError) as caught:
            DAG(Name="d", DevRun=True, WorkDir=work_dir)  # type: ignore[arg-type]
        assert caught.value.field == "WorkDir"


def test_the_home_folder_is_expanded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "example").mkdir()
    assert DAG(Name="d", DevRun=True, WorkDir="~/example").WorkDir == str(tmp_path / "example")


def test_other_tags_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValidationError):
        DAG(Name="d", DevRun=True, WorkDir=tmp_path, Tag="prod")


def test_work_dir_alone_is_ignored_with_a_warning(tmp_path: Path) -> None:
    with pytest.warns(UserWarning, match="WorkDir"):
        DAG(Name="d", WorkDir=tmp_path)


@pytest.fixture
def dev_server(server: FakeServer) -> FakeServer:
    server.on("POST", "/bundles", {"id": "x"}, 201)
    server.on("POST", "/runs", {"id": 12}, 201)
    return server


def run_dev(folder: Path, **more: Any) -> DAG:
    with DAG(Name="d", DevRun=True, WorkDir=folder, **more) as found:
        Task(Name="t", Entrypoint="m.f")
    return found


def members(request: Any) -> Dict[str, Any]:
    with tarfile.open(fileobj=io.BytesIO(gzip.decompress(request.body))) as archive:
        return {member.name: member for member in archive.getmembers()}


def test_the_folder_is_sent_once_by_content(dev_server: FakeServer, tmp_path: Path) -> None:
    (tmp_path / "m.py").write_text("def f(): pass\n")
    run_dev(tmp_path)
    (upload,) = dev_server.sent("POST", "/bundles")
    bundle = hashlib.sha256(upload.body).hexdigest()
    (body,) = [request.json for request in dev_server.sent("POST", "/runs")]
    assert (body["run_type"], body["definition"]["bundle"]) == ("dev_run", bundle)
    assert body["definition"]["python"] == sys.executable, "the server is on this machine"
    dev_server.on("HEAD", f"/bundles/{bundle}", None)
    os.utime(tmp_path / "m.py", (0, 0))
    run_dev(tmp_path)
    assert len(dev_server.sent("POST", "/bundles")) == 1


def test_what_is_left_out(dev_server: FakeServer, tmp_path: Path) -> None:
    kept = ["m.py", "pkg/__init__.py", "data/keep.txt"]
    left: List[str] = [
        ".git/config", "__pycache__/m.pyc", "pkg/x.pyc", "node_modules/a.js",
        ".ipynb_checkpoints/n.ipynb", "venv/pyvenv.cfg", "venv/lib/x.py", "data/big.bin",
        "logs/a.log",
    ]  # fmt: skip
    for name in kept + left:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x")
    (tmp_path / ".dtignore").write_text("# comment\n*.bin\n/logs/\n")
    run_dev(tmp_path)
    sent = members(dev_server.sent("POST", "/bundles")[0])
    assert set(kept) <= set(sent)
    assert not set(left) & set(sent)


def test_links_that_leave_the_tree(no_server: None, tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    tree.mkdir()
    (tree / "out").symlink_to(tmp_path)
    with pytest.raises(ValidationError, match="symlink"):
        run_dev(tree)


def test_trees_that_are_too_large(
    no_server: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert _bundle.PACKED_BYTES_MAX == 200 * 2**20
    monkeypatch.setattr(_bundle, "PACKED_BYTES_MAX", 1000)
    (tmp_path / "random").write_bytes(os.urandom(100_000))
    with pytest.raises(ValidationError, match="WorkDir"):
        run_dev(tmp_path)


def test_an_image_decides_on_the_interpreter(dev_server: FakeServer, tmp_path: Path) -> None:
    run_dev(tmp_path, Image="i")
    (body,) = [request.json for request in dev_server.sent("POST", "/runs")]
    assert body["definition"].get("python") is None
    assert body["definition"]["image"] == "i"


def test_it_does_not_wait_and_says_where_to_look(
    dev_server: FakeServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_dev(tmp_path).run_id == 12
    said = capsys.readouterr()
    assert said.out == ""
    assert "12" in said.err
    assert dev_server.url in said.err


def test_save_is_run_with_a_warning_about_the_schedule(
    dev_server: FakeServer, tmp_path: Path
) -> None:
    from dt.scheduler import Schedule

    found = DAG(Name="d", DevRun=True, WorkDir=tmp_path, Schedule=Schedule(at_hours=[8]))
    Task(Name="t", Entrypoint="m.f", dag=found)
    with pytest.warns(UserWarning, match="Schedule"):
        assert found.save() == 12
    (body,) = [request.json for request in dev_server.sent("POST", "/runs")]
    assert body["definition"]["schedule"] == {}
