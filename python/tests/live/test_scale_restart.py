"""A server that is killed while it makes a batch, or runs one, comes to the same counts."""

from pathlib import Path
from typing import Any, Dict

from live.live_support import Server
from live.scale_support import Scale, job

Json = Dict[str, Any]
MEMBERS = 2_500


def killed_and_started(server: Server) -> Server:
    server.process.kill()
    server.process.wait()
    server.stop()
    return Server(server.folder)


def numbers(scale: Scale, count: int) -> int:
    members = [{"json": {"N": number}} for number in range(count)]
    return scale.dataset(members, (), [("N", "integer")])


def test_making_a_batch_goes_on_after_a_kill(tmp_path: Path) -> None:
    server = Server(tmp_path)
    scale = Scale(server)
    for name in ("a", "b"):
        scale.job_type(name, "true", is_paused=True)
    made = scale.recipe_type("Pair", {"a": job("a"), "b": job("b", ["a"])}, (), [("N", "integer")])
    dataset = numbers(scale, MEMBERS)
    # Only the first thousand recipes are in the commit that is answered.
    batch = scale.batch(made["id"], {"dataset": dataset})["id"]
    server = killed_and_started(server)
    try:
        scale = Scale(server)
        done = scale.until(f"/batches/{batch}/", lambda it: bool(it["is_creation_done"]))
        assert (done["recipes_total"], done["jobs_total"]) == (MEMBERS, 2 * MEMBERS)
        assert (done["jobs_queued"], done["jobs_pending"]) == (MEMBERS, MEMBERS)
        recipes = scale.all(f"/recipes/?batch_id={batch}&page_size=1000&order=id")
        inputs = [scale.get(f"/recipes/{it['id']}/")["input"]["json"]["N"] for it in recipes[::50]]
        assert inputs == list(range(0, MEMBERS, 50))
        again = scale.batch(made["id"], {"previous_batch": {"root_batch_id": batch}})["id"]
        server = killed_and_started(server)
        scale = Scale(server)
        done = scale.until(f"/batches/{again}/", lambda it: bool(it["is_creation_done"]))
        assert (done["recipes_total"], done["jobs_total"]) == (MEMBERS, 2 * MEMBERS)
        assert scale.get(f"/jobs/?batch_id={again}")["count"] == 0
        assert scale.get("/batches/")["count"] == 2
    finally:
        server.stop()


def test_running_a_batch_goes_on_after_a_kill(tmp_path: Path) -> None:
    server = Server(tmp_path)
    try:
        scale = Scale(server)
        trace = tmp_path / "trace"
        integer = {"json": [{"name": "N", "type": "integer"}]}
        scale.job_type("trace", f'echo "$N" >> {trace}; sleep 0.1', inputs=integer)
        scale.job_type("then", "true")
        nodes = {"trace": job("trace", inputs={"N": "N"}), "then": job("then", ["trace"])}
        made = scale.recipe_type("Traced", nodes, (), [("N", "integer")])
        batch = scale.batch(made["id"], {"dataset": numbers(scale, 30)})["id"]
        for wanted in (5, 15):
            scale.until(
                f"/batches/{batch}/", lambda it, wanted=wanted: bool(it["jobs_completed"] >= wanted)
            )
            server = killed_and_started(server)
            scale = Scale(server)
        done = scale.finished(batch)
        assert (done["recipes_completed"], done["jobs_completed"], done["jobs_total"]) == (
            30,
            60,
            60,
        )
        jobs = scale.all(f"/jobs/?batch_id={batch}")
        assert {it["num_exes"] for it in jobs} == {1}
        assert sorted(int(line) for line in trace.read_text("utf-8").split()) == list(range(30))
    finally:
        server.stop()
