"""How long a model's copy took, as the pods' states have it."""

import datetime
from typing import Any

from kubernetes import client

from acceptance.images import Pull
from acceptance.kubernetes.model_pulls import model_pulls

BEGAN = datetime.datetime(2026, 11, 27, 12, 0, 0, tzinfo=datetime.UTC)
ENDED = BEGAN + datetime.timedelta(seconds=3)
COPIER = "storage-initializer"


def pod(name: str, **state: Any) -> client.V1Pod:
    status = client.V1ContainerStatus(
        name=name, image="i", image_id="", ready=False, restart_count=0, state=client.V1ContainerState(**state)
    )
    return client.V1Pod(
        metadata=client.V1ObjectMeta(name="triton-cpu-1-predictor-x"),
        status=client.V1PodStatus(init_container_statuses=[status]),
    )


def test_a_copy_that_ended_is_a_pull_of_the_pods_model():
    ended = client.V1ContainerStateTerminated(exit_code=0, started_at=BEGAN, finished_at=ENDED)
    expected = Pull("model of triton-cpu-1-predictor-x", ENDED.timestamp(), 3.0)
    assert model_pulls([pod("storage-initializer", terminated=ended)], COPIER) == [expected]


def test_one_that_goes_on_and_other_containers_are_none():
    ended = client.V1ContainerStateTerminated(exit_code=0, started_at=BEGAN, finished_at=ENDED)
    running = client.V1ContainerStateRunning(started_at=BEGAN)
    no_status = client.V1Pod(metadata=client.V1ObjectMeta(name="p"), status=client.V1PodStatus())
    pods = [pod("model", terminated=ended), pod("storage-initializer", running=running), no_status]
    assert model_pulls(pods, COPIER) == []
