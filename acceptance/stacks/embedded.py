"""The embedded target: MLflow, the trainer, Triton and vegeta as local processes on 127.0.0.1."""

import os
import shlex
import shutil
import sys
from collections.abc import Collection, Mapping, Sequence, Set
from pathlib import Path
from typing import Self

from acceptance.data.dataset import Dataset
from acceptance.errors import Problem
from acceptance.gpu import packages
from acceptance.gpu.nvidia_smi import Gpu, find_gpus, first_visible, hidden
from acceptance.load import vegeta
from acceptance.load.measured import Progress
from acceptance.load.result import LoadPlan, LoadResult
from acceptance.paths import CODESET
from acceptance.processes.local import Process, Processes, free_port
from acceptance.processes.rlimits import raise_soft_limits
from acceptance.serving import onnx_versions, repository, served_model, triton_wheel
from acceptance.serving.endpoint import Endpoint, Predictor
from acceptance.serving.onnx_versions import OnnxVersions
from acceptance.settings import Settings
from acceptance.stacks import embedded_needs, run_store
from acceptance.stacks.local_stack import LocalStack
from acceptance.stacks.protocol import Part, Say
from acceptance.stacks.run_store import UsersStore
from acceptance.stacks.workspace import Workspace, temporary_folder
from acceptance.training import project, server_verdict
from acceptance.training.recipes import Recipe
from acceptance.training.server import UsersServer
from acceptance.training.tracking import TrainingRun, load_client

# Triton takes seconds to end, and none of them has anything to save: what it leaves is removed
STOP_SECONDS = 0.5


class EmbeddedStack(LocalStack):
    """Starts each process at first use and ends them all with the context; `codeset` is the MLflow Project."""

    ready_seconds = 120

    def __init__(self, settings: Settings, workspace: Workspace, say: Say, codeset: Path = CODESET) -> None:
        super().__init__(settings, workspace, say)
        self.codeset = codeset

    @staticmethod
    def problems(settings: Settings) -> list[Problem]:
        return [*embedded_needs.problems(settings, temporary_folder(os.environ)), *run_store.problems(settings)]

    @classmethod
    def missing(cls, settings: Settings, chosen: Sequence[Collection[str]]) -> list[Problem]:
        # the others with that tag are skipped on this target
        if not any("gpu" in tags and not {"cluster", "docker"} & set(tags) for tags in chosen):
            return []
        found = cls.find_gpu()
        problem = None if isinstance(found, Problem) else packages.without_cuda(found)
        return [problem] if problem else []

    @staticmethod
    def describe(settings: Settings) -> str:
        return "processes of this machine, on 127.0.0.1"

    def __enter__(self) -> Self:
        raise_soft_limits(embedded_needs.LIMITS)
        self.processes = Processes(
            self.workspace.directory,
            self.workspace.logs,
            self.workspace.redactor,
            stop_seconds=STOP_SECONDS,
            stderr=self.workspace.stderr,
        )
        try:
            if self.settings.store:
                self.store = UsersStore(self.settings, self.workspace, self.processes, self.say)
        except BaseException:
            self.processes.close()
            raise
        return self

    def __exit__(self, *error: object) -> None:
        try:
            if self.store:
                self.store.close()
        finally:
            self.processes.close(keep=self.settings.keep)

    def look_ahead(self, parts: Set[Part]) -> None:
        """Try out the object store and the tracking server of the user's, where the run has one."""
        if self.store:
            self.store.try_out()
        self.try_server(parts)

    def gpu(self) -> Gpu | Problem:
        return self.find_gpu()

    @staticmethod
    def find_gpu() -> Gpu | Problem:
        found = hidden(os.environ) or find_gpus()
        return found if isinstance(found, Problem) else first_visible(found, os.environ)

    def check(self) -> None:
        self.processes.check_alive()

    def save_evidence(self) -> None:
        """Save the servers' metrics; the processes write their logs into the report's folder themselves."""
        self.save_metrics()

    def how_to_reach(self) -> str:
        groups = " ".join(f"-{process.popen.pid}" for process in self.processes.started)
        memory = f"/dev/shm/{self.workspace.directory.name}*"  # noqa: S108
        remove = f"rm -rf {shlex.quote(str(self.workspace.directory))} {memory}"
        if self.store:
            remove += f"; {shlex.join(self.store.how_to_remove)}"
        return "\n".join([*self.addresses(), f"remove: kill -- {groups}; {remove}" if groups else f"remove: {remove}"])

    # --- training

    def start_mlflow(self) -> str:
        """Start it, and don't wait: what trains starts beside it, and waits by itself."""
        port = free_port()
        directory = self.workspace.directory / "mlflow"
        directory.mkdir()
        variables, artifacts = project.server_environment(), ""
        if self.store:
            variables |= self.store.variables()
            artifacts = str(self.store.artifacts)
        self.processes.start("mlflow", project.server_command(directory, port, artifacts), variables)
        return f"http://127.0.0.1:{port}"

    def run_server_check(self, server: UsersServer, variables: Mapping[str, str]) -> tuple[str, str]:
        command: list[str | Path] = [sys.executable, "-P", server_verdict.SCRIPT]
        with self.processes.running("mlflow-check", command, {**server.for_trainer, **variables}) as check:
            self.wait_for_exit(check, server_verdict.CHECK_SECONDS, None)
            return check.log.read_text(errors="replace", encoding="utf-8"), "from a process of this machine"

    def train(self, recipe: Recipe, dataset: Dataset) -> TrainingRun:
        uri = self.tracking()
        name = self.training_name(recipe)
        variables = {
            **project.one_gpu(),
            **project.device_environment(recipe.device),
            **project.project_environment(uri, self.server),
        }
        log = self.workspace.logs / f"trainer-{name}.log"
        command = project.project_command(self.codeset, name, recipe, str(dataset.folder), self.server)
        with self.processes.running(log.stem, command, variables) as trainer:
            if not self.server:
                self.wait_for_mlflow(uri)
            load_client()
            mlflow = self.mlflow_answering()

            def progress() -> str:
                mlflow.check()
                return project.progress(log)

            self.wait_for_exit(trainer, recipe.most_seconds, progress)
        return self.tracked_run(name, recipe)

    # --- serving

    def start_predictor(self, name: str, run: TrainingRun, device: str) -> Predictor:
        directory = self.workspace.directory / name
        directory.mkdir()
        model = run.download_model("onnx", directory / "download")
        models = self.build_models(directory / "models", model, device)
        backends = triton_wheel.copy_backends(directory)
        http, grpc, metrics = free_port(), free_port(), free_port()
        # the guardian knows the run directory's name, and removes what has it as a prefix
        memory = f"{self.workspace.directory.name}-{name}-"
        folders = triton_wheel.working_folders()
        server = self.processes.start(
            name,
            # a path with a quote in it would hang the Python backend
            triton_wheel.command(Path(models.name), Path(backends.name), memory, http, grpc, metrics),
            {**project.one_gpu(), **triton_wheel.environment()},
            folder=directory,
        )

        def stop() -> None:
            self.processes.stop(server)
            triton_wheel.remove_leftovers(memory, triton_wheel.working_folders() - folders)

        endpoint = Endpoint(
            name=name,
            http=f"127.0.0.1:{http}",
            grpc=f"127.0.0.1:{grpc}",
            metrics=f"127.0.0.1:{metrics}",
            model=repository.MODEL,
            device=device,
            run=run,
        )
        return Predictor(
            endpoint,
            read_log=lambda: server.log.read_text(errors="replace", encoding="utf-8"),
            read_model=lambda: served_model.read_file(models / served_model.FILE, f"{models.name}/{served_model.FILE}"),
            stop=stop,
        )

    def onnx_limits(self) -> OnnxVersions | None:
        return onnx_versions.ask_this_python()  # the server's stub takes the packages of this one

    def build_models(self, directory: Path, model: Path, device: str) -> Path:
        """Write the model repository of a predictor for the ONNX model's folder."""
        return repository.build_repository(directory, model, device)

    # --- load

    def attack(self, endpoint: Endpoint, plan: LoadPlan, progress: Progress) -> LoadResult:
        return self.attack_url(f"vegeta-{endpoint.device}", endpoint.infer_url, plan, progress)

    def attack_url(self, name: str, url: str, plan: LoadPlan, progress: Progress | None = None) -> LoadResult:
        """Send the plan to any URL with vegeta; return every result."""
        name = f"{name}-{next(self.numbers)}"
        directory = self.workspace.directory / name
        directory.mkdir()
        program = vegeta.find_vegeta()
        target, results, table = directory / "target.json", directory / "results.bin", directory / "results.csv"
        target.write_text(vegeta.target(url, plan), encoding="utf-8")
        self.finish(name, [program, *vegeta.attack_arguments(target, results, plan)], plan.most_seconds, progress)
        self.finish(f"{name}-encode", [program, *vegeta.encode_arguments(results, table)], vegeta.ENCODE_SECONDS)
        result = vegeta.read_table(table, plan)
        shutil.rmtree(directory)  # a dozen of the tutorial's loads would take a GiB
        return result

    def finish(
        self, name: str, command: Sequence[str | Path], timeout: float, progress: Progress | None = None
    ) -> None:
        """Run a command to its end, with its progress, where it has any, on the terminal."""
        with self.processes.running(name, command) as process:
            self.wait_for_exit(process, timeout, progress)

    def wait_for_exit(self, process: Process, timeout: float, progress: Progress | None) -> None:
        self.wait_for_end(process, lambda: self.processes.check_alive(but=process), progress, timeout)
