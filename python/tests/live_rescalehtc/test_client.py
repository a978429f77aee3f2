"""Each method of the published client against the real server."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from rescalehtc import api
from rescalehtc.container_registry import get_container_registry
from rescalehtc.exceptions import HtcException
from rescalehtc.htcjobs import create_job_batch, create_job_batch_raw, get_job_with_id, get_jobs
from rescalehtc.htcprojects import (
    HtcProject,
    get_project_with_id,
    get_project_with_name,
    get_projects,
)
from rescalehtc.htcsession import HtcSession
from rescalehtc.htctasks import (
    HtcTask,
    create_task_with_name,
    delete_tasks_with_name,
    get_task_with_id,
    get_tasks,
    get_tasks_with_name,
)

from live.live_support import Server
from live_rescalehtc.rescale_support import (
    element,
    ended,
    logs,
    new_project,
    status,
    submit,
    summary,
    wait,
)

BATCH = {"priority": "ON_DEMAND_ECONOMY", "image_name": "tool", "exec_timeout_seconds": 60}


def test_a_session_knows_who_it_is(session: HtcSession) -> None:
    payload = session.get_bearer_token().payload
    for name in ("userFullName", "userEmail", "workspaceName", "workspaceId", "organizationCode"):
        assert payload[name]
    assert payload["exp"] - payload["iat"] > 8_400
    assert api.get_auth_token_whoami(session) == payload
    user = api.get_auth_whoami(session, "Token key")["user"]
    assert user["userId"] == payload["sub"]
    assert "/" not in user["workspace"]["name"]
    assert api.get_well_known_jwks(session) == {"keys": []}


def test_a_session_from_a_folder(server: Server, session: HtcSession, tmp_path: Path) -> None:
    (tmp_path / "default").mkdir()
    (tmp_path / "default" / "rescale_api_token.txt").write_text("key\n")
    from_folder = HtcSession(config_folder_override=str(tmp_path))
    cached = json.loads((tmp_path / "default" / "rescale_bearer_token.json").read_text())
    assert cached["tokenValue"] == from_folder.RESCALE_HTC_BEARER_TOKEN
    # A second process finds enough time left in the token.
    again = HtcSession(config_folder_override=str(tmp_path))
    assert again.RESCALE_HTC_BEARER_TOKEN == from_folder.RESCALE_HTC_BEARER_TOKEN


def test_the_tool_that_authenticates(server: Server, tmp_path: Path) -> None:
    script = (
        "from rescalehtc.internals import constants; "
        f"constants._RESCALE_API_BASE_URL = '{server.url}/api/v1'; "
        "from rescalehtc.scripts.rauthenticate import argmain; argmain()"
    )
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "RESCALE_API_TOKEN": "key"}
    done = subprocess.run(
        [sys.executable, "-c", script], env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert "in organization fasti, on workspace fasti (fasti)" in done.stdout
    assert done.stdout.endswith("All OK.\n")


def test_projects(session: HtcSession) -> None:
    project = new_project(session, "Named once")
    found = get_project_with_name(session, "Named once")
    assert found.json == project.json
    assert project.json["projectId"] in [one.json["projectId"] for one in get_projects(session)]
    assert get_project_with_id(session, "nothing") is None
    assert len(project.json["regions"]) == 1
    assert "aws.com" in project.json["containerRegistry"]
    assert project.json["createdAt"].endswith("Z")


def test_more_than_a_page_of_projects(session: HtcSession) -> None:
    made = [new_project(session, f"page {number}").json["projectId"] for number in range(105)]
    found = [project.json["projectId"] for project in get_projects(session)]
    assert [one for one in found if one in made] == made
    assert len(found) == len(set(found))


def test_tasks(session: HtcSession, project: HtcProject) -> None:
    first = create_task_with_name(session, project, "twice", "one")
    second = create_task_with_name(session, project, "twice", "two")
    assert first.json["taskId"] != second.json["taskId"]
    assert first.json["lifecycleStatus"] == "ACTIVE"
    found = get_tasks_with_name(session, project, "twice")
    assert [task.json["taskDescription"] for task in found] == ["one", "two"]
    assert get_task_with_id(session, project, first.json["taskId"]).json == first.json
    assert get_task_with_id(session, project, "nothing") is None
    api.patch_htc_projects_tasks(
        session, project.json["projectId"], first.json["taskId"], {"lifecycleStatus": "ARCHIVED"}
    )
    with pytest.raises(HtcException, match="archived"):
        submit(session, first, ["true"])
    first.delete_task(session)
    assert get_task_with_id(session, project, first.json["taskId"]).json["deletedAt"]
    active = [task.json["taskId"] for task in get_tasks(session, project)]
    assert first.json["taskId"] not in active
    assert second.json["taskId"] in active
    with pytest.raises(HtcException) as refused:
        submit(session, first, ["true"])
    assert refused.value.status_code == 400
    delete_tasks_with_name(session, project, "twice")
    assert get_tasks_with_name(session, project, "twice") == []


def test_a_single_job(session: HtcSession, task: HtcTask) -> None:
    tags = [{"key": "batch", "value": "b"}]
    job = submit(
        session,
        task,
        ["sh", "-c", "echo hello; echo $FOO >&2; echo bye"],
        envs=[{"name": "FOO", "value": "from outside"}],
        job_tags={"job": "j"},
        batch_tags=tags,
        max_vcpus=2,
        max_memory_mib=512,
    )
    job_id = job.json["jobUUID"]
    done = ended(session, task, job_id)
    assert done["status"] == "SUCCEEDED"
    assert done["statusReason"] == "Completed"
    assert done["container"]["exitCode"] == 0
    assert done["failureCode"] is None
    assert done["tags"] == [{"key": "job", "value": "j"}, *tags]
    assert done["envs"] == [{"name": "FOO", "value": "from outside"}]
    assert (done["maxVCpus"], done["maxMemory"], done["imageName"]) == (2, 512, "team/tool:1.0")
    assert done["createdAt"] <= done["startedAt"] <= done["completedAt"]
    # Standard error is in the same log, in the order in which it was written.
    assert logs(session, task, job_id) == ["hello", "from outside", "bye"]
    assert logs(session, task, job_id, 2) == ["from outside", "bye"]
    assert not get_job_with_id(session, task, job_id).is_still_running(session)
    assert get_job_with_id(session, task, "155f18d4") is None


def test_a_batch_of_jobs(session: HtcSession, task: HtcTask) -> None:
    batch = create_job_batch(
        session, task, 12, commands=["sh", "-c", "exit $((AWS_BATCH_JOB_ARRAY_INDEX % 3))"], **BATCH
    )
    jobs = batch.to_jobs()
    assert [job.json["jobUUID"].split(":")[1] for job in jobs] == [str(n) for n in range(12)]
    assert sum(summary(session, task).values()) == 12
    wait("all jobs are over", lambda: not fresh(session, task).is_still_running(session))
    assert summary(session, task)["SUCCEEDED"] == 4
    assert summary(session, task)["FAILED"] == 8
    assert not batch.is_still_running(session)
    failed = get_jobs(session, task, "FAILED")
    assert sorted(job.json["container"]["exitCode"] for job in failed) == [1] * 4 + [2] * 4
    assert {job.json["failureCode"] for job in failed} == {"ErrorNonZeroContainerExitCode"}
    assert [job.json["jobUUID"] for job in get_jobs(session, task)] == [
        job.json["jobUUID"] for job in jobs
    ]
    job = jobs[5]
    job.get_update(session)
    assert job.json["container"]["exitCode"] == 2


def fresh(session: HtcSession, task: HtcTask) -> HtcTask:
    """The same task in a new object, which asks at once."""
    return get_task_with_id(session, task.project, task.json["taskId"])


def test_ten_thousand_jobs(session: HtcSession, task: HtcTask) -> None:
    batch = create_job_batch(session, task, 10_000, commands=["sleep", "600"], **BATCH)
    assert batch.json["batchSize"] == 10_000
    counts = summary(session, task)
    assert sum(counts.values()) == 10_000
    last = batch.to_jobs()[-1].json["jobUUID"]
    assert status(session, task, last) == "RUNNABLE"
    ids = [job.json["jobUUID"] for job in get_jobs(session, task)]
    assert len(ids) == len(set(ids)) == 10_000
    task.cancel_jobs_in_task(session)

    def all_failed() -> bool:
        counts = summary(session, task)
        assert sum(counts.values()) == 10_000
        return counts["FAILED"] == 10_000

    wait("all jobs are cancelled", all_failed)


def test_raw_requests_run_all_elements(session: HtcSession, task: HtcTask) -> None:
    payload = [element(["echo", "one"]), element(["echo", "two"], batchSize=2)]
    ids = (task.json["projectId"], task.json["taskId"])
    made = api.post_htc_projects_tasks_jobs_batch(session, *ids, payload)
    assert [one["batchSize"] for one in made] == [1, 2]
    for one, text in zip(made, ["one", "two"]):
        for part in range(one["batchSize"]):
            job_id = f"{one['parentJobId']}:{part}"
            assert ended(session, task, job_id)["status"] == "SUCCEEDED"
            assert logs(session, task, job_id) == [text]
    batch = create_job_batch_raw(session, task, [element(["true"])])
    assert len(batch.to_jobs()) == 1


def test_one_bad_element_and_nothing_is_made(session: HtcSession, task: HtcTask) -> None:
    bad = element(["true"], definition={"envs": [{"name": "AWS_BATCH_JOB_ID", "value": "x"}]})
    for payload in ([element(["true"]), bad], []):
        ids = (task.json["projectId"], task.json["taskId"])
        with pytest.raises(HtcException) as refused:
            api.post_htc_projects_tasks_jobs_batch(session, *ids, payload)
        assert refused.value.status_code == 400
    assert sum(summary(session, task).values()) == 0


def test_log_files(session: HtcSession, task: HtcTask, tmp_path: Path) -> None:
    job = submit(session, task, ["seq", "12345"])
    job_id = job.json["jobUUID"]
    ended(session, task, job_id)
    assert logs(session, task, job_id) == [str(n) for n in range(1, 12_346)]
    assert logs(session, task, job_id, 3) == ["12343", "12344", "12345"]
    file = tmp_path / "log"
    get_job_with_id(session, task, job_id).get_logs_to_file(session, str(file))
    assert file.read_text().split() == [str(n) for n in range(1, 12_346)]


def test_blank_lines_and_last_lines(session: HtcSession, task: HtcTask) -> None:
    job = submit(session, task, ["printf", "a\\n\\nb\\377\\nlast"])
    ended(session, task, job.json["jobUUID"])
    assert logs(session, task, job.json["jobUUID"]) == ["a", "", "b\ufffd", "last"]


def test_the_registry(session: HtcSession, project: HtcProject) -> None:
    registry = get_container_registry(session, project)
    assert registry.get_images(session) == []
    assert registry.is_image_ready(session, "team/tool:1.0")
    assert registry.create_repo(session, "team/tool")["successfullyCreated"]
    registry.create_repo(session, "team/tool")
    assert registry.get_repos(session) == ["team/tool"]
    assert registry.get_image(session, "team/tool:1.0") == {"status": "READY"}
    assert registry.get_token(session)
    found = get_project_with_id(session, project.json["projectId"])
    assert found.json["repositories"] == ["team/tool"]
    with pytest.raises(HtcException):
        registry.is_image_ready(session, "Team/Tool")


def test_limits_by_number(session: HtcSession) -> None:
    ids = (new_project(session, "numbered").json["projectId"],)
    made = api.post_htc_projects_limits(
        session, *ids, {"vCPUs": 5, "modifierRole": "PROJECT_ADMIN"}
    )
    api.post_htc_projects_limits(session, *ids, {"vCPUs": 9, "modifierRole": "WORKSPACE_ADMIN"})
    assert api.get_htc_projects_limits(session, *ids, made["id"])["vCPUs"] == 5
    changed = api.patch_htc_projects_limits(session, *ids, made["id"], {"vCPUs": 6})
    assert (changed["vCPUs"], changed["id"]) == (6, made["id"])
    api.delete_htc_projects_limits(session, *ids, made["id"])
    assert [limit["vCPUs"] for limit in api.get_htc_projects_limits(session, *ids)] == [9]


def test_what_answers_politely(session: HtcSession, project: HtcProject, task: HtcTask) -> None:
    ids = (project.json["projectId"],)
    region = project.json["regions"][0]
    assert [one["region"] for one in api.get_htc_regions(session)] == [region]
    assert api.get_htc_regions(session, region)["enabled"]
    dimensions = api.get_htc_projects_dimensions(session, *ids)
    assert dimensions[0]["derived"]["vCPUs"] > 0
    assert api.put_htc_projects_dimensions(session, *ids, dimensions) == dimensions
    workspace = project.json["workspaceId"]
    assert api.get_htc_workspaces_dimensions(session, workspace) == dimensions
    policy = {"deleteAfter": 24, "archiveAfter": 0}
    with pytest.raises(HtcException):
        api.get_htc_projects_task_retention_policy(session, *ids)
    assert api.put_htc_projects_task_retention_policy(session, *ids, policy) == policy
    assert api.get_htc_projects_task_retention_policy(session, *ids) == policy
    api.delete_htc_projects_task_retention_policy(session, *ids)
    assert api.put_htc_task_retention_policy(session, workspace, policy) == policy
    assert api.get_htc_task_retention_policy(session, workspace) == policy
    assert api.get_htc_storage(session) == []
    assert api.get_htc_gcp_clusters(session, workspace)["clusters"] == []
    of_task = (*ids, task.json["taskId"])
    for nothing in (
        lambda: api.get_htc_storage_region(session, region),
        lambda: api.get_htc_projects_storage_token(session, *ids),
        lambda: api.get_htc_projects_storage_tokens(session, *ids),
        lambda: api.get_htc_projects_storage_token(session, *ids, region),
        lambda: api.get_htc_projects_storage_presigned_url(session, *ids),
        lambda: api.get_htc_projects_tasks_storage_token(session, *of_task),
        lambda: api.get_htc_projects_tasks_storage_token(session, *of_task, region),
        lambda: api.get_htc_projects_tasks_storage_tokens(session, *of_task),
        lambda: api.get_htc_projects_tasks_storage_presigned_url(session, *of_task),
        lambda: api.get_htc_projects_tasks_storage_regional_storage(session, *of_task),
        lambda: api.get_htc_workspaces_limits(session, workspace),
    ):
        with pytest.raises(HtcException) as refused:
            nothing()
        assert refused.value.status_code == 404
