"""Every option of the suite, with its environment variable and what values it takes."""

from dataclasses import dataclass

from acceptance.load import limits
from acceptance.training.recipes import PROFILES

# the settings file of the folder in which pytest is started, and the --settings that leaves it unread
SETTINGS_FILE, NO_FILE = "acceptance.toml", "none"


@dataclass(frozen=True)
class Option:
    """A command-line option; `default` is for people.

    `flag` ones take no value, `file` ones name an existing file, `many` ones may be given several times. `choices` are
    all the values there are; `bounds` are those of a whole number of `unit`. `not_in_file` says why a
    settings file can't hold it.
    """

    name: str
    about: str
    default: str = ""
    variable: str = ""
    flag: bool = False
    file: bool = False
    many: bool = False
    choices: tuple[str, ...] = ()
    bounds: tuple[int, int] | None = None
    unit: str = ""
    not_in_file: str = ""

    @property
    def word(self) -> str:
        """Its key in a settings file."""
        return self.name.lstrip("-")

    @property
    def key(self) -> str:
        return self.word.replace("-", "_")

    @property
    def environment(self) -> str:
        return self.variable or f"ACCEPTANCE_{self.key.upper()}"

    @property
    def help(self) -> str:
        default = f" (default: {self.default})" if self.default else ""
        return f"{self.about}{default} [env: {self.environment}]"


OPTIONS = (
    Option(
        "--settings",
        f"a TOML file of options, whose keys are their names; {NO_FILE}: not even {SETTINGS_FILE}",
        f"{SETTINGS_FILE}, where pytest is started",
        file=True,
        not_in_file="a settings file names no other",
    ),
    Option(
        "--show-settings",
        "print each option's value and where it comes from, and start nothing",
        flag=True,
        not_in_file="it would keep every run from starting",
    ),
    Option(
        "--target",
        "where the stack runs: embedded, docker, existing, kind or k3d",
        "embedded",
        choices=("embedded", "docker", "existing", "kind", "k3d"),
    ),
    Option("--kube-context", "the kubeconfig's context of --target existing", "the kubeconfig's only one"),
    Option(
        "--cluster",
        "the cluster of --target kind or k3d to reuse; it is neither made nor removed",
        "one is made for the run, and removed after it",
    ),
    Option(
        "--agents",
        "agents of the cluster that --target k3d makes, the first with the GPU; 0: the server alone, with the GPU",
        "2",
        bounds=(0, 9),
        unit="agents",
    ),
    Option(
        "--store",
        "s3://BUCKET/PREFIX: the run's MLflow keeps its artifacts there, in a prefix of the run's own; minio: the run "
        "starts a MinIO for them, in a pod or a container",
        "a folder of the run's, or of its MLflow's pod",
    ),
    Option(
        "--mlflow",
        "http://HOST:PORT or https://HOST/PATH: a tracking server of yours, for the runs; they stay there",
        "one that the run starts, and that goes with it",
    ),
    Option("--mlflow-experiment", "the experiment of --mlflow", "triton-acceptance"),
    Option(
        "--predictor",
        "what makes the predictors on a cluster. deployment: the suite; kserve or seldon: the cluster's KServe or "
        "Seldon Core 1, from --store",
        "deployment",
        choices=("deployment", "kserve", "seldon"),
    ),
    Option(
        "--gateway",
        "http://HOST[:PORT] or https://HOST[:PORT] of the ingress of --predictor seldon: predictions go there, to "
        "/seldon/NAMESPACE/NAME/v2/models/MODEL/infer",
        "a port-forward to the predictor",
    ),
    Option(
        "--runtime",
        "the ClusterServingRuntime of --predictor kserve",
        "kserve-tritonserver where it fits, else one of the run's own",
    ),
    Option(
        "--workflow",
        "what builds, trains and serves the CPU's model on a cluster. mlflow: the run itself; fuseml: your FuseML",
        "mlflow",
        choices=("mlflow", "fuseml"),
    ),
    Option("--fuseml-url", "http://HOST:PORT of the server of --workflow fuseml", variable="FUSEML_SERVER_URL"),
    Option(
        "--fuseml-client",
        "how FuseML is asked. rest: by its API, and git; cli: by its command line",
        "rest",
        choices=("rest", "cli"),
    ),
    Option("--fuseml-cli", "FuseML's command line of --fuseml-client cli", "fuseml, on the PATH", file=True),
    Option(
        "--fuseml-install",
        "DOMAIN: have fuseml-installer install FuseML beneath it, in the cluster; it stays there",
        "nothing is installed",
    ),
    Option(
        "--pod-security",
        "the Pod Security level of the run's own namespace: restricted or baseline",
        "restricted",
        choices=("restricted", "baseline"),
    ),
    Option(
        "--namespace",
        "the namespace of --target existing to work in; it is neither made nor removed",
        "one is made for the run, and removed after it",
    ),
    Option("--label", "KEY=VALUE, a label for every pod; may be given several times", "none", many=True),
    Option("--annotation", "KEY=VALUE, an annotation for every pod; may be given several times", "none", many=True),
    Option(
        "--node-selector",
        "KEY=VALUE, a label of the nodes that pods may go to; may be given several times",
        "any node",
        many=True,
    ),
    Option(
        "--toleration",
        "KEY=VALUE:EFFECT, KEY:EFFECT or KEY, a taint that every pod tolerates; may be given several times",
        "none",
        many=True,
    ),
    Option("--priority-class", "the PriorityClass of every pod", "the cluster's"),
    Option("--runtime-class", "the RuntimeClass of pods with a GPU", "nvidia where the cluster has it"),
    Option("--gpu-resource", "what the nodes call their GPUs: a MIG profile, a shared GPU", "nvidia.com/gpu"),
    Option("--storage-class", "the StorageClass of what MLflow and MinIO keep", "the node's own disk"),
    Option("--pull-secret", "NAMESPACE/NAME of the Secret by which images are pulled; the run copies it", "none"),
    Option(
        "--proxy",
        "http://HOST:PORT by which pods reach what is outside; one with a password in its variable alone",
        "none",
    ),
    Option(
        "--no-proxy",
        "HOST,.DOMAIN,NETWORK: what pods reach without --proxy, besides the cluster's own names",
        "the cluster's own names",
    ),
    Option("--ca", "a PEM file of authorities that pods trust besides the public ones", "the public ones", file=True),
    Option("--registry", "HOST/PATH of the mirror that has all images", "each image's own registry"),
    Option("--images", "a YAML file of images that override those of manifests/images.yaml", "none", file=True),
    Option(
        "--profile",
        "quick: the same verdicts sooner; tutorial: what the tutorial does",
        "quick on embedded, else tutorial",
        choices=PROFILES,
    ),
    Option("--require-gpu", "a missing GPU fails the @gpu scenarios instead of skipping them", flag=True),
    Option("--keep", "leave the stack up at the end, and say how to reach and remove it", flag=True),
    Option(
        "--cifar10",
        "the cifar-10-batches-py folder, or cifar-10-python.tar.gz",
        "Keras' cache, then the download",
        variable="CIFAR10_DIR",
    ),
    Option(
        "--data",
        "cifar10: the real data set; digits: the stand-in; auto: the stand-in where CIFAR-10 can't be had",
        "auto",
        choices=("auto", "cifar10", "digits"),
    ),
    Option("--rate", "requests a second", str(limits.TUTORIAL_RATE), bounds=limits.RATE, unit="requests a second"),
    Option(
        "--pairs",
        "pairs of loads that compare the GPU with the CPU; a close race needs more, and the report says how many",
        str(limits.LEAST_PAIRS),
        bounds=limits.PAIRS,
        unit="pairs",
    ),
    Option(
        "--duration",
        "seconds of load",
        "60 with tutorial, 10 with quick, 5 with quick and --data digits",
        bounds=limits.SECONDS,
        unit="seconds",
    ),
    Option(
        "--request",
        "a V2 JSON request file, sent instead of the sample image",
        "the sample image",
        file=True,
    ),
    Option("--expect-index", "the class index that the request must land at", "4", bounds=(0, 9), unit="the class"),
    Option("--report", "the folder of the report", "reports/<time>"),
    Option(
        "--compare",
        "a history.jsonl or results.json to compare with",
        "the history beside the reports",
        file=True,
    ),
)
BY_KEY = {option.key: option for option in OPTIONS}
