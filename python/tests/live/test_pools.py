"""Pools: limited by ``fasti pool``, used by tasks, waited for."""

import json
import os
import subprocess
import time
from pathlib import Path
from typing import Any, Dict

from fasti.scheduler import DAG, CommandTask, Task
from live.live_support import PATIENCE, Server


def _pool(live: Server, *arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [os.environ["FASTI_BIN"], "--url", live.url, "pool", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE)


def _shown(live: Server, name: str) -> Dict[str, Any]:
    shown = _pool(live, "show", name, "--json")
    assert shown.returncode == 0, shown.stderr
    found: Dict[str, Any] = json.loads(shown.stdout)
    return found


def test_a_pool_is_shared_by_functions_and_commands(live: Server, tmp_path: Path) -> None:
    live.image("pooled", {"pooled.py": "def f():\n    return 1\n"})
    limited = _pool(live, "limit", "data base", "2")
    assert (limited.returncode, limited.stdout) == (0, ""), limited.stderr
    goes_on = tmp_path / "on"
    with DAG(Name="pooled", Image="pooled") as dag:
        wait = ["sh", "-c", f"until [ -e {goes_on} ]; do sleep 0.05; done"]
        CommandTask(Name="first", Command=wait, Pool="data base", PoolUnits=2, dag=dag)
        second = Task(Name="second", Entrypoint="pooled.f", dag=dag)
        second.Pool = "data base"
    run = dag.run()
    deadline = time.monotonic() + PATIENCE
    while _shown(live, "data base")["used"] == 0:
        assert time.monotonic() < deadline, run.tasks()
        time.sleep(0.05)
    held = _shown(live, "data base")
    tasks = {task["name"]: task for task in live.call("GET", f"/runs/{int(run)}/tasks")["items"]}
    assert held == {"name": "data base", "capacity": 2, "used": 2, "limits": {"limit": 2}}
    assert tasks["second"]["status"] == "queued", tasks
    why = live.call("GET", f"/task-runs/{tasks['second']['id']}/why")
    assert "of pool `data base`" in json.dumps(why), why
    goes_on.write_text("")
    assert run.wait(PATIENCE) == "success"
    assert _shown(live, "data base")["used"] == 0
    listed = _pool(live, "list")
    assert listed.stdout.splitlines()[1].split() == ["data", "base", "2", "0"]
    assert _pool(live, "limit", "data base", "many").returncode == 2
    assert _pool(live, "limit", "data base", "none").returncode == 0
    assert _shown(live, "data base")["capacity"] is None
