"""Webhooks: kept, changed, tested, delivered to."""

import base64
import hashlib
import hmac
import time
from typing import Any, Callable

import pytest

from live_datature.datature_support import KEY, PROJECT, Receiver, Server

WEBHOOKS = f"{PROJECT}/batch/webhooks"


def is_signed(headers: Any, body: bytes, key: bytes) -> bool:
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    wanted = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    return bool(headers["webhook-signature"] == f"v1,{wanted}")


def test_a_webhook_is_made_changed_and_removed(project: Any, receiver: Receiver) -> None:
    from datature.nexus import error

    made = project.batch.webhooks.create("w", {"endpoint": f"{receiver.url}/w"})
    assert (made.retries.max_retries, made.retries.max_retry_delay) == (3, 15000)
    assert project.batch.webhooks.get(made.id) == made
    assert made.id in [known.id for known in project.batch.webhooks.list({"limit": 1000}).data]
    changed = project.batch.webhooks.update(
        made.id, {"endpoint": f"{receiver.url}/v", "retries": {"max_retries": 1}}
    )
    assert (changed.endpoint, changed.retries.max_retries) == (f"{receiver.url}/v", 1)
    assert changed.name == "w"
    answer = project.batch.webhooks.delete(made.id)
    assert (answer.id, answer.deleted) == (made.id, True)
    with pytest.raises(error.NotFoundError):
        project.batch.webhooks.get(made.id)


def test_only_its_own_address_changes_a_secret(
    server: Server, project: Any, receiver: Receiver, webhook: Any
) -> None:
    # The client fills in a secret of its own when a spec is changed.
    project.batch.webhooks.update(webhook.id, {"endpoint": f"{receiver.url}/new"})
    assert project.batch.webhooks.test(webhook.id).status == "Ok"
    headers, body = receiver.deliveries[-1]
    assert is_signed(headers, body, KEY)
    other = b"another key of some length"
    shown = project.batch.webhooks.update_secret(webhook.id, base64.b64encode(other).decode())
    assert shown.id == webhook.id
    project.batch.webhooks.test(webhook.id)
    headers, body = receiver.deliveries[-1]
    assert is_signed(headers, body, other)
    _, raw = server.raw("GET", f"{WEBHOOKS}/{webhook.id}")
    assert "secret" not in str(raw).lower()


def test_a_test_makes_one_attempt_and_reports_it(
    project: Any, receiver: Receiver, webhook: Any
) -> None:
    good = project.batch.webhooks.test(webhook.id)
    assert (good.status, good.response_code, good.attempt_count) == ("Ok", 200, 1)
    assert (good.body, good.reason) == ("thanks", None)
    assert receiver.bodies()[-1]["kind"] == "WebhookTest"
    receiver.answers.append(500)
    bad = project.batch.webhooks.test(webhook.id)
    assert (bad.status, bad.response_code, bad.attempt_count) == ("Failed", 500, 1)
    assert "500" in bad.reason
    assert len(receiver.deliveries) == 2


def test_a_test_without_an_answer_is_reported_too(project: Any) -> None:
    nobody = project.batch.webhooks.create("w", {"endpoint": "http://127.0.0.1:9/nobody"})
    test = project.batch.webhooks.test(nobody.id)
    assert (test.status, test.response_code) == ("Failed", 0)
    assert test.reason


def test_a_redirect_is_not_followed(project: Any, receiver: Receiver, webhook: Any) -> None:
    receiver.answers.append(307)
    test = project.batch.webhooks.test(webhook.id)
    assert (test.status, test.response_code) == ("Failed", 307)
    assert len(receiver.deliveries) == 1


def test_without_a_secret_nothing_is_signed(server: Server, receiver: Receiver) -> None:
    body = {"name": "plain", "spec": {"endpoint": f"{receiver.url}/plain"}}
    _, made = server.raw("POST", WEBHOOKS, body)
    status, test = server.raw("POST", f"{WEBHOOKS}/{made['id']}:test", b"")
    assert (status, test["status"]) == (200, "Ok")
    assert "webhook-signature" not in receiver.deliveries[-1][0]


def test_a_delivery_is_tried_again_under_the_same_id(
    server: Server, project: Any, receiver: Receiver, dataset: Callable, start: Callable
) -> None:
    receiver.answers += [500, 302]
    job = start(dataset(["/a"]))
    done = project.batch.jobs.wait_until_done(job.id, interval=1)
    assert done.status.items.delivered == 1
    assert len(receiver.deliveries) == 3
    assert len(set(receiver.ids())) == 1
    assert len({body for _, body in receiver.deliveries}) == 1
    details = [
        mark["detail"]
        for event in server.events("task.progressed")
        if event["batch_id"] == job.id[len("batchjob_") :]
        for mark in event["data"]["marks"]
        if mark.get("is_note")
    ]
    assert len(details) == 3
    assert "500" in details[0]
    assert "302" in details[1]
    assert "latencyMs" in details[2]


def test_a_delivery_ends_with_its_attempts(
    project: Any, receiver: Receiver, dataset: Callable, start: Callable
) -> None:
    receiver.answers += [500, 500, 500]
    job = start(dataset(["/a"]))
    done = project.batch.jobs.wait_until_done(job.id, interval=1)
    counts = done.status.items
    assert (counts.predicted, counts.delivered, counts.failed_deliver) == (1, 0, 1)
    entry = project.batch.jobs.get_logs(job.id).entries[0]
    assert (entry.status, entry.level) == ("FailedDeliver", "Error")
    assert "3 attempts" in entry.reason
    assert len(receiver.deliveries) == 3, "the first and two more"


def test_an_unfinished_job_keeps_its_webhook(
    project: Any, dataset: Callable, webhook: Any, start: Callable
) -> None:
    from datature.nexus import error

    job = start(dataset(["/a"]), start_at_time=int(time.time() * 1000) + 3_600_000)
    with pytest.raises(error.BadRequestError, match=job.id):
        project.batch.webhooks.delete(webhook.id)
    project.batch.jobs.cancel(job.id)
    assert project.batch.webhooks.delete(webhook.id).deleted


def test_what_cannot_be_a_webhook_is_refused(server: Server, webhook: Any) -> None:
    for spec in (
        {},
        {"endpoint": ""},
        {"endpoint": "ftp://x/y"},
        {"endpoint": "nothing"},
        {"endpoint": 7},
        {"endpoint": "http://x/", "secret": {"contents": "no base64!"}},
        {"endpoint": "http://x/", "retries": {"maxRetries": -1}},
        {"endpoint": "http://x/", "retries": {"maxRetries": 1000}},
        {"endpoint": "http://x/", "retries": {"maxBackoffMs": 10**12}},
    ):
        status, refusal = server.raw("POST", WEBHOOKS, {"name": "w", "spec": spec})
        assert status == 400, spec
        assert "no base64!" not in refusal["message"]
    one = f"{WEBHOOKS}/{webhook.id}"
    for body in (b"", {}, {"spec": {}}, {"spec": {"secret": {"contents": "AAAA"}}}):
        assert server.raw("PATCH", one, body)[0] == 400, body
    assert server.raw("POST", f"{one}:nothing", b"")[0] == 404
    assert server.raw("POST", one, b"")[0] == 404
