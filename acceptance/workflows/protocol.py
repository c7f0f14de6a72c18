"""What each product that runs workflows must do."""

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from acceptance.errors import Problem
from acceptance.workflows.model import Application, Codeset, Run, Workflow


class Workflows(Protocol):
    """One installation, as a context manager: what it kept on this machine goes with it.

    Every method raises AcceptanceError with the cause; none returns a result that it did not see.
    """

    def problems(self, workflow: Workflow) -> list[Problem]:
        """Return what keeps the installation from running the workflow; starts nothing."""

    def register(self, codeset: Codeset, folder: Path) -> Codeset:
        """Register the folder's code, or push it to a codeset that is registered; return it with its address.

        Where that fails, nothing is left of a codeset that was not there before.
        """

    def code(self, codeset: Codeset) -> Mapping[str, str]:
        """Return the files that its repository has now, each with git's digest of it."""

    def create(self, workflow: Workflow) -> None: ...

    def assign(self, workflow: str, codeset: Codeset) -> None:
        """Have each push to the codeset start a run, and start the first; that it started is not said."""

    def unassign(self, workflow: str, codeset: Codeset) -> None: ...

    def assigned(self, workflow: str) -> list[Codeset]: ...

    def runs(self, workflow: str, codeset: Codeset) -> list[Run]:
        """Return the workflow's runs on the codeset, in no order."""

    def why_failed(self, run: Run) -> str:
        """Return what is known of a run that failed: its step, exit code and last lines, "" where nothing is."""

    def applications(self, workflow: str) -> list[Application]: ...

    def delete_application(self, name: str) -> None: ...

    def delete_workflow(self, name: str) -> None: ...

    def delete_codeset(self, codeset: Codeset) -> None:
        """Delete it, and its project where that was made for it."""

    def inventory(self) -> frozenset[str]:
        """Return all codesets, workflows and applications of the installation, each in words."""
