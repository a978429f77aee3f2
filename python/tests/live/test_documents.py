"""The examples of the reference that need no schedule, against a real server.

Each is run by an interpreter of its own with ``dt`` on the path, as its readers do; what
it made is then read back through the results API.
"""

import os
from pathlib import Path

from fasti.scheduler import DAG, BatchRunResults, Task, get_job_result
from live.live_script import script
from live.live_support import SOURCES, Server

DEV_MODULE = """\
import dt.scheduler

@dt.scheduler.batch()
def load():
    return [1, 2, 3]

@dt.scheduler.batch()
def compute(input):
    return sum(input)
"""

DEV_RUN = """\
from my_test_batch.entrypoints import *
from dt.scheduler import DAG

with DAG(Name='Test Batch DevRun', DevRun=True, WorkDir='~/example'):
    value = load()
    compute(input=value)
"""


def test_a_dev_run_of_a_folder_in_the_home_folder(live: Server, tmp_path: Path) -> None:
    package = tmp_path / "example" / "my_test_batch"
    package.mkdir(parents=True)
    (package / "entrypoints.py").write_text(DEV_MODULE)
    path = os.pathsep.join([str(SOURCES), str(tmp_path / "example")])
    script(live, tmp_path, DEV_RUN, HOME=str(tmp_path), PYTHONPATH=path)
    (run,) = BatchRunResults("Test Batch DevRun").get_runs()
    assert run["schedule_run_type"] == "dev_run"
    assert live.finished(run["id"])["status"] == "success"
    tasks = BatchRunResults("Test Batch DevRun").get_run(run["id"])
    assert [get_job_result(task["id"]) for task in tasks] == [("load", [1, 2, 3]), ("compute", 6)]


RESULTS = """\
from dt.scheduler import BatchRunResults, get_job_logs, get_job_metrics, get_job_result
import pandas as pd

batch_runs = BatchRunResults('Reported')
print(batch_runs.count)
runs = batch_runs.get_runs()
table = pd.DataFrame.from_dict(runs)
assert list(table.columns) == [
    'name', 'tag', 'scheduled_time', 'started_at', 'finished_at', 'rundate', 'status',
    'run_as', 'owner', 'group', 'permissions', 'id', 'schedule_run_type']
assert list(pd.DataFrame(runs)['status']) == ['success', 'success']

run_id = runs[-1]['id']
task_runs = batch_runs.get_run(run_id)
table = pd.DataFrame.from_dict(task_runs)
assert sorted(table.columns) == sorted([
    'id', 'name', 'description', 'start', 'end', 'stdout', 'stderr', 'configuration_json',
    'image', 'status', 'vm_id'])

graph = batch_runs.get_run_graph(run_id)
assert sorted(graph) == ['dependencies', 'statuses']
assert sorted(graph['statuses'][0]) == ['finish_time', 'id', 'name', 'start_time', 'status']

results = BatchRunResults('Reported', 'My Job')
runs = results.get_runs()
task_name, task_output = get_job_result(runs[-1]['id'])
print(task_name, task_output)
assert results.get_task_result(runs[-1]['id']) == task_output
assert get_job_logs(runs[-1]['id']) == {'stdout': 'working\\n', 'stderr': ''}
metrics = get_job_metrics(runs[-1]['id'])
assert sorted(metrics) == [
    'cpu_metrics_percentage', 'memory_metrics_absolute', 'timestamps',
    'total_allocated_cpu', 'total_allocated_memory']
pd.DataFrame({key: metrics[key] for key in list(metrics)[:3]})
"""


def test_what_the_results_reference_shows(live: Server, tmp_path: Path) -> None:
    live.image("Reports", {"reports.py": "def f():\n    print('working')\n    return 42\n"})
    with DAG(Name="Reported", Image="Reports") as dag:
        Task(Name="My Job", Entrypoint="reports.f")
    for _ in range(2):
        assert dag.run().wait(timeout=60) == "success"
    assert script(live, tmp_path, RESULTS) == "2\nMy Job 42\n"
