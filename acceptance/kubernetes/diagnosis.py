"""Why a pod doesn't start, or doesn't come into being: in Kubernetes' own words, with the next thing to look at."""

import contextlib
import re
import signal
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from kubernetes.client import (
    CoreV1Event,
    V1ContainerStateTerminated,
    V1ContainerStateWaiting,
    V1ContainerStatus,
    V1Namespace,
    V1Pod,
)

from acceptance.errors import AcceptanceError
from acceptance.gpu import nvidia_smi
from acceptance.gpu.node import CONFIGURE
from acceptance.kubernetes.gpu_diagnosis import LOG_LINES, gpu_reason
from acceptance.kubernetes.scheduling import why_no_node
from acceptance.kubernetes.view import GPU, ClusterView, bad_conditions, indented, name_of

# how long a state may last before it counts as final; a waiting step must fail within 30 s
UNSCHEDULABLE_GRACE = timedelta(seconds=20)  # another pod may end, a device plugin may still start
NOT_FOUND_GRACE = timedelta(seconds=10)  # a ConfigMap or Secret may be created just after its pod
RETRY_GRACE = timedelta(seconds=20)  # mounts, sandboxes and the runtime get some retries
NODE_GRACE = timedelta(seconds=10)
CREATE_GRACE = timedelta(seconds=10)  # a controller may be faster than what its pods need, like a service account

IMAGE_REASONS = ("ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull", "ImageInspectError")
# the kubelet retries these, but no retry makes them right
HOPELESS_PULL = (
    "not found",
    "manifest unknown",
    "name unknown",
    "unauthorized",
    "denied",
    "forbidden",
    "authentication",
)
HOPELESS_START = ("not found", "no such file", "permission denied", "exec format error", "not a directory")
MISSING = ("not found", "couldn't find key", "non-existent config key")
MOUNT_REASONS = ("FailedMount", "FailedAttachVolume", "FailedMapVolume")
PROGRESS = ("Pulling", "Pulled", "Created", "Started")  # the kubelet gets so far only after mounts and sandbox
PROVISIONING = ("Provisioning", "ExternalProvisioning")  # a volume is being made, which may take a minute
OWNER_KINDS = ("Deployment", "StatefulSet", "DaemonSet", "Job")


@dataclass(frozen=True)
class Trouble:
    """Why a pod isn't up: its name, the cause, the next thing to look at; `final` when waiting can't help."""

    text: str
    final: bool


@dataclass(frozen=True)
class Case:
    """A pod under diagnosis: itself, its and its claims' events from old to new, the cluster, the API server's time."""

    pod: V1Pod
    events: Sequence[CoreV1Event]
    cluster: ClusterView
    now: datetime

    @property
    def kubectl(self) -> str:
        """The end of a kubectl command about the pod: `NAME -n NAMESPACE`."""
        assert self.pod.metadata
        return f"{self.pod.metadata.name} -n {self.pod.metadata.namespace}"

    def trouble(self, text: str, final: bool) -> Trouble:
        return Trouble(f"pod {name_of(self.pod)}: {text}", final)

    def latest(self, reasons: Sequence[str], words: str = "") -> CoreV1Event | None:
        """Return the pod's last event that has one of the reasons and the words."""
        found = [event for event in self.events if event.reason in reasons and words in (event.message or "")]
        return found[-1] if found else None

    def since(self, event: CoreV1Event) -> timedelta:
        """Return for how long an event has been repeated with the same message."""
        return self.now - min(began(other) for other in self.events if other.message == event.message)


def began(event: CoreV1Event) -> datetime:
    """Return when an event was first seen; the scheduler's have only an event time."""
    when = event.first_timestamp or event.event_time or event.metadata.creation_timestamp
    assert when
    return when


def seen(event: CoreV1Event) -> datetime:
    """Return when an event was last seen."""
    again = event.series.last_observed_time if event.series else None
    return event.last_timestamp or again or began(event)


def trouble_of(pod: V1Pod, events: Sequence[CoreV1Event], cluster: ClusterView, now: datetime) -> Trouble | None:
    """Return why a pod isn't up, or None where nothing is wrong with it or nothing tells.

    `events` are its namespace's; `now` is the API server's time, with a time zone. Speaks of this pod alone: a Job
    or a Deployment may still replace it. Asks the cluster only for what the cause needs.
    """
    assert pod.metadata and pod.status  # the API server always sends both
    if pod.status.phase == "Succeeded":
        return None
    mine = [event for event in events if about(event, pod) or about_claim(event, pod)]
    case = Case(pod, sorted(mine, key=seen), cluster, now)
    for cause in (removed, rejected, failing_container, unscheduled, stuck_before_start, lost_node):
        if trouble := cause(case):
            return trouble
    return None


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


def removed(case: Case) -> Trouble | None:
    """A pod that is being deleted, and by what: its namespace, a taint, a more important pod."""
    assert case.pod.metadata and case.pod.status
    if not case.pod.metadata.deletion_timestamp:
        return None
    namespace = case.cluster.namespace(case.pod.metadata.namespace or "")
    if trouble := namespace_trouble(namespace):
        return case.trouble(f"is being deleted with its namespace; {trouble.text}", True)
    disrupted = next((c for c in case.pod.status.conditions or [] if c.type == "DisruptionTarget"), None)
    why = f" ({disrupted.reason}: {disrupted.message})" if disrupted else ""
    alone = not case.pod.metadata.owner_references  # nothing makes another
    return case.trouble(f"is being deleted{why}; look at `kubectl get events -n {case.pod.metadata.namespace}`", alone)


def namespace_trouble(namespace: V1Namespace | None) -> Trouble | None:
    """Return what a namespace that is being deleted still waits for; None where it isn't."""
    if not namespace or not namespace.metadata or not namespace.status or namespace.status.phase != "Terminating":
        return None
    remains = [c.message or c.type for c in namespace.status.conditions or [] if c.status == "True"]
    left = f" ({'; '.join(remains)})" if remains else ""
    return Trouble(
        f"namespace {namespace.metadata.name} is terminating{left}: nothing new can be made in it;"
        " wait until it is gone, or use another",
        True,
    )


def rejected(case: Case) -> Trouble | None:
    """A pod that the kubelet turned away or evicted: node pressure, no room, a device that isn't there."""
    assert case.pod.status and case.pod.spec
    if case.pod.status.phase != "Failed" or not case.pod.status.reason:
        return None
    node, words = case.pod.spec.node_name, (case.pod.status.message or "").rstrip(". ")
    more: list[str] = []
    with contextlib.suppress(AcceptanceError):  # an account that may not list nodes still gets the kubelet's words
        more += [cause for n in case.cluster.nodes() if name_of(n) == node for cause in bad_conditions(n)]
        more += [why] if GPU in words and (why := gpu_reason(case.cluster)) else []
    text = "; ".join([f"{case.pod.status.reason}: {words}", *more])
    return case.trouble(
        f"{text}; look at `kubectl describe pod {case.kubectl}` and `kubectl describe node {node}`", True
    )


def failing_container(case: Case) -> Trouble | None:
    """The first container, init containers before the others, that can't start or that died; a final one first."""
    assert case.pod.status
    statuses = [*(case.pod.status.init_container_statuses or []), *(case.pod.status.container_statuses or [])]
    found = [trouble for status in statuses if (trouble := container_trouble(case, status))]
    return next((trouble for trouble in found if trouble.final), found[0] if found else None)


def container_trouble(case: Case, status: V1ContainerStatus) -> Trouble | None:
    assert case.pod.spec
    waiting = status.state.waiting if status.state else None
    ended = status.state.terminated if status.state else None
    before = status.last_state.terminated if status.last_state else None
    reason = (waiting and waiting.reason) or ""
    if status.ready:
        return None
    if waiting and reason in IMAGE_REASONS:
        return image_trouble(case, status, waiting)
    if waiting and reason not in ("", "ContainerCreating", "PodInitializing", "CrashLoopBackOff"):
        return start_trouble(case, status, waiting)
    if ended and (ended.exit_code or ended.reason == "OOMKilled"):
        return ended_trouble(case, status, ended, False, case.pod.spec.restart_policy == "Never")
    if before and status.restart_count:
        return ended_trouble(case, status, before, True, reason == "CrashLoopBackOff")
    if waiting and reason == "CrashLoopBackOff":
        return case.trouble(f"container {status.name} is in CrashLoopBackOff: {waiting.message}", True)
    return None


def image_trouble(case: Case, status: V1ContainerStatus, waiting: V1ContainerStateWaiting) -> Trouble:
    """An image that can't be had. The kubelet's back-off may hide the registry's words, which the event still has."""
    pull = case.latest(("Failed",), f'"{status.image}"')
    words = (pull and pull.message) if waiting.reason == "ImagePullBackOff" else waiting.message
    words = words or waiting.message or ""
    final = waiting.reason != "ErrImagePull" or any(hopeless in words.lower() for hopeless in HOPELESS_PULL)
    return case.trouble(
        f"container {status.name} can't have its image {status.image} ({waiting.reason}): {words};"
        " `--images FILE` names another image, `make images` builds ours",
        final,
    )


def start_trouble(case: Case, status: V1ContainerStatus, waiting: V1ContainerStateWaiting) -> Trouble:
    """A container that can't be made or started: a missing ConfigMap, a command that isn't in the image."""
    assert case.pod.status
    words = waiting.message or ""
    event = case.latest(("Failed",), words)
    # events get lost where there are many; a container's state has no time of its own
    lasted = case.since(event) if event else case.now - (case.pod.status.start_time or case.now)
    missing = any(word in words for word in MISSING) and waiting.reason == "CreateContainerConfigError"
    hopeless = waiting.reason != "CreateContainerConfigError" and any(w in words.lower() for w in HOPELESS_START)
    final = hopeless or lasted >= (NOT_FOUND_GRACE if missing else RETRY_GRACE)
    fix = "create it, or correct the name in the pod's spec" if missing else start_fix(status, words)
    return case.trouble(
        f"container {status.name} can't start ({waiting.reason}): {words}; {fix};"
        f" look at `kubectl describe pod {case.kubectl}`",
        final,
    )


def start_fix(status: V1ContainerStatus, words: str) -> str:
    """Return what to do about a container that its runtime refused."""
    return nvidia_smi.refused(words, f"image {status.image}") or "correct the pod's command or settings"


def ended_trouble(
    case: Case, status: V1ContainerStatus, ended: V1ContainerStateTerminated, previous: bool, final: bool
) -> Trouble:
    """A container that died, with its last lines. One killed for its memory would be so again."""
    assert case.pod.metadata
    if ended.reason in ("StartError", "ContainerCannotRun"):
        fix = f"{start_fix(status, ended.message or '')}; look at `kubectl describe pod {case.kubectl}`"
        return case.trouble(
            f"container {status.name} could not be started ({ended.reason}): {ended.message}; {fix}", True
        )
    oom = ended.reason == "OOMKilled"
    what = f"container {status.name} {ending(ended.exit_code, ended.reason or '')}"
    if oom:
        limit = memory_limit(case.pod, status.name)
        what += (
            f": it went over its memory limit of {limit}" if limit else ": the node ran out of memory, it has no limit"
        )
    if status.restart_count:
        count = f"{status.restart_count} restart" + ("s" if status.restart_count > 1 else "")
        what += f", after {count}" + (", and is in CrashLoopBackOff" if final else "")
    if killing := case.latest(("Killing",), f"Container {status.name} failed"):
        probe = case.latest(("Unhealthy",), "probe failed")
        what += f"; {killing.message}" + (f" ({(probe.message or '').rstrip(': ')})" if probe else "")
    if ended.message:
        what += f"; it said: {ended.message.strip()}"
    if oom:
        what += "; raise resources.limits.memory"
    log = case.cluster.log(
        case.pod.metadata.namespace or "", case.pod.metadata.name or "", status.name, previous, LOG_LINES
    )
    command = f"kubectl logs {case.kubectl} -c {status.name}" + (" --previous" if previous else "")
    return case.trouble(f"{what}; the end of its log (`{command}`):\n{indented(log)}", final or oom)


def ending(code: int, reason: str) -> str:
    """Say how a container ended: `exited with 1 (Error)`, `was killed by SIGKILL (exit code 137, OOMKilled)`."""
    if code - 128 in {number.value for number in signal.Signals}:
        return f"was killed by {signal.Signals(code - 128).name} (exit code {code}, {reason})"
    return f"exited with {code} ({reason})"


def memory_limit(pod: V1Pod, container: str) -> str:
    """Return a container's memory limit as its spec has it, such as `64Mi`; "" where it has none."""
    assert pod.spec
    for spec in [*(pod.spec.init_containers or []), *pod.spec.containers]:
        if spec.name == container:
            return ((spec.resources and spec.resources.limits) or {}).get("memory", "")
    return ""


def unscheduled(case: Case) -> Trouble | None:
    """A pod that no node takes: the scheduler's message, and once it is final what that message sums up."""
    assert case.pod.status and case.pod.metadata
    condition = next((c for c in case.pod.status.conditions or [] if c.type == "PodScheduled"), None)
    if not condition or condition.status == "True":
        return None
    text = f"no node takes it ({condition.reason}): {condition.message}"
    since = condition.last_transition_time or case.now
    claim = case.latest((*PROVISIONING, "FailedBinding", "ProvisioningFailed"))
    provisioning = claim is not None and claim.reason in PROVISIONING
    if provisioning or condition.reason == "SchedulingGated" or case.now - since < UNSCHEDULABLE_GRACE:
        return case.trouble(text, False)
    try:
        causes = why_no_node(case.pod, case.cluster)
    except AcceptanceError as error:  # an account that may not list nodes still gets the scheduler's words
        causes = [str(error)]
    if "persistentvolumeclaim" in (condition.message or "").lower():
        said_of_it = f"claim {claim.involved_object.name}: {claim.message}; " if claim else ""
        look = f"look at `kubectl get pvc -n {case.pod.metadata.namespace}` and `kubectl get storageclass`"
        causes.append(said_of_it + look)
    # an autoscaler's events are not understood here
    late = f"final after {UNSCHEDULABLE_GRACE.seconds} s: a node that the cluster adds on demand must be up before"
    return case.trouble("\n  ".join([text, *causes, f"{late}; look at `kubectl describe pod {case.kubectl}`"]), True)


def stuck_before_start(case: Case) -> Trouble | None:
    """A volume that can't be mounted, or a sandbox that can't be made, since which the kubelet got no further."""
    assert case.pod.status
    event = case.latest((*MOUNT_REASONS, "FailedCreatePodSandBox"))
    progress = case.latest(PROGRESS)
    if case.pod.status.phase != "Pending" or not event or (progress and seen(progress) >= seen(event)):
        return None
    missing = "not found" in (event.message or "")
    if event.reason not in MOUNT_REASONS:
        fix = "the node's container runtime or network plugin refused it"
        if "no runtime for" in (event.message or ""):
            fix = f"the pod's RuntimeClass names a runtime that the node doesn't have: {CONFIGURE}"
    else:
        fix = "create it, or correct its name in the pod's volumes" if missing else "correct the pod's volumes"
    final = case.since(event) >= (NOT_FOUND_GRACE if missing else RETRY_GRACE)
    look = f"look at `kubectl describe pod {case.kubectl}`"
    return case.trouble(f"{event.reason}: {event.message}; {fix}; {look}", final)


def lost_node(case: Case) -> Trouble | None:
    """A pod that was given to a node which is gone, NotReady or under pressure."""
    assert case.pod.metadata and case.pod.spec and case.pod.status
    conditions = {condition.type: condition for condition in case.pod.status.conditions or []}
    if not case.pod.spec.node_name or ("Ready" in conditions and conditions["Ready"].status == "True"):
        return None
    bound = conditions["PodScheduled"].last_transition_time if "PodScheduled" in conditions else None
    if case.now - (bound or case.pod.metadata.creation_timestamp or case.now) < NODE_GRACE:
        return None
    name = case.pod.spec.node_name
    try:
        node = next((node for node in case.cluster.nodes() if name_of(node) == name), None)
    except AcceptanceError:  # an account that may not list nodes
        return None
    if not node:
        return case.trouble(f"was given to node {name}, which doesn't exist; look at `kubectl get nodes`", True)
    bad = bad_conditions(node)
    ready = next((c for c in (node.status and node.status.conditions) or [] if c.type == "Ready"), None)
    gone = bool(ready and ready.status != "True" and case.now - (ready.last_transition_time or case.now) >= NODE_GRACE)
    return case.trouble(f"{'; '.join(bad)}; look at `kubectl describe node {name}`", gone) if bad else None


def owner_trouble(
    owner: str, events: Sequence[CoreV1Event], namespaces: Sequence[V1Namespace], now: datetime
) -> Trouble | None:
    """Return why a Deployment, StatefulSet, DaemonSet or Job, by its name, gets no (more) pods, or None.

    Quotas, PodSecurity and webhooks refuse a pod before it exists: only events on its owner, or on a Deployment's
    ReplicaSet, say so. `events` are its namespace's, `namespaces` is a watch of that one (empty when it is gone),
    `now` is the API server's time.
    """
    for namespace in namespaces:
        if trouble := namespace_trouble(namespace):
            return trouble
    mine = sorted((event for event in events if owned_by(event, owner)), key=seen)
    gave_up = [event for event in mine if event.reason in ("BackoffLimitExceeded", "DeadlineExceeded")]
    if gave_up:
        pods = f"`kubectl get pods -n {gave_up[-1].metadata.namespace} -l job-name={owner}`"
        return Trouble(f"{said(gave_up[-1])}; look at its pods: {pods}", True)
    made = [seen(event) for event in mine if event.reason == "SuccessfulCreate"]
    failed = [event for event in mine if event.reason == "FailedCreate" and not (made and seen(event) <= made[-1])]
    if not failed:
        return None
    last = failed[-1]
    # each try names another pod, so the messages differ: the first failure since the last success counts
    lasted = now - min(began(event) for event in failed)
    return Trouble(f"{said(last)}; {create_fix(last)}", lasted >= CREATE_GRACE)


def owned_by(event: CoreV1Event, owner: str) -> bool:
    """Return whether an event is on the owner itself or on a ReplicaSet of the Deployment by that name."""
    what = event.involved_object
    if what.kind == "ReplicaSet":
        return re.fullmatch(rf"{re.escape(owner)}-[a-z0-9]+", what.name or "") is not None
    return what.kind in OWNER_KINDS and what.name == owner


def said(event: CoreV1Event) -> str:
    """Return an event as `Job train: BackoffLimitExceeded: its message`."""
    words = (event.message or "").removeprefix("(combined from similar events): ")
    return f"{event.involved_object.kind} {event.involved_object.name}: {event.reason}: {words}"


def create_fix(event: CoreV1Event) -> str:
    """Return what to do about a pod that was refused."""
    namespace, message = event.metadata.namespace, event.message or ""
    if "exceeded quota" in message or "failed quota" in message:
        return f"`kubectl describe resourcequota -n {namespace}` shows what is used: ask for less, or raise it"
    if "violates PodSecurity" in message:
        label = f"`kubectl label namespace {namespace} --overwrite pod-security.kubernetes.io/enforce=LEVEL`"
        return f"change the pod's securityContext, or the namespace's level by {label}"
    if "service account" in message or "serviceaccount" in message:
        return f"`kubectl get serviceaccount -n {namespace}` shows which there are"
    what = event.involved_object
    return f"look at `kubectl describe {(what.kind or '').lower()} {what.name} -n {namespace}`"
