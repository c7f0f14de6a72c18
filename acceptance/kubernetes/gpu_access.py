"""The cluster's GPU as a run uses it: which node it is on, how pods get it, and why there is none."""

import contextlib
from functools import cached_property
from typing import Any

from kubernetes.client import V1Node

from acceptance.errors import AcceptanceError, Problem
from acceptance.gpu.node import GpuNode
from acceptance.gpu.nvidia_smi import Gpu
from acceptance.kubernetes import gpu_nodes, manifests
from acceptance.kubernetes.diagnosis import diagnose
from acceptance.kubernetes.gpu_diagnosis import is_plugin, no_gpu
from acceptance.kubernetes.manifests import Manifest
from acceptance.kubernetes.namespace import Namespace
from acceptance.kubernetes.view import name_of, requested
from acceptance.waiting import Ready, wait_until

PLUGIN_SECONDS = 300


class GpuAccess:
    """One GPU of one node, which the checks look at, the run's pods get and the report names."""

    def __init__(self, namespace: Namespace) -> None:
        self.namespace = namespace

    @cached_property
    def chosen_node(self) -> V1Node:
        """The node whose GPU everything is about; chosen once, since the run's own pods take GPUs as well."""
        return gpu_nodes.choose(self.namespace.live, self.namespace.rules.node_selector)

    def find(self) -> Gpu | Problem:
        with self.namespace.cluster.api_errors("asking for GPUs"):
            problem = no_gpu(self.namespace.live, self.namespace.rules.node_selector)
            return problem or gpu_nodes.gpu_of(self.chosen_node)

    def node(self) -> GpuNode:
        with self.namespace.cluster.api_errors("asking for the GPU's node"):
            return gpu_nodes.describe(self.chosen_node, self.namespace.live)

    def give(self, manifest: Manifest, container: str) -> None:
        """Have the manifest's container ask for a GPU of the chosen node."""
        with self.namespace.cluster.api_errors("asking for the GPU's node"):
            manifests.ask_for_gpu(manifest, container)
            manifests.keep_to_node(manifest, name_of(self.chosen_node))

    def keep_near(self, manifest: Manifest) -> None:
        """Put the manifest's pod on the GPU's node without asking for a GPU."""
        with self.namespace.cluster.api_errors("asking for the GPU's node"):
            manifests.tolerate_gpu(manifest)
            manifests.keep_to_node(manifest, name_of(self.chosen_node))

    def wait_for_plugin(self) -> None:
        """Wait until a cluster that was just made advertises its GPU, or its plugin can't start: scenarios say why."""

        def state() -> Ready[None] | str:
            problem = no_gpu(self.namespace.live)
            return str(problem) if problem and not self.plugin_has_failed() else Ready(None)

        with contextlib.suppress(AcceptanceError):
            wait_until("the device plugin to advertise the GPU", state, PLUGIN_SECONDS, poll=2)

    def plugin_has_failed(self) -> bool:
        """Say whether a pod of the device plugin can't start, such as for its image."""
        live, now = self.namespace.live, self.namespace.cluster.now()
        causes = [diagnose(pod, (), live, now) for pod in live.pods() if is_plugin(pod)]
        return any(cause and cause.final for cause in causes)


def check_has_gpu(pod: Any, gpu: str) -> None:
    """Raise AcceptanceError where a pod that was to ask for a GPU came without: it ran on what others left over."""
    if not requested(pod).get(gpu):
        raise AcceptanceError(
            Problem(
                f"pod {pod.metadata.name} asks for no {gpu}, and its manifest did: an admission webhook took it out",
                "`kubectl get mutatingwebhookconfigurations`",
            )
        )
