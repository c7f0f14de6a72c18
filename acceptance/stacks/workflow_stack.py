"""What a stack does where an installation's workflows train and serve the model: a walk, its run, its application."""

import contextlib
import dataclasses
import secrets
import shlex
import tempfile
from abc import abstractmethod
from collections.abc import Iterator, Mapping, Set
from functools import cached_property
from pathlib import Path
from typing import ClassVar

from acceptance.data.dataset import Dataset
from acceptance.errors import AcceptanceError, Problem, listed
from acceptance.processes.local import Processes, module_command
from acceptance.serving import served_model
from acceptance.serving.endpoint import Endpoint, Predictor
from acceptance.serving.repository import MODEL_FILE
from acceptance.serving.served_model import ServedModel
from acceptance.stacks.base import BaseStack
from acceptance.stacks.protocol import Part, TargetFacts
from acceptance.training.recipes import Recipe
from acceptance.training.tracking import TrainingRun, download, read_run_by_id
from acceptance.workflows.fuseml import cleanup
from acceptance.workflows.fuseml.definitions import read_workflow, workflow_for
from acceptance.workflows.fuseml.opening import open_fuseml
from acceptance.workflows.model import Application, Codeset, Run, Workflow
from acceptance.workflows.project import write_codeset
from acceptance.workflows.walk import Walk

# besides the training an image is built, and a predictor started
MORE_SECONDS = 3600
# what a workflow does on the CPU
BY_WORKFLOW = ("training", "triton")
CONTRACT = "contract: tested by what a real server and command line had answered, never seen on a cluster"


class WorkflowStack(BaseStack):
    """A stack whose model may come of a workflow; `codeset` is the MLflow Project that is registered."""

    codeset: Path
    processes: Processes
    walk_seconds: ClassVar[Mapping[str, float]] = {}
    """How often and how long a walk looks, by `Walk`'s own names, where that is not as usual."""

    @cached_property
    def applications(self) -> dict[str, Predictor]:
        """What workflows left, by their names."""
        return {}

    @cached_property
    def workflow_facts(self) -> dict[str, str]:
        """What runs the workflows, with its version."""
        return {}

    @cached_property
    def kept_walks(self) -> list[str]:
        """What workflows left for good, with `--keep`, and how that is removed: a line each."""
        return []

    def own_parts(self, parts: Set[Part]) -> Set[Part]:
        """Return those that the stack itself starts: a workflow trains and serves the CPU's model."""
        if not self.settings.by_workflow:
            return parts
        return {part for part in parts if part.device == "gpu" or part.component not in BY_WORKFLOW}

    def try_server(self, parts: Set[Part]) -> None:
        """Try the user's tracking server only where the stack itself trains: a load alone tracks nothing."""
        super().try_server({part for part in parts if part.device == "gpu"} if self.settings.by_workflow else parts)

    @abstractmethod
    def install_fuseml(self, directory: Path) -> None:
        """Install FuseML as the options say; `directory` is nobody else's to read."""

    @abstractmethod
    def fuseml_beneath(self, version: str) -> list[Problem]:
        """Return what in the cluster keeps this version of FuseML from running anything."""

    @abstractmethod
    def why_run_failed(self, run: Run) -> str:
        """Return what the cluster knows of a run that failed, "" where that is nothing."""

    def facts(self) -> TargetFacts:
        found = super().facts()
        return dataclasses.replace(found, versions={**found.versions, **self.workflow_facts})

    @contextlib.contextmanager
    def walk(self, recipe: Recipe, dataset: Dataset) -> Iterator[Walk]:
        """Yield a workflow on a codeset of the run's own; what is still there of both is deleted, but with `--keep`."""
        directory, number = self.workspace.directory / f"walk-{next(self.numbers)}", secrets.token_hex(4)
        fuseml = open_fuseml(
            self.settings, directory, self.workspace.redactor, self.fuseml_beneath, self.why_run_failed
        )
        with fuseml:
            if self.settings.fuseml_install:
                self.say(f"installing FuseML beneath {self.settings.fuseml_install}")
                self.install_fuseml(directory)
            self.workflow_facts["FuseML"] = f"{fuseml.version()} ({CONTRACT})"
            folder = write_codeset(directory / "codeset", self.codeset, recipe, dataset.folder)
            workflow = workflow_for(fuseml.offered(), number, recipe.device, self.settings.pods.gpu_resource)
            codeset = Codeset(f"acceptance-{number}", "cifar10")
            most = recipe.most_seconds + MORE_SECONDS
            walk = Walk(fuseml, workflow, codeset, folder, self.say, most, **self.walk_seconds)
            remove = module_command(cleanup.__name__, self.settings.fuseml_url, codeset.project, workflow.name)
            self.processes.afterwards(
                remove, f"delete workflow {workflow.name} and project {codeset.project} in FuseML"
            )
            try:
                yield walk
            finally:
                if self.settings.keep and walk.made:
                    self.kept_walks.append(f"FuseML: {', '.join(walk.made)}; remove: {shlex.join(remove)}")
                elif problems := walk.close():
                    raise AcceptanceError(listed(problems))

    def wrong_workflow(self) -> Workflow:
        """Return a workflow with a step that can't go well, under a name of the run's own."""
        return read_workflow("wrong-step", secrets.token_hex(4))

    def tracked_by(self, application: Application, recipe: Recipe) -> TrainingRun:
        """Return the run whose model an application serves, as the tracking server has it."""
        return read_run_by_id(self.tracking(), application.tracked_run, recipe)

    @contextlib.contextmanager
    def serve_application(self, application: Application, run: TrainingRun) -> Iterator[Endpoint]:
        """Yield where an application answers, once it does; what started it ends it."""
        endpoint = Endpoint(
            name=application.name,
            http=application.address,
            grpc="",
            metrics="",
            model=application.model,
            device=run.recipe.device,
            run=run,
            way="an application's URL",
        )
        self.applications[endpoint.name] = Predictor(
            endpoint, read_log=lambda: "", read_model=lambda: self.model_of(application, run), stop=lambda: None
        )
        try:
            self.wait_until_ready(endpoint)
            yield endpoint
        finally:
            del self.applications[endpoint.name]

    def model_of(self, application: Application, run: TrainingRun) -> ServedModel:
        """Return the model's file in the folder that the application has its model from."""
        place = f"{run.artifact_uri}/{application.model_folder}/{MODEL_FILE}"
        with tempfile.TemporaryDirectory(dir=self.workspace.directory) as folder:
            return served_model.read_file(download(run.tracking_uri, Path(folder), artifact_uri=place), place)

    def predictor_of(self, endpoint: Endpoint) -> Predictor:
        return self.applications.get(endpoint.name) or super().predictor_of(endpoint)
