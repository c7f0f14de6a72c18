"""Why a Deployment, StatefulSet, DaemonSet or Job gets no pods: quotas, Pod Security and webhooks refuse them."""

import re
from collections.abc import Sequence
from datetime import datetime, timedelta

from kubernetes.client import CoreV1Event, V1Namespace

from acceptance.kubernetes.facts import Diagnosis, diagnose_namespace, first_seen, last_seen

CREATE_GRACE = timedelta(seconds=10)  # a controller may be faster than what its pods need, like a service account
OWNER_KINDS = ("Deployment", "StatefulSet", "DaemonSet", "Job")


def diagnose_owner(
    owner: str, events: Sequence[CoreV1Event], namespaces: Sequence[V1Namespace], now: datetime
) -> Diagnosis | None:
    """Return why a Deployment, StatefulSet, DaemonSet or Job, by its name, gets no (more) pods, or None.

    Quotas, PodSecurity and webhooks refuse a pod before it exists: only events on its owner, or on a Deployment's
    ReplicaSet, say so. `events` are its namespace's, `namespaces` is a watch of that one (empty when it is gone),
    `now` is the API server's time.
    """
    for namespace in namespaces:
        if found := diagnose_namespace(namespace):
            return found
    mine = sorted((event for event in events if owned_by(event, owner)), key=last_seen)
    gave_up = [event for event in mine if event.reason in ("BackoffLimitExceeded", "DeadlineExceeded")]
    if gave_up:
        pods = f"`kubectl get pods -n {gave_up[-1].metadata.namespace} -l job-name={owner}`"
        return Diagnosis(f"{describe_event(gave_up[-1])}; look at its pods: {pods}", True)
    made = [last_seen(event) for event in mine if event.reason == "SuccessfulCreate"]
    failed = [event for event in mine if event.reason == "FailedCreate" and not (made and last_seen(event) <= made[-1])]
    if not failed:
        return None
    last = failed[-1]
    # each try names another pod, so the messages differ: the first failure since the last success counts
    lasted = now - min(first_seen(event) for event in failed)
    return Diagnosis(f"{describe_event(last)}; {create_fix(last)}", lasted >= CREATE_GRACE)


def owned_by(event: CoreV1Event, owner: str) -> bool:
    """Return whether an event is on the owner itself or on a ReplicaSet of the Deployment by that name."""
    what = event.involved_object
    if what.kind == "ReplicaSet":
        return re.fullmatch(rf"{re.escape(owner)}-[a-z0-9]+", what.name or "") is not None
    return what.kind in OWNER_KINDS and what.name == owner


def describe_event(event: CoreV1Event) -> str:
    """Return an event as `Job train: BackoffLimitExceeded: its message`."""
    words = (event.message or "").removeprefix("(combined from similar events): ")
    return f"{event.involved_object.kind} {event.involved_object.name}: {event.reason}: {words}"


def create_fix(event: CoreV1Event) -> str:
    """Return what to do about a pod that was refused."""
    what, namespace = event.involved_object, event.metadata.namespace
    look = f"look at `kubectl describe {(what.kind or '').lower()} {what.name} -n {namespace}`"
    return refusal_fix(event.message or "", namespace or "", look)


def refusal_fix(message: str, namespace: str, otherwise: str) -> str:
    """Return what to do about the API server's refusal of a pod, by its words."""
    if "exceeded quota" in message or "failed quota" in message:
        return f"`kubectl describe resourcequota -n {namespace}` shows what is used: ask for less, or raise it"
    if "violates PodSecurity" in message and "storage-initializer" in message:
        return (
            "KServe's storage initializer has no security context of its own: have a cluster administrator make a "
            "ClusterStorageContainer that has one, or use --pod-security baseline"
        )
    if "violates PodSecurity" in message and "model-initializer" in message:
        return "Seldon gives its model initializer no security context, and takes none: use --pod-security baseline"
    if "violates PodSecurity" in message:
        label = f"`kubectl label namespace {namespace} --overwrite pod-security.kubernetes.io/enforce=LEVEL`"
        return f"change the pod's securityContext, or the namespace's level by {label}"
    if "service account" in message or "serviceaccount" in message:
        return f"`kubectl get serviceaccount -n {namespace}` shows which there are"
    return otherwise
