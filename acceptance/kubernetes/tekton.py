"""The Tekton of a cluster: its version, what it made of a run, and the last words of a step."""

from typing import Any

from kubernetes import client

from acceptance.kubernetes.client import SECONDS, Cluster, readable
from acceptance.kubernetes.view import LiveCluster

# of its controller's Deployment, in whichever namespace that is
LABELS = "app.kubernetes.io/part-of=tekton-pipelines,app.kubernetes.io/component=controller"
RELEASE = "pipeline.tekton.dev/release"
LAST_LINES = 20


def tekton_version(cluster: Cluster) -> str:
    """Return the version, "" where there is none or this account may not look."""
    with cluster.api_errors("asking for Tekton"), cluster.api() as api:
        found = readable(
            lambda: client.AppsV1Api(api).list_deployment_for_all_namespaces(
                label_selector=LABELS, _request_timeout=SECONDS
            )
        )
    labels = [one.metadata.labels or {} for one in found.items] if found else []
    return next((one[RELEASE] for one in labels if RELEASE in one), "")


def task_runs(cluster: Cluster, namespace: str, run: str) -> list[Any]:
    """Return the TaskRuns of a PipelineRun, none where this account may not look."""
    with cluster.api_errors("asking for a run's tasks"), cluster.api() as api:
        found: Any = readable(
            lambda: client.CustomObjectsApi(api).list_namespaced_custom_object(
                *("tekton.dev", "v1beta1", namespace, "taskruns"),
                label_selector=f"tekton.dev/pipelineRun={run}",
                _request_timeout=SECONDS,
            )
        )
    return found["items"] if found else []


def last_lines(cluster: Cluster, namespace: str, pod: str, container: str) -> str:
    """Return the last lines of a container's log, without secrets, "" where there are none to be read."""
    with cluster.api() as api:
        text = LiveCluster(client.CoreV1Api(api), SECONDS).log(namespace, pod, container, False, LAST_LINES)
    return cluster.redactor.shown(text).rstrip()
