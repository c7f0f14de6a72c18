"""A MinIO in the lab, which the suite and its pods reach by the same address."""

import contextlib
from collections.abc import Iterator
from typing import Any

import pytest

from acceptance.waiting import wait_until
from tests.cluster.lab import missing_image
from tests.cluster.lab_namespace import IN_TIME, LabNamespace
from tests.minio import Minio, answers
from tools.lab_image_names import MINIO as IMAGE

PORT = 9000


@contextlib.contextmanager
def minio_in(namespace: LabNamespace) -> Iterator[Minio]:
    """Run MinIO as a pod of the namespace, and go on once it answers at its Service's address."""
    if missing := missing_image(namespace.core, IMAGE):
        pytest.skip(missing)
    port = {"port": PORT, "targetPort": PORT}
    service = {"metadata": {"name": "minio"}, "spec": {"selector": {"app": "minio"}, "ports": [port]}}
    made: Any = namespace.core.create_namespaced_service(namespace.name, service)
    minio = Minio(f"http://{made.spec.cluster_ip}:{PORT}")
    account = {"MINIO_ROOT_USER": minio.user, "MINIO_ROOT_PASSWORD": minio.password, "MINIO_BROWSER": "off"}
    container = {
        "name": "minio",
        "image": IMAGE,
        "imagePullPolicy": "Never",
        "args": ["server", "/data", "--address", f":{PORT}"],
        "env": [{"name": name, "value": value} for name, value in account.items()],
        "volumeMounts": [{"name": "data", "mountPath": "/data"}],
    }
    pod = {
        "metadata": {"name": "minio", "labels": {"app": "minio"}},
        "spec": {
            "containers": [container],
            "securityContext": {"runAsUser": 1000, "fsGroup": 1000},
            "terminationGracePeriodSeconds": 1,
            "volumes": [{"name": "data", "emptyDir": {}}],
        },
    }
    namespace.core.create_namespaced_pod(namespace.name, pod)
    wait_until("MinIO to answer", lambda: answers(minio.endpoint), IN_TIME)
    yield minio
