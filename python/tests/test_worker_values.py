"""Values through the worker: entrypoints, arguments, results."""

import base64
import datetime
import decimal
import hashlib
import json
import pickle
from pathlib import Path
from typing import Any, Dict, List

from fasti._places import Bindings, Place
from worker_driver import Worker, upstream

REFLECT = "def f(**more): return more\n"


def blob(value: Any) -> str:
    return base64.b64encode(pickle.dumps(value, 5)).decode()


def test_reserved_arguments(worker: Worker) -> None:
    text = (
        "def f(sub_job_name, scheduled_time, runtime, part_num, num_parts, job_config, rundate):\n"
        "    return locals()\n"
    )
    seen = worker.run("m.f", text, part_num=2, num_parts=5, configuration={"k": [1]}).value
    utc = datetime.timezone.utc
    assert seen == {
        "sub_job_name": "the task",
        "scheduled_time": datetime.datetime(2024, 3, 31, 1, tzinfo=utc),
        "runtime": datetime.datetime(2024, 3, 31, 1, 0, 0, 125000, tzinfo=utc),
        "part_num": 2,
        "num_parts": 5,
        "job_config": {"k": [1]},
        "rundate": "2024-03-31",
    }


def test_job_config_is_empty_without_one(worker: Worker) -> None:
    assert worker.run("m.f", "def f(job_config): return job_config").value == {}


def test_pickled_configuration_wins(worker: Worker) -> None:
    config = {"at": datetime.date(2024, 1, 2), 3: (decimal.Decimal("1.10"), {b"x"})}
    ended = worker.run(
        "m.f",
        "def f(job_config): return job_config",
        configuration={"at": "2024-01-02"},
        configuration_blob=blob(config),
    )
    assert ended.value == config


def test_part_takes_its_own_out_of_a_pickled_list(worker: Worker) -> None:
    ended = worker.run(
        "m.f",
        "def f(job_config): return job_config",
        configuration_blob=blob([{"n": 0}, {"n": (1,)}]),
        part_num=1,
        num_parts=2,
    )
    assert ended.value == {"n": (1,)}


def test_translation_table_of_the_decorator(worker: Worker) -> None:
    text = (
        "import dt.scheduler\n"
        "@dt.scheduler.batch(translation_table={'running_date': 'rundate'})\n"
        "def f(running_date): return running_date\n"
    )
    assert worker.run("m.f", text).value == "2024-03-31"


def test_upstream_values_by_name_inline_path_and_none(worker: Worker) -> None:
    seen = worker.run(
        "m.f",
        "def f(a, b, c): return a, b, c",
        upstreams=[
            upstream("A task", "a", {"path": worker.stored({"big": list(range(100))})}),
            upstream("B task", "b", {"inline": blob("small")}),
            upstream("C task", "c", {"none": True}),
        ],
    ).value
    assert seen == ({"big": list(range(100))}, "small", None)


def test_parallel_upstream_is_a_list_in_part_order(worker: Worker) -> None:
    parts = [{"name": f"p{n}", "inline": blob(n * 10)} for n in range(3)]
    described = upstream("P", "part", *parts, parallel=True)
    assert worker.run("m.f", "def f(part): return part", upstreams=[described]).value == [0, 10, 20]
    assert worker.run("n.f", "def f(*args): return args", upstreams=[described]).value == (
        0,
        10,
        20,
    )


def test_documented_batch_main_with_args(worker: Worker) -> None:
    text = (
        "def __batch_main__(sub_job_name, scheduled_time, runtime, part_num, num_parts,\n"
        "                   job_config, rundate, *args):\n"
        "    return sub_job_name, args\n"
    )
    worker.module("pkg.main", text)
    described = [upstream("A", "x", {"inline": blob(1)}), upstream("B", "x", {"inline": blob(2)})]
    assert worker.run("pkg.main", upstreams=described).value == ("the task", (1, 2))


def test_arg_translation_table(worker: Worker) -> None:
    seen = worker.run(
        "m.f",
        "def f(left, both): return left, both",
        configuration={"arg_translation_table": {"A": "left", "B": "both", "C": "both"}},
        upstreams=[upstream(n, "same", {"inline": blob(n.lower())}) for n in "CAB"],
    ).value
    assert seen == ("a", ["c", "b"])


def test_values_are_read_only_when_wanted(worker: Worker) -> None:
    gone = upstream("A", "unused", {"path": "/no/such/value"})
    assert worker.run("m.f", "def f(): return 'fine'", upstreams=[gone]).value == "fine"


def test_missing_argument_fails_before_the_function_runs(worker: Worker) -> None:
    described = [upstream("A", "other", {"inline": blob(1)})]
    ended = worker.run("m.f", "def f(wanted): print('ran')", upstreams=described)
    assert ended.code == 1
    assert ended.stdout == b""
    assert ended.failure["reason"] == "argument_resolution"
    assert ended.stderr.startswith("ArgumentResolutionError: cannot call m.f(): no value")
    assert "'other'" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_call_style_arguments(worker: Worker) -> None:
    bindings = Bindings({"x": [Place("A"), {"k": (Place("P"),)}]}, (), {"z": 3})
    parts = [{"name": "p0", "inline": blob(5)}, {"name": "p1", "inline": blob(6)}]
    seen = worker.run(
        "m.f",
        "def f(x, **more): return x, more",
        arguments_blob=blob(bindings),
        upstreams=[
            upstream("A", "a", {"inline": blob("from A")}),
            upstream("P", "p", *parts, parallel=True),
        ],
    ).value
    assert seen == (["from A", {"k": ([5, 6],)}], {"z": 3})


def test_calling_a_decorated_function_inside_a_task_runs_it(worker: Worker) -> None:
    text = (
        "from dt.scheduler import batch\n"
        "@batch()\n"
        "def inner(x): return x + 1\n"
        "@batch()\n"
        "def f(): return inner(1)\n"
    )
    assert worker.run("m.f", text).value == 2


def test_module_with_one_decorated_function(worker: Worker) -> None:
    worker.module(
        "pkg.one",
        "from dt.scheduler import batch\n"
        "from pkg.helpers import other\n"
        "@batch\n"
        "def only(): return 'only'\n"
        "again = only\n",
    )
    worker.module("pkg.helpers", "from dt.scheduler import batch\n@batch\ndef other(): pass\n")
    assert worker.run("pkg.one").value == "only"


def test_function_beats_module_of_the_same_name(worker: Worker) -> None:
    worker.module("pkg.thing", "def __batch_main__(): return 'module'")
    (worker.code / "pkg" / "__init__.py").write_text("def thing(): return 'function'")
    assert worker.run("pkg.thing").value == "function"


def test_colon_names_a_function(worker: Worker) -> None:
    worker.module("pkg.m", "def f(): return 1")
    assert worker.run("pkg.m:f").value == 1


def test_entrypoint_that_leads_nowhere(worker: Worker) -> None:
    worker.module("pkg.m", "x = 1")
    for entrypoint, words in [
        ("pkg.m.missing", "no attribute 'missing'"),
        ("pkg.m.x", "not callable"),
        ("pkg.nothing.f", "no module 'pkg.nothing'"),
        ("pkg.m", "0 decorated functions"),
    ]:
        ended = worker.run(entrypoint)
        assert ended.code == 1
        assert ended.failure["reason"] == "entrypoint"
        assert words in ended.stderr


def test_submitting_while_imported_does_nothing_but_warn(worker: Worker) -> None:
    text = (
        "from dt.scheduler import DAG, Task, batch\n"
        "@batch()\n"
        "def f(): return dag.batch_id, dag.run_id\n"
        "with DAG(Name='self', Image='i') as dag:\n"
        "    f()\n"
        "dag.save()\n"
        "dag.run()\n"
    )
    # Nothing listens at this address: had anything been sent, it would have failed.
    ended = worker.run("m.f", text, env={"FASTI_URL": "http://127.0.0.1:9"})
    assert ended.value == (None, None)
    assert ended.stderr.count("does nothing while a worker imports") == 3


def test_results_keep_type_and_identity(worker: Worker) -> None:
    worker.module("m", "class P:\n    x = 1\ndef f(): return None\n")
    assert worker.run("m.f").value is None
    text = "def g():\n    a = [1]\n    return a, a, b'\\0' * 100, 2**70, float('nan')\n"
    first, second, raw, big, nan = worker.run("n.g", text).value
    assert first is second
    assert (raw, big) == (b"\0" * 100, 2**70)
    assert nan != nan


def test_large_value(worker: Worker) -> None:
    assert len(worker.run("m.f", "def f(): return b'x' * 50_000_000").value) == 50_000_000


def test_unpicklable_value(worker: Worker) -> None:
    ended = worker.run("m.f", "import threading\ndef f(): return threading.Lock()")
    assert ended.code == 1
    assert not ended.has_value
    assert ended.failure["reason"] == "unserialisable"
    assert "the return value of m.f (type _thread.lock) cannot be stored" in ended.stderr
    assert "cannot pickle" in ended.stderr.splitlines()[1]


def test_failing_half_way_leaves_no_value(worker: Worker) -> None:
    text = (
        "class Bad:\n    def __reduce__(self): raise RuntimeError('not me')\n"
        "def f(): return [b'x' * 200_000, Bad()]\n"
    )
    ended = worker.run("m.f", text)
    assert not ended.has_value
    assert "RuntimeError: not me" in ended.stderr


def test_value_whose_class_is_gone_raises_when_read(worker: Worker) -> None:
    path = worker.stored(1)
    with open(path, "wb") as file:
        file.write(b"\x80\x04\x8c\x07nowhere\x8c\x01C\x93.")
    described = [upstream("A", "a", {"path": path})]
    ended = worker.run("m.f", "def f(a): pass", upstreams=described)
    assert ended.failure["reason"] == "exception"
    assert "No module named 'nowhere'" in ended.stderr


def packed(folder: Path, parts: List[Any]) -> Dict[str, str]:
    """Put values into one file, as the server does when they are many."""
    described: List[Dict[str, Any]] = []
    small = b""
    for number, value in enumerate(parts):
        part: Dict[str, Any] = {"name": f"p{number}"}
        data = pickle.dumps(value, 5)
        if value is None:
            part["none"] = True
        elif len(data) > 4096:
            part["blob"] = blob_file(folder, data)
        else:
            part["at"] = [len(small), len(data)]
            small += data
        described.append(part)
    head = [{"task": "t", "result_name": "t", "parallel": True, "parts": described}]
    digest = blob_file(folder, json.dumps(head).encode() + b"\n" + small)
    return {"packed": str(folder / digest[:2] / digest), "blobs": str(folder)}


def blob_file(folder: Path, data: bytes) -> str:
    digest = hashlib.sha256(data).hexdigest()
    (folder / digest[:2]).mkdir(exist_ok=True)
    (folder / digest[:2] / digest).write_bytes(data)
    return digest


def test_many_values_come_in_one_file(worker: Worker, tmp_path: Path) -> None:
    values = ["a", {"b": "\n"}, None, b"x" * 5000, 4]
    text = "def f(t): return t\n"
    assert worker.run("m.f", text, upstreams=packed(tmp_path, values)).value == values


def test_a_damaged_file_of_values_is_noticed(worker: Worker, tmp_path: Path) -> None:
    described = packed(tmp_path, ["a"])
    path = Path(described["packed"])
    path.write_bytes(path.read_bytes().replace(b"a", b"b"))
    ended = worker.run("m.f", "def f(t): return t\n", upstreams=described)
    assert ended.status != 0
    assert "damaged" in ended.stderr
