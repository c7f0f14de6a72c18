"""Waiting for pods, on recorded states: what became of one that went, an API server that is busy, progress."""

import datetime
from types import SimpleNamespace
from typing import Any

import pytest
from kubernetes import client

from acceptance.errors import Unrecoverable
from acceptance.images import read_images
from acceptance.kubernetes import namespace
from acceptance.kubernetes.client import Cluster
from acceptance.kubernetes.manifests import NAME
from acceptance.kubernetes.namespace import Namespace

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

    def check(self) -> None: ...


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


class View:
    """A cluster that answers; `nodes` is what it does when it is asked for them."""

    nodes: Any = staticmethod(list)

    def namespace(self, name: str) -> None: ...


@pytest.fixture
def waits(tmp_path, monkeypatch):
    """Make a namespace that has seen these pods and events."""
    monkeypatch.setattr(namespace, "DIAGNOSIS_SECONDS", 0.0)
    monkeypatch.setattr(Namespace, "live", View())
    monkeypatch.setattr(Cluster, "api", lambda self: client.ApiClient())

    def make(pods: Recorded, *events: Any) -> Namespace:
        made = Namespace(Cluster("lab", "https://lab", "admin"), "run", read_images(None), tmp_path)
        watched: Any = {"pods": pods, "events": Recorded(list(events)), "itself": Recorded()}
        for name, recorded in watched.items():
            setattr(made, name, recorded)
        return made

    return make


@pytest.mark.parametrize("watched", [True, False])
def test_a_pod_of_its_own_that_is_deleted_ends_the_wait(waits, watched):
    going = a_pod("probe", deleted=True)
    pods = Recorded([a_pod("probe")], [going]) if watched else Recorded([a_pod("probe")], [], gone=(going,))
    with pytest.raises(Unrecoverable, match="probe to finish: pod run/probe-x: is being deleted"):
        waits(pods).wait_finished("probe", 5)


def test_an_earlier_pod_of_the_same_name_does_not(waits):
    pods = Recorded([], [], [a_pod("probe", uid="2", phase="Succeeded")], gone=(a_pod("probe", deleted=True),))
    assert waits(pods).wait_finished("probe", 5).metadata.uid == "2"


def test_a_jobs_pod_that_was_preempted_is_told_with_the_cause(waits):
    target = client.V1PodCondition(
        type="DisruptionTarget", status="True", reason="PreemptionByScheduler", message="a greater one came"
    )
    going = a_pod("train", owners=JOB, deleted=True, conditions=[target])
    what = client.V1ObjectReference(kind="Job", name="train", namespace="run")
    about = client.V1ObjectMeta(name="train.1", namespace="run")
    gave_up = client.CoreV1Event(
        metadata=about, involved_object=what, reason="BackoffLimitExceeded", message="", last_timestamp=NOW
    )
    found = waits(Recorded([a_pod("train", owners=JOB)], [], gone=(going,)), gave_up)
    with pytest.raises(Unrecoverable, match=r"BackoffLimitExceeded.*\(PreemptionByScheduler: a greater one came\)"):
        found.wait_finished("train", 5)


def test_a_deployments_pod_that_is_deleted_has_a_successor(waits):
    ready = [client.V1PodCondition(type="Ready", status="True")]
    first, second = (a_pod("web", uid=uid, owners=JOB) for uid in "12")
    second.status.conditions = ready
    assert waits(Recorded([first], [], [second], gone=(first,))).wait_ready("web", 5) is second


@pytest.mark.parametrize("error", [client.ApiException(status=500), client.ApiException(status=429), OSError("reset")])
def test_an_api_server_that_is_busy_for_a_moment_ends_no_wait(waits, monkeypatch, error):
    asked = []

    def nodes() -> Any:
        asked.append(1)
        raise error

    monkeypatch.setattr(View, "nodes", staticmethod(nodes))
    bound = client.V1PodCondition(
        type="PodScheduled", status="True", last_transition_time=NOW - datetime.timedelta(minutes=1)
    )
    slow = a_pod("web", phase="Pending", conditions=[bound])
    slow.spec.node_name = "n1"
    ready = a_pod("web", conditions=[client.V1PodCondition(type="Ready", status="True")])
    assert waits(Recorded([slow], [slow], [ready])).wait_ready("web", 5) is ready
    assert asked


def test_what_an_account_may_not_do_ends_it(waits, monkeypatch):
    found = waits(Recorded([a_pod("web", phase="Pending")]))

    def refuse(*arguments: Any) -> Any:
        raise client.ApiException(status=403, reason="Forbidden")

    monkeypatch.setattr(namespace.diagnosis, "trouble_of", refuse)
    with pytest.raises(Exception, match="HTTP 403"):
        found.wait_ready("web", 5)


@pytest.mark.parametrize("where", ["init_container_statuses", "container_statuses"])
def test_progress_is_told_while_any_container_runs(waits, where):
    running = a_pod("load", phase="Pending")
    setattr(running.status, where, [a_container("attack", running=client.V1ContainerStateRunning())])
    found = waits(Recorded([running], [running], [a_pod("load", phase="Succeeded")]))
    said: list[str] = []
    found.say = said.append
    found.wait_finished("load", 5, lambda pod: "1,200 of 6,000")
    assert "load to finish: 1,200 of 6,000" in said


def test_a_restart_before_a_load_is_not_the_loads(waits):
    def state(restarts: int) -> Any:
        container = a_container("triton", running=client.V1ContainerStateRunning())
        container.restart_count = restarts
        return a_pod("triton", container_statuses=[container])

    found = waits(Recorded([state(1)]))
    found.trouble = lambda pod: SimpleNamespace(text="it crashed")
    assert "it crashed" in found.incident("1")
    found.note_restarts(state(1))
    assert found.incident("1") == ""
