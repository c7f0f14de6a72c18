"""The Kubernetes stack: MLflow and Triton as Deployments, training and load as Jobs, in the run's own namespace."""

import contextlib
import dataclasses
import os
import secrets
import shlex
import tempfile
from collections.abc import Mapping, Sequence, Set
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Self

from kubernetes import client

from acceptance.clusters import PROVIDERS
from acceptance.clusters.provider import Provider
from acceptance.data.dataset import Dataset
from acceptance.errors import AcceptanceError, Problem, together
from acceptance.gpu.node import GpuNode
from acceptance.gpu.nvidia_smi import Gpu
from acceptance.images import read_images
from acceptance.kserve.installation import Installation
from acceptance.kserve.model_pulls import model_pulls
from acceptance.kserve.runtime import Runtime
from acceptance.kserve.service import InferenceService, read_service
from acceptance.kserve.web_app import Shown, WebApp, find_web_app, look_at_web_app
from acceptance.kubernetes import manifests
from acceptance.kubernetes.client import SECONDS, connect
from acceptance.kubernetes.deletion import Deletion
from acceptance.kubernetes.given_namespace import GivenNamespace
from acceptance.kubernetes.gpu_access import GpuAccess, check_has_gpu
from acceptance.kubernetes.manifests import Manifest
from acceptance.kubernetes.namespace import Namespace
from acceptance.kubernetes.pulls import pulls
from acceptance.kubernetes.rights import FOR_KSERVE, FOR_PULLS, FOR_STORE, FOR_TRACKING
from acceptance.load.measured import Progress
from acceptance.load.result import LoadPlan, LoadResult
from acceptance.load.rollout import Rollout
from acceptance.paths import CODESET
from acceptance.processes.local import Processes
from acceptance.serving import repository
from acceptance.serving.endpoint import Endpoint, Predictor
from acceptance.serving.onnx_versions import OnnxVersions
from acceptance.settings import Settings
from acceptance.stacks import kserve_needs, run_store
from acceptance.stacks import kubernetes_objects as objects
from acceptance.stacks.base import BaseStack
from acceptance.stacks.deployment_serving import DeploymentServing, Serving
from acceptance.stacks.kserve_changes import KServeChanges
from acceptance.stacks.kubernetes_loads import PodLoads
from acceptance.stacks.kubernetes_predictors import PodPredictors
from acceptance.stacks.kubernetes_preflight import Preflight
from acceptance.stacks.kubernetes_serving import KServeServing
from acceptance.stacks.kubernetes_store import ClusterStore
from acceptance.stacks.protocol import Part, PodResult, Say, TargetFacts
from acceptance.stacks.run_store import UsersStore
from acceptance.stacks.workspace import Workspace
from acceptance.training import project, server
from acceptance.training.artifacts import ArtifactClient
from acceptance.training.recipes import Recipe
from acceptance.training.server import UsersServer
from acceptance.training.tracking import TrainingRun, load_client

MLFLOW_PORT = 5000


class KubernetesStack(BaseStack):
    """Creates each component at first use; the namespace takes them all with it. `codeset` is the MLflow Project."""

    ready_seconds = 60
    providers: ClassVar[Mapping[str, type[Provider]]] = PROVIDERS

    def __init__(self, settings: Settings, workspace: Workspace, say: Say, codeset: Path = CODESET) -> None:
        super().__init__(settings, workspace, say)
        self.codeset, self.mlflow_created, self.prepared = codeset, False, False
        self.images = read_images(settings.images, settings.registry)
        self.kserve: Installation | None = None
        self.preflight: Preflight | None = None
        self.own_store: ClusterStore | None = None

    @classmethod
    def problems(cls, settings: Settings) -> list[Problem]:
        found = [*cls.providers[settings.target].problems(settings), *run_store.problems(settings, "pods")]
        found += server.problems(settings, "pods")
        return found or kserve_needs.problems(settings)

    @classmethod
    def describe(cls, settings: Settings) -> str:
        return cls.providers[settings.target].describe(settings)

    # --- its beginning and its end

    def __enter__(self) -> Self:
        directory, redactor = self.workspace.directory, self.workspace.redactor
        # its guardian is what removes the cluster or the namespace of a pytest that was killed
        self.processes = Processes(directory, self.workspace.logs, redactor, stderr=self.workspace.stderr)
        provider = self.providers[self.settings.target]
        self.provider = provider(self.settings, self.images, directory, self.processes, self.say)
        with contextlib.ExitStack() as started:
            started.callback(self.processes.close)
            access = started.enter_context(self.provider)
            self.cluster = connect(access.context, directory, redactor, access.kubeconfig)
            runtime = self.find_runtime()
            self.provider.load(self.images.of_pods(self.settings.minio))
            of_namespace = GivenNamespace if self.settings.namespace else Namespace
            self.namespace = of_namespace(
                self.cluster,
                secrets.token_hex(4),
                self.images,
                self.workspace.logs,
                self.settings.keep,
                self.say,
                self.settings.pod_security,
                self.settings.pods,
                self.settings.namespace,
            )
            self.gpu_access = GpuAccess(self.namespace)
            self.deletion = Deletion(self.namespace, self.settings.keep)
            self.delete_if_killed()
            if self.settings.minio:
                self.own_store = ClusterStore(self.namespace, self.settings, self.workspace, self.say)
                self.store = self.own_store
            elif self.settings.store:  # its prefix goes once nothing is left that writes there
                self.store = UsersStore(self.settings, self.workspace, self.processes, self.say)
            self.serving: Serving = DeploymentServing(self.namespace, self.images)
            if self.store and self.kserve and runtime:
                self.serving = KServeServing(
                    self.namespace, self.store, runtime, self.kserve, self.images, self.workspace.directory
                )
            started.enter_context(self.namespace)
            if self.provider.has_gpu:
                self.gpu_access.wait_for_plugin()
            started.pop_all()
        return self

    def find_runtime(self) -> Runtime | None:
        """Return the runtime of KServe's predictors, whose image is Triton's from then on; None without KServe."""
        if not self.settings.kserve:
            return None
        self.kserve, runtime = kserve_needs.look_at(self.cluster, self.settings)
        if runtime.name:
            self.images = dataclasses.replace(self.images, triton=runtime.image)
        return runtime

    def look_ahead(self, parts: Set[Part]) -> None:
        """Raise with all that the parts would fail for; whatever of them is still pulled goes on beside the run."""
        if self.store and not self.own_store:
            self.store.try_out()
        if isinstance(self.serving, KServeServing):
            self.serving.prepare()
        preflight = Preflight(
            self.namespace,
            self.gpu_access,
            parts,
            self.images.triton_backend,
            self.settings.require_gpu,
            self.serving.planned,
            [
                *(FOR_STORE if self.store else FOR_TRACKING if self.server else ()),
                *(FOR_PULLS if self.settings.pods.pull_secret else ()),
                *(FOR_KSERVE if self.settings.kserve else ()),
            ],
            own_store=self.settings.minio,
        )
        self.preflight = preflight
        found = preflight.problems(begin=self.own_store.create if self.own_store else self.create_mlflow)
        if found:
            raise AcceptanceError(together(found))
        if self.own_store and self.own_store.created:
            self.create_mlflow()
        self.try_server(parts)

    @property
    def uses(self) -> list[str]:
        """The kinds of objects that this run makes besides those of every run."""
        asked = self.settings
        secrets = ["Secret"] if asked.store or asked.mlflow or asked.pods.pull_secret else []
        return [*secrets, *(("ServiceAccount", "InferenceService", "ServingRuntime") if asked.kserve else ())]

    def delete_if_killed(self) -> None:
        """Have the guardian delete what a killed pytest made there; a cluster of the run's own goes whole."""
        if not self.provider.own:
            self.processes.afterwards(
                self.namespace.removal(self.workspace.directory, self.uses),
                fix=f"`{self.namespace.clean_cluster}` deletes what is left",
                environment=os.environ,  # an exec plugin may need any of it to log in
            )

    def __exit__(self, *error: object) -> None:
        try:
            with contextlib.ExitStack() as ended:
                if self.store:
                    ended.callback(self.store.close)
                ended.push(self.provider)
                ended.callback(self.namespace.close)
            self.processes.tell_guardian("release")  # nothing is left for it to do
        finally:
            self.processes.close(keep=self.settings.keep)

    def check(self) -> None:
        self.namespace.pods.check()

    def save_evidence(self) -> None:
        self.namespace.save_evidence()
        self.save_metrics()

    def facts(self) -> TargetFacts:
        with self.cluster.api_errors("asking for its version"):
            version = client.VersionApi(self.cluster.api()).get_code(_request_timeout=SECONDS).git_version
        kserve = {"KServe": str(self.kserve)} if self.kserve else {}
        meshes = {mesh.name: "its sidecars are left out of the run's pods" for mesh in self.namespace.meshes}
        watches = self.namespace.watches
        copied = model_pulls([*watches.pods.items(), *watches.pods.deleted()])
        unchecked = self.namespace.unchecked()
        hidden = {"not checked": f"{unchecked}: this account may not look"} if unchecked else {}
        return TargetFacts(
            {"Kubernetes": version, **kserve, **meshes, **hidden}, [*pulls(watches.events.items()), *copied]
        )

    def how_to_reach(self) -> str:
        kubectl = self.cluster.kubectl
        inside = f"{kubectl} -n {self.namespace.name} port-forward"
        mlflow = self.namespace.named("mlflow")
        lines = [f"MLflow: {inside} deployment/{mlflow} {MLFLOW_PORT}"] if self.tracking_uri else []
        lines += [f"MLflow of yours: {self.server}"] if self.server else []
        ports = " ".join(str(port) for port in self.serving.ports if port)
        owners = self.namespace.pods.owners
        lines += [f"{name}: {inside} deployment/{owners.get(name, name)} {ports}" for name in self.predictors]
        lines += self.ways_into_web_app()
        if self.own_store and self.own_store.prepared:
            lines += self.own_store.how_to_reach()
        remove = self.provider.how_to_remove() or self.namespace.how_to_remove
        if self.store and self.store.how_to_remove:
            remove += f"; {shlex.join(self.store.how_to_remove)}"
        return "\n".join([*lines, f"remove: {remove}; rm -rf {shlex.quote(str(self.workspace.directory))}"])

    def ways_into_web_app(self) -> list[str]:
        """Say how to see each predictor in the models web app, if the cluster has one."""
        if not self.kserve:
            return []
        with contextlib.suppress(AcceptanceError):  # of what has gone there is nothing to see
            if isinstance(app := self.web_app, WebApp):
                return [f"{name} in {app}: {app.way_in(self.namespace.name, name)}" for name in self.predictors]
        return []

    # --- the GPU, and pods that look at it

    def gpu(self) -> Gpu | Problem:
        return self.gpu_access.find()

    def gpu_node(self) -> GpuNode:
        return self.gpu_access.node()

    def run_pod(self, manifest: Path, node: str = "") -> PodResult:
        pod = manifests.read_manifest(manifest)
        if node:
            manifests.keep_to_node(pod, node)
        return self.run_to_end(pod)

    def run_to_end(self, pod: Manifest) -> PodResult:
        container = pod["metadata"]["name"]
        name = self.namespace.named(container)
        self.namespace.create(pod, name)
        with self.deletion.after("Pod", name=name, frees_gpu=True):
            ended = self.namespace.waits.finished(name)
            with self.cluster.api_errors(f"reading the log of pod {name}"):
                log = self.namespace.live.log(self.namespace.name, name, container, False, 1000)
            if ended.status.phase != "Succeeded" and (cause := self.namespace.pods.diagnose(ended)):
                log = f"{log}\n{cause.text}"
            return PodResult(container, ended.status.phase, self.workspace.redactor.text(log))

    # --- training

    def run_server_check(self, server: UsersServer, variables: Mapping[str, str]) -> tuple[str, str]:
        for manifest in objects.tracking_server(server):  # the trainings' pods have it from now on as well
            self.namespace.create(manifest)
        return self.run_to_end(objects.server_check(variables)).log, "in a pod"

    @cached_property
    def artifacts(self) -> ArtifactClient:
        return ArtifactClient(self.mlflow(), self.check_mlflow)

    def check_mlflow(self) -> None:
        self.check()
        self.namespace.pods.check_answers("mlflow")

    def create_mlflow(self) -> None:
        """Create the run's MLflow, once: it starts while images are looked at, or once a store of the run's own is."""
        if self.own_store:
            self.own_store.prepare()
        if not self.mlflow_created:
            self.mlflow_created = True
            for manifest in objects.mlflow(self.store):
                self.namespace.create(manifest)

    def start_mlflow(self) -> str:
        self.create_mlflow()
        pod = self.namespace.waits.ready("mlflow")
        # its database and artifacts live and die with the pod
        self.namespace.pods.vital[pod.metadata.uid] = "MLflow"
        return f"http://{self.namespace.forward('mlflow', MLFLOW_PORT)}"

    def prepare(self, dataset: Dataset) -> None:
        """Put the data set's files into the run's MLflow, and the codeset into the namespace, once."""
        if self.prepared:
            return
        for file in dataset.files():
            self.say(f"uploading {file.name} to the run's MLflow")
            with file.open("rb") as stream:
                self.artifacts.put(f"{objects.DATASET}/{dataset.folder.name}/{file.name}", stream)
        self.namespace.create(objects.codeset(self.codeset))
        self.prepared = True

    def train(self, recipe: Recipe, dataset: Dataset) -> TrainingRun:
        gpu = recipe.device == "gpu"
        name = self.namespace.named(f"training-{self.training_name(recipe)}")
        self.prepare(dataset)
        job = self.training_job(name, recipe, dataset)
        if gpu:
            self.gpu_access.give(job, "trainer")
        self.namespace.create(job, name)
        load_client()
        users = self.server.answering() if self.server else None

        def progress(pod: Any) -> str:
            self.check_mlflow()
            if users:
                users.check()
            return project.progress(self.namespace.logs.file(pod.metadata.name, "trainer"))

        with self.deletion.after("Job", name=name, frees_gpu=gpu):
            pod = self.namespace.waits.succeeded(name, recipe.most_seconds, progress)
            if gpu:
                check_has_gpu(pod, self.namespace.gpu)
        return self.tracked_run(name, recipe)

    def training_job(self, name: str, recipe: Recipe, dataset: Dataset) -> Manifest:
        return objects.training_job(name, recipe, dataset, self.server)

    # --- serving

    def onnx_limits(self) -> OnnxVersions | None:
        return self.preflight.onnx_limits() if self.preflight else None

    def predictor_name(self, device: str) -> str:
        return self.namespace.named(super().predictor_name(device))

    def start_predictor(self, name: str, run: TrainingRun, device: str) -> Predictor:
        predictors = PodPredictors(self.namespace, self.deletion, self.gpu_access, self.serving)
        return predictors.start(self.predictor_objects(name, run, device), name, run, device)

    def predictor_objects(self, name: str, run: TrainingRun, device: str) -> list[Manifest]:
        if self.server and isinstance(self.serving, DeploymentServing):
            run = self.copied(run)
        return self.serving.objects(name, run, device)

    def copied(self, run: TrainingRun) -> TrainingRun:
        """Copy the model from the user's server to the run's own MLflow, which predictors read; it goes with that."""
        place = f"models/{run.run_id}/onnx"
        with tempfile.TemporaryDirectory(dir=self.workspace.directory) as folder:
            model = run.download_model("onnx", Path(folder)) / repository.MODEL_FILE
            with model.open("rb") as stream:
                self.artifacts.put(f"{place}/{model.name}", stream)
        return dataclasses.replace(run, models={**run.models, "onnx": f"mlflow-artifacts:/{place}"})

    # --- what KServe does with a predictor

    def serving_of(self, endpoint: Endpoint) -> KServeServing:
        if not isinstance(self.serving, KServeServing):
            raise AcceptanceError(f"{endpoint} is a Deployment of the run's own, and no InferenceService")
        return self.serving

    def inference_service(self, endpoint: Endpoint) -> InferenceService:
        return read_service(self.serving_of(endpoint).read(endpoint.name))

    @cached_property
    def web_app(self) -> WebApp | Problem:
        return find_web_app(self.cluster)

    def shown_by_web_app(self, endpoint: Endpoint) -> Shown | Problem:
        if isinstance(app := self.web_app, Problem):
            return app
        return look_at_web_app(self.cluster, app, self.namespace.name, endpoint.name)

    def cannot_stop(self) -> str:
        return self.kserve.cannot_stop if self.kserve else ""

    def changes_of(self, endpoint: Endpoint) -> KServeChanges:
        return KServeChanges(self.serving_of(endpoint))

    def pause(self, endpoint: Endpoint) -> list[str]:
        return self.changes_of(endpoint).pause(endpoint.name)

    def resume(self, endpoint: Endpoint) -> None:
        self.changes_of(endpoint).resume(endpoint.name)
        self.wait_until_ready(endpoint)

    def remove(self, endpoint: Endpoint) -> list[str]:
        serving = self.serving_of(endpoint)
        self.stop_serving(endpoint)
        return serving.left(endpoint.name)

    def scale(self, endpoint: Endpoint, replicas: int) -> None:
        self.changes_of(endpoint).scale(endpoint.name, replicas)

    def roll_out(self, endpoint: Endpoint, bias: float, judged: LoadPlan, beside: LoadPlan) -> Rollout:
        changes, before, begun = self.changes_of(endpoint), self.namespace.pods.uids(endpoint.name), False

        def progress() -> str:
            nonlocal begun
            if not begun:
                begun = True
                changes.roll_out(endpoint, bias)
            return changes.not_rolled_out(endpoint, before) or "load, on a new version of the model"

        sent, kept_alive = self.send_at_once(endpoint, [judged, beside], progress)
        changes.wait_rolled_out(endpoint, before)
        return Rollout(sent, kept_alive, bias, changes.strategy(endpoint.name))

    # --- load

    def attack(self, endpoint: Endpoint, plan: LoadPlan, progress: Progress) -> LoadResult:
        pod = self.namespace.pods.one_ready(endpoint.name)
        self.namespace.pods.note_restarts(pod)  # an earlier load's are not this one's
        (result,) = self.send_at_once(endpoint, [plan], progress)
        incident = self.namespace.pods.incident(pod.metadata.uid)
        return dataclasses.replace(result, incidents=(incident,) if incident else ())

    def send_at_once(self, endpoint: Endpoint, plans: Sequence[LoadPlan], progress: Progress) -> list[LoadResult]:
        loads = PodLoads(self.namespace, self.deletion, self.artifacts, self.workspace.directory)
        return loads.send(endpoint, {self.load_name(endpoint): plan for plan in plans}, progress)

    def load_name(self, endpoint: Endpoint) -> str:
        return self.namespace.named(f"load-{endpoint.device}-{next(self.numbers)}")
