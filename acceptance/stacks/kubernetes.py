"""The Kubernetes stack: MLflow and Triton as Deployments, training and load as Jobs, in the run's own namespace."""

import contextlib
import itertools
import secrets
import shlex
import sys
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any, BinaryIO

import requests
from kubernetes import client
from kubernetes.client import V1Node

from acceptance.clusters import PROVIDERS
from acceptance.data.dataset import Dataset
from acceptance.errors import AcceptanceError
from acceptance.gpu.node import GpuNode
from acceptance.images import SITE_PACKAGES, Pull, read_images
from acceptance.kubernetes import gpu_diagnosis, gpu_nodes, manifests
from acceptance.kubernetes.client import ApiServerGone, connect
from acceptance.kubernetes.namespace import POD_SECONDS, Namespace
from acceptance.kubernetes.pulls import pulls
from acceptance.kubernetes.view import GPU, asked, labels_of, name_of
from acceptance.load import vegeta
from acceptance.load.result import LoadPlan, LoadResult
from acceptance.paths import CODESET
from acceptance.processes.local import Processes, last_matching
from acceptance.serving import inference, repository
from acceptance.settings import Settings
from acceptance.stacks.common import (
    answered_so_far,
    check_counted,
    predictor_state,
    prepare_environment,
    save_metrics,
    wait_for_answer,
)
from acceptance.stacks.protocol import Endpoint, Gpu, PodResult, Say, Workspace
from acceptance.training.project import device_environment, project_options
from acceptance.training.tracking import TRAINING_SECONDS_AN_EPOCH, Recipe, TrainingRun, read_run
from acceptance.waiting import Ready, wait_until

ARTIFACTS = "api/2.0/mlflow-artifacts/artifacts"
TRANSFER_SECONDS = 600
# what a predictor is made of
PREDICTOR = ("Deployment", "Service", "ConfigMap")
LOG_LINES = 5000
PLUGIN_SECONDS = 300


class KubernetesStack:
    """Creates each component at first use; the namespace takes them all with it."""

    def __init__(self, settings: Settings, workspace: Workspace, say: Say) -> None:
        self.settings, self.workspace, self.say = settings, workspace, say
        self.images = read_images(settings.images)
        self.codeset = CODESET
        self.numbers = itertools.count(1)
        self.tracking_uri = ""
        self.prepared = False
        self.endpoints: dict[str, Endpoint] = {}

    def __enter__(self) -> "KubernetesStack":
        prepare_environment()
        directory, redactor = self.workspace.directory, self.workspace.redactor
        # its guardian is what removes the cluster or the namespace of a pytest that was killed
        self.processes = Processes(directory, self.workspace.logs, redactor)
        provider = PROVIDERS[self.settings.target]
        self.provider = provider(self.settings, self.images, directory, self.processes, self.say)
        with contextlib.ExitStack() as started:
            started.callback(self.processes.close)
            access = started.enter_context(self.provider)
            self.cluster = connect(access.context, directory, redactor, access.kubeconfig)
            self.provider.load(self.images.of_pods())
            self.namespace = Namespace(
                self.cluster, secrets.token_hex(4), self.images, self.workspace.logs, self.settings.keep, self.say
            )
            self.delete_if_killed()
            self.namespace.__enter__()
            if self.provider.has_gpu:
                self.wait_for_plugin()
            started.pop_all()
        return self

    def wait_for_plugin(self) -> None:
        """Wait until a cluster that was just made advertises its GPU; the scenarios say why it doesn't."""

        def state() -> Ready[None] | str:
            return gpu_diagnosis.gpu_reason(self.namespace.live) or Ready(None)

        with contextlib.suppress(AcceptanceError):
            wait_until("the device plugin to advertise the GPU", state, PLUGIN_SECONDS, poll=2)

    def delete_if_killed(self) -> None:
        """Have the guardian delete the namespace of a pytest that was killed; a cluster of the run's own goes whole."""
        if not self.provider.own:
            program, kubeconfig = "acceptance.kubernetes.cleanup", self.cluster.kubeconfig
            namespace = [self.cluster.context, self.namespace.name, str(self.workspace.directory)]
            self.processes.afterwards([sys.executable, "-m", program, *namespace, str(kubeconfig or "")])

    def __exit__(self, *error: object) -> None:
        try:
            try:
                self.namespace.close()
            finally:
                self.provider.__exit__(*error)
            self.processes.tell_guardian("release")  # nothing is left for it to do
        finally:
            self.processes.close(keep=self.settings.keep)

    @staticmethod
    def whereabouts(settings: Settings) -> str:
        prepare_environment()
        read_images(settings.images)
        return PROVIDERS[settings.target].whereabouts(settings)

    def gpu(self) -> Gpu:
        with self.cluster.explained("asking for GPUs"):
            reason = gpu_diagnosis.gpu_reason(self.namespace.live)
            return Gpu(reason=reason) if reason else gpu_of(self.chosen_node)

    def gpu_node(self) -> GpuNode:
        with self.cluster.explained("asking for the GPU's node"):
            return gpu_nodes.describe(self.chosen_node, self.namespace.live)

    @cached_property
    def chosen_node(self) -> V1Node:
        """The node whose GPU everything is about; chosen once, since the run's own pods take GPUs as well."""
        return gpu_nodes.choose(self.namespace.live)

    def give_gpu(self, manifest: manifests.Manifest, container: str) -> None:
        """Have the container ask for a GPU of that node: it is what was checked, and what the report names."""
        with self.cluster.explained("asking for the GPU's node"):
            manifests.ask_for_gpu(manifest, container)
            manifests.keep_to_node(manifest, name_of(self.chosen_node))

    def run_pod(self, manifest: Path, node: str = "") -> PodResult:
        pod = manifests.read_manifest(manifest)
        if node:
            manifests.keep_to_node(pod, node)
        name = pod["metadata"]["name"]
        self.namespace.create(pod)
        try:
            ended = self.namespace.wait_finished(name, POD_SECONDS)
            with self.cluster.explained(f"reading the log of pod {name}"):
                log = self.namespace.live.log(self.namespace.name, name, name, False, 1000)
            if ended.status.phase != "Succeeded" and (trouble := self.namespace.trouble(ended)):
                log = f"{log}\n{trouble.text}"
            return PodResult(name, ended.status.phase, self.workspace.redactor.text(log))
        finally:
            self.remove("Pod", name=name, wait=True)

    def versions(self) -> dict[str, str]:
        with self.cluster.explained("asking for its version"):
            return {"Kubernetes": client.VersionApi(self.cluster.api()).get_code().git_version}

    def pulls(self) -> list[Pull]:
        return pulls(self.namespace.events.items())

    def check(self) -> None:
        self.namespace.check()

    def evidence(self) -> None:
        self.namespace.evidence()
        save_metrics(self.endpoints.values(), self.workspace.logs)

    # --- tracking and training

    def mlflow(self) -> str:
        """Deploy MLflow at first use; return the local URI that leads to it."""
        if not self.tracking_uri:
            for manifest in manifests.read_component("mlflow"):
                self.namespace.create(manifest)
            pod = self.namespace.wait_ready("mlflow", POD_SECONDS)
            # its database and artifacts live and die with the pod
            self.namespace.vital[pod.metadata.uid] = "MLflow"
            self.tracking_uri = f"http://{self.namespace.forward('mlflow', 5000)}"
        return self.tracking_uri

    def upload(self, dataset: Dataset) -> None:
        """Put the data set's files into the run's MLflow, once."""
        for file in dataset.files():
            self.say(f"uploading {file.name} to the run's MLflow")
            with file.open("rb") as stream:
                self.transfer("put", f"dataset/{dataset.folder.name}/{file.name}", data=stream)

    def transfer(self, method: str, artifact: str, data: BinaryIO | None = None, tries: int = 3) -> requests.Response:
        """Put, get or delete an artifact by its path; raises AcceptanceError with MLflow's own words.

        A port-forward that was cut carries the next connection, so what it cut off is tried again.
        """
        url = f"{self.tracking_uri}/{ARTIFACTS}/{artifact}"
        try:
            answer = requests.request(method, url, timeout=TRANSFER_SECONDS, data=data)
            answer.raise_for_status()
            return answer
        except requests.RequestException as error:
            self.check()
            cut = isinstance(error, requests.ConnectionError | requests.exceptions.ChunkedEncodingError)
            if not cut or tries == 1:
                raise AcceptanceError(f"{method} {artifact}, an artifact of the run's MLflow: {error}") from error
        if data:
            data.seek(0)
        return self.transfer(method, artifact, data, tries - 1)

    def train(self, recipe: Recipe, dataset: Dataset) -> TrainingRun:
        uri, number = self.mlflow(), next(self.numbers)
        if not self.prepared:
            self.upload(dataset)
            self.prepared = True
            files = {file.name: file.read_text() for file in self.codeset.iterdir() if is_code(file)}
            self.namespace.create(manifests.config_map("codeset", files))
        name = f"training-{recipe.device}-{recipe.profile}-{number}"
        (job,) = manifests.read_component("training")
        trainer = manifests.container_of(job, "trainer")
        trainer["command"] += project_options(name, recipe, f"/data/dataset/{dataset.folder.name}")
        given = device_environment(recipe.device).items()
        trainer["env"] = [*trainer["env"], *({"name": variable, "value": value} for variable, value in given)]
        if recipe.device == "gpu":
            self.give_gpu(job, "trainer")
        self.namespace.create(job, name)

        def progress(pod: Any) -> str:
            log = self.namespace.logs.file(pod.metadata.name, "trainer")
            return f"training, {last_matching(log, 'epoch ') or 'starting'}"

        self.finish(name, recipe.epochs * TRAINING_SECONDS_AN_EPOCH, progress, gpu=recipe.device == "gpu")
        return read_run(uri, name, recipe)

    def finish(self, name: str, timeout: float, progress: Any, gpu: bool = False) -> None:
        """Wait until the Job's pod succeeded; raises with the cause if it failed. The Job goes: that frees its GPU."""
        try:
            self.namespace.wait_started(name, POD_SECONDS)
            pod = self.namespace.wait_finished(name, timeout, progress)
            if pod.status.phase != "Succeeded":
                trouble = self.namespace.trouble(pod)
                raise AcceptanceError(trouble.text if trouble else f"pod {pod.metadata.name} {pod.status.phase}")
            if gpu:
                check_has_gpu(pod)
        finally:
            self.remove("Job", name=name, wait=gpu)

    # --- serving

    @contextlib.contextmanager
    def serve(self, run: TrainingRun, device: str) -> Iterator[Endpoint]:
        name = f"triton-{device}-{next(self.numbers)}"
        try:
            self.deploy(name, run, device)
            pod = self.namespace.wait_ready(name, POD_SECONDS)
            if device == "gpu":
                check_has_gpu(pod)
            http, grpc, metrics = (self.namespace.forward(name, port) for port in (8000, 8001, 8002))
            endpoint = Endpoint(http, grpc, metrics, repository.MODEL, device, run, inside=f"{name}:8000")
            self.endpoints[name] = endpoint
            wait_for_answer(f"{endpoint} to answer", lambda: predictor_state(endpoint), self.check, 60)
            yield endpoint
        finally:
            self.remove(*PREDICTOR, name=name, wait=device == "gpu")

    def withdraw(self, endpoint: Endpoint) -> None:
        name = server_of(endpoint)
        if self.endpoints.pop(name, None):
            self.namespace.delete(*PREDICTOR, name=name)
            self.namespace.wait_gone(name)

    def server_log(self, endpoint: Endpoint) -> str:
        pod = self.ready_pod(endpoint).metadata.name
        with self.cluster.explained(f"reading the log of pod {pod}"):
            log = self.namespace.live.log(self.namespace.name, pod, "triton", False, LOG_LINES)
        return self.workspace.redactor.text(log)

    def deploy(self, name: str, run: TrainingRun, device: str) -> None:
        """Create the predictor's ConfigMap, Deployment and Service."""
        backend = self.images.triton_backend
        files = repository.configuration(device, backend, SITE_PACKAGES)
        self.namespace.create(manifests.config_map(name, files))
        for manifest in manifests.read_component("triton"):
            if manifest["kind"] == "Deployment":
                manifests.set_variables(manifest, "backend", BACKEND=backend)
                manifests.set_variables(manifest, "model", MODEL_URI=run.model_uri("onnx"), MODEL_NAME=repository.MODEL)
                if device == "gpu":
                    self.give_gpu(manifest, "triton")
            self.namespace.create(manifest, name)

    def remove(self, *kinds: str, name: str, wait: bool = False) -> None:
        """Delete objects while the run goes on, and `wait` for their pods to go where the next one needs their GPU.

        With `--keep` they stay, but for a pod with a GPU that failed: it may hold, or still wait for, the next one's.
        """
        failed = sys.exc_info()[0]  # then what failed is worth more, and the namespace goes as a whole
        if self.settings.keep and not (wait and failed):
            return
        interrupted = failed is not None and not issubclass(failed, Exception)
        with contextlib.suppress(AcceptanceError if failed else ApiServerGone):
            self.namespace.delete(*kinds, name=name)
            if wait and not interrupted:
                self.namespace.wait_gone(name)

    # --- load

    def send_load(self, endpoint: Endpoint, plan: LoadPlan) -> LoadResult:
        name = f"load-{endpoint.device}-{next(self.numbers)}"
        pod = self.ready_pod(endpoint)
        self.namespace.note_restarts(pod)  # an earlier load's are not this one's
        before = inference.answered(endpoint.metrics, endpoint.model)
        target = vegeta.target(endpoint.inside_url, plan.body)
        self.namespace.create(manifests.config_map(name, {"target.json": target}))
        (job,) = manifests.read_component("load")
        attack = vegeta.attack_arguments("/target/target.json", "/results/results.bin", plan)
        manifests.container_of(job, "attack")["command"] += attack
        artifact = f"loads/{name}.csv"
        manifests.set_variables(job, "upload", RESULTS_URL=f"http://mlflow:5000/{ARTIFACTS}/{artifact}")
        self.namespace.create(job, name)
        self.finish(name, plan.duration + 60, lambda pod: answered_so_far(endpoint, plan, before))
        table = self.workspace.directory / f"{name}.csv"
        table.write_bytes(self.transfer("get", artifact).content)
        incident = self.namespace.incident(pod.metadata.uid)
        result = vegeta.read_table(table, plan, (incident,) if incident else ())
        # a dozen of the tutorial's loads would take a GiB, here and in the cluster
        table.unlink()
        self.transfer("delete", artifact, tries=1)  # one that was cut off may have deleted it
        if not incident:
            check_counted(endpoint, result, before)
        return result

    def ready_pod(self, endpoint: Endpoint) -> Any:
        """Return the pod that serves the endpoint; an evicted one may still be there beside its successor."""
        server = server_of(endpoint)
        ready = self.namespace.ready_pods(server)
        if not ready:
            raise AcceptanceError(f"{endpoint}: no pod of {server} is ready; look at {self.workspace.logs}/events.log")
        return ready[0]

    def how_to_reach(self) -> str:
        kubectl = self.cluster.kubectl
        inside = f"{kubectl} -n {self.namespace.name} port-forward"
        lines = [f"MLflow: {inside} deployment/mlflow 5000"] if self.tracking_uri else []
        lines += [f"{name}: {inside} deployment/{name} 8000 8001 8002" for name in self.endpoints]
        remove = self.provider.how_to_remove() or f"{kubectl} delete namespace {self.namespace.name}"
        return "\n".join([*lines, f"remove: {remove}; rm -rf {shlex.quote(str(self.workspace.directory))}"])


def gpu_of(chosen: V1Node) -> Gpu:
    node = GpuNode(name_of(chosen), labels_of(chosen))
    found = node.gpu()
    unknown = f"unknown (node {node.name} lacks gpu-feature-discovery's labels)"
    return Gpu(node.product, found.driver if found else unknown, cuda=node.cuda())


def check_has_gpu(pod: Any) -> None:
    """Raise AcceptanceError where a pod that was to ask for a GPU came without: it ran on what others left over."""
    if not asked(pod).get(GPU):
        raise AcceptanceError(
            f"pod {pod.metadata.name} asks for no {GPU}, and its manifest did: an admission webhook took it out; "
            "`kubectl get mutatingwebhookconfigurations`"
        )


def server_of(endpoint: Endpoint) -> str:
    """Return the name of the predictor's Deployment and Service."""
    return endpoint.inside.split(":")[0]


def is_code(file: Path) -> bool:
    """Say whether a file of the codeset is part of the MLflow Project, and no editor's or system's."""
    return file.is_file() and (file.suffix in (".py", ".yaml") or file.name == "MLproject")
