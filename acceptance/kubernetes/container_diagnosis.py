"""Why a pod's container can't start, or died: its image, its command, its memory, its own last words."""

import signal
from datetime import timedelta

from kubernetes.client import V1ContainerStateTerminated, V1ContainerStateWaiting, V1ContainerStatus, V1Pod

from acceptance.gpu import nvidia_smi
from acceptance.kubernetes.facts import Diagnosis, PodFacts
from acceptance.kubernetes.gpu_diagnosis import LOG_LINES
from acceptance.kubernetes.view import containers_of
from acceptance.processes.deaths import FROM_OUTSIDE, cause, error_lines
from acceptance.processes.logs import indented

# how long a state may last before it counts as final; a waiting step must fail within 30 s
NOT_FOUND_GRACE = timedelta(seconds=10)  # a ConfigMap or Secret may be created just after its pod
RETRY_GRACE = timedelta(seconds=20)  # the runtime gets some retries

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
# why a container ended that never ran
NOT_STARTED = ("StartError", "ContainerCannotRun")
HOPELESS_START = ("not found", "no such file", "permission denied", "exec format error", "not a directory")
# the end of a log in which an error is looked for
SEARCHED_LINES = 500
# the exit codes of those that others ended
KILLED = [128 + number for number in FROM_OUTSIDE]
# restarts after which a container that died again is in a loop
CRASH_LOOP = 2
MISSING = ("not found", "couldn't find key", "non-existent config key")


def failing_container(facts: PodFacts) -> Diagnosis | None:
    """The first container, init containers before the others, that can't start or that died; a final one first."""
    found = [one for status in containers_of(facts.pod) if (one := diagnose_container(facts, status))]
    return next((one for one in found if one.final), found[0] if found else None)


def diagnose_container(facts: PodFacts, status: V1ContainerStatus) -> Diagnosis | None:
    assert facts.pod.spec
    waiting = status.state.waiting if status.state else None
    ended = status.state.terminated if status.state else None
    before = status.last_state.terminated if status.last_state else None
    reason = (waiting and waiting.reason) or ""
    if status.ready:
        return None
    if waiting and reason in IMAGE_REASONS:
        return diagnose_image(facts, status, waiting)
    if waiting and reason not in ("", "ContainerCreating", "PodInitializing", "CrashLoopBackOff"):
        return diagnose_start(facts, status, waiting)
    if ended and (ended.exit_code or ended.reason == "OOMKilled"):
        # the kubelet says CrashLoopBackOff late, and at times for a second only
        final = facts.pod.spec.restart_policy == "Never" or status.restart_count >= CRASH_LOOP
        return diagnose_ended(facts, status, ended, False, final)
    if before and status.restart_count:
        return diagnose_ended(facts, status, before, True, reason == "CrashLoopBackOff")
    if waiting and reason == "CrashLoopBackOff":
        return facts.diagnosis(f"container {status.name} is in CrashLoopBackOff: {waiting.message}", True)
    return None


def diagnose_image(facts: PodFacts, status: V1ContainerStatus, waiting: V1ContainerStateWaiting) -> Diagnosis:
    """An image that can't be had. The kubelet's back-off may hide the registry's words, which the event still has."""
    pull = facts.latest(("Failed",), f'"{status.image}"')
    words = (pull and pull.message) if waiting.reason == "ImagePullBackOff" else waiting.message
    words = words or waiting.message or ""
    final = waiting.reason != "ErrImagePull" or any(hopeless in words.lower() for hopeless in HOPELESS_PULL)
    return facts.diagnosis(
        f"container {status.name} can't have its image {status.image} ({waiting.reason}): {words};"
        " `--images FILE` names another image, `make images` builds ours",
        final,
    )


def diagnose_start(facts: PodFacts, status: V1ContainerStatus, waiting: V1ContainerStateWaiting) -> Diagnosis:
    """A container that can't be made or started: a missing ConfigMap, a command that isn't in the image."""
    assert facts.pod.status
    words = waiting.message or ""
    event = facts.latest(("Failed",), words)
    # events get lost where there are many; a container's state has no time of its own
    lasted = facts.since(event) if event else facts.now - (facts.pod.status.start_time or facts.now)
    missing = any(word in words for word in MISSING) and waiting.reason == "CreateContainerConfigError"
    hopeless = waiting.reason != "CreateContainerConfigError" and any(w in words.lower() for w in HOPELESS_START)
    final = hopeless or lasted >= (NOT_FOUND_GRACE if missing else RETRY_GRACE)
    fix = "create it, or correct the name in the pod's spec" if missing else start_fix(status, words)
    return facts.diagnosis(
        f"container {status.name} can't start ({waiting.reason}): {words}; {fix};"
        f" look at `kubectl describe pod {facts.kubectl}`",
        final,
    )


def start_fix(status: V1ContainerStatus, words: str) -> str:
    """Return what to do about a container that its runtime refused."""
    refused = nvidia_smi.refused(words, f"image {status.image}")
    return str(refused) if refused else "correct the pod's command or settings"


def diagnose_ended(
    facts: PodFacts, status: V1ContainerStatus, ended: V1ContainerStateTerminated, previous: bool, final: bool
) -> Diagnosis:
    """A container that died, with its last lines. One killed for its memory would be so again."""
    assert facts.pod.metadata
    if ended.reason in NOT_STARTED:
        fix = f"{start_fix(status, ended.message or '')}; look at `kubectl describe pod {facts.kubectl}`"
        return facts.diagnosis(
            f"container {status.name} could not be started ({ended.reason}): {ended.message}; {fix}", True
        )
    oom = ended.reason == "OOMKilled"
    what = f"container {status.name} {describe_container_exit(ended.exit_code, ended.reason or '')}"
    if oom:
        limit = memory_limit(facts.pod, status.name)
        what += (
            f": it went over its memory limit of {limit}" if limit else ": the node ran out of memory, it has no limit"
        )
    if status.restart_count:
        count = f"{status.restart_count} restart" + ("s" if status.restart_count > 1 else "")
        what += f", after {count}" + (", and is in CrashLoopBackOff" if final and previous else "")
    if killing := facts.latest(("Killing",), f"Container {status.name} failed"):
        probe = facts.latest(("Unhealthy",), "probe failed")
        what += f"; {killing.message}" + (f" ({(probe.message or '').rstrip(': ')})" if probe else "")
    if ended.message:
        what += f"; it said: {ended.message.strip()}"
    if oom:
        what += "; raise resources.limits.memory"
    log = facts.cluster.log(
        facts.pod.metadata.namespace or "", facts.pod.metadata.name or "", status.name, previous, SEARCHED_LINES
    )
    lines = error_lines(log)
    # who was killed had no error of its own
    if (error := cause(lines)) and ended.exit_code not in KILLED:
        what += f"; its last error: {error}"
    command = f"kubectl logs {facts.kubectl} -c {status.name}" + (" --previous" if previous else "")
    return facts.diagnosis(f"{what}; the end of its log (`{command}`):\n{indented(lines[-LOG_LINES:])}", final or oom)


def describe_container_exit(code: int, reason: str) -> str:
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
