"""Sending a DAG to the server: save it, or run it once."""

from __future__ import annotations

import sys

from fasti import _context, _times
from fasti._definition import definition_of
from fasti._run import Run

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict

    from fasti._client import Client
    from fasti._dag import DAG


def save(dag: "DAG") -> str:
    """Save a DAG as a batch and return its id; ``""`` while a worker imports user code."""
    if _is_import(dag, "save()"):
        return ""
    from fasti import _client

    definition = definition_of(dag)
    answer = _client.default().post("/batches", definition)
    dag.batch_id = str(answer["id"])
    return dag.batch_id


def run(dag: "DAG", rundate: Any) -> Run:
    """Run a DAG once and return the run's id; 0 while a worker imports user code."""
    if _is_import(dag, "run()"):
        return Run(0)
    from fasti import _client

    date = None if rundate is None else _times.rundate("rundate", rundate)
    definition = definition_of(dag)
    client = _client.default()
    run_type = "manual"
    if dag.DevRun:
        run_type = "dev_run"
        definition.update(_dev_run_fields(dag, client))
    body = {"definition": definition, "rundate": date, "run_type": run_type}
    answer = client.post("/runs", body)
    dag.run_id = Run(answer["id"])
    if answer.get("batch_id") is not None:
        dag.batch_id = str(answer["batch_id"])
    if dag.DevRun:
        print(f"fasti: dev run {dag.run_id}: {client.url}/ui/runs/{dag.run_id}", file=sys.stderr)
    return dag.run_id


def _dev_run_fields(dag: "DAG", client: "Client") -> Dict[str, Any]:
    """Upload the source tree; return what ties the run to it."""
    from fasti import _bundle

    assert dag.WorkDir is not None, "checked in the constructor"
    fields: Dict[str, Any] = {"schedule": {}, "bundle": _bundle.upload(str(dag.WorkDir), client)}
    if dag.Image is None and client.is_local:
        # On this very machine the script's own interpreter is the best guess.
        fields["python"] = sys.executable
    return fields


def _is_import(dag: "DAG", call: str) -> bool:
    """Tell whether a worker is importing the script that submits, and say so if it is."""
    if not _context.is_importing_user_code():
        return False
    print(
        f"fasti: {call} of DAG {dag.Name!r} does nothing while a worker imports this module; "
        f"put it under 'if __name__ == \"__main__\":'",
        file=sys.stderr,
    )
    return True
