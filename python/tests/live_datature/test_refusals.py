"""What is asked wrongly is answered so that the client understands it."""

from pathlib import Path
from typing import Any, Callable, Iterator

import pytest

from live_datature.datature_support import PROJECT, Server, write_items

TOKEN = "a token of the server"


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("guarded"), token=TOKEN)
    yield server
    server.stop()


def test_a_wrong_key_is_forbidden(guarded: Server) -> None:
    from datature.nexus import Client, error

    for key in ("wrong", f"{TOKEN}x"):
        with pytest.raises(error.ForbiddenError):
            Client(key, endpoint=guarded.url).list_projects()
    status, refusal = guarded.raw("GET", "/workspace", headers={"Secret-Key": ""})
    assert status == 403
    assert isinstance(refusal["message"], str)
    # A token in another header is none here.
    headers = {"Secret-Key": "wrong", "Authorization": f"Bearer {TOKEN}"}
    assert guarded.raw("GET", "/workspace", headers=headers)[0] == 403


def test_the_token_of_the_server_is_the_key(guarded: Server, tmp_path: Path) -> None:
    from datature.nexus import Client

    client = Client(TOKEN, endpoint=guarded.url)
    assert client.get_info().id
    projects = client.list_projects()
    assert [project.project_id for project in projects] == ["proj_default"]
    # The upload shows no key: its address is the right to it.
    file = write_items(tmp_path / "x.ndjson", [{"url": "http://127.0.0.1:9/"}])
    made = projects[0].batch.datasets.create("d", str(file))
    done = projects[0].batch.datasets.wait_until_done(made.id, interval=1)
    assert done.status.overview == "Uploaded"


@pytest.mark.parametrize(
    "path",
    [
        "/projects/proj_other",
        "/projects/proj_other/batch/jobs",
        f"{PROJECT}/batch/jobs/batchjob_x",
        f"{PROJECT}/batch/jobs/batchjob_00000000-0000-7000-8000-000000000000",
        f"{PROJECT}/batch/jobs/x/logs",
        f"{PROJECT}/batch/datasets/dataset_x",
        f"{PROJECT}/batch/webhooks/webhook_x",
        f"{PROJECT}/deployments/deploy_x",
        f"{PROJECT}/artifacts/artifact_x",
        f"{PROJECT}/operations/op_x",
        f"{PROJECT}/assets",
        f"{PROJECT}/workflows/x/runs",
    ],
)
def test_what_is_not_there_is_404_with_a_message(server: Server, path: str) -> None:
    status, refusal = server.raw("GET", path)
    assert status == 404
    assert isinstance(refusal, dict)
    assert isinstance(refusal["message"], str)


@pytest.mark.parametrize(
    "query", ["limit=0&", "limit=1001&", "limit=x&", "page=nothing&", "page=YXg&"]
)
def test_pages_that_are_none_are_refused(server: Server, query: str) -> None:
    for what in ("jobs", "datasets", "webhooks"):
        status, refusal = server.raw("GET", f"{PROJECT}/batch/{what}?{query}")
        if what != "jobs" and query == "page=YXg&":
            # A key of the list need not be there any more.
            assert status == 200
            continue
        assert status == 400, what
        assert isinstance(refusal["message"], str)


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"null", b"7", b'"x"', b"\xff", b"{}", b'{"name": 7}', b"[" * 10_000]
)
def test_bodies_that_are_none_are_refused(server: Server, body: bytes) -> None:
    for path in ("batch/jobs", "batch/datasets", "batch/webhooks", "deployments"):
        status, refusal = server.raw("POST", f"{PROJECT}/{path}", body)
        assert status == 400, path
        assert isinstance(refusal["message"], str)


def test_a_job_needs_everything_it_names(
    server: Server, dataset: Callable, webhook: Any, project: Any
) -> None:
    items = dataset(["/a"])
    good = {
        "datasetId": items.id,
        "deployment": {
            "kind": "NewEphemeralDeployment",
            "template": {"artifactId": "artifact_echo"},
        },
        "resultDelivery": {"destinations": [{"kind": "Webhook", "webhookId": webhook.id}]},
    }
    before = len(project.batch.jobs.list({"limit": 1000}).data)
    for change, wanted in (
        ({"datasetId": "dataset_x"}, 404),
        ({"datasetId": None}, 400),
        ({"deployment": {}}, 400),
        ({"deployment": {"kind": "Other"}}, 400),
        ({"deployment": {"kind": "ExistingDeployment", "deploymentId": "deploy_x"}}, 404),
        ({"deployment": {"kind": "NewEphemeralDeployment", "template": {}}}, 400),
        (
            {"deployment": {"kind": "NewEphemeralDeployment", "template": {"artifactId": "x"}}},
            404,
        ),
        ({"resultDelivery": {"destinations": []}}, 400),
        ({"resultDelivery": {"destinations": [{"kind": "Mail", "webhookId": "x"}]}}, 400),
        ({"resultDelivery": {"destinations": [{"kind": "Webhook", "webhookId": "x"}]}}, 404),
        ({"startAtTime": 1.5}, 400),
        ({"startAtTime": "now"}, 400),
        ({"stopAtTime": -1}, 400),
    ):
        body = {"name": "j", "spec": {**good, **change}}
        status, refusal = server.raw("POST", f"{PROJECT}/batch/jobs", body)
        assert status == wanted, (change, refusal)
    assert len(project.batch.jobs.list({"limit": 1000}).data) == before


def test_results_are_not_accumulated_here(server: Server) -> None:
    for method, path in (("POST", "/create-batchjob"), ("GET", "/retrieve-result")):
        assert server.raw(method, path, b"{}" if method == "POST" else None)[0] == 404
