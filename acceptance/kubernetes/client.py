"""The connection to a cluster: which context, which server, which user, and errors that say what was refused."""

import contextlib
import dataclasses
import datetime
import json
import os
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import urllib3
from kubernetes import client, config
from kubernetes.config import kube_config
from kubernetes.utils import FailToCreateError

from acceptance.errors import OUR_FAULT, AcceptanceError, BadSetting, Unrecoverable, root_words
from acceptance.redaction.redactor import Redactor

SECONDS = 15


class ApiServerGone(Unrecoverable):
    """The API server gave no answer."""


class ApiServerBusy(AcceptanceError):
    """The API server answered that it can't just now."""


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

    def __str__(self) -> str:
        return f"Kubernetes {self.version} at {self.server}, context {self.context}, user {self.user}"

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
        """Return a client of its own: a port-forward changes its client while it connects."""
        configuration: Any = client.Configuration()
        config.load_kube_config(
            config_file=str(self.kubeconfig) if self.kubeconfig else None,
            context=self.context,
            client_configuration=configuration,
            temp_file_path=str(self.certificates) if self.certificates else None,
        )
        for token in configuration.api_key.values():
            self.redactor.add(token.rpartition(" ")[2])  # less the word Bearer
        configuration.retries = False  # a server that is gone is to be noticed at once
        configuration.keep_alive = True  # and so is a connection that something between has dropped
        return client.ApiClient(configuration)

    @contextlib.contextmanager
    def api_errors(self, doing: str) -> Iterator[None]:
        """Turn the client's errors into AcceptanceErrors that say what was refused, by whom and why."""
        try:
            yield
        except FailToCreateError as error:
            raise AcceptanceError(f"{doing}: {'; '.join(map(reason, error.api_exceptions))} ({self})") from error
        except client.ApiException as error:
            if not error.status:
                raise ApiServerGone(f"{doing}: {self.server} does not answer: {error.reason}") from error
            kind = ApiServerBusy if is_transient(error.status) else AcceptanceError
            raise kind(f"{doing}: {reason(error)} ({self})") from error
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise ApiServerGone(f"{doing}: {self.server} does not answer: {root_words(error)}") from error


def is_transient(status: int) -> bool:
    """Say whether an HTTP status is one that passes: too many requests, a leader that changed, a restart."""
    return status == 429 or status >= 500


def reason(error: client.ApiException) -> str:
    """Return the API server's own words; what it finds malformed is of our making."""
    try:
        words = json.loads(error.body or "")["message"]
    except (TypeError, ValueError, KeyError):
        words = error.reason or "no reason given"
    return f"HTTP {error.status}: {words}" + (f"; {OUR_FAULT}" if error.status in (400, 422) else "")


def connect(
    context: str, certificates: Path | None = None, redactor: Redactor | None = None, kubeconfig: Path | None = None
) -> Cluster:
    """Return the cluster of the kubeconfig's context, or of its only one; raises BadSetting where it can't be used.

    `kubeconfig`: the file, None for the user's own.
    """
    try:
        # not `list_kube_config_contexts`: that wants a current context, which `--kube-context` does without
        merged = kube_config.KubeConfigMerger(str(kubeconfig or kube_config.KUBE_CONFIG_DEFAULT_LOCATION)).config
        if merged is None:
            raise config.ConfigException("there is none")
        contexts = [found.value for found in merged["contexts"]]
    except (config.ConfigException, OSError) as error:
        whose = f"{kubeconfig}, of the run's own cluster" if kubeconfig else "--target existing"
        raise BadSetting(f"{whose}: no usable kubeconfig ({error}); name one with KUBECONFIG") from error
    known = {str(found["name"]): found["context"] for found in contexts}
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
        with cluster.api() as api:
            server = api.configuration.host
            cluster = dataclasses.replace(cluster, server=server)
            with cluster.api_errors(f"--kube-context {name}"):
                version, _, headers = client.VersionApi(api).get_code_with_http_info(_request_timeout=SECONDS)
    except config.ConfigException as error:
        raise BadSetting(f"--kube-context {name}: {error}") from error
    except AcceptanceError as error:
        raise BadSetting(f"{error}; look at `{cluster.kubectl} version`") from error
    here = datetime.datetime.now(datetime.UTC)
    skew = parsedate_to_datetime(headers["Date"]) - here if "Date" in headers else datetime.timedelta()
    return dataclasses.replace(cluster, version=version.git_version, skew=skew)


def forget_keys() -> None:
    """Remove the files of certificates and keys that the client made in this process; clients made before need them.

    Else it has them all in the first folder that it was given, to the end of the process, and after a kill for ever.
    """
    kube_config._cleanup_temp_files()
