"""How long large batches take.

Makes one of many recipes, asks for lists of it, and goes over it again.

    fasti serve &
    python figures.py http://127.0.0.1:7450 --recipes 10000

Each recipe has three jobs that run `true`. Without ``--run`` the jobs wait (their types are
paused) and the second batch shares them as they wait; with it they are all run first, which takes a
while, and the second batch is complete as soon as it is made.
"""

import argparse
import json
import time
import urllib.request
from typing import Any, Dict, Tuple


def ask(base: str, method: str, path: str, body: Any = None) -> Any:
    """Send one request."""
    data = None if body is None else json.dumps(body).encode()
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(f"{base}/v6{path}", method=method, data=data, headers=headers)
    with urllib.request.urlopen(request, timeout=600) as answer:
        raw = answer.read()
    return json.loads(raw) if raw else None


def job_type(base: str, name: str, paused: bool) -> None:
    """Register a job type."""
    job = {
        "name": name,
        "jobVersion": "1.0.0",
        "packageVersion": "1.0.0",
        "title": name,
        "description": "does nothing",
        "timeout": 60,
        "maintainer": {"name": "Zoe", "email": "zoe@example.org"},
        "interface": {"command": "true"},
    }
    manifest = {"seedVersion": "1.0.0", "job": job}
    ask(
        base,
        "POST",
        "/job-types/",
        {"manifest": manifest, "docker_image": name, "is_paused": paused},
    )


def node(name: str, *after: str) -> Dict[str, Any]:
    """A node with a job."""
    kind = {
        "node_type": "job",
        "job_type_name": name,
        "job_type_version": "1.0.0",
        "job_type_revision": 1,
    }
    return {"dependencies": [{"name": it} for it in after], "input": {}, "node_type": kind}


def timed(what: str, action: Any) -> Any:
    """Do something and say how long it took."""
    begin = time.perf_counter()
    answer = action()
    print(f"{what}: {(time.perf_counter() - begin) * 1000:.1f} ms")
    return answer


def until_done(
    base: str, definition: Dict[str, Any], recipe_type: int, whole: bool
) -> Tuple[int, Any]:
    """Make a batch and wait for its recipes."""
    body = {"recipe_type_id": recipe_type, "definition": definition}
    batch = ask(base, "POST", "/batches/", body)["id"]
    while True:
        found = ask(base, "GET", f"/batches/{batch}/")
        is_whole = not whole or found["recipes_completed"] == found["recipes_total"]
        if found["is_creation_done"] and is_whole:
            return batch, found
        time.sleep(0.01)


def main() -> None:
    """Take all figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("base")
    parser.add_argument("--recipes", type=int, default=10_000)
    parser.add_argument("--run", action="store_true", help="run all jobs of the first batch")
    given = parser.parse_args()
    base = given.base
    for name in ("a", "b", "c"):
        job_type(base, name, not given.run)
    nodes = {"a": node("a"), "b": node("b", "a"), "c": node("c", "b")}
    definition = {
        "input": {"files": [], "json": [{"name": "N", "type": "integer"}]},
        "nodes": nodes,
    }
    recipe_type = ask(
        base, "POST", "/recipe-types/", {"title": "Figures", "definition": definition}
    )["id"]
    parameters = {"files": [], "json": [{"name": "N", "type": "integer"}]}
    members = [{"files": {}, "json": {"N": number}} for number in range(given.recipes)]
    body = {"title": "figures", "definition": {"parameters": parameters}, "data": members}
    dataset = timed("dataset", lambda: ask(base, "POST", "/datasets/", body))["id"]
    first, _ = timed(
        "batch made", lambda: until_done(base, {"dataset": dataset}, recipe_type, False)
    )
    if given.run:
        timed("all jobs run", lambda: wait_complete(base, first))
    status = "COMPLETED" if given.run else "QUEUED"
    for path in (
        "/batches/?order=-jobs_total",
        f"/batches/{first}/",
        f"/jobs/?batch_id={first}",
        f"/jobs/?batch_id={first}&status={status}&order=-created&page=2",
        f"/recipes/?batch_id={first}&order=id&page=50",
        f"/recipes/?batch_id={first}&is_completed=true",
        f"/batches/comparison/{first}/",
    ):
        ask(base, "GET", path)
        timed(f"GET {path}", lambda path=path: ask(base, "GET", path))
    previous = {"previous_batch": {"root_batch_id": first}}
    second, found = timed(
        "batch over it", lambda: until_done(base, previous, recipe_type, given.run)
    )
    new = ask(base, "GET", f"/jobs/?batch_id={second}")["count"]
    print(f"{found['recipes_total']} recipes, {found['jobs_total']} jobs, {new} of them new")


def wait_complete(base: str, batch: int) -> None:
    """Wait until every recipe is complete."""
    while True:
        found = ask(base, "GET", f"/batches/{batch}/")
        if found["recipes_completed"] == found["recipes_total"]:
            return
        time.sleep(0.2)


if __name__ == "__main__":
    main()
