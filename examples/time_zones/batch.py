"""Submits the batch ``clock-changes``: what the clocks of the world have been through.

    FASTI_URL=http://127.0.0.1:7450 python batch.py            run this folder's code, once
    FASTI_URL=http://127.0.0.1:7450 python batch.py --image X  save it with image X, and run it

The first needs nothing on the server: a dev run takes the code along. The second is how batches
that stay are made: the image was registered with this folder as its path
(``PUT /api/v1/images/X {"path": …}``).
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any, Dict, List, Optional

from dt.scheduler import DAG, ParallelTask, Task
from fasti.scheduler import CommandTask

CODE = "clock_changes.tasks"

#: Parts of the survey: description, and how the names of its zones begin.
PARTS = [
    ("Africa", ["Africa/"]),
    ("America, A to E", [f"America/{letter}" for letter in "ABCDE"]),
    ("America, F to M", [f"America/{letter}" for letter in "FGHIJKLM"]),
    ("America, N to Z", [f"America/{letter}" for letter in "NOPQRSTUVWXYZ"]),
    ("Antarctica and Australia", ["Antarctica/", "Australia/"]),
    ("Asia, A to J", [f"Asia/{letter}" for letter in "ABCDEFGHIJ"]),
    ("Asia, K to Z", [f"Asia/{letter}" for letter in "KLMNOPQRSTUVWXYZ"]),
    ("Atlantic and Indian Ocean", ["Atlantic/", "Indian/"]),
    ("Europe, A to L", [f"Europe/{letter}" for letter in "ABCDEFGHIJKL"]),
    ("Europe, M to Z", [f"Europe/{letter}" for letter in "MNOPQRSTUVWXYZ"]),
    ("Pacific", ["Pacific/"]),
]


def parts() -> List[Dict[str, Any]]:
    """Return the configuration of every part of the survey."""
    return [
        {"Name": f"survey-{number}", "Description": description, "Zones": zones}
        for number, (description, zones) in enumerate(PARTS, 1)
    ]


def build(image: Optional[str]) -> DAG:
    """Return the graph; without an image it runs the code of this folder."""
    place: Dict[str, Any] = (
        {"Image": image} if image else {"DevRun": True, "WorkDir": Path(__file__).resolve().parent}
    )
    dag = DAG(Name="clock-changes", Tag="dev", Labels=["example"], **place)

    # Reads nothing and returns nothing: a command on the machine that does the work.
    machine = CommandTask(
        Name="machine",
        Command=["sh", "-c", "uname -srm; echo times here are of $(date +%Z)"],
        Description="where this runs",
        dag=dag,
    )
    download = Task(Name="download", Entrypoint=f"{CODE}.download", Retries=2, dag=dag)
    parse = Task(Name="parse", Entrypoint=f"{CODE}.parse", dag=dag)
    survey = ParallelTask(
        Name="survey", Entrypoint=f"{CODE}.survey", ConfigurationJson=parts(), dag=dag
    )
    findings = [
        Task(Name=name, Entrypoint=f"{CODE}.{name}", dag=dag)
        for name in ("by_region", "restless", "calm", "lost_days", "gave_up")
    ]
    report = Task(Name="report", Entrypoint=f"{CODE}.report", dag=dag)

    [machine, download] >> parse >> survey >> findings >> report
    # Values go along edges alone, and the release is wanted further down, too.
    parse >> [findings[0], findings[4], report]
    return dag


def main() -> None:
    """Submit the batch and say what became of it."""
    arguments = argparse.ArgumentParser(description="Submit the batch clock-changes.")
    arguments.add_argument("--image", help="registered image to run (default: a dev run)")
    image: Optional[str] = arguments.parse_args().image
    dag = build(image)
    if image:
        print(f"batch {dag.Name} saved as {dag.save()}")
    print(f"run {dag.run()} started")


if __name__ == "__main__":
    main()
