"""The documented first example: saved by its script unmodified, then run.

The script below is the reference's, ``IMAGE`` being the one name it leaves to the
reader.  Its results must be those of the equivalent composition of the functions.
"""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from fasti.scheduler import BatchRunResults, get_batches, get_job_logs, get_job_result
from live.live_support import SOURCES, Server

MODULE = """\
import dt.scheduler

@dt.scheduler.batch()
def foo(rundate, job_config):
    print(f'{job_config=}')
    print(f'{rundate=}')
    return 'This is the return value of function foo'

@dt.scheduler.batch()
def bar(foo):
    print(f'{foo=}')
    return 'This is the return value of function bar'

@dt.scheduler.batch(translation_table={'running_date': 'rundate'})
def baz(foo, bar, running_date):
    print(f'{foo=}')
    print(f'{bar=}')
    print(f'I am running with a custom rundate: {running_date}')
    return 'This is the return value of function baz'
"""

SCRIPT = """\
from dt.scheduler import DAG, Schedule, Task

with DAG(Name='Test batch with decorators', Tag='dev', Schedule=Schedule()) as dag:
    foo = Task(
        Name='foo task',
        Image=IMAGE,
        Entrypoint='my_package.my_file.foo',
        dag=dag,
        Description='This is for testing'
    )
    bar = Task(
        Name='bar task',
        Image=IMAGE,
        Entrypoint='my_package.my_file.bar',
        dag=dag,
        ConfigurationJson={'arg_translation_table': {'foo task': 'foo'}},
        Description='This is for testing'
    )
    baz = Task(
        Name='baz task',
        Image=IMAGE,
        Entrypoint='my_package.my_file.baz',
        dag=dag,
        ConfigurationJson={'arg_translation_table': {'foo task': 'foo', 'bar task': 'bar'}},
        Description='This is for testing'
    )
    foo >> bar
    [foo, bar] >> baz

dag.save()
"""

BATCH = "Test batch with decorators"


def load(path: Path) -> Any:
    spec = importlib.util.spec_from_file_location("composition", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_saved_by_its_script_then_run(live: Server, tmp_path: Path) -> None:
    files = {"my_package/__init__.py": "", "my_package/my_file.py": MODULE}
    image = live.image("My image", files)
    script = tmp_path / "script.py"
    script.write_text(f"IMAGE = {image!r}\n{SCRIPT}")
    environment = {**os.environ, "PYTHONPATH": str(SOURCES), "FASTI_URL": live.url}
    subprocess.run([sys.executable, "-W", "error", str(script)], env=environment, check=True)

    (batch,) = [found for found in get_batches() if found["name"] == BATCH]
    assert batch["schedule"] == {}
    assert batch["tasks"] == ["foo task", "bar task", "baz task"]
    results = BatchRunResults(BATCH)
    assert results.count == 0

    run = live.call("POST", f"/batches/{batch['id']}/runs", {"rundate": "2021-01-01"})
    assert live.finished(run["id"])["status"] == "success"
    assert results.count == 1
    (listed,) = results.get_runs()
    assert (listed["id"], listed["rundate"], listed["tag"]) == (run["id"], "2021-01-01", "dev")

    tasks = {task["name"]: task for task in results.get_run(run["id"])}
    composed = load(live.images / "My_image" / "my_package" / "my_file.py")
    rundate = "2021-01-01"
    foo_return = composed.foo(rundate=rundate, job_config={"key": "value"})
    bar_return = composed.bar(foo=foo_return)
    baz_return = composed.baz(foo=foo_return, bar=bar_return, running_date=rundate)
    returned = {"foo task": foo_return, "bar task": bar_return, "baz task": baz_return}
    for name, value in returned.items():
        assert get_job_result(tasks[name]["id"]) == (name, value)
        assert results.get_task_result(tasks[name]["id"]) == value
        assert tasks[name]["status"] == "success"
        assert tasks[name]["stderr"] == ""

    assert get_job_logs(tasks["baz task"]["id"])["stdout"] == (
        f"foo={foo_return!r}\nbar={bar_return!r}\nI am running with a custom rundate: 2021-01-01\n"
    )
    assert tasks["foo task"]["stdout"] == "job_config={}\nrundate='2021-01-01'\n"
    graph = results.get_run_graph(run["id"])
    assert graph["dependencies"] == [
        {"from": "foo task", "to": "bar task"},
        {"from": "foo task", "to": "baz task"},
        {"from": "bar task", "to": "baz task"},
    ]
    assert {status["status"] for status in graph["statuses"]} == {"success"}
