"""What the Kubernetes stack does where workflows train and serve: what it starts itself, what it asks the cluster."""

import json
import os
import sys
from typing import Any

import pytest

from acceptance.load.result import LoadPlan
from acceptance.options import read_settings
from acceptance.serving.endpoint import Endpoint, Predictor
from acceptance.serving.served_model import ServedModel
from acceptance.stacks.kubernetes import KubernetesStack
from acceptance.stacks.protocol import Part
from acceptance.stacks.workspace import Workspace
from acceptance.workflows.model import Run
from tests.unit.kubernetes.small_cluster import SmallCluster
from tests.unit.stacks.test_kubernetes import stack_on
from tests.unit.workflows.test_installer import INSTALLER, KUBECTL
from tests.unit.workflows.test_tekton import DEPLOYMENTS, FAILED, LOG, TASK_RUNS

FUSEML = {"workflow": "fuseml", "fuseml_url": "http://fuseml", "mlflow": "http://mlflow.example.org"}
CPU, GPU, LOAD = Part("training"), Part("training", "gpu"), Part("load")
NO_RUN: Any = None


class Sending(KubernetesStack):
    """Sends no load, and says so."""

    def send_at_once(self, endpoint, plans, progress):
        return [f"sent to {endpoint.inside_url}"]


class Told(SmallCluster):
    """Says what it is told to, where it is told anything."""

    def get(self, path, query):
        return super(SmallCluster, self).get(path, query) if path in self.answers else super().get(path, query)


def new_stack(folder, **given):
    settings = read_settings({"target": "existing", **given}, ["existing"], {})
    return Sending(settings, Workspace(folder, folder), lambda text: None)


@pytest.mark.parametrize(("given", "own"), [({}, {CPU, GPU, LOAD}), (FUSEML, {GPU, LOAD})])
def test_what_a_workflow_trains_and_serves_is_not_looked_at_as_the_runs_own(tmp_path, given, own):
    assert new_stack(tmp_path, **given).own_parts({CPU, GPU, LOAD}) == own


def test_a_tracking_server_is_not_tried_for_a_load_alone(tmp_path):
    new_stack(tmp_path, **FUSEML).try_server({LOAD})  # there is no cluster that could try it


def test_an_applications_load_is_sent_to_its_address_without_a_look_at_its_pods(tmp_path):
    stack = new_stack(tmp_path, **FUSEML)
    endpoint = Endpoint("app", "app.example.org/seldon/ns/app", "", "", "app", "cpu", NO_RUN)
    stack.applications["app"] = Predictor(endpoint, lambda: "", lambda: ServedModel("0", "there"), lambda: None)
    sent: Any = stack.attack(endpoint, LoadPlan(1, 1, b""), lambda: "")
    assert sent == "sent to http://app.example.org/seldon/ns/app/v2/models/app/infer"
    assert stack.served_model(endpoint) == ServedModel("0", "there")


def test_fuseml_is_installed_in_the_runs_own_cluster(tmp_path, monkeypatch):
    for name, body in (("kubectl", KUBECTL), ("fuseml-installer", INSTALLER)):
        (tmp_path / name).write_text(f"#!{sys.executable} -IS\n{body}")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    (tmp_path / "own").mkdir()
    with stack_on(SmallCluster(), tmp_path, **FUSEML, fuseml_install="192.0.2.7.nip.io") as stack:
        stack.install_fuseml(tmp_path / "own")
    called = json.loads((tmp_path / "called.json").read_text())
    assert called["kubeconfig"].startswith(f"of --kubeconfig {tmp_path}/kubeconfig --context lab config view")
    assert called["argv"][-1] == "192.0.2.7.nip.io"


def test_the_cluster_says_why_a_run_failed_and_what_keeps_fuseml_from_any(tmp_path):
    cluster = Told()
    labels = {"pipeline.tekton.dev/release": "v1.12.0"}
    spec: dict[str, Any] = {"selector": {}, "template": {"spec": {"containers": []}}}
    cluster.answers[DEPLOYMENTS] = (200, {"items": [{"metadata": {"name": "c", "labels": labels}, "spec": spec}]})
    cluster.answers[TASK_RUNS] = (200, {"items": [FAILED]})
    cluster.answers[LOG] = (200, [b"no GPU\n"])
    with stack_on(cluster, tmp_path, **FUSEML) as stack:
        (problem,) = stack.fuseml_beneath("v0.3.0")
        assert "Tekton v1.12.0 refuses the pipelines of FuseML v0.3.0" in problem.what
        assert stack.why_run_failed(Run("r", "w", (), "Failed")).splitlines() == [
            "    task trainer, step train ended with exit code 3: trainer said so",
            "    no GPU",
        ]
        cluster.answers[TASK_RUNS] = (403, {"message": "no"})
        assert stack.why_run_failed(Run("r", "w", (), "Failed")) == ""
