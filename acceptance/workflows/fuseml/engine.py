"""What a run does with FuseML, by whichever port: what FuseML leaves undone, or says wrongly, is made good here."""

import contextlib
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from acceptance.errors import AcceptanceError, Problem
from acceptance.workflows.fuseml.port import Port
from acceptance.workflows.git import Git
from acceptance.workflows.model import Application, Codeset, Run, Workflow


class FuseML:
    """FuseML as a `Workflows`. The folder of `git` goes with it.

    `beneath` returns what in the cluster keeps this version of FuseML from running anything, `explain` what the cluster
    knows of a run that failed.
    """

    def __init__(
        self,
        port: Port,
        git: Git,
        beneath: Callable[[str], list[Problem]] = lambda version: [],
        explain: Callable[[Run], str] = lambda run: "",
    ) -> None:
        self.port, self.git, self.beneath, self.explain = port, git, beneath, explain

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        shutil.rmtree(self.git.directory, ignore_errors=True)  # both have a project's password in them

    def version(self) -> str:
        return self.port.version()

    def offered(self) -> set[str]:
        return self.port.resources()

    def problems(self, workflow: Workflow) -> list[Problem]:
        version = self.version()
        lacking = sorted(set(workflow.resources) - self.offered())
        fix = "register the extension that offers it; FuseML's installer does with --extensions mlflow,kserve"
        found = [Problem(f"FuseML {version} has no extension with the resource {one}", fix) for one in lacking]
        return [*found, *self.beneath(version)]

    # --- codesets

    def register(self, codeset: Codeset, folder: Path) -> Codeset:
        if not folder.is_dir():  # FuseML would make the codeset all the same
            raise AcceptanceError(f"{folder}: is no folder, and codeset {codeset} would be empty")
        known = self.find(codeset)
        try:
            return self.port.register(codeset, folder)
        except BaseException:
            if not known:  # the repository is made before anything is pushed
                with contextlib.suppress(AcceptanceError):  # what failed is worth more
                    self.delete_codeset(codeset)
            raise

    def find(self, codeset: Codeset) -> Codeset | None:
        # asked for by itself, one that is missing looks like a git server that is down
        return next((one for one in self.port.codesets() if one.is_same(codeset)), None)

    def code(self, codeset: Codeset) -> Mapping[str, str]:
        return self.git.files(codeset.address, self.port.login(codeset))

    def delete_codeset(self, codeset: Codeset) -> None:
        """Delete it, and its project once that is empty."""
        self.port.delete_codeset(codeset)
        left = self.port.codesets()  # FuseML says of one that it couldn't delete that it did
        if any(one.is_same(codeset) for one in left):
            raise AcceptanceError(f"FuseML still has codeset {codeset}, which it said to have deleted")
        if not any(one.project == codeset.project for one in left):
            self.port.delete_project(codeset.project)

    # --- workflows

    def create(self, workflow: Workflow) -> None:
        self.port.create(workflow)

    def delete_workflow(self, name: str) -> None:
        self.port.delete_workflow(name)

    def assign(self, workflow: str, codeset: Codeset) -> None:
        self.port.assign(workflow, codeset)

    def unassign(self, workflow: str, codeset: Codeset) -> None:
        self.port.unassign(workflow, codeset)

    def assigned(self, workflow: str) -> list[Codeset]:
        return self.port.assignments().get(workflow, [])

    def runs(self, workflow: str, codeset: Codeset) -> list[Run]:
        # a run's name has the codeset's in it and not the workflow's
        found = self.port.runs(codeset)
        return [run for run in found if run.workflow == workflow and codeset.address in run.codesets]

    def why_failed(self, run: Run) -> str:
        return self.explain(run)

    # --- applications

    def applications(self, workflow: str) -> list[Application]:
        return [one for one in self.port.applications() if one.workflow == workflow]

    def delete_application(self, name: str) -> None:
        self.port.delete_application(name)

    def inventory(self) -> frozenset[str]:
        codesets = (f"codeset {one}" for one in self.port.codesets())
        workflows = (f"workflow {name}" for name in self.port.workflows())
        applications = (f"application {one.name}" for one in self.port.applications())
        return frozenset([*codesets, *workflows, *applications])
