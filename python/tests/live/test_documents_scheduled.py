"""The examples of the reference that are saved with a schedule, against a real server."""

from pathlib import Path
from typing import Any, Dict, List

import pytest

from fasti.scheduler import BatchRunResults, get_batches, get_job_result
from live.live_script import script
from live.live_support import Server

COUNTRIES = ["FR", "DE", "GB", "IT", "NL"]

MAIN = """\
def __batch_main__(sub_job_name, scheduled_time, runtime, part_num, num_parts, job_config,
                   rundate, *args):
    print(sub_job_name, part_num, num_parts)
    return {"name": sub_job_name, "country": job_config["country"], "part": (part_num, num_parts)}
"""

FINAL = """\
def __batch_main__(sub_job_name, scheduled_time, runtime, part_num, num_parts, job_config,
                   rundate, *args):
    assert [one["country"] for one in args] == job_config["all_countries"], args
    return [one["name"] for one in args]
"""

PACKAGE = {
    "my_package/__init__.py": "",
    "my_package/file_with_entrypoint.py": MAIN,
    "my_package/other_file_with_entrypoint.py": FINAL,
}


def batch_named(name: str) -> Dict[str, Any]:
    (found,) = [batch for batch in get_batches() if batch["name"] == name]
    return found


def run_saved(live: Server, name: str) -> int:
    run = live.call("POST", f"/batches/{batch_named(name)['id']}/runs", {"rundate": None})
    assert live.finished(run["id"])["status"] == "success"
    return int(run["id"])


TWO_TASKS = """\
from dt.scheduler import DAG, Schedule, Task

with DAG(Name='Test Batch', Tag='dev', Schedule=Schedule(at_hours=[18], at_minutes=[0])) as dag:
    task1 = Task(Image='Test Image', Entrypoint='test_entrypoint.main', Name='Task 1', dag=dag)
    task2 = Task(Image='Test Image', Entrypoint='test_entrypoint.main', Name='Task 2', dag=dag)
    task1 >> task2

dag.save()
"""


def test_two_tasks_every_day_at_six_in_the_evening(live: Server, tmp_path: Path) -> None:
    live.image("Test Image", {"test_entrypoint.py": "def main(): return 'done'\n"})
    script(live, tmp_path, TWO_TASKS)
    saved = batch_named("Test Batch")
    assert saved["schedule"] == {"at_hours": [18], "at_minutes": [0]}
    assert saved["next_run"].endswith(" 18:00:00")
    assert saved["dependencies"] == [{"from": "Task 1", "to": "Task 2"}]
    assert BatchRunResults("Test Batch").count == 0
    run_id = run_saved(live, "Test Batch")
    first, second = BatchRunResults("Test Batch").get_run(run_id)
    assert first["end"] <= second["start"]
    assert (first["name"], second["status"]) == ("Task 1", "success")


FANNED = """\
from dt.scheduler import DAG, Schedule, Task

list_of_countries = ['FR', 'DE', 'GB', 'IT', 'NL']

with DAG(Name='My Batch Job', Tag='dev', Schedule=Schedule(at_hours=[10], at_minutes=[0])) as dag:
    tasks_per_country = [Task(
        Name=f'Task #{i} - {country_code}',
        Image='My image',
        Description=f'One country: {country_code}',
        dag=dag,
        CPU=1000,
        Memory=1500,
        Entrypoint='my_package.file_with_entrypoint',
        CountForPrewarming=True,
        ConfigurationJson={'country': country_code}
    ) for i, country_code in enumerate(list_of_countries)]

    final_task = Task(
        Name='Final Task',
        Image='My image',
        Description='All countries',
        dag=dag,
        Entrypoint='my_package.other_file_with_entrypoint',
        CountForPrewarming=False,
        ConfigurationJson={'all_countries': list_of_countries}
    )

    tasks_per_country >> final_task

dag.save()
"""

PARALLEL = """\
from dt.scheduler import DAG, ParallelTask, Schedule, Task

list_of_countries = ['FR', 'DE', 'GB', 'IT', 'NL']

config_parallel = [{
    'country': country_code,
    'Name': f'Task #{i} - {country_code}',
    'Description': f'One country: {country_code}'
} for i, country_code in enumerate(list_of_countries)]

with DAG(Name='My Batch Job', Tag='dev', Schedule=Schedule(at_hours=[10], at_minutes=[0])) as dag:
    tasks_per_country = ParallelTask(
        Name='Parallel Task for countries',
        Image='My image',
        Description='Every country',
        dag=dag,
        CPU=1000,
        Memory=1500,
        Entrypoint='my_package.file_with_entrypoint',
        CountForPrewarming=True,
        ConfigurationJson=config_parallel
    )

    final_task = Task(
        Name='Final Task',
        Image='My image',
        Description='All countries',
        dag=dag,
        Entrypoint='my_package.other_file_with_entrypoint',
        CountForPrewarming=False,
        ConfigurationJson={'all_countries': list_of_countries}
    )

    tasks_per_country >> final_task

dag.save()
"""


@pytest.mark.parametrize(
    ("text", "is_parallel"), [(FANNED, False), (PARALLEL, True)], ids=["tasks", "parts"]
)
def test_one_task_a_country_and_one_for_all(
    live: Server, tmp_path: Path, text: str, is_parallel: bool
) -> None:
    live.image("My image", PACKAGE)
    script(live, tmp_path, text)
    names = [f"Task #{number} - {country}" for number, country in enumerate(COUNTRIES)]
    saved = batch_named("My Batch Job")
    assert saved["tasks"] == [*names, "Final Task"]
    assert saved["dependencies"] == [{"from": name, "to": "Final Task"} for name in names]
    assert saved["next_run"].endswith(" 10:00:00")
    run_id = run_saved(live, "My Batch Job")
    tasks = BatchRunResults("My Batch Job").get_run(run_id)
    assert [task["name"] for task in tasks] == [*names, "Final Task"]
    assert tasks[1]["description"] == "One country: DE"
    values: List[Any] = [get_job_result(task["id"])[1] for task in tasks]
    assert values[-1] == names
    parts = [(number, 5) for number in range(5)] if is_parallel else [(0, 1)] * 5
    assert [value["part"] for value in values[:-1]] == parts
    # "the default values will be used" for what the final task leaves out.
    final = live.call("GET", f"/task-runs/{tasks[-1]['id']}")
    assert (final["cpu"], final["memory"], final["disk"]) == (400, 400, 300)
    first = live.call("GET", f"/task-runs/{tasks[0]['id']}")
    assert (first["cpu"], first["memory"]) == (1000, 1500)
