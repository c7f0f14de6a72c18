"""What the check of a tracking server found, in words: each cause by itself, with what puts it right."""

import base64
import contextlib
import datetime
import hashlib
import json
import re
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from acceptance.errors import AcceptanceError, Problem
from acceptance.health import first_words
from acceptance.training.server import AUTHORITY, CLIENT, OPTION, PASSWORD, TOKEN, USER, WORKSPACE, UsersServer
from acceptance.training.tracking import download

SCRIPT = Path(__file__).with_name("server_check.py")
VERDICT = "verdict: "
# the largest model's, the Keras one of the tutorial's network with its optimizer's moments: 1.5 MB
MODEL_BYTES = 2 << 20
# two tries of 14 s for a server that is silent, and what a model takes on a slow line
CHECK_SECONDS = 180
EXPERIMENT = "--mlflow-experiment"
# how a server ends the TLS connection of a client whose certificate it misses or refuses, by an alert or without one
REFUSED = re.compile(
    "ALERT_(HANDSHAKE_FAILURE|BAD_CERT|UNSUPPORTED_CERT|CERTIFICATE_|UNKNOWN_CA|ACCESS_DENIED|DECRYPT_ERROR)"
    "|EOF occurred in violation|reset by peer"
)
# nginx, which does it by a page
REFUSED_PAGE = re.compile("No required SSL certificate was sent|The SSL certificate error")
RIGHTS = "give its account the right to, or name another experiment with"


def variables(server: UsersServer) -> dict[str, str]:
    """Return what the script has besides a trainer's variables; it tries a dead server no longer than pytest does."""
    return {
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
        "MLFLOW_HTTP_REQUEST_TIMEOUT": "14",
        "CHECK_EXPERIMENT": server.experiment,
        "CHECK_NAME": f"check-{server.run}",
        "CHECK_BYTES": str(MODEL_BYTES),
    }


def read_verdict(output: str) -> dict[str, Any]:
    """Return the script's verdict; raises AcceptanceError where it came to none, with what it said."""
    lines = [line for line in output.splitlines() if line.startswith(VERDICT)]
    with contextlib.suppress(ValueError):
        if lines:
            return json.loads(lines[-1].removeprefix(VERDICT))
    raise AcceptanceError(Problem(f"the check of {OPTION} came to no verdict", "", output.strip()[-2000:]))


def judge(server: UsersServer, verdict: Mapping[str, Any], place: str) -> None:
    """Raise AcceptanceError with what a training could not do; `place`: where the check ran, such as "in a pod"."""
    if problem := problem_with(server, verdict):
        detail = f"    seen {place}, where the trainer will run"
        raise AcceptanceError(Problem(problem.what, problem.fix, detail))
    read_back(server, verdict)


def problem_with(server: UsersServer, verdict: Mapping[str, Any]) -> Problem | None:
    failed = verdict.get("step", "")
    if not failed:
        return None
    if failed == "version":
        return Problem(f"{server.uri}: has MLflow {verdict['version']}", f"{OPTION} takes 2.0 and later")
    said = first_words(str(verdict.get("words", ""))) if verdict.get("words") else ""
    status = verdict.get("status") or 0
    heard = ", ".join(part for part in (f"HTTP {status}" if status else "", said) if part)
    if failed == "reach":
        return unreachable(server, verdict, status, heard)
    if failed == "deleted":
        number = verdict.get("experiment_id", "")
        return Problem(
            f"{server.uri}: experiment {server.experiment} was deleted",
            f"restore it (`mlflow experiments restore --experiment-id {number}`), or name another with {EXPERIMENT}",
        )
    if failed in ("artifact", "read back"):
        return no_artifacts(server, verdict, failed, status, heard)
    if status == 404 and WORKSPACE in server.variables:
        return Problem(
            f"{server.uri}: no workspace {server.variables[WORKSPACE]}: {heard}",
            f"name one that is there with {WORKSPACE}, or unset it",
        )
    doing = {
        "create experiment": f"create experiment {server.experiment}",
        "create run": f"create a run in experiment {server.experiment}",
        "metric": f"write a metric in experiment {server.experiment}",
    }[failed]
    if status in (401, 403):
        return Problem(f"{server.uri}: its account may read, and not {doing}: {heard}", f"{RIGHTS} {EXPERIMENT}")
    return Problem(f"{server.uri}: can't {doing}: {heard}", "see the server's log")


def unreachable(server: UsersServer, verdict: Mapping[str, Any], status: int, heard: str) -> Problem:
    """Return why nothing could be asked of the server."""
    classes = str(verdict.get("classes", ""))
    if urlsplit(server.uri).scheme == "https" and (REFUSED_PAGE if status else REFUSED).search(heard):
        return no_client_certificate(server, heard)
    if "SSL" in classes:
        fix = f"name its certificate authority with {AUTHORITY}, or for pods alone with --ca"
        return Problem(f"{server.uri}: no TLS connection that can be trusted: {heard}", fix)
    if "ProxyError" in classes or status == 407:
        fix = (
            "see http_proxy, https_proxy and no_proxy, or for pods --proxy and --no-proxy; a server inside needs an "
            "exception"
        )
        return Problem(f"{server.uri}: the proxy before it doesn't let through: {heard}", fix)
    if verdict.get("page") and status == 200:
        fix = f"have it let clients of MLflow through, by {TOKEN} or {USER}, or name an address behind it"
        return Problem(f"{server.uri}: answers with a page for people, such as a single sign-on's: {heard}", fix)
    if status == 401:
        return unauthorized(server, heard)
    if status == 403:
        return Problem(
            f"{server.uri}: the account may not even read its experiments: {heard}", RIGHTS + f" {EXPERIMENT}"
        )
    if status == 404:
        fix = f"write {OPTION} with the path beneath which MLflow is, and none besides"
        return Problem(f"{server.uri}: there is no MLflow at this address: {heard}", fix)
    return Problem(f"{server.uri}: can't be asked: {heard}", f"see that it runs, and that {OPTION} has its address")


def no_client_certificate(server: UsersServer, heard: str) -> Problem:
    if CLIENT in server.variables:
        what = f"{server.uri}: ends the connection, as for a client certificate that it doesn't trust: {heard}"
        return Problem(what, f"name one that it trusts with {CLIENT}, now {server.variables[CLIENT]}")
    what = f"{server.uri}: ends the connection, as for a client without a certificate: {heard}"
    return Problem(what, f"name the file of a client certificate and its key with {CLIENT}")


def unauthorized(server: UsersServer, heard: str) -> Problem:
    given = server.variables
    if TOKEN in given:
        if (ended := expiry(given[TOKEN])) and ended < datetime.datetime.now(datetime.UTC):
            return Problem(f"{server.uri}: {TOKEN} expired at {ended:%Y-%m-%d %H:%M} UTC: {heard}", "get a new token")
        return Problem(f"{server.uri}: {TOKEN} is wrong, or has expired: {heard}", "get a new token")
    if USER in given:
        return Problem(f"{server.uri}: a wrong user or password: {heard}", f"see {USER} and {PASSWORD}")
    return Problem(f"{server.uri}: asks who it is: {heard}", f"set {USER} and {PASSWORD}, or {TOKEN}")


def expiry(token: str) -> datetime.datetime | None:
    """Return when a JSON web token expires, None for any other token."""
    with contextlib.suppress(ValueError, KeyError, TypeError, IndexError, OverflowError):
        part = token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
        return datetime.datetime.fromtimestamp(claims["exp"], datetime.UTC)
    return None


def no_artifacts(server: UsersServer, verdict: Mapping[str, Any], failed: str, status: int, heard: str) -> Problem:
    """Return why a model can't be written, or not be read back, where metrics can be written."""
    where = str(verdict.get("artifact_uri", ""))
    doing = "written" if failed == "artifact" else "read back"
    served = urlsplit(where).scheme in ("mlflow-artifacts", "http", "https")
    if not served:
        return Problem(
            f"{server.uri}: metrics can be written; artifacts, which it has at {where}, can't be {doing}: {heard}",
            "have the server serve them itself (`mlflow server --artifacts-destination`), and name an experiment that "
            f"was made since with {EXPERIMENT}",
        )
    what = f"{server.uri}: metrics may be written, and artifacts can't be {doing}: {heard}"
    if status == 413:
        return Problem(what, f"let what stands before it take bodies of {MODEL_BYTES >> 20} MiB and more")
    if status in (401, 403):
        return Problem(what, "let its account write and read artifacts, also in what stands before it")
    return Problem(what, "see the server's log, and whether it reaches its own store of artifacts")


def read_back(server: UsersServer, verdict: Mapping[str, Any]) -> None:
    """Read the check's model as that of a predictor will be; raises AcceptanceError where it isn't what was written."""
    place = str(verdict["place"])
    fix = f"have the server serve its artifacts itself, and name a new experiment with {EXPERIMENT}"
    with tempfile.TemporaryDirectory() as folder:
        try:
            data = download(server.uri, Path(folder), artifact_uri=place).read_bytes()
        except (AcceptanceError, OSError) as error:
            words = error.problem.what if isinstance(error, AcceptanceError) else str(error)
            what = f"{server.uri}: the trainer can write artifacts, and the predictor's can't be read here: {words}"
            raise AcceptanceError(Problem(what, fix)) from error
    if hashlib.sha256(data).hexdigest() != verdict["sha256"]:
        raise AcceptanceError(Problem(f"{server.uri}: {place} is read here as something else", fix))
