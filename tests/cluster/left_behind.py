"""Removes what tests that were cut off left in a cluster: `python -m tests.cluster.left_behind KUBECONFIG PID`.

A guardian runs it when the process of the tests has gone without having deleted them.
"""

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from kubernetes import client, config

from acceptance.processes.local import Processes

# KServe's kind that says what copies models: group, version, and its objects' name in a URL
STORAGE_CONTAINERS = ("serving.kserve.io", "v1alpha1", "clusterstoragecontainers")
TESTS = "triton-acceptance/tests"  # the label: the process whose test made it


def of_these_tests() -> dict[str, str]:
    """Return the label of what this process' tests make."""
    return {TESTS: str(os.getpid())}


@contextlib.contextmanager
def removed_however_the_tests_end(kubeconfig: str, folder: Path) -> Iterator[None]:
    """Have a guardian remove what this process' tests leave, also if it is killed; `folder`, an empty one, goes too."""
    processes = Processes(folder, folder)
    command = [sys.executable, "-m", __spec__.name, kubeconfig, str(os.getpid())]
    processes.afterwards(command, "delete the namespaces of these tests yourself")
    try:
        yield
    finally:
        processes.close()


def main(kubeconfig: str, pid: str) -> None:
    with config.new_client_from_config(kubeconfig) as api:
        core: Any = client.CoreV1Api(api)  # nothing that it returns may be missing
        for namespace in core.list_namespace(label_selector=f"{TESTS}={pid}", _request_timeout=10).items:
            with contextlib.suppress(client.ApiException):  # its test deleted it in its last moment
                core.delete_namespace(namespace.metadata.name, _request_timeout=10)
        selector: dict[str, Any] = {"label_selector": f"{TESTS}={pid}", "_request_timeout": 10}
        client.AdmissionregistrationV1Api(api).delete_collection_mutating_webhook_configuration(**selector)
        client.NodeV1Api(api).delete_collection_runtime_class(**selector)
        client.SchedulingV1Api(api).delete_collection_priority_class(**selector)
        client.StorageV1Api(api).delete_collection_storage_class(**selector)
        core.delete_collection_persistent_volume(**selector)
        with contextlib.suppress(client.ApiException):  # there is no KServe
            client.CustomObjectsApi(api).delete_collection_cluster_custom_object(
                *STORAGE_CONTAINERS, label_selector=f"{TESTS}={pid}", _request_timeout=10
            )
        # with all objects of the kinds that they define
        client.ApiextensionsV1Api(api).delete_collection_custom_resource_definition(**selector)


if __name__ == "__main__":
    main(*sys.argv[1:])
