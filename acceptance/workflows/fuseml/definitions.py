"""The tutorial's workflows, files of `manifests/fuseml`, under a name of the run's own."""

from collections.abc import Set
from typing import Any

import yaml

from acceptance.gpu.node import GPU_RESOURCE
from acceptance.paths import MANIFESTS
from acceptance.workflows.model import Workflow

FOLDER = MANIFESTS / "fuseml" / "workflows"
# by the resource of the extension that serves, the one that is taken first
FILES = {"kserve-api": "mlflow-e2e", "seldon-core-api": "mlflow-seldon-triton-e2e"}

# of which the tutorial has KServe's alone
ON_GPU = "mlflow-e2e-gpu"


def workflow_for(offered: Set[str], run: str, device: str = "cpu", gpu_resource: str = "") -> Workflow:
    """Return the workflow that an installation with these resources runs; with neither it is KServe's.

    `gpu_resource`: what the nodes call their GPUs, "" for NVIDIA's usual.
    """
    if device == "gpu":
        workflow = read_workflow(ON_GPU, run)
        return Workflow(
            workflow.name, workflow.text.replace(GPU_RESOURCE, gpu_resource or GPU_RESOURCE), workflow.resources
        )
    file = next((name for resource, name in FILES.items() if resource in offered), FILES["kserve-api"])
    return read_workflow(file, run)


def read_workflow(file: str, run: str) -> Workflow:
    """Return a workflow by its file's name; `run`: what its own name ends with."""
    tree = yaml.safe_load((FOLDER / f"{file}.yaml").read_text(encoding="utf-8"))
    tree["name"] = f"{tree['name']}-{run}"
    return Workflow(tree["name"], yaml.safe_dump(tree, sort_keys=False), tuple(sorted(resources(tree))))


def resources(tree: Any) -> set[str]:
    return {one["service_resource"] for step in tree["steps"] for one in step.get("extensions", ())}
