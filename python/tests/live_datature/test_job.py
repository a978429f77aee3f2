"""The main thing: a job over a dataset, delivered, signed, counted and logged."""

import base64
import hashlib
import hmac
import json
import re
from typing import Any, Callable, List

import pytest

from live_datature.datature_support import KEY, PROJECT, Receiver, Server, until, whole_numbers

ENDS = {"Delivered", "FailedGather", "FailedProcess", "FailedPredict", "FailedDeliver"}


def test_every_item_is_predicted_delivered_counted_and_logged(
    server: Server, project: Any, receiver: Receiver, dataset: Callable, start: Callable
) -> None:
    paths = ["/a.jpg", "/missing/b.jpg", "/c.jpg", "/d.jpg"]
    items = dataset(paths)
    assert (items.status.overview, items.status.item_count) == ("Uploaded", 4)
    made = start(items)
    assert (made.status.overview, made.status.message) == ("Waiting", "Waiting")
    assert made.spec.stop_at_time - made.spec.start_at_time == 3 * 24 * 3600 * 1000

    done = project.batch.jobs.wait_until_done(made.id, interval=1)
    assert (done.status.overview, done.status.message) == ("Reached", "Finished")
    assert (done.status.reason, done.status.cancelled_at) == (None, None)
    counts = done.status.items
    assert (counts.gathered, counts.failed_gather) == (3, 1)
    assert (counts.preprocessed, counts.predicted) == (3, 3)
    # An item that failed early is counted among those not delivered: the client waits for the sum.
    assert (counts.delivered, counts.failed_deliver) == (3, 1)

    assert len(receiver.deliveries) == 3
    assert len(set(receiver.ids())) == 3
    for headers, body in receiver.deliveries:
        signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
        wanted = base64.b64encode(hmac.new(KEY, signed, hashlib.sha256).digest()).decode()
        assert headers["webhook-signature"] == f"v1,{wanted}"
        assert headers["content-type"] == "application/json"
    for body in receiver.bodies():
        index = body["item"]["index"]
        assert body["kind"] == "ItemPredicted"
        assert (body["jobId"], body["jobName"]) == (made.id, "a job")
        assert (body["projectId"], body["datasetId"]) == ("proj_default", items.id)
        assert body["item"]["tag"] == paths[index]
        assert body["predictions"]["sizeBytes"] == 10
        assert isinstance(body["createTime"], int)

    entries = project.batch.jobs.get_logs(made.id).entries
    assert len(entries) == 4
    assert {entry.kind for entry in entries} == {"ItemPredicted"}
    failed = [entry for entry in entries if entry.level == "Error"]
    assert [entry.status for entry in failed] == ["FailedGather"]
    assert "404" in failed[0].reason
    assert failed[0].item == f"{receiver.url}/missing/b.jpg"
    for entry in entries:
        assert entry.status in ENDS
        assert re.fullmatch("[0-9a-f]{24}", entry.id)
        assert entry.time_ms >= 0
    times = [entry.create_time for entry in entries]
    assert times == sorted(set(times), reverse=True), "newest first, no two alike"
    assert {entry.reason for entry in entries if entry.level == "Info"} == {""}

    status, job = server.raw("GET", f"{PROJECT}/batch/jobs/{made.id}")
    assert status == 200
    whole_numbers(job)
    assert set(job["status"]["items"]) == {
        "Gathered",
        "FailedGather",
        "Preprocessed",
        "FailedProcess",
        "Predicted",
        "FailedPredict",
        "Delivered",
        "FailedDeliver",
    }
    assert job["spec"]["deployment"]["kind"] == "NewEphemeralDeployment"
    assert isinstance(job["spec"]["stopAtTime"], int)


def test_no_secret_is_in_an_event_an_argument_or_the_log_of_the_server(
    server: Server, project: Any, receiver: Receiver, dataset: Callable, start: Callable
) -> None:
    job = start(dataset(["/a"]))
    project.batch.jobs.wait_until_done(job.id, interval=1)
    _, page = server.raw("GET", "/api/v1/events?limit=1000")
    said = json.dumps(page) + server.output
    for form in (KEY.decode(), base64.b64encode(KEY).decode(), KEY.hex()):
        assert form not in said
    for file in (server.data / "secrets").iterdir():
        assert file.stat().st_mode & 0o777 == 0o600


def test_what_it_does_is_there_natively_too(
    server: Server, project: Any, dataset: Callable, start: Callable
) -> None:
    job = start(dataset(["/a", "/missing"]))
    project.batch.jobs.wait_until_done(job.id, interval=1)
    _, batch = server.raw("GET", f"/api/v1/batches/{job.id[len('batchjob_') :]}")
    assert batch["name"].startswith("a job ")
    _, runs = server.raw("GET", f"/api/v1/runs?batch_id={batch['id']}")
    assert runs["items"][0]["status"] == "failure", "an item failed"
    progressed = server.events("task.progressed")
    stages = {mark["stage"] for event in progressed for mark in event["data"]["marks"]}
    assert stages == {"gathered", "preprocessed", "predicted", "delivered"}


def test_the_instance_may_be_left_to_the_client(
    project: Any, dataset: Callable, start: Callable
) -> None:
    job = start(dataset(["/a"]), deployment_metadata={"region": "somewhere"})
    done = project.batch.jobs.wait_until_done(job.id, interval=1)
    assert done.spec.deployment.template.instance_id == "instance_x1cpu-standard"
    assert done.status.items.delivered == 1


def test_jobs_are_listed_oldest_first_in_pages_that_lead_to_each_other(
    project: Any, dataset: Callable, start: Callable
) -> None:
    items = dataset(["/a"])
    made = [start(items).id for _ in range(3)]
    for job in made:
        project.batch.jobs.wait_until_done(job, interval=1)
    seen: List[str] = []
    page = project.batch.jobs.list({"limit": 2})
    assert page.prev_page is None
    while True:
        assert len(page.data) <= 2
        seen += [job.id for job in page.data]
        if page.next_page is None:
            break
        assert re.fullmatch("[A-Za-z0-9._~-]+", page.next_page), "values are not escaped"
        page = project.batch.jobs.list({"limit": 2, "page": page.next_page})
    assert seen[-3:] == made
    assert len(seen) == len(set(seen))
    dates = [job.create_date for job in project.batch.jobs.list({"limit": 1000}).data]
    assert dates == sorted(dates)
    back = project.batch.jobs.list({"limit": 2, "page": page.prev_page})
    assert [job.id for job in back.data] == seen[-2 - len(page.data) : -len(page.data)]


def test_a_job_is_gone_when_it_was_deleted(
    server: Server, project: Any, receiver: Receiver, dataset: Callable, start: Callable
) -> None:
    from datature.nexus import error

    receiver.open.clear()
    job = start(dataset(["/a", "/b", "/c"]))
    until("it has begun", lambda: receiver.fetched)
    answer = project.batch.jobs.delete(job.id)
    assert (answer.id, answer.deleted) == (job.id, True)
    for ask in (project.batch.jobs.get, project.batch.jobs.get_logs, project.batch.jobs.delete):
        with pytest.raises(error.NotFoundError, match=job.id):
            ask(job.id)
    assert job.id not in [other.id for other in project.batch.jobs.list({"limit": 1000}).data]
    own = job.id[len("batchjob_") :]
    until(
        "its run is cancelled",
        lambda: own in [e["batch_id"] for e in server.events("run.finished")],
    )


def test_several_webhooks_each_get_every_item(
    server: Server, project: Any, receiver: Receiver, dataset: Callable, webhook: Any
) -> None:
    other = project.batch.webhooks.create("other", {"endpoint": f"{receiver.url}/other"})
    items = dataset(["/a", "/b"])
    body = {
        "name": "two",
        "spec": {
            "datasetId": items.id,
            "deployment": {
                "kind": "NewEphemeralDeployment",
                "template": {"artifactId": "artifact_echo"},
            },
            "resultDelivery": {
                "destinations": [
                    {"kind": "Webhook", "webhookId": webhook.id},
                    {"kind": "Webhook", "webhookId": other.id},
                ]
            },
        },
    }
    status, job = server.raw("POST", f"{PROJECT}/batch/jobs", body)
    assert status == 200
    done = project.batch.jobs.wait_until_done(job["id"], interval=1)
    assert done.status.items.delivered == 2
    own = job["id"][len("batchjob_") :]
    ids = [delivery for delivery in receiver.ids() if own in delivery]
    assert len(set(ids)) == len(ids) == 4
