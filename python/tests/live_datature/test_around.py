"""Workspace, projects, artifacts, deployments."""

from typing import Any, Callable

import pytest

from live_datature.datature_support import PROJECT, Server


def test_there_is_a_workspace_with_a_project(server: Server, project: Any) -> None:
    from datature.nexus import Client

    client = Client("any", endpoint=server.url)
    assert client.get_info().name == "Fasti"
    assert client.list_projects()
    assert client.list_artifacts()
    info = project.get_info()
    assert (info.id, info.name) == ("proj_default", "default")
    assert server.raw("GET", PROJECT)[1]["statistic"]["totalAssets"] == 0
    assert project.update({"name": "another name"}).name == "another name"
    assert project.get_info().name == "another name"
    assert project.update({"name": "default"}).name == "default"
    assert project.list_users() == []
    assert project.list_insights() == []


def test_the_built_in_predictor_is_an_artifact(project: Any) -> None:
    assert "artifact_echo" in [artifact.id for artifact in project.artifacts.list()]
    echo = project.artifacts.get("artifact_echo")
    assert (echo.is_training, echo.flow_title) == (False, "Echo")
    found = project.artifacts.get_available_instances("artifact_echo", "anywhere")
    assert "instance_x1cpu-standard" in [instance.id for instance in found.instances]


def test_deployments_have_versions(project: Any, dataset: Callable, start: Callable) -> None:
    from datature.nexus import error

    made = project.deployments.create(
        {"name": "d", "artifact_id": "artifact_echo", "instance_id": "instance_x1cpu-standard"}
    )
    assert made.id.startswith("deploy_")
    assert (made.status.overview, made.version_tag) == ("Available", "v1")
    second = project.deployments.create_version(made.id, "v2", "artifact_echo")
    assert second.version_tag == "v2"
    assert [version.version_tag for version in second.history_versions] == ["v1", "v2"]
    changed = project.deployments.update(
        made.id, {"name": "e", "instance_id": "instance_x1cpu-standard"}
    )
    assert (changed.name, changed.artifact_id) == ("e", "artifact_echo")
    assert made.id in [known.id for known in project.deployments.list()]

    job = start(dataset(["/a"]), deployment_id=made.id)
    done = project.batch.jobs.wait_until_done(job.id, interval=1)
    assert done.spec.deployment.deployment_id == made.id
    assert done.status.items.delivered == 1
    assert project.deployments.delete(made.id).deleted
    with pytest.raises(error.NotFoundError):
        project.deployments.get(made.id)
    with pytest.raises(error.NotFoundError):
        project.deployments.create(
            {"name": "d", "artifact_id": "artifact_x", "instance_id": "instance_x1cpu-standard"}
        )
