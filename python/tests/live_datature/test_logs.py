"""Logs: filters, levels, and more than one page."""

from typing import Any, Callable

import pytest

from live_datature.datature_support import PROJECT, Receiver, Server

#: More than one page of the log. They fail at once, so that it does not take long.
MANY = 1_100


def test_filters_are_inclusive_and_levels_are_levels(
    server: Server, project: Any, dataset: Callable, start: Callable
) -> None:
    job = start(dataset(["/a", "/missing", "/c"]))
    project.batch.jobs.wait_until_done(job.id, interval=1)
    logs = project.batch.jobs.get_logs
    entries = logs(job.id).entries
    newest, middle, oldest = (entry.create_time for entry in entries)
    assert logs(job.id, {"max_entries": 1}).entries == entries[:1]
    assert logs(job.id, {"before_time": middle}).entries == entries[1:]
    assert logs(job.id, {"after_time": middle}).entries == entries[:2]
    both = logs(job.id, {"before_time": middle, "after_time": middle}).entries
    assert both == entries[1:2]
    assert logs(job.id, {"after_time": newest + 1}).entries == []
    assert logs(job.id, {"before_time": oldest - 1}).entries == []

    def kinds(level: str) -> Any:
        _, raw = server.raw("GET", f"{PROJECT}/batch/jobs/{job.id}/logs?minLevel={level}&")
        assert raw["object"] == "batch_job_log"
        assert raw["id"].startswith("batchjoblog_")
        times = [entry["createTime"] for entry in raw["entries"]]
        assert times == sorted(set(times), reverse=True)
        return sorted(entry["kind"] for entry in raw["entries"])

    assert kinds("Info") == ["ItemPredicted"] * 3
    assert kinds("Warning") == kinds("Error") == ["ItemPredicted"]
    assert kinds("Debug") == (
        ["ItemDelivered"] * 2
        + ["ItemGathered"] * 2
        + ["ItemPredicted"] * 3
        + ["ItemPreprocessed"] * 2
    )
    for query in ("minLevel=Loud", "minLevel=info", "beforeTime=x", "maxEntries=-1"):
        assert server.raw("GET", f"{PROJECT}/batch/jobs/{job.id}/logs?{query}")[0] == 400


def test_more_than_a_page_is_read_whole_and_once(
    project: Any, receiver: Receiver, dataset: Callable, start: Callable
) -> None:
    job = start(dataset([f":x/{n}" for n in range(MANY)]))
    done = project.batch.jobs.wait_until_done(job.id, interval=1)
    assert done.status.items.failed_deliver == MANY
    assert len(project.batch.jobs.get_logs(job.id).entries) == 1_000
    entries = list(project.batch.jobs.get_all_log_entries(job.id))
    assert len(entries) == len({entry.id for entry in entries}) == MANY
    assert len({entry.item for entry in entries}) == MANY
    times = [entry.create_time for entry in entries]
    assert times == sorted(set(times), reverse=True)


def test_a_job_without_a_page_has_an_empty_log(
    project: Any, dataset: Callable, start: Callable
) -> None:
    import time

    job = start(dataset(["/a"]), start_at_time=int(time.time() * 1000) + 3_600_000)
    assert project.batch.jobs.get_logs(job.id).entries == []
    project.batch.jobs.cancel(job.id)
    with pytest.raises(Exception, match="there is no job"):
        project.batch.jobs.get_logs("batchjob_x")
