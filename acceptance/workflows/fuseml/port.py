"""What each way to ask FuseML does: a call each, with FuseML's own answer. What a run needs besides is in engine.py.

Lists are asked for whole and read here: an unknown name in one of FuseML's filters gives an empty list and no error.
"""

from pathlib import Path
from typing import Protocol

from acceptance.login import Login
from acceptance.workflows.model import Application, Codeset, Run, Workflow

# the server waits a minute for the listener of an assigned workflow
ASSIGN_SECONDS = 90
USUAL_SECONDS = 30


class Port(Protocol):
    def version(self) -> str: ...

    def resources(self) -> set[str]:
        """Return what the registered extensions' services offer, without a word of their credentials."""

    def codesets(self) -> list[Codeset]: ...

    def register(self, codeset: Codeset, folder: Path) -> Codeset:
        """Make the codeset's repository where there is none, and push the folder's files to it."""

    def login(self, codeset: Codeset) -> Login | None:
        """Return whom the codeset's repository takes, as far as this run was told."""

    def delete_codeset(self, codeset: Codeset) -> None: ...

    def delete_project(self, name: str) -> None: ...

    def workflows(self) -> list[str]: ...

    def create(self, workflow: Workflow) -> None: ...

    def delete_workflow(self, name: str) -> None: ...

    def assignments(self) -> dict[str, list[Codeset]]:
        """Return the codesets of each workflow that has some."""

    def assign(self, workflow: str, codeset: Codeset) -> None: ...

    def unassign(self, workflow: str, codeset: Codeset) -> None: ...

    def runs(self, codeset: Codeset) -> list[Run]:
        """Return at least the codeset's runs, of all workflows."""

    def applications(self) -> list[Application]: ...

    def delete_application(self, name: str) -> None: ...
