"""The suite's options, each with its environment variable, and how their values become settings."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from acceptance.errors import BadSetting
from acceptance.load import limits
from acceptance.settings import MINIO, Settings
from acceptance.storage.location import read_location
from acceptance.training.recipes import PROFILES

PREDICTORS = ("deployment", "kserve")
LEVELS = ("restricted", "baseline")
WITH_PODS = ("existing", "kind", "k3d")
WITH_MINIO = ("docker", *WITH_PODS)
DATA = ("auto", "cifar10", "digits")
ON, OFF = ("1", "yes", "true", "on"), ("", "0", "no", "false", "off")
# how much of a value an error shows
LONGEST = 300


@dataclass(frozen=True)
class Option:
    """A command-line option; `default` is for people. `flag` ones take no value, `file` ones name an existing file."""

    name: str
    about: str
    default: str = ""
    variable: str = ""
    flag: bool = False
    file: bool = False

    @property
    def key(self) -> str:
        return self.name.lstrip("-").replace("-", "_")

    @property
    def environment(self) -> str:
        return self.variable or f"ACCEPTANCE_{self.key.upper()}"

    @property
    def help(self) -> str:
        default = f" (default: {self.default})" if self.default else ""
        return f"{self.about}{default} [env: {self.environment}]"


OPTIONS = (
    Option("--target", "where the stack runs: embedded, docker, existing, kind or k3d", "embedded"),
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
    ),
    Option(
        "--store",
        "s3://BUCKET/PREFIX: the run's MLflow keeps its artifacts there, in a prefix of the run's own; minio: the run "
        "starts a MinIO for them, in a pod or a container",
        "a folder of the run's, or of its MLflow's pod",
    ),
    Option(
        "--predictor",
        "what makes the predictors on a cluster. deployment: the suite; kserve: the cluster's KServe, from --store",
        "deployment",
    ),
    Option(
        "--runtime",
        "the ClusterServingRuntime of --predictor kserve",
        "kserve-tritonserver where it fits, else one of the run's own",
    ),
    Option(
        "--pod-security",
        "the Pod Security level of the run's own namespace: restricted or baseline",
        "restricted",
    ),
    Option("--images", "a YAML file of images that override those of manifests/images.yaml", "none", file=True),
    Option(
        "--profile",
        "quick: the same verdicts sooner; tutorial: what the tutorial does",
        "quick on embedded, else tutorial",
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
    ),
    Option("--rate", "requests a second", str(limits.TUTORIAL_RATE)),
    Option(
        "--pairs",
        "pairs of loads that compare the GPU with the CPU; a close race needs more, and the report says how many",
        str(limits.LEAST_PAIRS),
    ),
    Option("--duration", "seconds of load", "60 with tutorial, 10 with quick, 5 with quick and --data digits"),
    Option("--request", "a V2 JSON request file, sent instead of the sample image", "the sample image", file=True),
    Option("--expect-index", "the class index that the request must land at", "4"),
    Option("--report", "the folder of the report", "reports/<time>"),
    Option("--compare", "a history.jsonl or results.json to compare with", "the history beside the reports", file=True),
)
BY_KEY = {option.key: option for option in OPTIONS}


class Reader:
    """The value of an option from the command line or its environment variable, and its name for errors."""

    def __init__(self, given: Mapping[str, object], environment: Mapping[str, str]) -> None:
        self.given, self.environment = given, environment

    def typed(self, key: str) -> bool:
        return self.given.get(key) not in (None, False)

    def text(self, key: str) -> tuple[str, str]:
        """Return (value or "", how the user gave it)."""
        option = BY_KEY[key]
        if self.typed(key):
            value = str(self.given[key])
            return value, f"{option.name} {shortened(value)}"
        value = self.environment.get(option.environment, "")
        return value, f"{option.environment}={shortened(value)}"

    def source(self, key: str, default: int) -> str:
        """Return how the user gave it, or how the default would be given."""
        value, source = self.text(key)
        return source if value else f"{BY_KEY[key].name} {default}"

    def resolve_conflict(self, one: str, other: str, why: str) -> None:
        """Let the option that was typed beat the other's variable; raises BadSetting where both were given alike."""
        (first, first_source), (second, second_source) = self.text(one), self.text(other)
        if not first or not second:
            return
        if self.typed(one) == self.typed(other):
            raise BadSetting(f"{first_source} and {second_source}: {why}; leave one out")
        beaten = other if self.typed(one) else one
        self.environment = {**self.environment, BY_KEY[beaten].environment: ""}

    # --- values, checked

    def one_of(self, key: str, choices: Sequence[str], default: str) -> str:
        value, source = self.text(key)
        if value and value not in choices:
            raise BadSetting(f"{source}: unknown; choose one of {', '.join(choices)}")
        return value or default

    def integer(self, key: str, default: int, bounds: tuple[int, int], unit: str) -> int:
        value, source = self.text(key)
        if not value:
            return default
        low, high = bounds
        # int refuses thousands of digits
        if not value.isdecimal() or not low <= float(value) <= high:
            raise BadSetting(f"{source}: must be a whole number of {unit} from {low} to {high}")
        return int(float(value))

    def path(self, key: str, must_exist: bool = True) -> Path | None:
        value, source = self.text(key)
        if not value:
            return None
        try:
            # as pytest reads its own --junitxml and --html
            found = Path(os.path.expandvars(value)).expanduser().absolute()
            there = found.exists()
        except (OSError, RuntimeError) as error:  # RuntimeError: nobody has that home
            reason = getattr(error, "strerror", error)
            raise BadSetting(f"{source}: can't be looked at ({reason}); name another, by its whole path") from None
        if not there and must_exist:
            raise BadSetting(f"{source}: no such file or folder")
        if BY_KEY[key].file and not found.is_file():  # a device or a pipe may never end
            raise BadSetting(f"{source}: a folder, a device or a pipe; name a file")
        return found

    def flag(self, key: str) -> bool:
        value, source = self.text(key)
        if value.lower() not in (*ON, *OFF):
            raise BadSetting(f"{source}: neither yes nor no; write 1 or 0")
        return value.lower() in ON

    def only_for(self, key: str, target: str, *needed: str) -> str:
        value, source = self.text(key)
        if value and target not in needed:
            which = " or ".join(needed)
            raise BadSetting(f"{source}: only --target {which} uses it, and the target is {target}; leave one out")
        return value


def shortened(value: str) -> str:
    return value if len(value) <= LONGEST else f"{value[:LONGEST]}... ({len(value):,} characters)"


def read_settings(
    given: Mapping[str, object], targets: Sequence[str], environment: Mapping[str, str] = os.environ
) -> Settings:
    """Return the settings; raises BadSetting that names the option, the value and what would do."""
    reader = Reader(given, environment)
    target = reader.one_of("target", targets, "embedded")
    profile = reader.one_of("profile", PROFILES, "quick" if target == "embedded" else "tutorial")
    if reader.text("data")[0] == "digits":
        reader.resolve_conflict("data", "cifar10", "contradict each other")
    reader.resolve_conflict("agents", "cluster", "it is there already")
    agents = Settings.agents
    if reader.only_for("agents", target, "k3d"):
        agents = reader.integer("agents", agents, (0, 9), "agents")
    data = reader.one_of("data", DATA, "auto")
    store = read_store(reader, target)
    predictor = read_predictor(reader, target, store)
    settings = Settings(
        target=target,
        profile=profile,
        data=data,
        rate=reader.integer("rate", limits.TUTORIAL_RATE, limits.RATE, "requests a second"),
        duration=reader.integer("duration", limits.usual_seconds(profile, data == "digits"), limits.SECONDS, "seconds"),
        pairs=reader.integer("pairs", limits.LEAST_PAIRS, limits.PAIRS, "pairs"),
        expect_index=reader.integer("expect_index", 4, (0, 9), "the class"),
        require_gpu=reader.flag("require_gpu"),
        keep=reader.flag("keep"),
        cifar10=reader.path("cifar10"),
        request=reader.path("request"),
        report=reader.path("report", must_exist=False),
        compare=reader.path("compare"),
        images=reader.path("images"),
        predictor=predictor,
        runtime=read_runtime(reader, predictor),
        pod_security=read_level(reader, target),
        store=store,
        kube_context=reader.only_for("kube_context", target, "existing"),
        cluster=reader.only_for("cluster", target, "kind", "k3d"),
        agents=agents,
    )
    check_load(settings, " ".join(reader.source(key, getattr(settings, key)) for key in ("rate", "duration")))
    return settings


def read_store(reader: Reader, target: str) -> str:
    store, source = reader.text("store")
    if store != MINIO:
        return str(read_location(store, source)) if store else ""
    if target not in WITH_MINIO:
        raise BadSetting(
            f"{source}: a run starts MinIO in a pod or a container, and the target is {target}; choose --target "
            f"{' or '.join(WITH_MINIO)}, or name a store of yours, --store s3://BUCKET/PREFIX"
        )
    return store


def read_predictor(reader: Reader, target: str, store: str) -> str:
    predictor = reader.one_of("predictor", PREDICTORS, "deployment")
    if predictor == "kserve":
        reader.only_for("predictor", target, *WITH_PODS)
        if not store:
            _, source = reader.text("predictor")
            raise BadSetting(
                f"{source}: KServe copies the model from an object store; name yours, --store s3://BUCKET/PREFIX, or "
                "have one started, --store minio"
            )
    return predictor


def read_runtime(reader: Reader, predictor: str) -> str:
    name, source = reader.text("runtime")
    if name and predictor != "kserve":
        raise BadSetting(f"{source}: only --predictor kserve uses it; leave one out")
    return name


def read_level(reader: Reader, target: str) -> str:
    reader.only_for("pod_security", target, *WITH_PODS)
    return reader.one_of("pod_security", LEVELS, LEVELS[0])


def check_load(settings: Settings, given: str) -> None:
    load = f"{given}: {settings.requests:,} requests"
    if settings.requests < limits.REQUESTS_FOR_P99:
        raise BadSetting(
            f"{load} are too few for a 99th percentile, which takes {limits.REQUESTS_FOR_P99}; raise either"
        )
    if settings.requests > limits.MOST_REQUESTS:
        raise BadSetting(f"{load} are more than the {limits.MOST_REQUESTS:,} that one run may send; lower either")
