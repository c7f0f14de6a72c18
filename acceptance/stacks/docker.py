"""The Docker target: MLflow, the trainer, Triton and vegeta as containers on a network of the run's own."""

import contextlib
import os
import shlex
import shutil
from collections.abc import Callable, Collection, Mapping, Sequence, Set
from pathlib import Path
from typing import Any, ClassVar, Self

from acceptance.commands import CommandResult
from acceptance.data.dataset import Dataset
from acceptance.docker import cleanup, host
from acceptance.docker.container import Container
from acceptance.docker.engine import OTHER_IMAGES, Engine, describe_daemon
from acceptance.docker.ryuk import end_ryuk, start_ryuk
from acceptance.errors import AcceptanceError, Problem, Unrecoverable, problem_of, shortened, together
from acceptance.gpu import nvidia_smi
from acceptance.gpu.nvidia_smi import Gpu
from acceptance.images import SITE_PACKAGES, read_images
from acceptance.load import vegeta
from acceptance.load.measured import Progress
from acceptance.load.result import LoadPlan, LoadResult
from acceptance.paths import CODESET
from acceptance.processes.local import Processes, module_command
from acceptance.serving import onnx_versions, repository, served_model
from acceptance.serving.endpoint import Endpoint, Predictor
from acceptance.serving.onnx_versions import OnnxVersions
from acceptance.serving.served_model import ServedModel
from acceptance.settings import Settings
from acceptance.stacks import docker_store, run_store
from acceptance.stacks.docker_store import DockerStore, Given
from acceptance.stacks.local_stack import LocalStack
from acceptance.stacks.protocol import Part, Say, TargetFacts
from acceptance.stacks.run_store import UsersStore
from acceptance.stacks.workspace import NEEDED_BYTES, Workspace
from acceptance.training import project, server, server_verdict
from acceptance.training.recipes import Recipe
from acceptance.training.server import UsersServer
from acceptance.training.tracking import TrainingRun

HOME = "/home/trainer"
MLFLOW = [
    *("mlflow", "server", "--host", "0.0.0.0", "--port", "5000", "--workers", "1"),  # noqa: S104 - in its container
    *("--backend-store-uri", f"sqlite:///{HOME}/mlflow.db"),
    # the trainer calls it mlflow, the suite by the published port
    *("--allowed-hosts", "*"),
]
SERVE = ["tritonserver", "--model-repository=/models", "--exit-on-error=true", "--disable-auto-complete-config"]
# what Docker's own 64 MB of shared memory are too few for: the Python backend's tensors
SHARED_MEMORY = "1g"
# between the folder of Triton's backends and what ONNX Runtime takes
END = "--"
MINIO_SECONDS = 60


class DockerStack(LocalStack):
    """Starts each container at first use and removes them all with the context; `codeset` is the MLflow Project."""

    # CUDA's libraries take a minute where the disk is slow
    ready_seconds = 300
    engine_class: ClassVar[type[Engine]] = Engine

    def __init__(self, settings: Settings, workspace: Workspace, say: Say, codeset: Path = CODESET) -> None:
        super().__init__(settings, workspace, say)
        self.codeset = codeset
        self.images = read_images(settings.images, settings.registry)
        self.newest_onnx: OnnxVersions | None = None
        self.engine = self.engine_class(
            workspace.directory.name, workspace.logs, say, self.connected, workspace.redactor
        )

    @classmethod
    def problems(cls, settings: Settings) -> list[Problem]:
        """Return none where there is no daemon: docker_gpu.feature is what fails then."""
        try:
            info = cls.engine_class.find_info()
        except AcceptanceError as error:  # something else answers, or nothing in time
            return [error.problem]
        problem = host.no_room(info, NEEDED_BYTES) if info else None
        found = [*run_store.problems(settings, "containers"), *server.problems(settings, "containers")]
        return [*([problem] if problem else []), *found]

    @classmethod
    def missing(cls, settings: Settings, chosen: Sequence[Collection[str]]) -> list[Problem]:
        try:
            info = cls.engine_class.find_info()
        except AcceptanceError:  # `problems` has said it
            return []
        if not info:
            return []
        images = read_images(settings.images, settings.registry)
        needed: set[str] = set()
        for tags in chosen:
            if "docker" not in tags:
                if not {"cluster", "node"} & set(tags):  # which this target skips
                    needed |= {images.trainer, images.vegeta, images.triton}
                    needed |= {images.minio} if settings.minio else set()
            elif "gpu" not in tags:
                needed.add(images.vegeta)
        # without one its scenarios skip
        if any("gpu" in tags for tags in chosen) and cls.may_have_gpu(info):
            needed.add(images.cuda)
        return cls.engine_class.missing_images(sorted(needed))

    @staticmethod
    def may_have_gpu(info: dict) -> bool:
        return not (nvidia_smi.hidden(os.environ) or host.no_runtime(info))

    @staticmethod
    def describe(settings: Settings) -> str:
        return describe_daemon()

    def __enter__(self) -> Self:
        # it starts no process: its guardian is what removes the containers of a pytest that was killed
        self.processes = Processes(
            self.workspace.directory, self.workspace.logs, self.workspace.redactor, stderr=self.workspace.stderr
        )
        try:
            if self.settings.store and not self.settings.minio:
                self.store = UsersStore(self.settings, self.workspace, self.processes, self.say)
        except BaseException:
            self.processes.close()
            raise
        return self

    def __exit__(self, *error: object) -> None:
        try:
            with contextlib.ExitStack() as ended:
                if self.store:  # once nothing is left that writes there
                    ended.callback(self.store.close)
                self.engine.close(keep=self.settings.keep)
        finally:
            end_ryuk()
            self.processes.close(keep=self.settings.keep)

    def connected(self) -> None:
        """Have two others remove the run's containers if pytest can't: the guardian, and Ryuk where it can be had."""
        self.processes.afterwards(
            module_command(cleanup.__name__, self.engine.run),
            fix=f"remove what Docker has with the label {cleanup.RUN}={self.engine.run}",
        )
        start_ryuk(keep=self.settings.keep)

    def docker_engine(self) -> Engine:
        return self.engine

    def gpu(self) -> Gpu | Problem:
        if problem := nvidia_smi.hidden(os.environ) or host.no_runtime(self.engine.info()):
            return problem
        listed = self.ask_nvidia_smi(nvidia_smi.query(nvidia_smi.OLD_FIELDS))
        if problem := host.no_gpu(listed, host.host_cuda):
            return problem
        found = nvidia_smi.gpus(listed.output)[0]
        return Gpu(found.name, found.driver, cuda=host.host_cuda(self.ask_nvidia_smi))

    def ask_nvidia_smi(self, command: Sequence[str]) -> CommandResult:
        """Ask the nvidia-smi of a container that gets a GPU."""
        return self.engine.nvidia_smi(self.images.cuda, command)

    def look_ahead(self, parts: Set[Part]) -> None:
        """Make the run's network at once: Docker may have no addresses for another. Then try the object store out."""
        if not parts:
            return
        try:
            _ = self.engine.network
        # a daemon that isn't there is for each step to say, and docker_gpu.feature says more of it
        except Unrecoverable:
            return
        if self.store:
            self.store.try_out()
        self.start_store()
        self.try_server(parts)

    def start_store(self) -> None:
        """Start the run's own object store, once, where it is to have one, and try it out."""
        if self.settings.minio and not self.store:
            store = DockerStore(self.engine, self.images.minio, self.settings, self.workspace, self.say)
            self.wait_for_answer("MinIO to answer", store.not_ready, MINIO_SECONDS)
            store.prepare()
            self.store = store

    def check(self) -> None:
        self.engine.check_alive()

    def save_evidence(self) -> None:
        self.engine.save_evidence()
        self.save_metrics()

    def facts(self) -> TargetFacts:
        versions = {"Docker": str(self.engine.info().get("ServerVersion", ""))} if self.engine.started else {}
        return TargetFacts(versions, self.engine.pulls)

    def how_to_reach(self) -> str:
        label = f"--filter label={cleanup.RUN}={self.engine.run}"
        remove = [
            f"docker ps -aq {label} | xargs -r docker rm -fv",
            f"docker network ls -q {label} | xargs -r docker network rm",
            f"rm -rf {shlex.quote(str(self.workspace.directory))}",
        ]
        if self.store and self.store.how_to_remove:
            remove.append(shlex.join(self.store.how_to_remove))
        store = self.store.how_to_reach() if self.store else []
        return "\n".join([*self.addresses(), *store, f"remove: {'; '.join(remove)}"])

    # --- training

    def require_images(self) -> None:
        """Pull and start each image before the training, which takes long; raises Unrecoverable with all that fail."""
        tries: tuple[Callable[[], None], ...] = (
            lambda: self.try_image("trainer", self.images.trainer, ["-c", "command -v mlflow"], entrypoint=["sh"]),
            lambda: self.try_image("vegeta", self.images.vegeta, ["-version"]),
            self.require_backend,
        )
        found = list(dict.fromkeys(problem for action in tries if (problem := problem_of(action))))
        if found:
            raise Unrecoverable(together(found))

    def try_image(self, name: str, image: str, command: list[str], **options: Any) -> None:
        """Run what shows that the image has its program; raises AcceptanceError where it hasn't, or doesn't start."""
        try:
            tried = self.engine.output(f"image-{name}", image, command, **options)
        except Unrecoverable:
            raise
        except AcceptanceError as error:
            raise AcceptanceError(Problem(f"image {image}: {error.problem.what}", OTHER_IMAGES)) from error
        if tried.code:
            program, words = " ".join(options.get("entrypoint", []) + command), shortened(tried.output.strip())
            ended = f"`{program}` in it ended with {tried.code} and said {words or 'nothing'}"
            raise AcceptanceError(Problem(f"image {image}: {ended}", OTHER_IMAGES))

    def require_backend(self) -> None:
        """Raise AcceptanceError where the image hasn't the backend; where it has, see how new a model it takes."""
        backend, folder = self.images.triton_backend, onnx_versions.BACKENDS
        asked = self.engine.output(
            "triton-backends",
            self.images.triton,
            ["-c", f"ls {folder}; echo {END}; {onnx_versions.ASK}"],
            entrypoint=["sh"],
            environment=onnx_versions.variables(backend),
        )
        listed, _, said = asked.output.partition(END)
        self.newest_onnx = onnx_versions.read_answer(said)
        if backend not in listed.split():
            raise AcceptanceError(
                Problem(
                    f"image {self.images.triton}: has no backend {backend}, which is to run the model, in {folder}, "
                    f"only: {' '.join(listed.split())}",
                    "give another triton or triton-backend with --images FILE",
                )
            )

    def onnx_limits(self) -> OnnxVersions | None:
        return self.newest_onnx

    def start_mlflow(self) -> str:
        self.require_images()
        self.start_store()
        store = docker_store.given(self.store, self.workspace.directory / "authority")
        if self.store:
            docker_store.check_inside(self.engine, self.images.trainer, self.store, store)
        server = self.engine.start(
            "mlflow",
            self.images.trainer,
            [*MLFLOW, "--artifacts-destination", str(self.store.artifacts) if self.store else f"{HOME}/artifacts"],
            ports=[5000],
            environment=store.environment,
            files=store.files,
        )
        uri = f"http://{server.address(5000)}"
        self.wait_for_mlflow(uri)
        return uri

    def run_server_check(self, server: UsersServer, variables: Mapping[str, str]) -> tuple[str, str]:
        self.require_images()
        to = self.tracking_account(server)
        script = server_verdict.SCRIPT.read_text(encoding="utf-8")
        ended = self.engine.output(
            "mlflow-check",
            self.images.trainer,
            ["-c", script],
            entrypoint=["python3"],
            environment={**to.environment, **variables},
            files=to.files,
        )
        return ended.output, "in a container"

    def tracking_account(self, server: UsersServer | None) -> Given:
        """Return what a trainer's container is given to reach the tracking server."""
        if not server:
            return Given({"MLFLOW_TRACKING_URI": "http://mlflow:5000"}, {})
        return docker_store.given_tracking(server, self.workspace.directory / "tracking-server")

    def train(self, recipe: Recipe, dataset: Dataset) -> TrainingRun:
        self.tracking()
        name = self.training_name(recipe)
        data = f"{HOME}/cifar-10-batches-py"
        mlflow, to = self.mlflow_answering(), self.tracking_account(self.server)

        def progress(trainer: Container) -> str:
            mlflow.check()
            trainer.save_log()
            return project.progress(trainer.log)

        self.finish(
            f"trainer-{name}",
            self.images.trainer,
            ["mlflow", "run", f"{HOME}/codeset", *project.project_options(name, recipe, data, self.server)],
            recipe.most_seconds,
            progress,
            files={f"{HOME}/codeset": self.codeset, data: dataset.folder, **to.files},
            environment={**to.environment, **project.device_environment(recipe.device)},
            gpu=recipe.device == "gpu",
        )
        return self.tracked_run(name, recipe)

    # --- serving

    def start_predictor(self, name: str, run: TrainingRun, device: str) -> Predictor:
        directory = self.workspace.directory / name
        directory.mkdir()
        model = run.download_model("onnx", directory / "download")
        models = repository.build_repository(
            directory / "models", model, device, self.images.triton_backend, SITE_PACKAGES
        )
        server = self.engine.start(
            name,
            self.images.triton,
            SERVE,
            files={"/models": models},
            ports=[8000, 8001, 8002],
            gpu=device == "gpu",
            shm_size=SHARED_MEMORY,
        )
        http, grpc, metrics = (server.address(port) for port in (8000, 8001, 8002))
        endpoint = Endpoint(name, http, grpc, metrics, repository.MODEL, device, run, inside=f"{name}:8000")

        def read_model() -> ServedModel:
            fetched, path = directory / "served.onnx", f"/models/{served_model.FILE}"
            server.fetch(path, fetched)
            return served_model.read_file(fetched, f"{path} of container {name}")

        return Predictor(endpoint, server.read_log, read_model, lambda: self.engine.stop(server))

    # --- load

    def attack(self, endpoint: Endpoint, plan: LoadPlan, progress: Progress) -> LoadResult:
        """Send the plan with one vegeta, make its results a table with another; return every result."""
        name = f"vegeta-{endpoint.device}-{next(self.numbers)}"
        directory = self.workspace.directory / name
        directory.mkdir()
        (directory / "target.json").write_text(vegeta.target(endpoint.inside_url, plan), encoding="utf-8")
        image, results, table = self.images.vegeta, "/load/results.bin", "/load/results.csv"
        # the image's entry point is vegeta itself
        send = vegeta.attack_arguments("/load/target.json", results, plan)
        encode = vegeta.encode_arguments(results, table)
        with self.engine.volume(name) as volume:
            volumes = {volume: {"bind": "/load", "mode": "rw"}}
            files = {"/load": directory}
            self.finish(name, image, send, plan.most_seconds, lambda _: progress(), files=files, volumes=volumes)
            fetched = directory / "results.csv"
            self.finish(f"{name}-encode", image, encode, vegeta.ENCODE_SECONDS, volumes=volumes, fetch={table: fetched})
        result = vegeta.read_table(fetched, plan)
        shutil.rmtree(directory)  # a dozen of the tutorial's loads would take a GiB
        return result

    def finish(
        self,
        name: str,
        image: str,
        command: list[str],
        timeout: float,
        progress: Callable[[Container], str] | None = None,
        fetch: dict[str, Path] | None = None,
        **options: Any,
    ) -> None:
        """Run a container to its end, with its progress, where it has any, on the terminal; fetch files out of it."""
        with self.engine.running(name, image, command, **options) as container:
            words = (lambda: progress(container)) if progress else None
            self.wait_for_end(container, lambda: self.engine.check_alive(but=container), words, timeout)
            for path, target in (fetch or {}).items():
                container.fetch(path, target)
