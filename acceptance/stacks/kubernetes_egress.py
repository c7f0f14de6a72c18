"""What a run's pods ask outside of the cluster, how they get there, and what of that nothing in the run has tried."""

from collections.abc import Callable

from acceptance.kubernetes import egress
from acceptance.kubernetes.manifests import Manifest
from acceptance.settings import Settings
from acceptance.stacks.run_store import RunStore
from acceptance.storage.minio import NAME as MINIO
from acceptance.storage.variables import AUTHORITY
from acceptance.training.server import UsersServer, request_options

# by --predictor: what copies a model itself, by an initializer that is not the run's
CONTROLLERS = {"kserve": "KServe", "seldon": "Seldon"}


class PodEgress:
    """`--proxy`, `--no-proxy` and `--ca` in a run's pods; `server`: the user's tracking server."""

    def __init__(self, settings: Settings, server: UsersServer | None) -> None:
        self.settings, self.asked, self.server = settings, settings.pods.egress, server
        self.outside: dict[str, bool] = {}
        """The addresses that pods ask, and of each whether `--ca` is what they trust it by."""

    def objects(self, named: Callable[[str], str], store: RunStore | None) -> list[Manifest]:
        """Return what the pods' manifests name; `named` returns what the run's own are called there."""
        if not self.asked:
            return []
        # what MLflow's own variables and boto3's say of the authority goes before --ca
        if self.server:
            self.outside[self.server.uri] = "verify" not in request_options(self.server.variables)
        if store and not self.settings.minio:
            variables = store.variables()
            self.outside[variables["AWS_ENDPOINT_URL_S3"]] = AUTHORITY not in variables
        own = [*([] if self.server else ["mlflow"]), *([MINIO] if self.settings.minio else [])]
        return egress.objects(self.asked, [named(name) for name in own], self.outside)

    # --- what is said of it

    @property
    def options(self) -> str:
        return " and ".join(name for name, value in (("--proxy", self.asked.proxy), ("--ca", self.asked.ca)) if value)

    @property
    def maker(self) -> str:
        """Whose controller makes the predictors, "" for the suite itself."""
        return CONTROLLERS.get(self.settings.predictor, "")

    @property
    def copier(self) -> str:
        """Who copies models to predictors and gets nothing of it, "" where the suite's own pods do."""
        return f"{self.maker}'s storage initializer" if self.maker else ""

    @property
    def not_for_copier(self) -> str:
        """That it gets nothing, and what gives it that; "" where nothing is lacking."""
        if not (self.copier and self.asked):
            return ""
        lacks = f"{self.copier} gets none of {self.options}: {self.maker} makes it"
        if self.settings.seldon:
            return f"{lacks}, and the store must be reached without them (docs/seldon.md)"
        proxy = "HTTPS_PROXY and NO_PROXY in the env of a ClusterStorageContainer for s3://"
        ca = "AWS_CA_BUNDLE where pytest runs, which goes to it, or caBundleConfigMapName in inferenceservice-config"
        ways = [*([proxy] if self.asked.proxy else []), *([ca] if self.asked.ca else [])]
        return f"{lacks}. If it needs them: {'; '.join(ways)} (docs/kserve.md)"

    def unchecked(self, asked_by_pods: bool) -> list[str]:
        """Return what nothing in the run has tried; `asked_by_pods`: whether pods have asked what is outside."""
        if not self.asked:
            return []
        unused = egress.unused(self.asked, self.outside if asked_by_pods else {})
        found = [f"{unused}: no pod of the run asked anything by that"] if unused else []
        if self.copier:
            found.append(f"{self.copier}: gets none of {self.options}")
        return found
