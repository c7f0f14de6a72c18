"""Clusters of kind, by pytest-kind's KindCluster; with a GPU by the NVIDIA runtime's own recipe, as nvkind does it."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml
from kubernetes.utils import create_from_dict

from acceptance.clusters import cleanup, host, kind_process
from acceptance.clusters.local import CREATE_SECONDS, LocalCluster
from acceptance.docker.host import CONFIGURE
from acceptance.errors import AcceptanceError, BadSetting, Problem, shortened
from acceptance.gpu.nvidia_smi import Gpu
from acceptance.images import Images
from acceptance.kubernetes import manifests
from acceptance.kubernetes.client import connect
from acceptance.settings import Settings

AS_MOUNTS = "`sudo nvidia-ctk config --in-place --set accept-nvidia-visible-devices-as-volume-mounts=true`"
AS_DEFAULT = CONFIGURE.replace("--runtime=docker", "--runtime=docker --set-as-default")
# the runtime gives a container the GPUs that are named by mounts in this folder
DEVICES = "/var/run/nvidia-container-devices"


class Kind(LocalCluster):
    program = "kind"
    least = "0.27.0"  # the first whose nodes have containerd 2
    install = "https://kind.sigs.k8s.io/docs/user/quick-start/#installation"

    @classmethod
    def clusters(cls) -> list[str]:
        answer = host.ask(["kind", "get", "clusters"], host.ANSWER_SECONDS)
        if answer.code:
            raise BadSetting(f"kind can't list its clusters: {shortened(answer.output.strip())}")
        return answer.output.split()

    @classmethod
    def find_gpu(cls) -> Gpu | Problem:
        info = host.docker_info()
        gpu = host.find_gpu(info)
        # kind can't ask Docker for a GPU
        if isinstance(gpu, Gpu) and info.get("DefaultRuntime") != "nvidia":
            return Problem(
                f"Docker's default runtime is {info.get('DefaultRuntime')}, and kind's nodes get no other",
                f"{AS_MOUNTS}, then {AS_DEFAULT}",
            )
        return gpu

    @classmethod
    def new_cluster_problems(cls, settings: Settings, images: Images, gpu: Gpu | None) -> list[Problem]:
        problem = host.no_node_image(images.kind_cuda) if gpu else None
        return [problem] if problem else []

    def create(self, gpu: Gpu | None) -> None:
        config = self.directory / "kind.yaml"
        config.write_text(yaml.safe_dump(configuration(gpu is not None)), encoding="utf-8")
        # a network that nobody shares can go with the cluster
        environment = {
            "KIND_EXPERIMENTAL_DOCKER_NETWORK": cleanup.network_of("kind", self.name),
            # Docker is what was asked for its version, and where the cluster is removed
            "KIND_EXPERIMENTAL_PROVIDER": "docker",
        }
        command = self.kind("create", self.images.kind_cuda if gpu else self.images.kind_node, str(config))
        self.finish("create a cluster", "create", command, CREATE_SECONDS, environment)
        if gpu:
            self.check_gpu()

    def check_gpu(self) -> None:
        """See that the node has the GPU, and that nothing is in its way there."""
        node = f"{self.name}-control-plane"
        answer = host.ask(["docker", "exec", node, "nvidia-smi", "-L"])
        if answer.code:
            raise AcceptanceError(
                Problem(
                    f"kind's node {node} sees no GPU ({shortened(answer.output.strip())})",
                    f"{AS_MOUNTS}, then {AS_DEFAULT}",
                )
            )
        host.show_driver(node)

    def load(self, images: Sequence[str]) -> None:
        """Load the images; then the device plugin may start, whose image is among them."""
        super().load(images)
        if not self.has_gpu:
            return
        cluster = connect(self.context, self.directory, kubeconfig=self.kubeconfig)
        for manifest in manifests.read_component("device-plugin"):
            manifests.fit(manifest, self.images)
            with cluster.api_errors("creating the device plugin"), cluster.api() as api:
                create_from_dict(api, manifest)

    def kubeconfig_command(self) -> list[str]:
        return ["kind", "get", "kubeconfig", "--name", self.name]

    def load_command(self, images: Sequence[str]) -> list[str | Path]:
        return self.kind("load", *images)

    def kind(self, verb: str, *arguments: str) -> list[str | Path]:
        return [sys.executable, kind_process.__file__, self.directory, self.name, verb, *arguments]


def configuration(gpu: bool) -> dict[str, Any]:
    """Return kind's configuration: one node, reached from this machine alone."""
    node: dict[str, Any] = {"role": "control-plane"}
    if gpu:
        node["labels"] = {"accelerator": "gpu"}
        node["extraMounts"] = [{"hostPath": "/dev/null", "containerPath": f"{DEVICES}/all"}]
    return {
        "kind": "Cluster",
        "apiVersion": "kind.x-k8s.io/v1alpha4",
        "networking": {"apiServerAddress": "127.0.0.1"},
        "nodes": [node],
    }
