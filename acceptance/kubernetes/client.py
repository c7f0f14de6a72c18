"""The connection to a cluster: which context, which server, which user, and errors that say what was refused."""

import contextlib
import dataclasses
import datetime
import json
import os
import shlex
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import urllib3
import yaml
from kubernetes import client, config
from kubernetes.config import kube_config
from kubernetes.utils import FailToCreateError

from acceptance.errors import OUR_FAULT, AcceptanceError, BadSetting, Unrecoverable, WaitTimeout, root_words
from acceptance.health import first_words
from acceptance.kubernetes.login import Credentials, Loader
from acceptance.kubernetes.releases import described
from acceptance.redaction.redactor import Redactor
from acceptance.waiting import in_time

SECONDS = 15
# for a login and a first answer, however little of it comes at a time
CONNECT_SECONDS = 28
# where KUBECONFIG names none; the library's own constant asks that while it is loaded, and we when it is needed
USERS_OWN = "~/.kube/config"
# what the library raises for a kubeconfig, or a part of one, that is something else
NO_KUBECONFIG = (config.ConfigException, yaml.YAMLError, OSError, ValueError, LookupError, TypeError, AttributeError)


class ApiServerGone(Unrecoverable):
    """The API server gave no answer, or something else answered in its place."""


class ApiServerBusy(AcceptanceError):
    """The API server answered that it can't just now."""


class WrongAnswer(client.ApiException):
    """What answered in the API server's place is none; `reason` has its first words."""


class ApiClient(client.ApiClient):
    """The library's client, which raises whatever Python does for an answer that is no API server's.

    An answer that is no stream, and no way to a pod, is there in 28 s: the library's own limit is for each piece of it.
    """

    seconds: float = CONNECT_SECONDS

    def _call_with_legacy_options(
        self, request: Any, types: Any, async_req: Any, preload_content: bool, *more: Any
    ) -> Any:
        def answer() -> Any:
            return super(ApiClient, self)._call_with_legacy_options(request, types, async_req, preload_content, *more)

        if not preload_content or request[1].partition("?")[0].endswith("/portforward"):
            return answer()
        try:
            return in_time("a request", answer, self.seconds)
        except WaitTimeout:
            raise urllib3.exceptions.TimeoutError(f"no whole answer in {self.seconds:g} s") from None

    def response_deserialize(self, response_data: Any, response_types_map: Any = None) -> Any:
        try:
            return super().response_deserialize(response_data, response_types_map)
        except Exception as error:
            if isinstance(error, client.ApiException) and error.status:
                raise
            kind = response_data.headers.get("Content-Type", "no type")
            words = f"HTTP {response_data.status}, {kind}: {first_words(response_data.data)}"
            raise WrongAnswer(status=0, reason=words) from error


@dataclass(frozen=True)
class Cluster:
    """An API server that answered, and whom it knows us as."""

    context: str
    server: str
    user: str
    version: str = ""
    skew: datetime.timedelta = datetime.timedelta()
    """The API server's clock less this machine's: grace times are counted on the former."""
    certificates: Path | None = None
    """The folder for the files that the client makes of the kubeconfig's certificates and keys."""
    kubeconfig: Path | None = None
    """The kubeconfig that has the context, None for the user's own."""
    redactor: Redactor = field(default_factory=Redactor, compare=False)
    """Learns the account's tokens, which an exec plugin may renew; what pods say goes through it."""

    credentials: Credentials = field(default_factory=Credentials, compare=False)
    """What the kubeconfig's exec plugin, if it has one, gave last."""

    def __str__(self) -> str:
        return f"Kubernetes {described(self.version)} at {self.server}, context {self.context}, user {self.user}"

    def now(self) -> datetime.datetime:
        return datetime.datetime.now(datetime.UTC) + self.skew

    @property
    def kubectl(self) -> str:
        """The beginning of a kubectl command on this cluster."""
        return " ".join(
            [
                "kubectl",
                *([f"--kubeconfig {shlex.quote(str(self.kubeconfig))}"] if self.kubeconfig else []),
                f"--context {self.context}",
            ]
        )

    def api(self) -> client.ApiClient:
        """Return a client of its own: a port-forward changes its client while it connects.

        Raises LoginFailed where an exec plugin gives no credential, BadSetting for any other fault of the kubeconfig.
        """
        configuration: Any = client.Configuration()
        try:
            merged = kube_config.KubeConfigMerger(file_of(self.kubeconfig))
            Loader(
                merged.config,
                self.credentials,
                active_context=self.context,
                config_base_path=None,
                config_persister=merged.save_changes,
                temp_file_path=str(self.certificates) if self.certificates else None,
            ).load_and_set(configuration)
        except NO_KUBECONFIG as error:
            raise BadSetting(
                f"--kube-context {self.context}: the kubeconfig can't be used: {root_words(error)}"
            ) from error
        for token in configuration.api_key.values():
            self.redactor.add(token.rpartition(" ")[2])  # less the word Bearer
        configuration.retries = False  # a server that is gone is to be noticed at once
        configuration.keep_alive = True  # and so is a connection that something between has dropped
        return ApiClient(configuration)

    @contextlib.contextmanager
    def api_errors(self, doing: str) -> Iterator[None]:
        """Turn the client's errors into AcceptanceErrors that say what was refused, by whom and why."""
        try:
            yield
        except FailToCreateError as error:
            raise AcceptanceError(f"{doing}: {'; '.join(map(reason, error.api_exceptions))} ({self})") from error
        except WrongAnswer as error:
            words = f"{self.server} answers as no API server does: {error.reason}"
            raise ApiServerGone(f"{doing}: {words}; see which server, and which proxy, the kubeconfig names") from error
        except client.ApiException as error:
            if not error.status:
                words = " ".join(str(error.reason).split())
                raise ApiServerGone(f"{doing}: {self.server} does not answer: {words}") from error
            kind = ApiServerBusy if is_transient(error.status) else AcceptanceError
            raise kind(f"{doing}: {reason(error)} ({self})") from error
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise ApiServerGone(f"{doing}: {self.server} does not answer: {root_words(error)}") from error


def is_transient(status: int) -> bool:
    """Say whether an HTTP status is one that passes: too many requests, a leader that changed, a restart."""
    return status == 429 or status >= 500


def readable(read: Callable[[], Any]) -> Any:
    """Return what is read, None where there is none, or where the account may not read it."""
    try:
        return read()
    except client.ApiException as error:
        if error.status in (403, 404):
            return None
        raise


def reason(error: client.ApiException) -> str:
    """Return the API server's own words, or the first of what answered in its place.

    What the API server finds malformed is of our making.
    """
    try:
        words, ours = json.loads(error.body or "")["message"], error.status in (400, 422)
    except (TypeError, ValueError, LookupError):
        location = (error.headers or {}).get("Location", "")
        onward = f" to {location}" if location else ""
        said = f"{onward}: {first_words(error.body)}" if error.body else onward
        words, ours = f"{error.reason or 'no reason given'}{said}", False
    return f"HTTP {error.status}: {words}" + (f"; {OUR_FAULT}" if ours else "")


def file_of(kubeconfig: Path | None) -> str:
    return str(kubeconfig or os.environ.get("KUBECONFIG", USERS_OWN))


def connect(
    context: str, certificates: Path | None = None, redactor: Redactor | None = None, kubeconfig: Path | None = None
) -> Cluster:
    """Return the cluster of the kubeconfig's context, or of its only one; raises BadSetting where it can't be used.

    `kubeconfig`: the file, None for the user's own.
    """
    try:
        # not `list_kube_config_contexts`: that wants a current context, which `--kube-context` does without
        merged = kube_config.KubeConfigMerger(file_of(kubeconfig)).config
        if merged is None:
            raise config.ConfigException("there is none")
        contexts = [found.value for found in merged["contexts"]]
        known = {str(found["name"]): found["context"] for found in contexts}
        if not known:
            raise config.ConfigException("it has no context")
    except NO_KUBECONFIG as error:
        whose = f"{kubeconfig}, of the run's own cluster" if kubeconfig else "--target existing"
        raise BadSetting(f"{whose}: no usable kubeconfig ({root_words(error)}); name one with KUBECONFIG") from error
    if not context and len(known) != 1:
        raise BadSetting(f"--target existing: name the context with --kube-context; there are {', '.join(known)}")
    name = context or next(iter(known))
    if name not in known:
        raise BadSetting(f"--kube-context {name}: not in the kubeconfig, which has {', '.join(known)}")
    redactor = redactor or Redactor.from_environment(os.environ)
    cluster = Cluster(
        name, "", known[name].get("user", ""), certificates=certificates, kubeconfig=kubeconfig, redactor=redactor
    )
    try:
        return in_time(
            f"--kube-context {name}, its login and its version", lambda: ask_version(cluster), CONNECT_SECONDS
        )
    except BadSetting:
        raise
    except AcceptanceError as error:
        raise BadSetting(f"{error}; look at `{cluster.kubectl} version`") from error


def ask_version(cluster: Cluster) -> Cluster:
    """Return the cluster with what its API server says of itself."""
    with cluster.api() as api:
        cluster = dataclasses.replace(cluster, server=api.configuration.host)
        with cluster.api_errors(f"--kube-context {cluster.context}"):
            version, _, headers = client.VersionApi(api).get_code_with_http_info(_request_timeout=SECONDS)
    return dataclasses.replace(cluster, version=version.git_version, skew=skew_of(headers.get("Date", "")))


def skew_of(date: str) -> datetime.timedelta:
    """Return how far the clock of an answer's date is ahead of this machine's, 0 for none."""
    try:
        return parsedate_to_datetime(date) - datetime.datetime.now(datetime.UTC)
    except (ValueError, TypeError):
        return datetime.timedelta()


def forget_keys() -> None:
    """Remove the files of certificates and keys that the client made in this process; clients made before need them.

    Else it has them all in the first folder that it was given, to the end of the process, and after a kill for ever.
    """
    kube_config._cleanup_temp_files()
