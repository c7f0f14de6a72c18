"""FuseML by its command line, with a HOME and a TMPDIR of the run's own: both get the project's password."""

import json
import shutil
from pathlib import Path
from typing import Any

import yaml

from acceptance.commands import NOT_FOUND, run_program
from acceptance.environment import Kind, environment_of
from acceptance.errors import AcceptanceError
from acceptance.login import Login
from acceptance.redaction.redactor import Redactor
from acceptance.workflows.fuseml import reading
from acceptance.workflows.fuseml.port import ASSIGN_SECONDS, USUAL_SECONDS
from acceptance.workflows.model import Application, Codeset, Run, Workflow

CONFIGURATION = Path(".config/fuseml/config.yaml")
# the program gives up by itself
MORE_SECONDS = 15


class CliPort:
    """The program, and FuseML's URL for it; `directory` has the folders `home` and `tmp`, for nobody else to read."""

    def __init__(self, program: str, url: str, directory: Path, redactor: Redactor) -> None:
        self.program, self.url, self.directory, self.redactor = program, url, directory, redactor

    # --- calls

    def ask(self, *arguments: str, seconds: int = USUAL_SECONDS) -> str:
        """Return what the program says; raises AcceptanceError with its error."""
        command = [self.program, "--url", self.url, "--timeout", str(seconds), *arguments]
        try:
            ended = run_program(
                command, seconds + MORE_SECONDS, environment_of(Kind.OWN, self.directory), self.directory
            )
        finally:
            self.read_password()
            self.empty_temporary()
        if ended.code == NOT_FOUND:
            raise AcceptanceError(f"{ended.stderr}; name FuseML's command line with --fuseml-cli, or take REST")
        if ended.code:
            words = self.redactor.shown(error_words(ended.stderr))
            raise AcceptanceError(f"fuseml {' '.join(arguments[:2])} at {self.url}, exit code {ended.code}: {words}")
        return ended.stdout

    def read(self, reader: Any, *arguments: str) -> Any:
        """Return what the reader makes of a list; some have a heading before their JSON."""
        said = self.ask(*arguments, "--format", "json")
        lines = (line for line in said.splitlines() if line[:1] in ("[", "{"))
        what = f"fuseml {' '.join(arguments[:2])} at {self.url}"
        return reading.read(what, next(lines, ""), lambda line: reader(reading.lowered(json.loads(line))))

    def configuration(self) -> dict[str, str]:
        file = self.directory / "home" / CONFIGURATION
        return (yaml.safe_load(file.read_text(encoding="utf-8")) or {}) if file.exists() else {}

    def read_password(self) -> None:
        if password := self.configuration().get("password"):
            self.redactor.add(str(password))

    def empty_temporary(self) -> None:
        """Remove the clones that the program leaves: they have the password in them."""
        folder = self.directory / "tmp"
        for left in folder.glob("codeset-*"):
            shutil.rmtree(left, ignore_errors=True)

    # --- the installation

    def version(self) -> str:
        return self.read(lambda tree: str(tree["server"]["version"]), "version")

    def resources(self) -> set[str]:
        return self.read(reading.resources, "extension", "list")

    # --- codesets

    def codesets(self) -> list[Codeset]:
        # else those of the project that was last registered in alone
        return self.read(reading.codesets, "codeset", "list", "--all")

    def register(self, codeset: Codeset, folder: Path) -> Codeset:
        self.ask("codeset", "register", *named(codeset), str(folder), seconds=ASSIGN_SECONDS)
        return self.read(reading.codeset, "codeset", "get", *named(codeset))

    def login(self, codeset: Codeset) -> Login | None:
        known = self.configuration()
        return Login(str(known["username"]), str(known["password"])) if "password" in known else None

    def delete_codeset(self, codeset: Codeset) -> None:
        self.ask("codeset", "delete", *named(codeset))

    def delete_project(self, name: str) -> None:
        self.ask("project", "delete", "-n", name)

    # --- workflows

    def workflows(self) -> list[str]:
        return self.read(reading.names, "workflow", "list")

    def create(self, workflow: Workflow) -> None:
        file = self.directory / f"{workflow.name}.yaml"
        file.write_text(workflow.text, encoding="utf-8")
        self.ask("workflow", "create", str(file))

    def delete_workflow(self, name: str) -> None:
        self.ask("workflow", "delete", "-n", name)

    def assignments(self) -> dict[str, list[Codeset]]:
        return self.read(reading.assignments, "workflow", "list-assignments")

    def assign(self, workflow: str, codeset: Codeset) -> None:
        self.ask("workflow", "assign", *of(codeset), "-n", workflow, seconds=ASSIGN_SECONDS)

    def unassign(self, workflow: str, codeset: Codeset) -> None:
        self.ask("workflow", "unassign", *of(codeset), "-n", workflow)

    def runs(self, codeset: Codeset) -> list[Run]:
        return self.read(reading.runs, "workflow", "list-runs", *of(codeset))

    # --- applications

    def applications(self) -> list[Application]:
        return self.read(reading.applications, "application", "list")

    def delete_application(self, name: str) -> None:
        self.ask("application", "delete", "-n", name)


def named(codeset: Codeset) -> tuple[str, ...]:
    return "-n", codeset.name, "-p", codeset.project


def of(codeset: Codeset) -> tuple[str, ...]:
    """Return the codeset's flags: without them the configuration file's current one counts, silently."""
    return "-c", codeset.name, "-p", codeset.project


def error_words(said: str) -> str:
    """Return the error of what the program says on standard error: no usage, and of a server's answer its message."""
    lines = said.splitlines()
    first = next((at for at, line in enumerate(lines) if line.lower().startswith("error:")), 0)
    kept = lines[first:]
    usage = next((at for at, line in enumerate(kept) if line.startswith("Usage:")), len(kept))
    words = "\n".join(kept[:usage])
    head, body, tree = words.partition(", body: ")
    try:
        return f"{head.removeprefix('error: ')}: {yaml.safe_load(tree)['message']}" if body else plain_error(words)
    except (yaml.YAMLError, LookupError, TypeError):
        return plain_error(words)


def plain_error(words: str) -> str:
    return " ".join(words.replace("error: ", "", 1).replace("Error: ", "", 1).split()) or "it says nothing"
