"""Start, stop, cancel."""

import time
from typing import Any, Callable

import pytest

from live_datature.datature_support import PROJECT, Receiver, Server, until


def now() -> int:
    return int(time.time() * 1000)


def overview(project: Any, job: Any) -> str:
    return str(project.batch.jobs.get(job.id).status.overview)


def test_nothing_happens_before_the_start(
    project: Any, receiver: Receiver, dataset: Callable, start: Callable
) -> None:
    begin = now() + 2_000
    job = start(dataset(["/a"]), start_at_time=begin)
    assert job.spec.start_at_time == begin
    assert (job.status.overview, receiver.fetched) == ("Waiting", [])
    done = project.batch.jobs.wait_until_done(job.id, interval=1)
    assert done.status.items.delivered == 1
    entry = project.batch.jobs.get_logs(job.id).entries[0]
    assert entry.create_time >= begin


def test_a_job_that_has_not_begun_is_cancelled_at_once(
    project: Any, receiver: Receiver, dataset: Callable, start: Callable
) -> None:
    job = start(dataset(["/a"]), start_at_time=now() + 3_600_000)
    cancelled = project.batch.jobs.cancel(job.id)
    status = cancelled.status
    assert (status.overview, status.message) == ("Failed", "Batch job cancelled")
    assert status.reason == (
        "BatchJob not completed before defined stop time due to requested cancellation at "
        f"{status.cancelled_at}"
    )
    assert isinstance(status.cancelled_at, int)
    assert (status.items.delivered, status.items.failed_deliver, receiver.fetched) == (0, 0, [])
    again = project.batch.jobs.cancel(job.id)
    assert again.status.cancelled_at == status.cancelled_at, "final states stay"


def test_what_comes_after_a_cancel_is_not_counted(
    server: Server, project: Any, receiver: Receiver, dataset: Callable, start: Callable
) -> None:
    from datature.nexus import error

    receiver.open.clear()
    job = start(dataset([f"/{n}" for n in range(8)]))
    until("an item is on its way", lambda: project.batch.jobs.get(job.id).status.items.predicted)
    cancelled = project.batch.jobs.cancel(job.id)
    assert cancelled.status.overview == "Failed"
    counted, logged = cancelled.status.items, project.batch.jobs.get_logs(job.id).entries
    assert counted.delivered + counted.failed_deliver < 8
    receiver.open.set()
    own = job.id[len("batchjob_") :]
    until("its run is over", lambda: own in [e["batch_id"] for e in server.events("run.finished")])
    later = project.batch.jobs.get(job.id)
    assert later.status.items == counted
    assert project.batch.jobs.get_logs(job.id).entries == logged
    with pytest.raises(error.BadRequestError):
        project.batch.jobs.wait_until_done(job.id, interval=1)


def test_a_finished_job_stays_as_it_is(project: Any, dataset: Callable, start: Callable) -> None:
    job = start(dataset(["/a"]))
    done = project.batch.jobs.wait_until_done(job.id, interval=1)
    assert project.batch.jobs.cancel(job.id) == done


def test_a_job_ends_at_its_stop_time(
    project: Any, receiver: Receiver, dataset: Callable, start: Callable
) -> None:
    receiver.open.clear()
    stop = now() + 2_000
    job = start(dataset(["/a", "/b", "/c", "/d", "/e"]), stop_at_time=stop)
    until("it is stopped", lambda: overview(project, job) == "Failed")
    status = project.batch.jobs.get(job.id).status
    assert status.message == "Batch job stopped"
    assert status.reason == "BatchJob not completed before defined stop time"
    assert status.cancelled_at is None
    receiver.open.set()


def test_a_later_stop_time_moves_the_end(
    server: Server, project: Any, dataset: Callable, start: Callable
) -> None:
    job = start(dataset(["/a"]), start_at_time=now() + 3_600_000)
    later = now() + 7_200_000
    path = f"{PROJECT}/batch/jobs/{job.id}"
    status, moved = server.raw("PATCH", path, {"spec": {"stopAtTime": later}})
    assert (status, moved["spec"]["stopAtTime"]) == (200, later)
    assert moved["status"]["overview"] == "Waiting"
    # A clock a little ahead cancels all the same.
    status, ended = server.raw("PATCH", path, {"spec": {"stopAtTime": now() + 3_000}})
    assert (status, ended["status"]["overview"]) == (200, "Failed")


def test_a_job_must_stop_after_it_starts(project: Any, dataset: Callable, start: Callable) -> None:
    from datature.nexus import error

    items = dataset(["/a"])
    before = len(project.batch.jobs.list({"limit": 1000}).data)
    for times in (
        {"start_at_time": now() + 9_000, "stop_at_time": now() + 8_000},
        {"stop_at_time": now() - 1},
        {"start_at_time": 10**18},
    ):
        with pytest.raises(error.BadRequestError):
            start(items, **times)
    assert len(project.batch.jobs.list({"limit": 1000}).data) == before
