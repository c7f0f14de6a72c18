"""The cluster that the cluster tests run on, and what their runs leave in it."""

import os
import subprocess
from pathlib import Path
from typing import Any

from kubernetes import client, config

from acceptance.kubernetes.cleanup import OWNER
from acceptance.kubernetes.manifests import RUN
from acceptance.paths import ROOT
from acceptance.waiting import Ready, wait_until
from tools.lab_image_names import own_images

# beside the checkout, where the project's own machines have it
LAB = ROOT.parent / "shared" / "lab" / "lab"
# a kubelet says its images some ten seconds after its start
IMAGES_SECONDS = 60
# how long a run may take to end: its namespace goes with it, at Kubernetes' own pace, and other tests use its cores
END_SECONDS = 60


def find_kubeconfig() -> tuple[str, str]:
    """Return (the kubeconfig of a lab that answers, ""), or ("", why there is none)."""
    named = os.environ.get("ACCEPTANCE_LAB_KUBECONFIG", "")
    if not named and LAB.exists():
        answer = subprocess.run([LAB, "kubeconfig"], capture_output=True, text=True, check=False, timeout=60)
        named = answer.stdout.strip()
    if not named or not Path(named).exists():
        return "", "no lab: ACCEPTANCE_LAB_KUBECONFIG names no kubeconfig, and none is up beside the checkout"
    try:
        with config.new_client_from_config(named) as api:
            core = client.CoreV1Api(api)
            wait_until("the lab's node to say its images", lambda: says_its_images(core), IMAGES_SECONDS, poll=0.5)
            missing = missing_image(core, *own_images().values())
    except Exception as error:  # whatever keeps it from answering
        return "", f"the lab of {named} does not answer: {error}"
    return ("", missing) if missing else (named, "")


def says_its_images(core: client.CoreV1Api) -> Ready[None] | str:
    """A kubelet that has just started tells the API server of no image yet, and later of all."""
    nodes: Any = core.list_node(_request_timeout=10).items
    return Ready(None) if nodes and all(node.status.images for node in nodes) else "it says none"


def missing_image(core: client.CoreV1Api, *images: str) -> str:
    """Return which of the images the lab lacks and what to do about it, or ""."""
    nodes: Any = core.list_node(_request_timeout=10).items
    there = {name for node in nodes for image in node.status.images for name in image.names or []}
    for image in images:
        if not any(name.endswith(image) for name in there):
            return f"the lab has no image {image}; `tools/lab` builds and loads the images, or says why it could not"
    return ""


def namespaces_of(pid: int, kubeconfig: str) -> list[str]:
    """Return the namespaces of the run of that process; other tests' runs use the lab at the same time."""
    with config.new_client_from_config(kubeconfig) as api:
        found: Any = client.CoreV1Api(api).list_namespace(label_selector=RUN, _request_timeout=10).items
    return [one.metadata.name for one in found if f" {pid} " in one.metadata.annotations[OWNER]]
