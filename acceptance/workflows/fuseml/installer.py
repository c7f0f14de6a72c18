"""FuseML's installer, where a run is to bring FuseML to the cluster. What it installs stays."""

import shutil
from pathlib import Path

from acceptance.commands import Ended, run_program
from acceptance.environment import Kind, environment_of
from acceptance.errors import AcceptanceError, Problem, shortened
from acceptance.redaction.redactor import Redactor
from acceptance.settings import Settings

PROGRAM, KUBECTL = "fuseml-installer", "kubectl"
# what it calls itself
CALLED = (KUBECTL, "helm")
EXTENSIONS = "mlflow,kserve"
# it installs Istio, Knative, Tekton, Gitea, MLflow, MinIO and KServe
INSTALL_SECONDS = 3600
VIEW_SECONDS = 60


def problems(settings: Settings) -> list[Problem]:
    """Return which of the programs aren't there that an installation takes."""
    if not settings.fuseml_install:
        return []
    fix = "install it, or leave out --fuseml-install"
    return [
        Problem(f"--fuseml-install: {name} is not on the PATH", fix)
        for name in (PROGRAM, *CALLED)
        if not shutil.which(name)
    ]


def install(domain: str, context: str, kubeconfig: Path | None, directory: Path, redactor: Redactor) -> None:
    """Install FuseML in the cluster of the context; raises AcceptanceError with the installer's last words.

    It installs where a kubeconfig's current context is: it gets one that has no other. `directory` is nobody else's to
    read; what it downloads lies there as well.
    """
    named = ["--kubeconfig", str(kubeconfig)] if kubeconfig else []
    view = [KUBECTL, *named, "--context", context, "config", "view", "--raw", "--minify", "--flatten"]
    alone = directory / "kubeconfig"
    alone.touch(mode=0o600)
    alone.write_text(
        checked(run_program(view, VIEW_SECONDS, environment_of(Kind.USERS)), KUBECTL, redactor), encoding="utf-8"
    )
    command = [PROGRAM, "install", "--extensions", EXTENSIONS, "--system-domain", domain]
    variables = {**environment_of(Kind.USERS), "KUBECONFIG": str(alone)}
    try:
        checked(run_program(command, INSTALL_SECONDS, variables, directory), PROGRAM, redactor)
    finally:
        alone.unlink()


def checked(ended: Ended, program: str, redactor: Redactor) -> str:
    if ended.code:
        words = redactor.shown(shortened(f"{ended.stdout.rstrip()}\n{ended.stderr}".strip()))
        raise AcceptanceError(Problem(f"{program} ended with exit code {ended.code}", detail=words))
    return ended.stdout
