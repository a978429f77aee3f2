"""The unmodified client from PyPI against the real server."""

import base64
import gc
import os
import warnings
from pathlib import Path
from typing import Any, Callable, Iterator, List

import pytest

from live_datature.datature_support import KEY, Receiver, Server, write_items

os.environ["NO_PROXY"] = "127.0.0.1,localhost"


def pytest_collection_modifyitems(items: List[pytest.Item]) -> None:
    """The client leaves the files open that it has sent."""
    for item in items:
        if "live_datature" in str(item.path):
            for warning in ("ResourceWarning", "pytest.PytestUnraisableExceptionWarning"):
                item.add_marker(pytest.mark.filterwarnings(f"ignore::{warning}"))


@pytest.fixture(autouse=True)
def _files_are_closed() -> Iterator[None]:
    """Within the test that opened them, so that no other is blamed."""
    yield
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        gc.collect()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("server"))
    yield server
    server.stop()


@pytest.fixture(scope="module")
def _receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    yield receiver
    receiver.stop()


@pytest.fixture
def receiver(_receiver: Receiver) -> Receiver:
    _receiver.clear()
    return _receiver


@pytest.fixture(scope="module")
def project(server: Server) -> Any:
    from datature.nexus import Client

    # Any path is dropped by the client: the interface is at the root of the port.
    return Client("any key", endpoint=f"{server.url}/some/path").get_project("default")


@pytest.fixture
def dataset(project: Any, receiver: Receiver, tmp_path: Path) -> Callable[[List[str]], Any]:
    """Upload items of these paths and wait until they are there."""

    def make(paths: List[str]) -> Any:
        items = [{"kind": "Image", "url": receiver.url + path, "tag": path} for path in paths]
        made = project.batch.datasets.create(
            "items", str(write_items(tmp_path / "x.ndjson", items))
        )
        return project.batch.datasets.wait_until_done(made.id, interval=1)

    return make


@pytest.fixture
def webhook(project: Any, receiver: Receiver) -> Any:
    return project.batch.webhooks.create(
        "hook",
        {
            "endpoint": f"{receiver.url}/hook",
            "secret": {"contents": base64.b64encode(KEY).decode()},
            "retries": {"max_retries": 2, "max_retry_delay": 100},
        },
    )


@pytest.fixture
def start(project: Any, webhook: Any) -> Callable[..., Any]:
    """Start a job on a dataset with the built-in predictor."""

    def make(dataset: Any, **options: Any) -> Any:
        given = {
            "dataset_id": dataset.id,
            "webhook_id": webhook.id,
            "artifact_id": "artifact_echo",
            "deployment_metadata": {"instance_id": "instance_x1cpu-standard"},
        }
        return project.batch.jobs.create("a job", {**given, **options})

    return make
