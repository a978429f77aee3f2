"""What becomes of jobs: outcomes, retries, cancels, limits, tokens, restarts."""

import json
import os
import signal
import subprocess
from pathlib import Path
from typing import Any, Dict, List

import pytest
import requests
from rescalehtc import api
from rescalehtc.htcjobs import create_job_batch, get_jobs
from rescalehtc.htcprojects import HtcProject
from rescalehtc.htcsession import HtcSession
from rescalehtc.htctasks import HtcTask, create_task_with_name

from live.live_support import Server
from live_rescalehtc.rescale_support import (
    element,
    ended,
    logs,
    new_project,
    path,
    status,
    submit,
    summary,
    wait,
)


def raw(session: HtcSession, task: HtcTask, payload: List[Any], group: str = "") -> List[Any]:
    """Submit with a group, which the client has no argument for."""
    url = f"{session.RESCALE_API_BASE_URL}{path(task)}/jobs/batch"
    bearer = {"Authorization": f"Bearer {session.RESCALE_HTC_BEARER_TOKEN}"}
    params = {"group": group} if group else {}
    answer = requests.post(url, json=payload, params=params, headers=bearer)
    answer.raise_for_status()
    return list(answer.json())


def test_outcomes(session: HtcSession, task: HtcTask) -> None:
    cases = {
        "exit 3": ("FAILED", 3, "ErrorNonZeroContainerExitCode"),
        "kill -9 $$": ("FAILED", 137, "ErrorNonZeroContainerExitCode"),
        "exit 0": ("SUCCEEDED", 0, None),
    }
    for script, expected in cases.items():
        job = submit(session, task, ["sh", "-c", script])
        done = ended(session, task, job.json["jobUUID"])
        found = (done["status"], done["container"]["exitCode"], done["failureCode"])
        assert found == expected, script
        assert done["statusReason"]


def test_what_cannot_start(session: HtcSession, task: HtcTask) -> None:
    for commands in (["/no/such/program"], []):
        job = submit(session, task, commands)
        done = ended(session, task, job.json["jobUUID"])
        assert done["status"] == "FAILED"
        assert done["failureCode"] == "ErrorStartingContainer"
        assert done["statusReason"]


def test_a_timeout_is_final(session: HtcSession, task: HtcTask) -> None:
    payload = [
        element(
            ["sh", "-c", "echo attempt $AWS_BATCH_JOB_ATTEMPT; sleep 600 & wait"],
            definition={"execTimeoutSeconds": 1},
            retryStrategy={"maxRetries": 3},
        )
    ]
    [made] = raw(session, task, payload)
    job_id = f"{made['parentJobId']}:0"
    done = ended(session, task, job_id)
    assert (done["status"], done["failureCode"]) == ("FAILED", "ErrorTimeout")
    assert logs(session, task, job_id) == ["attempt 1"]


def test_retries_keep_their_job(session: HtcSession, task: HtcTask) -> None:
    script = "echo attempt $AWS_BATCH_JOB_ATTEMPT; test $AWS_BATCH_JOB_ATTEMPT = 3"
    [made] = raw(session, task, [element(["sh", "-c", script], retryStrategy={"maxRetries": 2})])
    job_id = f"{made['parentJobId']}:0"
    done = ended(session, task, job_id)
    assert done["status"] == "SUCCEEDED"
    assert logs(session, task, job_id) == ["attempt 1", "attempt 2", "attempt 3"]
    ids = (task.json["projectId"], task.json["taskId"], job_id)
    events = api.get_htc_projects_tasks_jobs_events(session, *ids)
    assert len({event["eventId"] for event in events}) == len(events)
    attempt = ["STARTING", "RUNNING"]
    again = ["RUNNABLE", *attempt]
    assert [event["status"] for event in events] == [
        "SUBMITTED_TO_RESCALE",
        *attempt,
        *again,
        *again,
        "SUCCEEDED",
    ]
    times = [event["dateTime"] for event in events]
    assert times == sorted(times)


def test_what_a_job_sees(session: HtcSession, task: HtcTask) -> None:
    batch = create_job_batch(
        session,
        task,
        2,
        commands=["sh", "-c", "env; pwd; cat; ls"],
        priority="ON_DEMAND_PRIORITY",
        image_name="tool",
        exec_timeout_seconds=60,
    )
    for index, job in enumerate(batch.to_jobs()):
        job_id = job.json["jobUUID"]
        assert ended(session, task, job_id)["status"] == "SUCCEEDED"
        lines = logs(session, task, job_id)
        seen = dict(line.split("=", 1) for line in lines if "=" in line)
        expected = {
            "RESCALE_HTC_PROJECT_ID": task.json["projectId"],
            "RESCALE_PROJECT_ID": task.json["projectId"],
            "RESCALE_HTC_TASK_ID": task.json["taskId"],
            "RESCALE_TASK_ID": task.json["taskId"],
            "RESCALE_HTC_REGION": "AWS_US_EAST_1",
            "RESCALE_JOB_ID": job_id,
            "AWS_BATCH_JOB_ID": job_id,
            "AWS_BATCH_JOB_ARRAY_INDEX": str(index),
            "AWS_BATCH_JOB_ATTEMPT": "1",
        }
        assert {name: seen.get(name) for name in expected} == expected
        assert os.path.isabs(lines[-1])


def test_a_job_proves_who_it_is(
    server: Server, session: HtcSession, project: HtcProject, task: HtcTask
) -> None:
    other = create_task_with_name(session, project, "another", "")
    job = submit(
        session,
        task,
        ["sh", "-c", "echo $RESCALE_HTC_BEARER_TOKEN; echo $RESCALE_HTC_REFRESH_TOKEN"],
        claims=[{"name": "colour", "value": "blue"}],
    )
    ended(session, task, job.json["jobUUID"])
    bearer, refresh = logs(session, task, job.json["jobUUID"])
    base = session.RESCALE_API_BASE_URL
    fetched = requests.get(f"{base}/auth/token", headers={"Authorization": f"Refresh {refresh}"})
    for token in (bearer, fetched.json()["tokenValue"]):
        headers = {"Authorization": f"Bearer {token}"}
        claims = requests.get(f"{base}/auth/token/whoami", headers=headers).json()
        assert claims["userDefined_colour"] == "blue"
        assert claims["taskId"] == task.json["taskId"]
        found = [
            requests.get(f"{base}{where}", headers=headers).status_code
            for where in (path(task), path(other), "/htc/projects")
        ]
        assert found == [200, 403, 403]
    # It is in no event: made when the attempt starts, and only then.
    events = requests.get(f"{server.url}/api/v1/events", params={"limit": 1000}).text
    assert bearer not in events
    assert bearer.split(".")[2] not in events


def test_cancel_ends_everything(session: HtcSession, task: HtcTask) -> None:
    script = "sleep 600 & echo $!; wait"
    jobs = create_job_batch(
        session,
        task,
        40,
        commands=["sh", "-c", script],
        priority="ON_DEMAND_ECONOMY",
        image_name="tool",
        exec_timeout_seconds=600,
    ).to_jobs()
    first = jobs[0].json["jobUUID"]
    child = int(wait("the child says who it is", lambda: logs(session, task, first))[0])
    task.cancel_jobs_in_task(session)
    task.cancel_jobs_in_task(session)
    for job in jobs:
        done = ended(session, task, job.json["jobUUID"])
        assert (done["status"], done["failureCode"]) == ("FAILED", None)
        assert "Cancelled" in done["statusReason"]
    with pytest.raises(ProcessLookupError):
        os.kill(child, 0)
    ids = (task.json["projectId"], task.json["taskId"], first)
    events = api.get_htc_projects_tasks_jobs_events(session, *ids)
    assert [event["userCancelledEvent"] for event in events][-1]
    again = submit(session, task, ["true"])
    assert ended(session, task, again.json["jobUUID"])["status"] == "SUCCEEDED"


def test_groups(session: HtcSession, task: HtcTask) -> None:
    [one] = raw(session, task, [element(["sleep", "600"])], "one")
    [two] = raw(session, task, [element(["true"], batchSize=3)], "group two")
    [none] = raw(session, task, [element(["true"])])
    assert (one["group"], two["group"], none["group"]) == ("one", "group two", None)
    ids = (task.json["projectId"], task.json["taskId"])
    assert api.get_htc_projects_tasks_groups(session, *ids) == ["group two", "one"]
    found = api.get_htc_projects_tasks_group_summary_statistics(session, *ids)
    assert {one["group"]: sum(one["jobStatuses"].values()) for one in found} == {
        "group two": 3,
        "one": 1,
    }
    bearer = {"Authorization": f"Bearer {session.RESCALE_HTC_BEARER_TOKEN}"}
    url = f"{session.RESCALE_API_BASE_URL}{path(task)}/jobs"
    listed = requests.get(url, params={"group": "group two"}, headers=bearer).json()
    assert len(listed["items"]) == 3
    assert "next" not in listed
    wait("it runs", lambda: status(session, task, f"{one['parentJobId']}:0") in ("RUNNING",))
    requests.post(f"{url}/cancel", params={"group": "group two"}, json={}, headers=bearer)
    assert status(session, task, f"{one['parentJobId']}:0") == "RUNNING"
    requests.post(f"{url}/cancel", params={"group": "one"}, headers=bearer).raise_for_status()
    assert ended(session, task, f"{one['parentJobId']}:0")["status"] == "FAILED"


def test_deleting_a_task_ends_its_jobs(session: HtcSession, task: HtcTask) -> None:
    job = submit(session, task, ["sleep", "600"])
    task.delete_task(session)
    task.delete_task(session)
    assert ended(session, task, job.json["jobUUID"])["status"] == "FAILED"


def test_limits_hold_jobs_back(session: HtcSession) -> None:
    project = new_project(session, "Limited")
    task = create_task_with_name(session, project, "narrow", "")
    project.set_vcpu_limit(session, "WORKSPACE_ADMIN", 9)
    project.set_vcpu_limit(session, "PROJECT_ADMIN", 1)
    limits = project.get_limits(session)
    assert sorted(limit["vCPUs"] for limit in limits) == [1, 9]
    jobs = create_job_batch(
        session,
        task,
        3,
        commands=["sleep", "600"],
        priority="ON_DEMAND_ECONOMY",
        image_name="tool",
        exec_timeout_seconds=600,
    ).to_jobs()
    ids = [job.json["jobUUID"] for job in jobs]
    wait("one runs", lambda: status(session, task, ids[0]) == "RUNNING")
    counts = summary(session, task)
    assert (counts["RUNNING"], counts["SUBMITTED_TO_RESCALE"]) == (1, 2)
    assert "pool" in get_jobs(session, task)[1].json["statusReason"]
    # A job that is wider than the limit waits, and keeps nobody up.
    wide = submit(session, task, ["true"], max_vcpus=5).json["jobUUID"]
    project.set_vcpu_limit(session, "PROJECT_ADMIN", 2)
    wait("a higher limit holds at once", lambda: status(session, task, ids[1]) == "RUNNING")
    assert status(session, task, ids[2]) == status(session, task, wide) == "SUBMITTED_TO_RESCALE"
    api.delete_htc_projects_limits(session, project.json["projectId"])
    assert project.get_limits(session) == []
    # Handed to the runner ahead of a free slot if jobs were short lately.
    assert status(session, task, wide) in ("RUNNABLE", "STARTING")
    task.cancel_jobs_in_task(session)
    for job_id in (*ids, wide):
        assert ended(session, task, job_id)["status"] == "FAILED"


def test_the_rest_of_fasti_sees_them(server: Server, session: HtcSession, task: HtcTask) -> None:
    job = submit(session, task, ["echo", "hello"])
    ended(session, task, job.json["jobUUID"])
    found = server.call("GET", "/batches?limit=1000")["items"]
    [batch] = [one for one in found if one["name"].startswith(task.json["taskName"])]
    runs = server.call("GET", f"/runs?batch_id={batch['id']}")["items"]
    assert [run["status"] for run in runs] == ["success"]
    shown = subprocess.run(
        [os.environ["FASTI_BIN"], "run", "show", str(runs[0]["id"])],
        env={**os.environ, "FASTI_URL": server.url},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert task.json["taskName"] in shown
    # And the other way round: a run that was started there is a job here.
    definition = {"name": batch["name"], "tasks": [{"name": "own", "command": ["echo", "own"]}]}
    run = server.call("POST", "/runs", {"definition": definition})
    server.finished(run["id"])
    jobs = get_jobs(session, task)
    assert [job.json["status"] for job in jobs] == ["SUCCEEDED"] * 2
    assert jobs[1].json["commands"] == ["echo", "own"]
    assert logs(session, task, jobs[1].json["jobUUID"]) == ["own"]


#: Below a task, what there is; `x` stands for what is not there, or is no number.
BELOW_TASK = (
    "",
    "/summary-statistics",
    "/group-summary-statistics?group=x&pageIndex=x",
    "/groups",
    "/jobs?jobId=x&pageSize=x",
    "/jobs/batch",
    "/jobs/cancel",
    "/jobs/x:y",
    "/jobs/x:y/logs?pageIndex=x",
    "/jobs/x:y/events?pageSize=0",
    "/storage/token",
)
BELOW_PROJECT = (
    "",
    "/limits",
    "/limits/x",
    "/tasks?pageSize=100000&pageIndex=%ff",
    "/dimensions",
    "/task-retention-policy",
    "/container-registry/images",
    "/container-registry/images/%ff",
    "/container-registry/repo/%00",
    "/container-registry/token",
    "/storage/token",
)


def test_odd_requests_are_never_a_fault(session: HtcSession, task: HtcTask) -> None:
    """Every address with every method and bodies of no form: refused or done, never a 5xx."""
    project = f"/htc/projects/{task.json['projectId']}"
    addresses = [f"{path(task)}{below}" for below in BELOW_TASK if below]
    addresses += [f"{project}/tasks/none{below}" for below in BELOW_TASK]
    addresses += [f"{project}{below}" for below in BELOW_PROJECT]
    addresses += [f"/htc/projects/%2e%2e%2f{below}" for below in BELOW_PROJECT]
    addresses += ["/auth/token", "/auth/x", "/oauth2/token", "/htc", "/htc/workspaces/x/limits"]
    headers = {
        "Authorization": f"Bearer {session.RESCALE_HTC_BEARER_TOKEN}",
        "Content-Type": "application/json",
    }
    bodies = [b"", b"{}", b"[]", b"[{}]", b"[null]", b'{"vCPUs": -1}', b"\xff", b"1e999"]
    for address in addresses:
        for method in ("GET", "POST", "PUT", "PATCH", "DELETE"):
            for body in bodies if method != "GET" else bodies[:1]:
                answer = requests.request(
                    method, f"{session.RESCALE_API_BASE_URL}{address}", data=body, headers=headers
                )
                assert answer.status_code < 500, (method, address, body, answer.text)
                if answer.status_code >= 400:
                    assert answer.json()["error"], (method, address, body)


def test_what_is_too_large(session: HtcSession, task: HtcTask) -> None:
    headers = {
        "Authorization": f"Bearer {session.RESCALE_HTC_BEARER_TOKEN}",
        "Content-Type": "application/json",
    }
    base = session.RESCALE_API_BASE_URL
    for where, mebibytes in ((f"{path(task)}/jobs/batch", 65), ("/htc/projects", 2)):
        body = json.dumps([element(["true", "x" * (mebibytes << 20)])])
        answer = requests.post(f"{base}{where}", data=body, headers=headers)
        assert answer.status_code == 413
        assert answer.json()["error"] == "TOO_LARGE"
    assert sum(summary(session, task).values()) == 0


def test_a_restart_in_the_middle(
    server: Server, session: HtcSession, task: HtcTask, tmp_path: Path
) -> None:
    done = tmp_path / "done"
    jobs = create_job_batch(
        session,
        task,
        30,
        commands=["sh", "-c", f"sleep 0.2; echo $AWS_BATCH_JOB_ARRAY_INDEX >> {done}; echo done"],
        priority="ON_DEMAND_ECONOMY",
        image_name="tool",
        exec_timeout_seconds=60,
    ).to_jobs()
    first = jobs[0].json["jobUUID"]
    wait("the first is over", lambda: status(session, task, first) == "SUCCEEDED")
    server.process.send_signal(signal.SIGKILL)
    server.process.wait()
    address = server.url
    again = Server(server.folder)
    try:
        # The token holds: only the port is another one.
        session.RESCALE_API_BASE_URL = f"{again.url}/api/v1"
        assert sum(summary(session, task).values()) == 30
        for job in jobs:
            job_id = job.json["jobUUID"]
            assert ended(session, task, job_id)["status"] == "SUCCEEDED"
            assert logs(session, task, job_id) == ["done"]
        assert summary(session, task)["SUCCEEDED"] == 30
        # Each ran once: none was lost, none was done again.
        assert sorted(map(int, done.read_text().split())) == list(range(30))
    finally:
        again.stop()
        session.RESCALE_API_BASE_URL = f"{address}/api/v1"


def test_what_is_refused(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Wrong keys, forged tokens, malformed bodies: each its own refusal, nothing of it a fault."""
    server = Server(tmp_path_factory.mktemp("guarded"), "--server-token", "s3cret")
    base = f"{server.url}/api/v1"

    def get(where: str, authorization: str) -> int:
        headers = {"Authorization": authorization}
        return requests.get(f"{base}{where}", headers=headers).status_code

    try:
        for wrong in ("Token wrong", "Token", "Basic s3cret", "Refresh x.y.z", "Bearer s3cret"):
            assert get("/auth/token", wrong) == 401
            assert get("/auth/whoami", wrong) == 401
        token = requests.get(f"{base}/auth/token", headers={"Authorization": "Token s3cret"})
        bearer = token.json()["tokenValue"]
        assert get("/htc/projects", f"Bearer {bearer}") == 200
        head, payload, _ = bearer.split(".")
        for forged in (f"{head}.{payload}.AAAA", f"{head}.{payload}.", "s3cret", "a.b.c"):
            assert get("/htc/projects", f"Bearer {forged}") == 401
        assert get("/runs", f"Bearer {bearer}") == 401
        bodies: List[bytes] = [b"", b"{", b"[1]", b"null", b"\xff", b'"x"', b"[[]]", b"[" * 100_000]
        for body in bodies:
            for where in ("/htc/projects", "/htc/projects/x/tasks/y/jobs/batch"):
                headers = {"Authorization": f"Bearer {bearer}", "Content-Type": "application/json"}
                answer = requests.post(f"{base}{where}", data=body, headers=headers)
                assert answer.status_code in (400, 404), body[:20]
                refusal: Dict[str, Any] = json.loads(answer.text)
                assert refusal["message"] == refusal["errorDescription"]
    finally:
        server.stop()
