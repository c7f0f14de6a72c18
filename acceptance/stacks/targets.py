"""The values of `--target`, each with its stack, which is imported at first use."""

from collections.abc import Callable
from dataclasses import dataclass

from acceptance.stacks.protocol import HasDocker, HasKServe, HasPods, HasWorkflows, Stack


@dataclass(frozen=True)
class Target:
    """A value of `--target`: its stack's class, imported at first use, and what that stack can do besides.

    The clients of clusters and of Docker take long to import, and a capability is asked for before that.
    """

    stack: Callable[[], type[Stack]]
    capabilities: tuple[type, ...] = ()


def embedded() -> type[Stack]:
    from acceptance.stacks.embedded import EmbeddedStack

    return EmbeddedStack


def docker() -> type[Stack]:
    from acceptance.stacks.docker import DockerStack

    return DockerStack


def kubernetes() -> type[Stack]:
    from acceptance.stacks.kubernetes import KubernetesStack

    return KubernetesStack


TARGETS = {
    "embedded": Target(embedded),
    "docker": Target(docker, (HasDocker,)),
    "kind": Target(kubernetes, (HasPods, HasKServe, HasWorkflows)),
    "k3d": Target(kubernetes, (HasPods, HasKServe, HasWorkflows)),
    "existing": Target(kubernetes, (HasPods, HasKServe, HasWorkflows)),
}
