"""A tracking server of the user's own: its address, and the variables of MLflow's own by which a client reaches it."""

import configparser
import json
import os
import secrets
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from acceptance.environment import is_loopback
from acceptance.errors import BadSetting, Problem
from acceptance.health import Answering
from acceptance.settings import Settings

OPTION = "--mlflow"
TOKEN, USER, PASSWORD = "MLFLOW_TRACKING_TOKEN", "MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD"
AUTHORITY, CLIENT = "MLFLOW_TRACKING_SERVER_CERT_PATH", "MLFLOW_TRACKING_CLIENT_CERT_PATH"
INSECURE, WORKSPACE = "MLFLOW_TRACKING_INSECURE_TLS", "MLFLOW_WORKSPACE"
FILES = (AUTHORITY, CLIENT)
VARIABLES = (TOKEN, USER, PASSWORD, *FILES, INSECURE, WORKSPACE)
# ways to log in that need more than a variable where the trainer runs
REFUSED = ("MLFLOW_TRACKING_AUTH", "MLFLOW_TRACKING_AWS_SIGV4")
CREDENTIALS = Path(".mlflow", "credentials")
ON = ("true", "1")
# the tag of all that a run of the suite makes there
TAG = "triton-acceptance.run"
# with the pauses of MLflow's client between them, about a minute
RETRIES = "5"
# how long it may be away while it is needed
GONE_SECONDS = 60.0


@dataclass(frozen=True)
class UsersServer:
    """The server's address without a slash at its end, the experiment, and the variables, which hold secrets."""

    uri: str
    experiment: str
    variables: Mapping[str, str] = field(repr=False)
    run: str = field(default_factory=lambda: secrets.token_hex(4))
    """The id of this run of the suite, which its runs on the server are tagged with."""

    def __str__(self) -> str:
        return f"{self.uri}, experiment {self.experiment}, runs tagged {TAG}={self.run}"

    @property
    def for_trainer(self) -> dict[str, str]:
        """The variables of what trains: where to track, as whom, the tag, and time for a restart. Some are secret."""
        tracking = {"MLFLOW_TRACKING_URI": self.uri, "MLFLOW_RUN_CONTEXT": json.dumps({TAG: self.run})}
        return {**self.variables, **tracking, "MLFLOW_HTTP_REQUEST_MAX_RETRIES": RETRIES}

    def answering(self) -> Answering:
        """Return what raises when it is silent, or gone for a minute, while something is waited for."""
        options = request_options(self.variables)
        return Answering("the MLflow of --mlflow", f"{self.uri}/health", gone_seconds=GONE_SECONDS, **options)


def users_server(settings: Settings, environment: Mapping[str, str] = os.environ) -> UsersServer | None:
    """Return the server that the user named, None where they named none."""
    if not settings.mlflow:
        return None
    return UsersServer(settings.mlflow, settings.mlflow_experiment, read_variables(environment))


def read_uri(text: str, source: str) -> str:
    """Return the address; raises BadSetting that begins with the `source`, which quotes the text."""
    try:
        parts = urlsplit(text)
        if parts.username is not None or parts.password is not None:  # which must not be quoted
            raise BadSetting(
                f"{OPTION}: has a user or a password in it; set {USER} and {PASSWORD}, or {TOKEN}, instead"
            )
        known = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        known = False
    if not known or parts.query or parts.fragment or any(one.isspace() or not one.isprintable() for one in text):
        raise BadSetting(
            f"{source}: no address of a tracking server; write http://HOST:PORT or https://HOST/PATH. A file, a "
            "database or databricks can't be used"
        )
    return text.rstrip("/")


def read_variables(environment: Mapping[str, str]) -> dict[str, str]:
    """Return MLflow's variables of the server, files by their whole path; raises BadSetting by a variable's name.

    The user and the password may also be in MLflow's own file at home, as for its client.
    """
    given = {name: environment[name] for name in VARIABLES if environment.get(name)}
    for name in REFUSED:
        if environment.get(name):
            raise BadSetting(
                f"{name}: only a token, a user and password, or a client certificate is passed on; unset it"
            )
    home = environment.get("HOME", "")
    file = Path(home) / CREDENTIALS
    found = {**(read_credentials(file) if home else {}), **given}
    for name, value in found.items():
        if value != value.strip() or not value.isprintable():
            where = name if name in given else f"{file}: {name.lower()}"
            raise BadSetting(f"{where}: has white space or a control character at an end, or in it; set it without")
    if (USER in found) != (PASSWORD in found):
        one, other = (USER, PASSWORD) if USER in found else (PASSWORD, USER)
        raise BadSetting(f"{one} is set and {other} isn't; set both, or neither")
    if TOKEN in found and USER in found:
        where = USER if USER in given else f"the user in {file}"
        raise BadSetting(f"{TOKEN} and {where}: MLflow sends one of them alone; leave one out")
    if found.get(INSECURE, "false").lower() not in (*ON, "false", "0"):
        raise BadSetting(f"{INSECURE}={found[INSECURE]}: neither true nor false; write either")
    if AUTHORITY in found and found.get(INSECURE, "").lower() in ON:
        raise BadSetting(f"{AUTHORITY} and {INSECURE}: contradict each other; leave one out")
    for name in FILES:
        if name in found:
            found[name] = read_path(name, found[name])
    if CLIENT in found:
        look_at_key(found[CLIENT])
    return found


def read_credentials(file: Path) -> dict[str, str]:
    """Return the variables that MLflow's file of credentials stands for."""
    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read(file, encoding="utf-8")
        values = dict(parser["mlflow"]) if "mlflow" in parser else {}
    except (OSError, ValueError, configparser.Error):
        raise BadSetting(f"{file}: can't be read as MLflow's file of credentials; mend it, or move it away") from None
    return {name: values[name.lower()] for name in (USER, PASSWORD) if values.get(name.lower())}


def read_path(name: str, value: str) -> str:
    path = Path(value).absolute()
    try:
        if "-----BEGIN" in path.read_text(encoding="utf-8"):
            return str(path)
    except (OSError, ValueError) as error:
        raise BadSetting(
            f"{name}={value}: can't be read ({getattr(error, 'strerror', error)}); name a PEM file"
        ) from None
    raise BadSetting(f"{name}={value}: no certificate in it; name a PEM file")


def look_at_key(file: str) -> None:
    """Raise BadSetting where a client could not show the certificate by itself."""
    try:
        # without a password OpenSSL would ask the terminal for one
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_cert_chain(file, password="")
    except (ssl.SSLError, ValueError):
        raise BadSetting(
            f"{CLIENT}={file}: no client certificate with its private key, which must have no password; name a PEM "
            "file of both"
        ) from None


def problems(settings: Settings, reached_by: str) -> list[Problem]:
    """Return why what runs elsewhere can't reach the server; `reached_by`: "pods" or "containers"."""
    parts = urlsplit(settings.mlflow)
    if not settings.mlflow or not is_loopback(f"{parts.hostname}:"):
        return []
    return [
        Problem(
            f"{OPTION} {settings.mlflow}: is this machine's own, which {reached_by} can't reach",
            f"name an address that both reach with {OPTION}",
        )
    ]


def elsewhere(variables: Mapping[str, str], folder: str) -> tuple[dict[str, str], dict[str, str]]:
    """Return the variables for what has other files than this machine, and the texts of those in its folder.

    Both hold secrets.
    """
    names = {name: f"{name.lower()}.pem" for name in FILES if name in variables}
    texts = {file: Path(variables[name]).read_text(encoding="utf-8") for name, file in names.items()}
    return {**variables, **{name: f"{folder}/{file}" for name, file in names.items()}}, texts


def request_options(variables: Mapping[str, str]) -> dict[str, Any]:
    """Return requests' options for a request as MLflow's client would send it."""
    options: dict[str, Any] = {}
    if USER in variables and PASSWORD in variables:
        options["auth"] = (variables[USER].encode(), variables[PASSWORD].encode())
    elif TOKEN in variables:
        options["headers"] = {"Authorization": f"Bearer {variables[TOKEN]}"}
    if AUTHORITY in variables:
        options["verify"] = variables[AUTHORITY]
    elif variables.get(INSECURE, "").lower() in ON:
        options["verify"] = False
    if CLIENT in variables:
        options["cert"] = variables[CLIENT]
    return options
