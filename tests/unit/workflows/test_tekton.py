"""What Tekton says beneath a workflow: by objects of a real one, where these are at hand, and by made-up ones."""

import json
from typing import Any

import pytest

from acceptance.kubernetes.tekton import last_lines, task_runs, tekton_version
from acceptance.redaction.redactor import Redactor
from acceptance.workflows.tekton import failed_step, refuses_fuseml
from tests.contract.fuseml.recordings import REAL
from tests.unit.kubernetes.api_server import cluster_of, running_api_server

DEPLOYMENTS = "/apis/apps/v1/deployments"
TASK_RUNS = "/apis/tekton.dev/v1beta1/namespaces/fuseml-workloads/taskruns"
LOG = "/api/v1/namespaces/fuseml-workloads/pods/pod-1/log"


def task_run(task, status, ended="2026-11-27T08:00:00Z", **more):
    condition = {"type": "Succeeded", "status": status, "reason": "Failed", "message": f"{task} said so"}
    labels = {"tekton.dev/pipelineTask": task}
    return {"metadata": {"labels": labels}, "status": {"conditions": [condition], "completionTime": ended, **more}}


STEP = {"name": "train", "container": "step-train", "terminated": {"exitCode": 3}}
FAILED = task_run(
    "trainer", "False", steps=[{"name": "first", "container": "x", "terminated": {}}, STEP], podName="pod-1"
)


@pytest.mark.parametrize(
    ("tekton", "refused"), [("v0.26.0", False), ("v0.43.9", False), ("v0.44.0", True), ("", False)]
)
def test_tekton_refuses_fusemls_pipelines_from_0_44_on(tekton, refused):
    assert bool(refuses_fuseml("v0.3.0", tekton)) == refused


def test_both_versions_are_named():
    problem = refuses_fuseml("v0.3.0", "v1.12.0")
    assert problem
    assert "Tekton v1.12.0 refuses the pipelines of FuseML v0.3.0" in problem.what
    assert "0.43" in problem.fix


def test_the_step_that_failed_first_is_found():
    later = task_run("predictor", "False", "2026-11-27T09:00:00Z")
    step = failed_step([task_run("builder", "True"), later, FAILED])
    assert step
    assert str(step) == "task trainer, step train ended with exit code 3: trainer said so"
    assert (step.pod, step.container) == ("pod-1", "step-train")
    assert str(failed_step([later])) == "task predictor: predictor said so"
    assert failed_step([task_run("builder", "True"), {"metadata": {"labels": {}}}]) is None


def test_the_step_of_a_real_run_is_found():
    if not REAL.is_dir():
        pytest.skip(f"{REAL} isn't there, which has what a real Tekton made")
    names = ("clone", "builder", "trainer", "predictor-failed")
    step = failed_step([json.loads((REAL / "tekton" / f"taskrun-{name}.json").read_text()) for name in names])
    assert str(step) == (
        'task predictor, step predictor ended with exit code 1: "step-predictor" exited with code 1 (image: '
        '"ghcr.io/fuseml/kserve-predictor:latest")'
    )


def test_the_cluster_is_asked_for_version_tasks_and_a_log_without_secrets(tmp_path):
    labels = {"pipeline.tekton.dev/release": "v0.26.0"}
    spec: dict[str, Any] = {"selector": {}, "template": {"spec": {"containers": []}}}
    deployment = {"metadata": {"name": "c", "labels": labels}, "spec": spec}
    with running_api_server() as server:
        cluster = cluster_of(tmp_path, server.address, Redactor(["a-secret-of-the-store"]))
        assert tekton_version(cluster) == ""
        assert task_runs(cluster, "fuseml-workloads", "r") == []
        assert last_lines(cluster, "fuseml-workloads", "pod-1", "step-train") == ""
        server.answers[DEPLOYMENTS] = (200, {"items": [deployment]})
        server.answers[TASK_RUNS] = (200, {"items": [FAILED]})
        server.answers[LOG] = (200, [b"no GPU\nkey a-secret-of-the-store\n"])
        assert tekton_version(cluster) == "v0.26.0"
        assert failed_step(task_runs(cluster, "fuseml-workloads", "r"))
        assert last_lines(cluster, "fuseml-workloads", "pod-1", "step-train") == "no GPU\nkey [redacted]"
