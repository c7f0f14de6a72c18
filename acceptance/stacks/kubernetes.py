"""The Kubernetes stack: MLflow and Triton as Deployments, training and load as Jobs, in the run's own namespace."""

import dataclasses
from collections.abc import Mapping, Sequence, Set
from pathlib import Path

from acceptance.data.dataset import Dataset
from acceptance.errors import AcceptanceError, Problem, together
from acceptance.gpu.node import GpuNode
from acceptance.gpu.nvidia_smi import Gpu
from acceptance.kubernetes import manifests
from acceptance.kubernetes.manifests import Manifest
from acceptance.kubernetes.rights import FOR_EGRESS, FOR_PULLS, FOR_STORE, FOR_TRACKING
from acceptance.kubernetes.tekton import last_lines, task_runs, tekton_version
from acceptance.load.measured import Progress
from acceptance.load.result import LoadPlan, LoadResult
from acceptance.serving.endpoint import Endpoint, Predictor
from acceptance.serving.onnx_versions import OnnxVersions
from acceptance.serving.served_model import ServedModel
from acceptance.settings import Settings
from acceptance.stacks import kubernetes_objects as objects
from acceptance.stacks.deployment_serving import DeploymentServing
from acceptance.stacks.kserve_stack import KServeStack
from acceptance.stacks.kubernetes_loads import PodLoads
from acceptance.stacks.kubernetes_mlflow import copy_of
from acceptance.stacks.kubernetes_pods import EndingPods
from acceptance.stacks.kubernetes_predictors import PodPredictors
from acceptance.stacks.kubernetes_preflight import Preflight
from acceptance.stacks.protocol import Part, PodResult
from acceptance.stacks.store_serving import StoreServing
from acceptance.stacks.workflow_stack import WorkflowStack
from acceptance.training.recipes import Recipe
from acceptance.training.server import UsersServer
from acceptance.training.tracking import TrainingRun
from acceptance.workflows.fuseml import installer
from acceptance.workflows.fuseml.opening import problems as fuseml_problems
from acceptance.workflows.model import Run
from acceptance.workflows.tekton import failed_step, refuses_fuseml

# where FuseML has its runs
FUSEML_NAMESPACE = "fuseml-workloads"


class KubernetesStack(WorkflowStack, KServeStack):
    """Creates each component at first use; the namespace takes them all with it. `codeset` is the MLflow Project."""

    ready_seconds = 60

    # --- looked at before anything is trained

    def look_ahead(self, parts: Set[Part]) -> None:
        """Raise with all that the parts would fail for; whatever of them is still pulled goes on beside the run."""
        parts = self.own_parts(parts)
        if self.store and not self.own_store:
            self.store.try_out()
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
                *(FOR_EGRESS if self.settings.pods.egress else ()),
                *(FOR_PULLS if self.settings.pods.pull_secret else ()),
                *self.maker.rights,
            ],
            own_store=self.settings.minio,
            loaded=self.provider.loaded,
        )
        self.preflight = preflight
        found = preflight.problems(begin=self.own_store.create if self.own_store else self.create_mlflow)
        if found:
            raise AcceptanceError(together(found))
        if self.own_store and self.own_store.created:
            self.create_mlflow()
        self.try_server(parts)

    # --- workflows

    @classmethod
    def problems(cls, settings: Settings) -> list[Problem]:
        return [*super().problems(settings), *fuseml_problems(settings), *installer.problems(settings)]

    def install_fuseml(self, directory: Path) -> None:
        cluster, redactor = self.cluster, self.workspace.redactor
        installer.install(self.settings.fuseml_install, cluster.context, cluster.kubeconfig, directory, redactor)

    def how_to_reach(self) -> str:
        return "\n".join([super().how_to_reach(), *self.kept_walks])

    def fuseml_beneath(self, version: str) -> list[Problem]:
        problem = refuses_fuseml(version, tekton_version(self.cluster))
        return [problem] if problem else []

    def why_run_failed(self, run: Run) -> str:
        step = failed_step(task_runs(self.cluster, FUSEML_NAMESPACE, run.name))
        if not step:
            return ""
        log = last_lines(self.cluster, FUSEML_NAMESPACE, step.pod, step.container) if step.container else ""
        return "\n".join([f"    {step}", *(f"    {line}" for line in log.splitlines())])

    # --- the GPU, and pods that look at it

    def gpu(self) -> Gpu | Problem:
        return self.gpu_access.find()

    def gpu_node(self) -> GpuNode:
        return self.gpu_access.node()

    def run_pod(self, manifest: Path, node: str = "") -> PodResult:
        pod = manifests.read_manifest(manifest)
        if node:
            manifests.keep_to_node(pod, node)
        return self.ending_pods.run(pod)

    @property
    def ending_pods(self) -> EndingPods:
        return EndingPods(self.namespace, self.deletion, self.gpu_access, self.workspace.redactor)

    # --- training

    def run_server_check(self, server: UsersServer, variables: Mapping[str, str]) -> tuple[str, str]:
        for manifest in objects.tracking_server(server):  # the trainings' pods have it from now on as well
            self.namespace.create(manifest)
        return self.ending_pods.run(objects.server_check(variables)).log, "in a pod"

    def create_mlflow(self) -> None:
        self.own_mlflow.create()

    def start_mlflow(self) -> str:
        return self.own_mlflow.start()

    def train(self, recipe: Recipe, dataset: Dataset) -> TrainingRun:
        name = self.namespace.named(f"training-{self.training_name(recipe)}")
        self.own_mlflow.prepare(dataset, self.codeset)
        job = self.training_job(name, recipe, dataset)
        users = self.server.answering() if self.server else None

        def check_trackers() -> None:
            self.own_mlflow.check()
            if users:
                users.check()

        self.ending_pods.train(job, name, recipe, check_trackers)
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
            run = self.own_mlflow.copied(run, self.workspace.directory)
        return self.serving.objects(name, run, device)

    def stored_model(self, endpoint: Endpoint) -> ServedModel | None:
        if not self.store or not self.server:
            return super().stored_model(endpoint)
        # the server has the trainer's artifacts; the store has what the predictor's were made of
        if isinstance(self.serving, StoreServing):
            return self.store.read(self.serving.written(endpoint.name))
        return self.store.model(copy_of(endpoint.run))

    # --- load

    def attack(self, endpoint: Endpoint, plan: LoadPlan, progress: Progress) -> LoadResult:
        if endpoint.name in self.applications:  # its pods are not the run's
            return self.send_at_once(endpoint, [plan], progress)[0]
        pod = self.namespace.pods.one_ready(endpoint.name)
        self.namespace.pods.note_restarts(pod)  # an earlier load's are not this one's
        (result,) = self.send_at_once(endpoint, [plan], progress)
        incident = self.namespace.pods.incident(pod.metadata.uid)
        return dataclasses.replace(result, incidents=(incident,) if incident else ())

    def send_at_once(self, endpoint: Endpoint, plans: Sequence[LoadPlan], progress: Progress) -> list[LoadResult]:
        loads = PodLoads(self.namespace, self.deletion, self.own_mlflow.artifacts, self.workspace.directory)
        return loads.send(endpoint, {self.load_name(endpoint): plan for plan in plans}, progress)

    def load_name(self, endpoint: Endpoint) -> str:
        return self.namespace.named(f"load-{endpoint.device}-{next(self.numbers)}")
