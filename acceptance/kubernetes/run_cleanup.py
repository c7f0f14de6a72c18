"""What a run made in a namespace that others use too: whose it is, and its end.

The guardian runs it with CONTEXT NAMESPACE RUN FOLDER [KUBECONFIG [KIND...]] when pytest has gone without having
deleted it, and removes the folder after it. The kinds are those that this run makes besides those of every run.
"""

import contextlib
import sys
from collections.abc import Callable, Collection
from functools import partial
from pathlib import Path
from typing import Any

from kubernetes import client

from acceptance.errors import AcceptanceError, Problem, exit_code_of
from acceptance.kubernetes import kinds
from acceptance.kubernetes.cleanup import DELETION_SECONDS
from acceptance.kubernetes.client import SECONDS, Cluster, connect, readable, reason
from acceptance.kubernetes.manifests import RUN
from acceptance.waiting import Ready, wait_until

# the label of what says whose a run's objects are
MARKER = "triton-acceptance/marker"
LOOK_AT = "its finalizers, and for an InferenceService the log of KServe's controller"
# what every run makes
ALWAYS = ("Job", "Deployment", "Pod", "Service", "ConfigMap")


def marker_of(run: str) -> str:
    """Return the name of the ConfigMap that says whose a run's objects are; it goes last."""
    return f"triton-acceptance-{run}"


def how_to_delete(cluster: Cluster, namespace: str, run: str) -> str:
    """Return the command that deletes what a run left there."""
    return f'make clean-cluster ARGS="--kube-context {cluster.context} --namespace {namespace} --run {run}"'


def delete_run(
    cluster: Cluster, namespace: str, run: str, made: Collection[str] = ALWAYS, seconds: float = DELETION_SECONDS
) -> None:
    """Delete what a run made in a namespace, by its label, and wait until its pods are gone.

    `made`: the kinds that it made, as far as that is known. Raises AcceptanceError that says what is left.
    """
    left: list[str] = []
    by_hand = how_to_delete(cluster, namespace, run)
    try:
        with cluster.api() as api, cluster.api_errors(f"deleting what run {run} made in namespace {namespace}"):
            core = client.CoreV1Api(api)
            for kind, delete in collections(api, namespace).items():
                try:
                    selector = f"{RUN}={run},!{MARKER}"
                    delete(label_selector=selector, propagation_policy="Background", _request_timeout=SECONDS)
                except client.ApiException as error:  # the others go all the same
                    harmless = error.status == 404 or (error.status == 403 and kind not in made)
                    left += [] if harmless else [f"{kind} ({reason(error)})"]

            def state() -> Ready[None] | str:
                found = core.list_namespaced_pod(namespace, label_selector=f"{RUN}={run}", _request_timeout=SECONDS)
                names = [f"Pod {pod.metadata.name}" for pod in found.items if pod.metadata]
                names += predictors_of(api, namespace, run)
                return Ready(None) if not names else f"there is {', '.join(names)}"

            if not left:  # else there is nothing to wait for, and the marker tells whose the rest is
                wait_until(f"what run {run} made to be gone", state, seconds, look_at=LOOK_AT, poll=0.5)
                with contextlib.suppress(client.ApiException):  # it was made only where it could be
                    core.delete_namespaced_config_map(marker_of(run), namespace, _request_timeout=SECONDS)
    except AcceptanceError as error:
        raise AcceptanceError(f"{error}; what is left goes by `{by_hand}`") from error
    if left:
        raise AcceptanceError(
            Problem(f"namespace {namespace}: of run {run} could not be deleted {', '.join(left)}", f"`{by_hand}`")
        )


def predictors_of(api: client.ApiClient, namespace: str, run: str) -> list[str]:
    """Return the run's InferenceServices and SeldonDeployments that are there; some accounts may not ask.

    KServe's controller has to let go of the former.
    """
    listing = client.CustomObjectsApi(api).list_namespaced_custom_object

    def names(kind: str) -> list[str]:
        of = kinds.CUSTOM[kind]
        about = (of.group, of.version, namespace, of.plural)
        found: Any = readable(lambda: listing(*about, label_selector=f"{RUN}={run}", _request_timeout=SECONDS))
        return [f"{kind} {one['metadata']['name']}" for one in (found or {}).get("items", [])]

    return [*names("InferenceService"), *names("SeldonDeployment")]


def collections(api: client.ApiClient, namespace: str) -> dict[str, Callable[..., Any]]:
    """Return what deletes all of a kind that have a label; KServe's and Seldon's first, then what makes pods."""
    core, apps, batch = client.CoreV1Api(api), client.AppsV1Api(api), client.BatchV1Api(api)

    def custom(kind: str) -> Callable[..., Any]:
        of = kinds.CUSTOM[kind]
        delete = client.CustomObjectsApi(api).delete_collection_namespaced_custom_object
        return partial(delete, of.group, of.version, namespace, of.plural)

    return {
        **{kind: custom(kind) for kind in ("InferenceService", "ServingRuntime", "SeldonDeployment")},
        "Job": partial(batch.delete_collection_namespaced_job, namespace),
        "Deployment": partial(apps.delete_collection_namespaced_deployment, namespace),
        "Pod": partial(core.delete_collection_namespaced_pod, namespace, grace_period_seconds=1),
        "Service": partial(core.delete_collection_namespaced_service, namespace),
        "Secret": partial(core.delete_collection_namespaced_secret, namespace),
        "ServiceAccount": partial(core.delete_collection_namespaced_service_account, namespace),
        "ConfigMap": partial(core.delete_collection_namespaced_config_map, namespace),
    }


def main(context: str, namespace: str, run: str, folder: str, kubeconfig: str = "", *uses: str) -> int:
    def delete() -> None:
        cluster = connect(context, Path(folder), kubeconfig=Path(kubeconfig) if kubeconfig else None)
        delete_run(cluster, namespace, run, {*ALWAYS, *uses})

    return exit_code_of(delete)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
