"""A run's own namespace: whose it is, and its end.

The guardian runs it with CONTEXT NAMESPACE FOLDER [KUBECONFIG] when pytest has gone without having deleted it, and
removes the folder after it.
"""

import contextlib
import sys
import time
from collections.abc import Iterable
from pathlib import Path

from kubernetes import client

from acceptance.errors import AcceptanceError, Problem, Unrecoverable, exit_code_of
from acceptance.kubernetes.client import SECONDS, Cluster, connect
from acceptance.waiting import Ready, wait_until

OWNER = "triton-acceptance/owner"
KEPT = "triton-acceptance/kept"
DELETION_SECONDS = 120
# whoever set a finalizer takes a second or two to remove it
FINALIZER_SECONDS = 30
FINALIZERS = (
    "have whoever set these finalizers run again, its webhook too (for inferenceservices KServe's "
    "kserve-controller-manager): what is left then goes by itself"
)


def delete_namespace(cluster: Cluster, name: str, finalizer_seconds: float = FINALIZER_SECONDS) -> None:
    """Delete a namespace and wait until it is gone; raises AcceptanceError that says how to remove what is left.

    What keeps its finalizers for longer than `finalizer_seconds` is named at once.
    """
    held_since = 0.0
    by_hand = f"namespace {name} may be left; remove it with `make clean-cluster`"
    try:
        with cluster.api() as api, cluster.api_errors(f"deleting namespace {name}"):
            core = client.CoreV1Api(api)

            def state() -> Ready[None] | str:
                nonlocal held_since
                try:
                    found = core.read_namespace(name, _request_timeout=SECONDS)
                except client.ApiException as error:
                    if error.status == 404:
                        return Ready(None)
                    raise
                conditions = (found.status and found.status.conditions) or []
                held = held_by(conditions)
                held_since = held_since or time.monotonic() if held else 0.0
                if held and time.monotonic() - held_since >= finalizer_seconds:
                    raise Unrecoverable(Problem(f"namespace {name} can't go: {held}", FINALIZERS))
                return " ".join(str(condition.message) for condition in conditions) or "it is terminating"

            try:
                core.delete_namespace(name, grace_period_seconds=1, _request_timeout=SECONDS)
            except client.ApiException as error:
                if error.status == 404:
                    return
                if error.status != 409:  # somebody else is deleting it already
                    raise
            end_pods(core, name)
            wait_until(f"namespace {name} to be gone", state, DELETION_SECONDS, poll=0.5)
    except AcceptanceError as error:
        raise AcceptanceError(f"{error}; {by_hand}") from error


def held_by(conditions: Iterable[client.V1NamespaceCondition]) -> str:
    """Return what a namespace's conditions say of finalizers that keep it from going, "" where none does."""
    by_type = {one.type: one for one in conditions if one.status == "True"}
    if "NamespaceFinalizersRemaining" not in by_type:
        return ""
    found = (by_type.get(kind) for kind in ("NamespaceFinalizersRemaining", "NamespaceContentRemaining"))
    return " ".join(str(one.message) for one in found if one)


def end_pods(core: client.CoreV1Api, namespace: str) -> None:
    """Delete the pods of a namespace that is being deleted; Kubernetes itself waits for five seconds first."""
    with contextlib.suppress(client.ApiException):  # it does so anyway
        for pod in core.list_namespaced_pod(namespace, _request_timeout=SECONDS).items:
            name = pod.metadata.name if pod.metadata else None
            if name:
                core.delete_namespaced_pod(name, namespace, grace_period_seconds=1, _request_timeout=SECONDS)


def main(context: str, namespace: str, folder: str, kubeconfig: str = "") -> int:
    def delete() -> None:
        cluster = connect(context, Path(folder), kubeconfig=Path(kubeconfig) if kubeconfig else None)
        delete_namespace(cluster, namespace)

    return exit_code_of(delete)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
