"""The targets: what `--target` can be."""

import importlib
from dataclasses import dataclass
from typing import Any

from acceptance.settings import Settings
from acceptance.stacks.protocol import Say, Stack, Target, Workspace


@dataclass(frozen=True)
class Later:
    """A target whose module is imported at first use: the clients of clusters and of Docker take long."""

    module: str
    stack: str
    has_pods: bool = False

    def load(self) -> Any:
        return getattr(importlib.import_module(f"acceptance.stacks.{self.module}"), self.stack)

    def whereabouts(self, settings: Settings) -> str:
        return self.load().whereabouts(settings)

    def __call__(self, settings: Settings, workspace: Workspace, say: Say) -> Stack:
        return self.load()(settings, workspace, say)


TARGETS: dict[str, Target] = {
    "embedded": Later("embedded", "EmbeddedStack"),
    "docker": Later("docker", "DockerStack"),
    "kind": Later("kubernetes", "KubernetesStack", has_pods=True),
    "k3d": Later("kubernetes", "KubernetesStack", has_pods=True),
    "existing": Later("kubernetes", "KubernetesStack", has_pods=True),
}
