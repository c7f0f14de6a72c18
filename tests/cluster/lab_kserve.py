"""The lab's KServe, and what a cluster needs beside it before a model is copied in a `restricted` namespace."""

import contextlib
import uuid
from collections.abc import Iterator

import pytest
from kubernetes import client

from acceptance.kserve.installation import knows_inference_services
from tests.cluster.lab import missing_image
from tests.cluster.left_behind import STORAGE_CONTAINERS, of_these_tests

IMAGE = "lab.local/kserve-storage:1"


def skip_without_kserve(api: client.ApiClient) -> None:
    if not knows_inference_services(api):
        pytest.skip("the lab has no KServe; `tools/lab` installs it")
    if missing := missing_image(client.CoreV1Api(api), IMAGE):
        pytest.skip(missing)


@contextlib.contextmanager
def storage_container(api: client.ApiClient, prefix: str) -> Iterator[None]:
    """Have KServe copy what lies beneath the prefix with a container that a `restricted` namespace takes."""
    name = f"tests-{uuid.uuid4().hex[:8]}"
    container = {
        "name": "storage-initializer",
        "image": IMAGE,
        "imagePullPolicy": "Never",
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "runAsNonRoot": True,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "resources": {
            "requests": {"cpu": "100m", "memory": "100Mi"},
            "limits": {"cpu": "1", "memory": "1Gi"},
        },
    }
    made = {
        "apiVersion": "serving.kserve.io/v1alpha1",
        "kind": "ClusterStorageContainer",
        "metadata": {"name": name, "labels": of_these_tests()},
        "spec": {
            "container": container,
            "supportedUriFormats": [{"prefix": prefix}],
            "workloadType": "initContainer",
        },
    }
    custom = client.CustomObjectsApi(api)
    custom.create_cluster_custom_object(*STORAGE_CONTAINERS, made)
    try:
        yield
    finally:
        custom.delete_cluster_custom_object(*STORAGE_CONTAINERS, name)
