"""Waiting for pods, on recorded states: what became of one that went, an API server that is busy, progress."""

import contextlib
import datetime
from typing import Any

import pytest
from kubernetes import client

from acceptance.errors import Unrecoverable
from acceptance.kubernetes.client import Cluster
from acceptance.kubernetes.manifests import NAME
from acceptance.kubernetes.pod_waits import PodWaits
from acceptance.kubernetes.pods import Pods

NOW = datetime.datetime.now(datetime.UTC)
JOB = [client.V1OwnerReference(api_version="batch/v1", kind="Job", name="train", uid="j")]


class Recorded:
    """What a watch has seen; `states` are the pods that it shows from call to call, the last one for ever."""

    def __init__(self, *states: list[Any], gone: tuple[Any, ...] = ()) -> None:
        self.states, self.gone = list(states) or [[]], gone

    def items(self) -> list[Any]:
        return self.states.pop(0) if len(self.states) > 1 else self.states[0]

    def deleted(self) -> list[Any]:
        return list(self.gone)


class RecordedWatches:
    """The watches of a namespace that is well."""

    def __init__(self, pods: Recorded, *events: Any) -> None:
        self.pods, self.events, self.namespace = pods, Recorded(list(events)), Recorded()

    def check(self) -> None: ...


class View:
    """A cluster that answers; `nodes` is what it does when it is asked for them."""

    def __init__(self, nodes: Any = list) -> None:
        self.nodes = nodes

    def namespace(self, name: str) -> None: ...


def a_pod(name: str, uid: str = "1", owners: Any = None, deleted: bool = False, **status: Any) -> Any:
    about = client.V1ObjectMeta(
        name=f"{name}-x",
        namespace="run",
        uid=uid,
        labels={NAME: name},
        creation_timestamp=NOW,
        deletion_timestamp=NOW if deleted else None,
        owner_references=owners,
    )
    state = client.V1PodStatus(**{"phase": "Running"} | status)
    return client.V1Pod(metadata=about, spec=client.V1PodSpec(containers=[]), status=state)


def a_container(name: str, **state: Any) -> Any:
    return client.V1ContainerStatus(
        name=name, image="", image_id="", ready=False, restart_count=0, state=client.V1ContainerState(**state)
    )


@pytest.fixture
def pods_of(tmp_path):
    """Make the pods of a namespace whose watches have seen these pods and events."""

    def make(pods: Recorded, *events: Any, view: Any = None) -> Pods:
        watches: Any = RecordedWatches(pods, *events)
        seen: Any = view or View()
        return Pods(Cluster("lab", "https://lab", "admin"), watches, lambda: seen, tmp_path)

    return make


def waits(pods: Pods, say: Any = lambda text: None) -> PodWaits:
    """Wait for them, and ask for the cause each time."""
    return PodWaits(pods, say, "", diagnosis_seconds=0.0)


@pytest.mark.parametrize("watched", [True, False])
def test_a_pod_of_its_own_that_is_deleted_ends_the_wait(pods_of, watched):
    going = a_pod("probe", deleted=True)
    pods = Recorded([a_pod("probe")], [going]) if watched else Recorded([a_pod("probe")], [], gone=(going,))
    with pytest.raises(Unrecoverable, match="probe to finish: pod run/probe-x: is being deleted"):
        waits(pods_of(pods)).finished("probe", 5)


def test_an_earlier_pod_of_the_same_name_does_not(pods_of):
    pods = Recorded([], [], [a_pod("probe", uid="2", phase="Succeeded")], gone=(a_pod("probe", deleted=True),))
    assert waits(pods_of(pods)).finished("probe", 5).metadata.uid == "2"


def test_a_jobs_pod_that_was_preempted_is_told_with_the_cause(pods_of):
    target = client.V1PodCondition(
        type="DisruptionTarget", status="True", reason="PreemptionByScheduler", message="a greater one came"
    )
    going = a_pod("train", owners=JOB, deleted=True, conditions=[target])
    what = client.V1ObjectReference(kind="Job", name="train", namespace="run")
    about = client.V1ObjectMeta(name="train.1", namespace="run")
    gave_up = client.CoreV1Event(
        metadata=about, involved_object=what, reason="BackoffLimitExceeded", message="", last_timestamp=NOW
    )
    pods = pods_of(Recorded([a_pod("train", owners=JOB)], [], gone=(going,)), gave_up)
    with pytest.raises(Unrecoverable, match=r"BackoffLimitExceeded.*\(PreemptionByScheduler: a greater one came\)"):
        waits(pods).finished("train", 5)


def test_a_deployments_pod_that_is_deleted_has_a_successor(pods_of):
    first, second = (a_pod("web", uid=uid, owners=JOB) for uid in "12")
    second.status.conditions = [client.V1PodCondition(type="Ready", status="True")]
    assert waits(pods_of(Recorded([first], [], [second], gone=(first,)))).ready("web", 5) is second


@pytest.mark.parametrize("error", [client.ApiException(status=500), client.ApiException(status=429), OSError("reset")])
def test_an_api_server_that_is_busy_for_a_moment_ends_no_wait(pods_of, error):
    asked = []

    def nodes() -> Any:
        asked.append(1)
        raise error

    bound = client.V1PodCondition(
        type="PodScheduled", status="True", last_transition_time=NOW - datetime.timedelta(minutes=1)
    )
    slow = a_pod("web", phase="Pending", conditions=[bound])
    slow.spec.node_name = "n1"
    ready = a_pod("web", conditions=[client.V1PodCondition(type="Ready", status="True")])
    assert waits(pods_of(Recorded([slow], [slow], [ready]), view=View(nodes))).ready("web", 5) is ready
    assert asked


def test_what_an_account_may_not_do_ends_it(pods_of):
    def nodes() -> Any:
        raise client.ApiException(status=403, reason="Forbidden")

    bound = client.V1PodCondition(
        type="PodScheduled", status="True", last_transition_time=NOW - datetime.timedelta(minutes=1)
    )
    slow = a_pod("web", phase="Pending", conditions=[bound])
    slow.spec.node_name = "n1"
    with pytest.raises(Exception, match="HTTP 403"):
        waits(pods_of(Recorded([slow]), view=View(nodes))).ready("web", 5)


@pytest.mark.parametrize("kind", ["init_container_statuses", "container_statuses"])
def test_progress_is_told_while_any_container_runs(pods_of, kind):
    running: dict[str, Any] = {kind: [a_container("attack", running=client.V1ContainerStateRunning())]}
    going = a_pod("load", phase="Pending", **running)
    said: list[str] = []
    pods = pods_of(Recorded([going], [going], [a_pod("load", phase="Succeeded")]))
    waits(pods, said.append).finished("load", 5, lambda pod: "1,200 of 6,000")
    assert "load to finish: 1,200 of 6,000" in said


def test_a_restart_before_a_load_is_not_the_loads(pods_of):
    def state(restarts: int) -> Any:
        container = a_container("triton", running=client.V1ContainerStateRunning())
        container.restart_count = restarts
        return a_pod("triton", container_statuses=[container])

    pods = pods_of(Recorded([state(1)]))
    assert "pod triton-x ended or restarted" in pods.incident("1")
    pods.note_restarts(state(1))
    assert pods.incident("1") == ""


@pytest.mark.parametrize(("seconds", "raised"), [(60, True), (-60, False)])
def test_a_pod_that_answers_its_probes_no_more_is_named_with_what_they_say(pods_of, seconds, raised):
    since = datetime.datetime.now(datetime.UTC) - datetime.timedelta(seconds=seconds)
    unready = client.V1PodCondition(type="Ready", status="False", last_transition_time=since)
    probe = client.CoreV1Event(
        metadata=client.V1ObjectMeta(name="mlflow.1", namespace="run"),
        involved_object=client.V1ObjectReference(kind="Pod", name="mlflow-x", namespace="run"),
        reason="Unhealthy",
        message="Readiness probe failed: context deadline exceeded",
        last_timestamp=NOW,
    )
    running = a_container("mlflow", running=client.V1ContainerStateRunning(started_at=NOW))
    pods = pods_of(Recorded([a_pod("mlflow", conditions=[unready], container_statuses=[running])]), probe)
    expected = pytest.raises(Unrecoverable, match=r"mlflow answers no more: pod run/mlflow-x: .*deadline exceeded")
    with expected if raised else contextlib.nullcontext():
        pods.check_answers("mlflow")


def test_a_pod_that_is_ready_answers(pods_of):
    ready = client.V1PodCondition(type="Ready", status="True", last_transition_time=NOW - datetime.timedelta(hours=1))
    pods_of(Recorded([a_pod("mlflow", conditions=[ready])])).check_answers("mlflow")


def test_a_pod_whose_container_has_ended_is_waited_for_until_its_phase_says_so(pods_of):
    """The kubelet tells of the container first; the pod's log and its end are told then as always."""
    ended = a_container("probe", terminated=client.V1ContainerStateTerminated(exit_code=1, reason="Error"))
    running, failed = (a_pod("probe", phase=phase, container_statuses=[ended]) for phase in ("Running", "Failed"))
    for pod in (running, failed):
        pod.spec.restart_policy = "Never"
    pods = pods_of(Recorded([running], [running], [running], [failed]), view=Logs())
    assert waits(pods).finished("probe", 5).status.phase == "Failed"


class Logs(View):
    """A cluster with an empty log of each container."""

    def log(self, *asked: Any) -> str:
        return ""
