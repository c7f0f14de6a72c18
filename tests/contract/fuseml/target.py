"""A made-up target with pods, whose FuseML is the recordings': the trainer, the tracking and Triton are real.

Loaded with `-p`. What a workflow's trainer and predictor do in a cluster this stack does by itself, before the walk.
RECORDED_BINDINGS names the file that says what of the recorded application is where now.
"""

import contextlib
import json
import os
from pathlib import Path

from acceptance.errors import AcceptanceError, Problem
from acceptance.serving.repository import MODEL
from acceptance.stacks.embedded import EmbeddedStack
from acceptance.stacks.protocol import HasPods, HasWorkflows
from acceptance.stacks.targets import Target
from acceptance.stacks.workflow_stack import WorkflowStack
from acceptance.workflows.tekton import failed_step
from tests.light_training import CODESET
from tests.unit.workflows.test_tekton import FAILED

APPLICATION = "demo-cifar10-mlflow-e2e"
URL = f"http://{APPLICATION}.fuseml-workloads.192.0.2.74.nip.io/v2/models/{APPLICATION}/infer"
RUN = "0123456789abcdef0123456789abcdef"


class RecordedStack(WorkflowStack, EmbeddedStack):
    walk_seconds = {"poll": 0.05, "least_quiet": 0.5}  # noqa: RUF012

    def __init__(self, settings, workspace, say):
        super().__init__(settings, workspace, say, codeset=CODESET)

    @staticmethod
    def problems(settings):
        return []

    @staticmethod
    def describe(settings):
        return "nowhere: its pods are made up"

    def gpu(self):
        return Problem("the made-up cluster has no GPU")

    def look_ahead(self, parts):
        return

    def install_fuseml(self, directory):
        raise AcceptanceError("its cluster is made up")

    def fuseml_beneath(self, version):
        return []

    def why_run_failed(self, run):
        return f"    {failed_step([FAILED])}\n    no GPU"

    def run_pod(self, manifest, node=""):
        raise AcceptanceError("its pods are made up")

    def gpu_node(self):
        raise AcceptanceError("its pods are made up")

    @contextlib.contextmanager
    def walk(self, recipe, dataset):
        from mlflow import MlflowClient

        run = self.train(recipe, dataset)
        with self.serve(run, "cpu") as endpoint:
            model = run.download_model("onnx", self.workspace.directory / "tracked") / "model.onnx"
            MlflowClient(run.tracking_uri).log_artifact(run.run_id, str(model), f"model/triton/{MODEL}/1")
            bindings = {URL: endpoint.infer_url, RUN: run.run_id}
            Path(os.environ["RECORDED_BINDINGS"]).write_text(json.dumps(bindings))
            with super().walk(recipe, dataset) as walk:
                yield walk


def pytest_acceptance_targets():
    return {"existing": Target(lambda: RecordedStack, (HasPods, HasWorkflows))}
