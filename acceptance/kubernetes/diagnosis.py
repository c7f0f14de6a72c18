"""Why a pod isn't up: in Kubernetes' own words, with the next thing to look at."""

import contextlib
from collections.abc import Sequence
from datetime import datetime, timedelta

from kubernetes.client import CoreV1Event, V1Pod

from acceptance.errors import AcceptanceError
from acceptance.gpu.node import CONFIGURE_RUNTIME
from acceptance.kubernetes.container_diagnosis import NOT_FOUND_GRACE, RETRY_GRACE, failing_container
from acceptance.kubernetes.facts import Diagnosis, PodFacts, diagnose_namespace, last_seen
from acceptance.kubernetes.gpu_diagnosis import no_gpu
from acceptance.kubernetes.scheduling import why_no_node
from acceptance.kubernetes.view import ClusterView, bad_conditions, name_of

# how long a state may last before it counts as final; a waiting step must fail within 30 s
UNSCHEDULABLE_GRACE = timedelta(seconds=20)  # another pod may end, a device plugin may still start
NODE_GRACE = timedelta(seconds=10)

MOUNT_REASONS = ("FailedMount", "FailedAttachVolume", "FailedMapVolume")
PROGRESS = ("Pulling", "Pulled", "Created", "Started")  # the kubelet gets so far only after mounts and sandbox
PROVISIONING = ("Provisioning", "ExternalProvisioning")  # a volume is being made, which may take a minute


def diagnose(pod: V1Pod, events: Sequence[CoreV1Event], cluster: ClusterView, now: datetime) -> Diagnosis | None:
    """Return why a pod isn't up, or None where nothing is wrong with it or nothing tells.

    `events` are its namespace's; `now` is the API server's time, with a time zone. Speaks of this pod alone: a Job
    or a Deployment may still replace it. Asks the cluster only for what the cause needs.
    """
    assert pod.metadata and pod.status  # the API server always sends both
    if pod.status.phase == "Succeeded":
        return None
    facts = facts_of(pod, events, cluster, now)
    for cause in (removed, rejected, failing_container, unscheduled, stuck_before_start, lost_node):
        if found := cause(facts):
            return found
    return None


def answers_no_more(pod: V1Pod, events: Sequence[CoreV1Event], cluster: ClusterView, now: datetime) -> Diagnosis:
    """Return why a pod that runs is no longer ready: what the kubelet's last probe of it said."""
    facts = facts_of(pod, events, cluster, now)
    probe = facts.latest(("Unhealthy",), "probe failed")
    return facts.diagnosis(f"is no longer ready: {probe.message if probe else 'no event says why'}", True)


def facts_of(pod: V1Pod, events: Sequence[CoreV1Event], cluster: ClusterView, now: datetime) -> PodFacts:
    mine = [event for event in events if about(event, pod) or about_claim(event, pod)]
    return PodFacts(pod, sorted(mine, key=last_seen), cluster, now)


def about(event: CoreV1Event, pod: V1Pod) -> bool:
    """Return whether an event is on this pod, not on an earlier one of the same name."""
    assert pod.metadata
    what = event.involved_object
    return what.uid == pod.metadata.uid if what.uid else (what.kind, what.name) == ("Pod", pod.metadata.name)


def about_claim(event: CoreV1Event, pod: V1Pod) -> bool:
    """Return whether an event is on one of the pod's PersistentVolumeClaims."""
    claims = [volume.persistent_volume_claim for volume in (pod.spec and pod.spec.volumes) or []]
    what = event.involved_object
    return what.kind == "PersistentVolumeClaim" and what.name in [claim.claim_name for claim in claims if claim]


def removed(facts: PodFacts) -> Diagnosis | None:
    """A pod that is being deleted, and by what: its namespace, a taint, a more important pod."""
    assert facts.pod.metadata and facts.pod.status
    if not facts.pod.metadata.deletion_timestamp:
        return None
    namespace = facts.cluster.namespace(facts.pod.metadata.namespace or "")
    if found := diagnose_namespace(namespace):
        return facts.diagnosis(f"is being deleted with its namespace; {found.text}", True)
    disrupted = next((c for c in facts.pod.status.conditions or [] if c.type == "DisruptionTarget"), None)
    why = f" ({disrupted.reason}: {disrupted.message})" if disrupted else ""
    alone = not facts.pod.metadata.owner_references  # nothing makes another
    return facts.diagnosis(
        f"is being deleted{why}; look at `kubectl get events -n {facts.pod.metadata.namespace}`", alone
    )


def rejected(facts: PodFacts) -> Diagnosis | None:
    """A pod that the kubelet turned away or evicted: node pressure, no room, a device that isn't there."""
    assert facts.pod.status and facts.pod.spec
    if facts.pod.status.phase != "Failed" or not facts.pod.status.reason:
        return None
    node, words = facts.pod.spec.node_name, (facts.pod.status.message or "").rstrip(". ")
    more: list[str] = []
    with contextlib.suppress(AcceptanceError):  # an account that may not list nodes still gets the kubelet's words
        more += [cause for n in facts.cluster.nodes() if name_of(n) == node for cause in bad_conditions(n)]
        more += [str(why)] if facts.cluster.gpu in words and (why := no_gpu(facts.cluster)) else []
    text = "; ".join([f"{facts.pod.status.reason}: {words}", *more])
    return facts.diagnosis(
        f"{text}; look at `kubectl describe pod {facts.kubectl}` and `kubectl describe node {node}`", True
    )


def unscheduled(facts: PodFacts) -> Diagnosis | None:
    """A pod that no node takes: the scheduler's message, and once it is final what that message sums up."""
    assert facts.pod.status and facts.pod.metadata
    condition = next((c for c in facts.pod.status.conditions or [] if c.type == "PodScheduled"), None)
    if not condition or condition.status == "True":
        return None
    text = f"no node takes it ({condition.reason}): {condition.message}"
    since = condition.last_transition_time or facts.now
    claim = facts.latest((*PROVISIONING, "FailedBinding", "ProvisioningFailed"))
    provisioning = claim is not None and claim.reason in PROVISIONING
    if provisioning or condition.reason == "SchedulingGated" or facts.now - since < UNSCHEDULABLE_GRACE:
        return facts.diagnosis(text, False)
    try:
        causes = why_no_node(facts.pod, facts.cluster)
    except AcceptanceError as error:  # an account that may not list nodes still gets the scheduler's words
        causes = [str(error)]
    if "persistentvolumeclaim" in (condition.message or "").lower():
        said_of_it = f"claim {claim.involved_object.name}: {claim.message}; " if claim else ""
        look = f"look at `kubectl get pvc -n {facts.pod.metadata.namespace}` and `kubectl get storageclass`"
        causes.append(said_of_it + look)
    # an autoscaler's events are not understood here
    late = f"final after {UNSCHEDULABLE_GRACE.seconds} s: a node that the cluster adds on demand must be up before"
    return facts.diagnosis(
        "\n  ".join([text, *causes, f"{late}; look at `kubectl describe pod {facts.kubectl}`"]), True
    )


def stuck_before_start(facts: PodFacts) -> Diagnosis | None:
    """A volume that can't be mounted, or a sandbox that can't be made, since which the kubelet got no further."""
    assert facts.pod.status
    event = facts.latest((*MOUNT_REASONS, "FailedCreatePodSandBox"))
    progress = facts.latest(PROGRESS)
    if facts.pod.status.phase != "Pending" or not event or (progress and last_seen(progress) >= last_seen(event)):
        return None
    missing = "not found" in (event.message or "")
    if event.reason not in MOUNT_REASONS:
        fix = "the node's container runtime or network plugin refused it"
        if "no runtime for" in (event.message or ""):
            fix = f"the pod's RuntimeClass names a runtime that the node doesn't have: {CONFIGURE_RUNTIME}"
    else:
        fix = "create it, or correct its name in the pod's volumes" if missing else "correct the pod's volumes"
    final = facts.since(event) >= (NOT_FOUND_GRACE if missing else RETRY_GRACE)
    look = f"look at `kubectl describe pod {facts.kubectl}`"
    return facts.diagnosis(f"{event.reason}: {event.message}; {fix}; {look}", final)


def lost_node(facts: PodFacts) -> Diagnosis | None:
    """A pod that was given to a node which is gone, NotReady or under pressure."""
    assert facts.pod.metadata and facts.pod.spec and facts.pod.status
    conditions = {condition.type: condition for condition in facts.pod.status.conditions or []}
    if not facts.pod.spec.node_name or ("Ready" in conditions and conditions["Ready"].status == "True"):
        return None
    bound = conditions["PodScheduled"].last_transition_time if "PodScheduled" in conditions else None
    if facts.now - (bound or facts.pod.metadata.creation_timestamp or facts.now) < NODE_GRACE:
        return None
    name = facts.pod.spec.node_name
    try:
        node = next((node for node in facts.cluster.nodes() if name_of(node) == name), None)
    except AcceptanceError:  # an account that may not list nodes
        return None
    if not node:
        return facts.diagnosis(f"was given to node {name}, which doesn't exist; look at `kubectl get nodes`", True)
    bad = bad_conditions(node)
    ready = next((c for c in (node.status and node.status.conditions) or [] if c.type == "Ready"), None)
    gone = bool(
        ready and ready.status != "True" and facts.now - (ready.last_transition_time or facts.now) >= NODE_GRACE
    )
    return facts.diagnosis(f"{'; '.join(bad)}; look at `kubectl describe node {name}`", gone) if bad else None
