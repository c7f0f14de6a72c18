"""The embedded target: MLflow, the trainer, Triton and vegeta as local processes on 127.0.0.1."""

import contextlib
import itertools
import shlex
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

from acceptance.data.dataset import Dataset
from acceptance.errors import AcceptanceError
from acceptance.gpu import nvidia_smi
from acceptance.gpu.node import GpuNode
from acceptance.images import Pull
from acceptance.load import vegeta
from acceptance.load.result import LoadPlan, LoadResult
from acceptance.paths import CODESET
from acceptance.processes.local import Process, Processes, free_port, last_matching
from acceptance.serving import inference, repository, triton_wheel
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
from acceptance.training import project as mlflow_local
from acceptance.training.tracking import TRAINING_SECONDS_AN_EPOCH, Recipe, TrainingRun, read_run

Progress = Callable[[Process], str]
TRITON_SECONDS = 120


class EmbeddedStack:
    """Starts each process at first use and ends them all with the context."""

    has_pods = False

    def __init__(self, settings: Settings, workspace: Workspace, say: Say) -> None:
        self.settings, self.workspace, self.say = settings, workspace, say
        self.codeset = CODESET
        self.tracking_uri = ""
        self.numbers = itertools.count(1)
        self.endpoints: list[Endpoint] = []
        # by the endpoint's HTTP address
        self.served: dict[str, Served] = {}

    def __enter__(self) -> "EmbeddedStack":
        prepare_environment()
        self.processes = Processes(self.workspace.directory, self.workspace.logs, self.workspace.redactor)
        return self

    def __exit__(self, *error: object) -> None:
        self.processes.close(keep=self.settings.keep)

    def gpu(self) -> Gpu:
        answer = nvidia_smi.ask(nvidia_smi.query(nvidia_smi.OLD_FIELDS))
        missing = nvidia_smi.no_gpu(answer)
        if missing:
            return Gpu(reason=missing)
        found = nvidia_smi.gpus(answer.text)
        number = mlflow_local.one_gpu()["CUDA_VISIBLE_DEVICES"]
        first = found[int(number) if number.isdigit() and int(number) < len(found) else 0]
        return Gpu(first.name, first.driver, cuda=nvidia_smi.cuda_version(nvidia_smi.ask(["nvidia-smi"]).text))

    def run_pod(self, manifest: Path, node: str = "") -> PodResult:
        raise AcceptanceError(f"{manifest.name}: the embedded target has no pods")

    def gpu_node(self) -> GpuNode:
        raise AcceptanceError("the embedded target has no nodes")

    @staticmethod
    def whereabouts(settings: Settings) -> str:
        return "processes of this machine, on 127.0.0.1"

    def evidence(self) -> None:
        """Save the servers' metrics; the processes write their logs into the report's folder themselves."""
        save_metrics(self.endpoints, self.workspace.logs)

    def versions(self) -> dict[str, str]:
        return {}

    def pulls(self) -> list[Pull]:
        return []

    def check(self) -> None:
        self.processes.check_alive()

    # --- tracking and training

    def mlflow(self) -> str:
        """Start the MLflow server at first use; return its URI."""
        if not self.tracking_uri:
            port = free_port()
            directory = self.workspace.directory / "mlflow"
            directory.mkdir()
            command = mlflow_local.server_command(directory, port)
            server = self.processes.start("mlflow", command, mlflow_local.environment())
            uri = f"http://127.0.0.1:{port}"
            wait_for_mlflow(uri, self.check, server.log)
            self.tracking_uri = uri
        return self.tracking_uri

    def train(self, recipe: Recipe, dataset: Dataset) -> TrainingRun:
        uri = self.mlflow()
        name = f"{recipe.device}-{recipe.profile}-{next(self.numbers)}"
        variables = {**mlflow_local.one_gpu(), **mlflow_local.device_environment(recipe.device)}
        variables.update(mlflow_local.project_environment(uri))
        command = mlflow_local.project_command(self.codeset, name, recipe, str(dataset.folder))

        def progress(trainer: Process) -> str:
            return f"training, {last_matching(trainer.log, 'epoch ') or 'starting'}"

        self.finish(f"trainer-{name}", command, recipe.epochs * TRAINING_SECONDS_AN_EPOCH, progress, variables)
        return read_run(uri, name, recipe)

    # --- serving

    @contextlib.contextmanager
    def serve(self, run: TrainingRun, device: str) -> Iterator[Endpoint]:
        number = next(self.numbers)
        directory = self.workspace.directory / f"triton-{number}"
        directory.mkdir()
        model = run.download_model("onnx", directory / "download")
        models = repository.build_repository(directory / "models", model, device)
        backends = triton_wheel.copy_backends(directory)
        triton_wheel.check_libraries(backends)
        http, grpc, metrics = free_port(), free_port(), free_port()
        # the guardian knows the run directory's name, and removes what has it as a prefix
        memory = f"{self.workspace.directory.name}-{number}-"
        command = triton_wheel.command(models, backends, memory, http, grpc, metrics)
        endpoint = Endpoint(
            http=f"127.0.0.1:{http}",
            grpc=f"127.0.0.1:{grpc}",
            metrics=f"127.0.0.1:{metrics}",
            model=repository.MODEL,
            device=device,
            run=run,
        )
        name = f"triton-{device}-{number}"
        folders = triton_wheel.working_folders()
        variables = {**mlflow_local.one_gpu(), **triton_wheel.environment()}
        server = self.processes.start(name, command, variables)

        def end() -> None:
            self.processes.stop(server)
            triton_wheel.remove_leftovers(memory, triton_wheel.working_folders() - folders)

        self.endpoints.append(endpoint)
        self.served[endpoint.http] = Served(lambda: server.log.read_text(errors="replace"), end)
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
        return self.workspace.redactor.text(self.served[endpoint.http].log())

    # --- load

    def send_load(self, endpoint: Endpoint, plan: LoadPlan) -> LoadResult:
        before = inference.answered(endpoint.metrics, endpoint.model)

        def progress(attack: Process) -> str:
            return answered_so_far(endpoint, plan, before)

        result = self.attack(f"vegeta-{endpoint.device}", endpoint.infer_url, plan, progress)
        check_counted(endpoint, result, before)
        return result

    def attack(self, name: str, url: str, plan: LoadPlan, progress: Progress | None = None) -> LoadResult:
        """Send the plan to any URL with vegeta; return every result."""
        name = f"{name}-{next(self.numbers)}"
        directory = self.workspace.directory / name
        directory.mkdir()
        program = vegeta.find_vegeta()
        target, results, table = directory / "target.json", directory / "results.bin", directory / "results.csv"
        target.write_text(vegeta.target(url, plan.body))
        self.finish(name, [program, *vegeta.attack_arguments(target, results, plan)], plan.duration + 60, progress)
        self.finish(f"{name}-encode", [program, *vegeta.encode_arguments(results, table)], 300)
        result = vegeta.read_table(table, plan)
        shutil.rmtree(directory)  # a dozen of the tutorial's loads would take a GiB
        return result

    # --- everything

    def finish(
        self,
        name: str,
        command: list,
        timeout: float,
        progress: Progress | None = None,
        variables: dict[str, str] | None = None,
    ) -> None:
        """Run a command to its end, with its progress on the terminal where it has any."""
        with self.processes.running(name, command, variables) as process:
            wait_for_end(
                name,
                lambda: process.popen.poll() == 0,
                lambda: self.processes.check_alive(but=process),
                lambda: progress(process) if progress else "",
                self.say,
                timeout,
                process.log,
            )

    def how_to_reach(self) -> str:
        lines = addresses(self.tracking_uri, self.endpoints)
        groups = " ".join(f"-{process.popen.pid}" for process in self.processes.started)
        memory = f"/dev/shm/{self.workspace.directory.name}*"  # noqa: S108
        remove = f"rm -rf {shlex.quote(str(self.workspace.directory))} {memory}"
        return "\n".join([*lines, f"remove: kill -- {groups}; {remove}" if groups else f"remove: {remove}"])
