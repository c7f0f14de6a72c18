"""A predictor that holds the GPU ends when another needs it, with `--keep` too, and ends once."""

import contextlib
from types import SimpleNamespace
from typing import Any

import pytest

from acceptance.errors import AcceptanceError
from acceptance.kubernetes.client import Cluster
from acceptance.settings import read_settings
from acceptance.stacks.common import Served
from acceptance.stacks.docker import DockerStack
from acceptance.stacks.embedded import EmbeddedStack
from acceptance.stacks.kubernetes import KubernetesStack
from acceptance.stacks.protocol import Endpoint, Workspace

RUN: Any = None
GPU = Endpoint("127.0.0.1:1", "127.0.0.1:2", "127.0.0.1:3", "cifar10", "gpu", RUN, inside="triton-gpu-2:8000")


def made(kind: Any, tmp_path: Any, keep: bool = True) -> Any:
    settings = read_settings({"keep": keep}, ["embedded"], {})
    assert settings.keep == keep
    return kind(settings, Workspace(tmp_path, tmp_path), lambda text: None)


@pytest.mark.parametrize("kind", [EmbeddedStack, DockerStack])
def test_a_server_of_this_machine(kind, tmp_path):
    stack, ended = made(kind, tmp_path), []
    stack.endpoints.append(GPU)
    stack.served[GPU.http] = Served(lambda: "what it said", lambda: ended.append("it"))
    assert stack.server_log(GPU) == "what it said"
    stack.withdraw(GPU)
    stack.withdraw(GPU)
    assert ended == ["it"]
    assert stack.endpoints == []  # what is said to be kept is there


def test_a_deployment_of_the_cluster(tmp_path):
    stack, done = made(KubernetesStack, tmp_path), []
    stack.endpoints["triton-gpu-2"] = GPU
    stack.cluster = Cluster("lab", "", "")
    stack.provider = SimpleNamespace(how_to_remove=lambda: "")
    stack.namespace = SimpleNamespace(
        name="run",
        delete=lambda *kinds, name: done.append((kinds, name)),
        wait_gone=lambda name: done.append(("gone", name)),
    )
    stack.withdraw(GPU)
    stack.withdraw(GPU)
    assert done == [(("Deployment", "Service", "ConfigMap"), "triton-gpu-2"), ("gone", "triton-gpu-2")]
    assert "triton-gpu-2" not in stack.how_to_reach()


class Lost(AcceptanceError):
    """What went wrong with a pod."""


@pytest.mark.parametrize(
    ("keep", "error", "done"),
    [
        (False, None, ["deleted", "gone"]),
        (False, Lost, ["deleted", "gone"]),
        # the next one's GPU is in it
        (True, Lost, ["deleted", "gone"]),
        (True, None, []),
        # nobody comes after it
        (False, KeyboardInterrupt, ["deleted"]),
    ],
)
def test_a_pod_with_a_gpu_is_gone_before_the_next_one_asks(tmp_path, keep, error, done):
    stack, seen = made(KubernetesStack, tmp_path, keep), []
    stack.namespace = SimpleNamespace(
        delete=lambda *kinds, name: seen.append("deleted"), wait_gone=lambda name: seen.append("gone")
    )
    with contextlib.suppress(Lost, KeyboardInterrupt):
        try:
            if error:
                raise error
        finally:
            stack.remove("Pod", name="gpu-probe", wait=True)
    assert seen == done
