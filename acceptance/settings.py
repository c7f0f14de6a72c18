"""What a run was asked to do."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

# the --store that a run brings along, and its bucket
MINIO, MINIO_PLACE = "minio", "s3://models"


@dataclass(frozen=True)
class Egress:
    """How pods reach what is outside of the cluster; false where nothing of it was asked for."""

    proxy: str = field(default="", repr=False)
    """http://HOST:PORT, with the user and the password that it asks for."""
    no_proxy: tuple[str, ...] = ()
    """Hosts, domains and networks that are reached without it."""
    ca: Path | None = None
    """A PEM file of certificate authorities."""

    def __bool__(self) -> bool:
        return bool(self.proxy or self.ca)


@dataclass(frozen=True)
class PodRules:
    """What a site asks of every pod on its cluster; `tolerations` have the fields of Kubernetes' own."""

    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    node_selector: Mapping[str, str] = field(default_factory=dict)
    tolerations: tuple[Mapping[str, str], ...] = ()
    priority_class: str = ""
    runtime_class: str = ""
    """That of pods with a GPU, "" for the one that the cluster has for them."""
    gpu_resource: str = ""
    """By which its nodes count GPUs, "" for NVIDIA's usual."""
    storage_class: str = ""
    """Where MLflow and MinIO keep what they have, "" for the node's own disk."""
    pull_secret: str = ""
    """NAMESPACE/NAME of the Secret by which images are pulled."""
    egress: Egress = field(default_factory=Egress)


@dataclass(frozen=True)
class Settings:
    """The options' values, checked; nothing was looked for on disk yet except the named files.

    `rate` is in requests a second, `duration` in seconds.
    """

    target: str
    profile: str
    data: str
    rate: int
    duration: int
    expect_index: int
    pairs: int
    require_gpu: bool = False
    keep: bool = False
    cifar10: Path | None = None
    request: Path | None = None
    report: Path | None = None
    compare: Path | None = None
    images: Path | None = None
    registry: str = ""
    """From where images are pulled that `images` doesn't name, "" for the registries of their own."""
    predictor: str = "deployment"
    runtime: str = ""
    pod_security: str = "restricted"
    store: str = ""
    mlflow: str = ""
    mlflow_experiment: str = "triton-acceptance"
    gateway: str = ""
    """The URL of the ingress in front of Seldon's predictors, "" for none."""
    workflow: str = "mlflow"
    """What builds, trains and serves the CPU's model: `mlflow` for the run itself."""
    fuseml_url: str = ""
    fuseml_client: str = "rest"
    fuseml_cli: Path | None = None
    """FuseML's command line, None for the one on the PATH."""
    fuseml_install: str = ""
    """The domain beneath which FuseML is to be installed, "" for one that is there."""
    kube_context: str = ""
    cluster: str = ""
    agents: int = 2
    namespace: str = ""
    """The one that is there already, "" for one of the run's own."""
    pods: PodRules = field(default_factory=PodRules)

    @property
    def requests(self) -> int:
        return self.rate * self.duration

    @property
    def kserve(self) -> bool:
        """Whether KServe makes the predictors."""
        return self.predictor == "kserve"

    @property
    def seldon(self) -> bool:
        """Whether Seldon Core makes the predictors."""
        return self.predictor == "seldon"

    @property
    def by_workflow(self) -> bool:
        """Whether an installation's workflow trains and serves the CPU's model."""
        return self.workflow != "mlflow"

    @property
    def minio(self) -> bool:
        """Whether the run has an object store of its own."""
        return self.store == MINIO

    @property
    def store_place(self) -> str:
        """Where in an object store the run works, such as `s3://bucket/prefix`, "" without one."""
        return MINIO_PLACE if self.minio else self.store
