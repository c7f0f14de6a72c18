"""The Docker target: MLflow, the trainer, Triton and vegeta as containers on a network of the run's own."""

import contextlib
import itertools
import shlex
import shutil
import sys
from collections.abc import Callable, Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

from acceptance.data.dataset import Dataset
from acceptance.docker import cleanup as docker_leftovers
from acceptance.docker import host as docker_host
from acceptance.docker.container import Container
from acceptance.docker.engine import Engine, whereabouts
from acceptance.docker.ryuk import end_ryuk, start_ryuk
from acceptance.errors import AcceptanceError
from acceptance.gpu import nvidia_smi
from acceptance.gpu.node import GpuNode
from acceptance.images import SITE_PACKAGES, Pull, read_images
from acceptance.load import vegeta
from acceptance.load.result import LoadPlan, LoadResult
from acceptance.paths import CODESET
from acceptance.processes.local import Processes
from acceptance.serving import inference, repository
from acceptance.settings import Settings
from acceptance.stacks.common import (
    Served,
    addresses,
    answered_so_far,
    check_counted,
    prepare_environment,
    save_metrics,
    wait_for_end,
    wait_for_mlflow,
    wait_for_predictor,
)
from acceptance.stacks.protocol import Endpoint, Gpu, PodResult, Say, Workspace
from acceptance.training.project import device_environment, project_options
from acceptance.training.tracking import TRAINING_SECONDS_AN_EPOCH, Recipe, TrainingRun, read_run

Progress = Callable[[Container], str]
HOME = "/home/trainer"
MLFLOW = [
    *("mlflow", "server", "--host", "0.0.0.0", "--port", "5000", "--workers", "1"),  # noqa: S104 - in its container
    *("--backend-store-uri", f"sqlite:///{HOME}/mlflow.db", "--artifacts-destination", f"{HOME}/artifacts"),
    # the trainer calls it mlflow, the suite by the published port
    *("--allowed-hosts", "*"),
]
# CUDA's libraries take a minute where the disk is slow
TRITON_SECONDS = 300
TRITON = "/opt/tritonserver"
# what Docker's own 64 MB of shared memory are too few for: the Python backend's tensors
SHARED_MEMORY = "1g"


class DockerStack:
    """Starts each container at first use and removes them all with the context."""

    has_pods = False

    def __init__(self, settings: Settings, workspace: Workspace, say: Say) -> None:
        self.settings, self.workspace, self.say = settings, workspace, say
        self.images = read_images(settings.images)
        self.codeset = CODESET
        self.tracking_uri = ""
        self.numbers = itertools.count(1)
        self.endpoints: list[Endpoint] = []
        # by the endpoint's HTTP address
        self.served: dict[str, Served] = {}
        self.engine = Engine(workspace.directory.name, workspace.logs, say, self.connected, workspace.redactor)

    def __enter__(self) -> "DockerStack":
        prepare_environment()
        # it starts no process: its guardian is what removes the containers of a pytest that was killed
        self.processes = Processes(self.workspace.directory, self.workspace.logs, self.workspace.redactor)
        return self

    def __exit__(self, *error: object) -> None:
        try:
            self.engine.close(keep=self.settings.keep)
        finally:
            end_ryuk()
            self.processes.close(keep=self.settings.keep)

    def connected(self) -> None:
        """Have two others remove the run's containers if pytest can't: the guardian, and Ryuk where it can be had."""
        self.processes.afterwards([sys.executable, "-m", docker_leftovers.__name__, self.engine.run])
        start_ryuk(keep=self.settings.keep)

    @staticmethod
    def whereabouts(settings: Settings) -> str:
        """Say which daemon, or why there is none: docker_gpu.feature is what fails then."""
        read_images(settings.images)
        return whereabouts()

    def evidence(self) -> None:
        self.engine.evidence()
        save_metrics(self.endpoints, self.workspace.logs)

    def versions(self) -> dict[str, str]:
        return {"Docker": str(self.engine.info().get("ServerVersion", ""))} if self.engine.started else {}

    def pulls(self) -> list[Pull]:
        return self.engine.pulls

    def check(self) -> None:
        self.engine.check_alive()

    def run_pod(self, manifest: Path, node: str = "") -> PodResult:
        raise AcceptanceError(f"{manifest.name}: the docker target has no pods")

    def gpu_node(self) -> GpuNode:
        raise AcceptanceError("the docker target has no nodes")

    def gpu(self) -> Gpu:
        missing = docker_host.no_runtime(self.engine.info())
        if missing:
            return Gpu(reason=missing)
        answer = self.engine.nvidia_smi(self.images.cuda, nvidia_smi.query(nvidia_smi.OLD_FIELDS))
        missing = docker_host.no_gpu(answer)
        if missing:
            return Gpu(reason=missing)
        first = nvidia_smi.gpus(answer.text)[0]
        banner = self.engine.nvidia_smi(self.images.cuda, ["nvidia-smi"])
        return Gpu(first.name, first.driver, cuda=nvidia_smi.cuda_version(banner.text))

    @cached_property
    def images_are_there(self) -> bool:
        """Look for every image before the training, which takes long; raises AcceptanceError with the fix."""
        for image in (self.images.trainer, self.images.vegeta, self.images.triton):
            self.engine.need(image)
        backend = self.images.triton_backend
        answer = self.engine.output("triton-backends", self.images.triton, [f"{TRITON}/backends"], entrypoint=["ls"])
        if answer.code or backend not in answer.text.split():
            raise AcceptanceError(
                f"image {self.images.triton}: has no backend {backend}, which is to run the model, in "
                f"{TRITON}/backends, only: {' '.join(answer.text.split())}; give another triton or triton-backend "
                "with --images FILE"
            )
        return True

    # --- tracking and training

    def mlflow(self) -> str:
        """Start the MLflow server at first use; return its URI."""
        if not self.tracking_uri and self.images_are_there:
            server = self.engine.start("mlflow", self.images.trainer, MLFLOW, ports=[5000])
            uri = f"http://{server.address(5000)}"
            wait_for_mlflow(uri, self.check, server.log)
            self.tracking_uri = uri
        return self.tracking_uri

    def train(self, recipe: Recipe, dataset: Dataset) -> TrainingRun:
        uri = self.mlflow()
        name = f"{recipe.device}-{recipe.profile}-{next(self.numbers)}"
        data = f"{HOME}/cifar-10-batches-py"
        gpu = recipe.device == "gpu"
        variables = {"MLFLOW_TRACKING_URI": "http://mlflow:5000", **device_environment(recipe.device)}

        def progress(trainer: Container) -> str:
            return f"training, {trainer.last_line('epoch ') or 'starting'}"

        self.finish(
            f"trainer-{name}",
            self.images.trainer,
            ["mlflow", "run", f"{HOME}/codeset", *project_options(name, recipe, data)],
            recipe.epochs * TRAINING_SECONDS_AN_EPOCH,
            progress,
            files={f"{HOME}/codeset": self.codeset, data: dataset.folder},
            environment=variables,
            gpu=gpu,
        )
        return read_run(uri, name, recipe)

    # --- serving

    @contextlib.contextmanager
    def serve(self, run: TrainingRun, device: str) -> Iterator[Endpoint]:
        name = f"triton-{device}-{next(self.numbers)}"
        directory = self.workspace.directory / name
        directory.mkdir()
        model = run.download_model("onnx", directory / "download")
        models = repository.build_repository(
            directory / "models", model, device, self.images.triton_backend, SITE_PACKAGES
        )
        server = self.engine.start(
            name,
            self.images.triton,
            ["tritonserver", "--model-repository=/models", "--exit-on-error=true", "--disable-auto-complete-config"],
            files={"/models": models},
            ports=[8000, 8001, 8002],
            gpu=device == "gpu",
            shm_size=SHARED_MEMORY,
        )
        http, grpc, metrics = (server.address(port) for port in (8000, 8001, 8002))
        endpoint = Endpoint(http, grpc, metrics, repository.MODEL, device, run, inside=f"{name}:8000")

        def log() -> str:
            server.save_log()
            return server.log.read_text(errors="replace")

        self.endpoints.append(endpoint)
        self.served[endpoint.http] = Served(log, lambda: self.engine.stop(server))
        try:
            wait_for_predictor(endpoint, self.check, TRITON_SECONDS, server.log)
            yield endpoint
        except Exception:
            if device == "gpu":  # with --keep too: nobody else would free the GPU
                self.withdraw(endpoint)
            raise
        finally:
            if not self.settings.keep:
                self.withdraw(endpoint)

    def withdraw(self, endpoint: Endpoint) -> None:
        if endpoint.http in self.served:
            self.endpoints.remove(endpoint)
            self.served.pop(endpoint.http).end()

    def server_log(self, endpoint: Endpoint) -> str:
        return self.served[endpoint.http].log()

    # --- load

    def send_load(self, endpoint: Endpoint, plan: LoadPlan) -> LoadResult:
        before = inference.answered(endpoint.metrics, endpoint.model)

        def progress(attack: Container) -> str:
            return answered_so_far(endpoint, plan, before)

        result = self.attack(f"vegeta-{endpoint.device}-{next(self.numbers)}", endpoint.inside_url, plan, progress)
        check_counted(endpoint, result, before)
        return result

    def attack(self, name: str, url: str, plan: LoadPlan, progress: Progress) -> LoadResult:
        """Send the plan with one vegeta, make its results a table with another; return every result."""
        directory = self.workspace.directory / name
        directory.mkdir()
        (directory / "target.json").write_text(vegeta.target(url, plan.body))
        image, results, table = self.images.vegeta, "/load/results.bin", "/load/results.csv"
        # the image's entry point is vegeta itself
        send = vegeta.attack_arguments("/load/target.json", results, plan)
        encode = vegeta.encode_arguments(results, table)
        with self.engine.volume(name) as volume:
            volumes = {volume: {"bind": "/load", "mode": "rw"}}
            self.finish(name, image, send, plan.duration + 60, progress, files={"/load": directory}, volumes=volumes)
            fetched = directory / "results.csv"
            self.finish(f"{name}-encode", image, encode, 300, volumes=volumes, fetch={table: fetched})
        result = vegeta.read_table(fetched, plan)
        shutil.rmtree(directory)  # a dozen of the tutorial's loads would take a GiB
        return result

    # --- everything

    def finish(
        self,
        name: str,
        image: str,
        command: list[str],
        timeout: float,
        progress: Progress | None = None,
        fetch: dict[str, Path] | None = None,
        **options: Any,
    ) -> None:
        """Run a container to its end, with its progress on the terminal where it has any, and fetch files out of it."""
        with self.engine.running(name, image, command, **options) as container:
            wait_for_end(
                name,
                lambda: container.exit_code() == 0,
                lambda: self.engine.check_alive(but=container),
                lambda: progress(container) if progress else "",
                self.say,
                timeout,
                container.log,
            )
            for path, target in (fetch or {}).items():
                container.fetch(path, target)

    def how_to_reach(self) -> str:
        lines = addresses(self.tracking_uri, self.endpoints)
        label = f"--filter label={docker_leftovers.RUN}={self.engine.run}"
        remove = [
            f"docker ps -aq {label} | xargs -r docker rm -fv",
            f"docker network ls -q {label} | xargs -r docker network rm",
        ]
        return "\n".join(
            [*lines, "remove: " + "; ".join([*remove, f"rm -rf {shlex.quote(str(self.workspace.directory))}"])]
        )
