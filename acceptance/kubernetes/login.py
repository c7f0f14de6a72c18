"""How a kubeconfig's user logs in: an exec plugin gets a limit, and its failure keeps its own words."""

import datetime
import json
import threading
from collections.abc import Callable
from typing import Any

from kubernetes.config import kube_config
from kubernetes.config.config_exception import ConfigException
from kubernetes.config.dateutil import parse_rfc3339
from kubernetes.config.exec_provider import ExecProvider

from acceptance.commands import TIMED_OUT, run_program
from acceptance.errors import Unrecoverable
from acceptance.health import first_words

# the API server must be asked as well, and all that within 30 s
PLUGIN_SECONDS = 20
# how long a credential is kept that doesn't say when it expires, and how long before it does it is renewed
KEPT = datetime.timedelta(seconds=60)


class LoginFailed(Unrecoverable):
    """The kubeconfig's exec plugin gave no credential."""


class Plugin(ExecProvider):
    """An exec plugin; the library's own runs without a limit, and never alone."""

    def ask(self, seconds: float) -> dict[str, Any]:
        """Return the `status` of its ExecCredential; raises LoginFailed with the plugin's words."""
        name = self.args[0]
        ended = run_program(self.args, seconds, {**self.env, "KUBERNETES_EXEC_INFO": self.info()}, self.cwd)
        if ended.code:
            how = "" if ended.code == TIMED_OUT else f"ended with {ended.code}: "
            raise LoginFailed(f"the kubeconfig's exec plugin {name} {how}{plugin_words(ended.stderr or ended.stdout)}")
        try:
            credential = json.loads(ended.stdout)
            version, status = credential["apiVersion"], dict(credential["status"])
        except (ValueError, LookupError, TypeError):
            words = plugin_words(ended.stderr or ended.stdout)
            raise LoginFailed(f"the kubeconfig's exec plugin {name} gave no ExecCredential: {words}") from None
        if version != self.api_version:
            raise LoginFailed(
                f"the kubeconfig's exec plugin {name} answers in {version}, and the kubeconfig says {self.api_version}"
            )
        return status

    def info(self) -> str:
        """Return what the plugin is told: nobody is there to be asked, and the cluster where it wants that."""
        spec: dict[str, Any] = {"interactive": False}
        if self.cluster:
            spec["cluster"] = dict(self.cluster.value)
            for extension in self.cluster.value.get("extensions") or []:
                if extension["name"] == "client.authentication.k8s.io/exec":
                    spec["cluster"]["config"] = extension["extension"]
        return json.dumps({"apiVersion": self.api_version, "kind": "ExecCredential", "spec": spec})


class Credentials:
    """What an exec plugin gave last, for all clients of a run: a slow plugin would slow down each of their requests."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.status: dict[str, Any] = {}
        self.until = datetime.datetime.min.replace(tzinfo=datetime.UTC)

    def get(self, ask: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """Return the status of the plugin's ExecCredential, asked for where there is none that is still good."""
        with self.lock:
            now = datetime.datetime.now(datetime.UTC)
            if now >= self.until:
                self.status = ask()
                expires = self.status.get("expirationTimestamp")
                self.until = parse_rfc3339(expires) - KEPT if expires else now + KEPT
            return self.status

    def forget(self) -> None:
        """Have the plugin asked again: the API server refused what it gave."""
        with self.lock:
            self.until = datetime.datetime.min.replace(tzinfo=datetime.UTC)


def plugin_words(output: str) -> str:
    """Return a plugin's first words; what has no blank in it may be the credential itself."""
    if not output.strip():
        return "it said nothing"
    return first_words(output) if " " in output.strip() else f"it said {len(output)} characters without a blank"


class Loader(kube_config.KubeConfigLoader):
    """Loads a kubeconfig's context as the library does, which only logs an exec plugin's failure."""

    _user: Any
    _cluster: Any

    def __init__(self, config: Any, credentials: Credentials, **options: Any) -> None:
        super().__init__(config, **options)
        self.credentials = credentials

    def _load_from_exec_plugin(self) -> bool:
        if "exec" not in self._user:
            return False
        folder = self._get_base_path(self._cluster.path)
        try:
            plugin = Plugin(self._user["exec"], folder, self._cluster)
        except (ConfigException, LookupError, TypeError) as error:
            raise LoginFailed(f"the kubeconfig's exec plugin: {error}") from error
        status = self.credentials.get(lambda: plugin.ask(PLUGIN_SECONDS))
        if token := status.get("token"):
            self.token = f"Bearer {token}"
        elif status.get("clientCertificateData") and status.get("clientKeyData"):
            self.cert_file = self.file_of(status, "clientCertificateData", folder)
            self.key_file = self.file_of(status, "clientKeyData", folder)
        else:
            raise LoginFailed(
                f"the kubeconfig's exec plugin {plugin.args[0]} gave neither a token nor a certificate with its key, "
                f"only {', '.join(sorted(status)) or 'nothing'}"
            )
        if expires := status.get("expirationTimestamp"):
            self.expiry = parse_rfc3339(expires)
        return True

    def file_of(self, status: dict[str, Any], key: str, folder: str) -> str:
        """Return the file that the library makes of a field of the plugin's answer."""
        return kube_config.FileOrData(
            status,
            None,
            data_key_name=key,
            file_base_path=folder,
            base64_file_content=False,
            temp_file_path=self._temp_file_path,
        ).as_file()
