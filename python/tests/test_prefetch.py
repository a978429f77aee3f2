"""Code loaded ahead in the worker: never stale, never executed there, never in the way."""

import os

from worker_driver import Worker


def test_an_edited_module_is_seen(worker: Worker) -> None:
    assert worker.run("m.f", "def f(): return 'old'").value == "old"
    assert worker.run("m.f", "def f(): return 'newer'").value == "newer"


def test_a_module_that_appears_earlier_on_the_path_is_seen(worker: Worker) -> None:
    worker.module("m", "def f(): return 'second'")
    first = worker.folder / "first"
    first.mkdir()
    path = [str(first), str(worker.code)]
    assert worker.run("m.f", import_path=path).value == "second"
    (first / "m.py").write_text("def f(): return 'first'")
    assert worker.run("m.f", import_path=path).value == "first"


def test_a_module_that_goes_away_is_missed(worker: Worker) -> None:
    assert worker.run("m.f", "def f(): return 1").code == 0
    os.unlink(worker.code / "m.py")
    assert worker.run("m.f").failure["reason"] == "entrypoint"
    assert worker.run("m.f", "def f(): return 2").value == 2


def test_packages_inside_packages(worker: Worker) -> None:
    worker.module("a.b.c", "from a.b import VALUE\ndef f(): return VALUE, __name__, __file__")
    (worker.code / "a" / "b" / "__init__.py").write_text("VALUE = 5")
    expected = (5, "a.b.c", str(worker.code / "a" / "b" / "c.py"))
    assert worker.run("a.b.c.f").value == expected
    assert worker.run("a.b.c.f").value == expected


def test_a_package_that_moves_its_path_is_obeyed(worker: Worker) -> None:
    worker.module("pkg.m", "def f(): return 'plain'")
    worker.module("other.m", "def f(): return 'moved'")
    init = f"__path__[:] = [{str(worker.code / 'other')!r}]"
    (worker.code / "pkg" / "__init__.py").write_text(init)
    assert worker.run("pkg.m.f").value == "moved"


def test_modules_are_executed_in_the_child_each_time(worker: Worker) -> None:
    text = "import os\nLOADED_BY = os.getpid()\ndef f(): return LOADED_BY == os.getpid()"
    assert worker.run("m.f", text).value is True
    assert worker.run("m.f").value is True


def test_modules_look_as_ever(worker: Worker) -> None:
    text = (
        "import inspect, importlib, sys\n"
        "def f():\n"
        "    source = inspect.getsource(f)\n"
        "    with open(__file__, 'a') as file: file.write('\\nADDED = 1\\n')\n"
        "    return source, importlib.reload(sys.modules[__name__]).ADDED, __spec__.has_location\n"
    )
    source, added, has_location = worker.run("m.f", text).value
    assert source.startswith("def f():")
    assert (added, has_location) == (1, True)


def test_modules_of_python_itself_are_left_to_python(worker: Worker) -> None:
    worker.module("time", "def time(): return 'mine'")
    assert worker.run("time.time").value > 0
    assert worker.run("json.dumps", arguments_blob=None).code == 1


def test_broken_modules_are_the_childs_error(worker: Worker) -> None:
    for _ in range(2):
        ended = worker.run("m.f", "def f(:\n")
        assert ended.failure["reason"] == "exception"
        assert "SyntaxError" in ended.stderr
