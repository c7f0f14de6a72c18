"""FuseML by its REST API; code is pushed by git."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import requests

from acceptance.errors import AcceptanceError, root, root_words
from acceptance.health import ask, described
from acceptance.login import Login
from acceptance.redaction.redactor import Redactor
from acceptance.workflows.fuseml import reading
from acceptance.workflows.fuseml.port import ASSIGN_SECONDS, USUAL_SECONDS
from acceptance.workflows.git import Git
from acceptance.workflows.model import Application, Codeset, Run, Workflow

EXTENSIONS = "/extensions"
# without it FuseML answers in YAML
JSON = {"Accept": "application/json"}


class RestPort:
    """FuseML at a URL without a slash at its end."""

    def __init__(self, url: str, git: Git, redactor: Redactor) -> None:
        self.url, self.git, self.redactor = url, git, redactor
        # by their projects
        self.logins: dict[str, Login] = {}

    # --- requests

    def ask(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None = None,
        *,
        data: bytes | None = None,
        kind: str = "",
        seconds: float = USUAL_SECONDS,
    ) -> Any:
        """Return the answer's JSON, None where it has no body; raises AcceptanceError with FuseML's own words."""
        what, headers = f"FuseML at {self.url}, {method} {path}", {**JSON, **({"Content-Type": kind} if kind else {})}
        try:
            answer = ask(method, f"{self.url}{path}", seconds, params=query, data=data, headers=headers)
        except requests.RequestException as error:
            # of an answer that breaks off the error has all that came, and that of extensions has keys in it
            words = type(root(error)).__name__ if path == EXTENSIONS else root_words(error)
            raise AcceptanceError(f"{what}: no answer: {words}") from error
        if not 200 <= answer.status_code < 300:
            raise AcceptanceError(f"{what}: {self.redactor.shown(refusal(answer))}")
        if not answer.content:
            return None
        try:
            return answer.json()
        except ValueError as error:
            # what it is instead may hold anything, an extension's keys as well
            kind = answer.headers.get("Content-Type", "no type")
            raise AcceptanceError(f"{what}: no JSON but {kind}; name FuseML's own address with --fuseml-url") from error

    def get(self, path: str, reader: Any, **options: Any) -> Any:
        return reading.read(f"FuseML at {self.url}, GET {path}", self.ask("GET", path, **options), reader)

    # --- the installation

    def version(self) -> str:
        return self.get("/version", lambda tree: str(tree["version"]))

    def resources(self) -> set[str]:
        # a list that is asked for by a body
        return self.get(EXTENSIONS, reading.resources, data=b"{}", kind="application/json")

    # --- codesets

    def codesets(self) -> list[Codeset]:
        return self.get("/codesets", reading.codesets)

    def register(self, codeset: Codeset, folder: Path) -> Codeset:
        query = {"name": codeset.name, "project": codeset.project, "description": ""}
        answer = self.ask("POST", "/codesets", query)
        if answer.get("password"):  # only a project's first codeset comes with them
            self.redactor.add(answer["password"])
            self.logins[codeset.project] = Login(answer["username"], answer["password"])
        registered = reading.read("FuseML's new codeset", answer["codeset"], reading.codeset)
        self.git.push(folder, registered.address, self.login(codeset))
        return registered

    def login(self, codeset: Codeset) -> Login | None:
        return self.logins.get(codeset.project)

    def delete_codeset(self, codeset: Codeset) -> None:
        self.ask("DELETE", f"/codesets/{quote(codeset.project)}/{quote(codeset.name)}")

    def delete_project(self, name: str) -> None:
        self.ask("DELETE", f"/projects/{quote(name)}")

    # --- workflows

    def workflows(self) -> list[str]:
        return self.get("/workflows", reading.names)

    def create(self, workflow: Workflow) -> None:
        # YAML, which FuseML takes where no type is named
        self.ask("POST", "/workflows", data=workflow.text.encode())

    def delete_workflow(self, name: str) -> None:
        self.ask("DELETE", f"/workflows/{quote(name)}")

    def assignments(self) -> dict[str, list[Codeset]]:
        return self.get("/workflows/assignments", reading.assignments)

    def assign(self, workflow: str, codeset: Codeset) -> None:
        query = {"name": workflow, "codesetProject": codeset.project, "codesetName": codeset.name}
        self.ask("POST", "/workflows/assignments", query, seconds=ASSIGN_SECONDS)

    def unassign(self, workflow: str, codeset: Codeset) -> None:
        query = {"codesetProject": codeset.project, "codesetName": codeset.name}
        self.ask("DELETE", f"/workflows/assignments/{quote(workflow)}", query)

    def runs(self, codeset: Codeset) -> list[Run]:
        return self.get("/workflows/runs", reading.runs)

    # --- applications

    def applications(self) -> list[Application]:
        return self.get("/applications", reading.applications)

    def delete_application(self, name: str) -> None:
        # without the slash it is a redirect, and nothing is deleted
        self.ask("DELETE", f"/applications/{quote(name)}/")


def refusal(answer: requests.Response) -> str:
    """Return FuseML's own message, or what answered in its place."""
    try:
        tree = answer.json()
        return f"HTTP {answer.status_code}, {tree['name']}: {tree['message']}"
    except (ValueError, LookupError, TypeError):
        return f"{described(answer)}, which is no answer of FuseML's; name its own address with --fuseml-url"
