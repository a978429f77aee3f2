"""The server is killed in the middle of a job, and started again."""

from pathlib import Path
from typing import Any, Iterator

import pytest

from live_datature.datature_support import Receiver, Server, until, write_items

ITEMS = 60


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Server]:
    server = Server(tmp_path)
    yield server
    server.stop()


def test_every_item_is_delivered_once_over_two_kills(
    own: Server, receiver: Receiver, tmp_path: Path
) -> None:
    from datature.nexus import Client

    project = Client("any", endpoint=own.url).get_project("default")
    items = [{"url": f"{receiver.url}/{n}"} for n in range(ITEMS)]
    made = project.batch.datasets.create("d", str(write_items(tmp_path / "x.ndjson", items)))
    project.batch.datasets.wait_until_done(made.id, interval=1)
    hook = project.batch.webhooks.create("w", {"endpoint": f"{receiver.url}/hook"})
    job: Any = project.batch.jobs.create(
        "j",
        {
            "dataset_id": made.id,
            "webhook_id": hook.id,
            "artifact_id": "artifact_echo",
            "deployment_metadata": {"instance_id": "instance_x1cpu-standard"},
        },
    )
    for wanted in (10, 30):
        until("some are delivered", lambda wanted=wanted: len(receiver.deliveries) >= wanted)
        own.kill()
        own.start()
    done = project.batch.jobs.wait_until_done(job.id, interval=1)
    assert (done.status.overview, done.status.items.delivered) == ("Reached", ITEMS)
    ids = receiver.ids()
    assert len(ids) == len(set(ids)) == ITEMS
    assert {body["item"]["index"] for body in receiver.bodies()} == set(range(ITEMS))
    assert len(list(project.batch.jobs.get_all_log_entries(job.id))) == ITEMS
