"""Clusters of k3d, by its command line, as the tutorial makes them."""

import json
from collections.abc import Sequence
from pathlib import Path

import yaml

from acceptance.clusters import host
from acceptance.clusters.local import CREATE_SECONDS, LocalCluster
from acceptance.errors import AcceptanceError, BadSetting, Problem, shortened
from acceptance.gpu.nvidia_smi import Gpu
from acceptance.images import Images
from acceptance.kubernetes import manifests
from acceptance.settings import Settings

GPU_LABEL = "accelerator=gpu"
# where images/k3s-cuda has it with the pinned image
PLUGIN = Path("/var/lib/rancher/k3s/server/manifests/nvidia-device-plugin.yaml")


class K3d(LocalCluster):
    program = "k3d"
    least = "5.6.0"
    install = "https://k3d.io/stable/#installation"
    # of this machine, on the load balancer
    port = 80

    @classmethod
    def clusters(cls) -> list[str]:
        answer = host.ask(["k3d", "cluster", "list", "--output", "json"], host.ANSWER_SECONDS)
        try:
            return [cluster["name"] for cluster in json.loads(answer.output) or []]
        except (ValueError, LookupError, TypeError) as error:
            raise BadSetting(f"k3d can't list its clusters: {shortened(answer.output.strip())}") from error

    @classmethod
    def find_gpu(cls) -> Gpu | Problem:
        return host.find_gpu(host.docker_info())

    @classmethod
    def new_cluster_problems(cls, settings: Settings, images: Images, gpu: Gpu | None) -> list[Problem]:
        found = [host.cuda_too_new(images.k3s_cuda, gpu)] if gpu else []
        found += [host.port_taken(cls.port)] if settings.agents else []
        return [problem for problem in found if problem]

    def create(self, gpu: Gpu | None) -> None:
        # the user's kubeconfig is left alone even by a k3d that wouldn't
        environment = {"KUBECONFIG": str(self.kubeconfig)}
        self.finish("create a cluster", "create", self.create_command(gpu), CREATE_SECONDS, environment)
        if gpu:
            for node in ("server-0", *(f"agent-{number}" for number in range(self.settings.agents))):
                host.show_driver(f"{self.context}-{node}")

    def create_command(self, gpu: Gpu | None) -> list[str | Path]:
        agents = self.settings.agents
        command = [
            *("k3d", "cluster", "create", self.name, "--image", self.images.k3s_cuda if gpu else self.images.k3s),
            *("--agents", str(agents), "--k3s-arg", "--disable=traefik@server:0"),
            *("--api-port", "127.0.0.1:random", "--timeout", f"{CREATE_SECONDS}s"),
            *("--kubeconfig-update-default=false", "--kubeconfig-switch-context=false"),
        ]
        if agents:
            command += ["--port", f"127.0.0.1:{self.port}:80@loadbalancer"]
        if gpu:
            node = "agent:0" if agents else "server:0"
            command += ["--gpus=1", "--k3s-node-label", f"{GPU_LABEL}@{node}"]
        return [*command]

    def load(self, images: Sequence[str]) -> None:
        """Load the images; then the server gets the device plugin with the run's image, not the node image's."""
        super().load(images)
        if not self.has_gpu:
            return
        plugin = [manifests.fit(manifest, self.images) for manifest in manifests.read_component("device-plugin")]
        file = self.directory / PLUGIN.name
        file.write_text(yaml.safe_dump_all(plugin), encoding="utf-8")
        # k3s applies what changed in this folder
        answer = host.ask(["docker", "cp", str(file), f"k3d-{self.name}-server-0:{PLUGIN}"])
        if answer.code:
            raise AcceptanceError(
                Problem(
                    f"k3d's server did not get the device plugin {self.images.device_plugin}: "
                    f"{shortened(answer.output.strip())}",
                    f"look at `docker logs k3d-{self.name}-server-0`",
                )
            )

    def kubeconfig_command(self) -> list[str]:
        return ["k3d", "kubeconfig", "get", self.name]

    def load_command(self, images: Sequence[str]) -> list[str | Path]:
        return ["k3d", "image", "import", "--cluster", self.name, *images]
