"""The suite's options, each with its environment variable, and the settings that they add up to."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from acceptance.errors import BadSetting

PROFILES = ("quick", "tutorial")
DATA = ("auto", "cifar10", "digits")
FILES = ("request", "compare", "images")
ON, OFF = ("1", "yes", "true", "on"), ("", "0", "no", "false", "off")
# MLPerf LoadGen: a 99th percentile at 99 % confidence takes this many requests
REQUESTS_FOR_P99 = 662
MOST_REQUESTS = 1_000_000
# with fewer an interval means little
LEAST_PAIRS = 6
MOST_PAIRS = 1000
# of a k3d cluster, as in the tutorial
AGENTS = 2
# how much of a value an error shows
LONGEST = 300


@dataclass(frozen=True)
class Option:
    """A command-line option; `flag` ones take no value."""

    name: str
    help: str
    variable: str = ""
    flag: bool = False

    @property
    def key(self) -> str:
        return self.name.lstrip("-").replace("-", "_")

    @property
    def environment(self) -> str:
        return self.variable or f"ACCEPTANCE_{self.key.upper()}"


OPTIONS = (
    Option("--target", "where the stack runs (default: embedded)"),
    Option("--kube-context", "the kubeconfig's context of --target existing (default: its only one)"),
    Option(
        "--cluster",
        "reuse the cluster of this name of --target kind or k3d; it is never created and never deleted "
        "(default: one is made for the run and deleted after it)",
    ),
    Option(
        "--agents",
        "agents of the cluster that --target k3d makes (default: 2, the first has the GPU; 0: the server alone has it, "
        "the tutorial's smaller gputest cluster, enough for the pod: `-k cudavectoradd`)",
    ),
    Option("--images", "a YAML file of images that override those of manifests/images.yaml"),
    Option("--profile", "quick: the same verdicts sooner; tutorial: what the tutorial does (default: quick)"),
    Option("--require-gpu", "a missing GPU fails the @gpu scenarios instead of skipping them", flag=True),
    Option("--keep", "leave the stack up at the end and say how to reach and remove it", flag=True),
    Option(
        "--cifar10",
        "the standard cifar-10-batches-py folder, or cifar-10-python.tar.gz (default: looked for, then downloaded)",
        variable="CIFAR10_DIR",
    ),
    Option("--data", "auto: CIFAR-10, or a labelled stand-in where it can't be had; cifar10; digits (the stand-in)"),
    Option("--rate", "requests a second (default: the tutorial's 600)"),
    Option("--pairs", "pairs of loads that compare the GPU with the CPU (default: 6, the fewest that can tell)"),
    Option("--duration", "seconds of load (default: 10 with quick, 60 with tutorial)"),
    Option("--request", "a V2 JSON request file, sent instead of the suite's own deer"),
    Option("--expect-index", "the class index that --request must land at (default: 4)"),
    Option("--report", "the folder of report.html, results.json, junit.xml and logs (default: reports/<time>)"),
    Option("--compare", "a history.jsonl or results.json to compare with (default: the history beside the reports)"),
)


@dataclass(frozen=True)
class Settings:
    """What a run was asked to do; checked, but nothing looked for on disk yet except the named files."""

    target: str
    profile: str
    data: str
    rate: int
    duration: int
    expect_index: int
    pairs: int = LEAST_PAIRS
    require_gpu: bool = False
    keep: bool = False
    cifar10: Path | None = None
    request: Path | None = None
    report: Path | None = None
    compare: Path | None = None
    images: Path | None = None
    kube_context: str = ""
    cluster: str = ""
    agents: int = AGENTS

    @property
    def requests(self) -> int:
        return self.rate * self.duration


class Reader:
    """The value of an option from the command line or its environment variable, and its name for errors."""

    def __init__(self, given: Mapping[str, object], environment: Mapping[str, str]) -> None:
        self.given, self.environment = given, environment

    def typed(self, option: Option) -> bool:
        return self.given.get(option.key) not in (None, False)

    def text(self, option: Option) -> tuple[str, str]:
        """Return (value or "", how the user gave it)."""
        if self.typed(option):
            value = str(self.given[option.key])
            return value, f"{option.name} {shortened(value)}"
        value = self.environment.get(option.environment, "")
        return value, f"{option.environment}={shortened(value)}"

    def source(self, option: Option, default: int) -> str:
        """Return how the user gave it, or how the default would be given."""
        value, source = self.text(option)
        return source if value else f"{option.name} {default}"

    def settle(self, one: Option, other: Option, why: str) -> None:
        """Let the option that was typed beat the other's variable; raises BadSetting where both were given alike."""
        (first, first_source), (second, second_source) = self.text(one), self.text(other)
        if not first or not second:
            return
        if self.typed(one) == self.typed(other):
            raise BadSetting(f"{first_source} and {second_source}: {why}; leave one out")
        beaten = other if self.typed(one) else one
        self.environment = {**self.environment, beaten.environment: ""}


def shortened(value: str) -> str:
    return value if len(value) <= LONGEST else f"{value[:LONGEST]}... ({len(value):,} characters)"


def read_settings(
    given: Mapping[str, object], targets: Sequence[str], environment: Mapping[str, str] = os.environ
) -> Settings:
    """Return the settings; raises BadSetting that names the option, the value and what would do."""
    reader = Reader(given, environment)
    options = {option.key: option for option in OPTIONS}

    def one_of(key: str, choices: Sequence[str], default: str) -> str:
        value, source = reader.text(options[key])
        if value and value not in choices:
            raise BadSetting(f"{source}: unknown; choose one of {', '.join(choices)}")
        return value or default

    def whole(key: str, default: int, low: int, high: int, unit: str) -> int:
        value, source = reader.text(options[key])
        if not value:
            return default
        # int refuses thousands of digits
        if not value.isdecimal() or not low <= float(value) <= high:
            raise BadSetting(f"{source}: must be a whole number of {unit} from {low} to {high}")
        return int(float(value))

    def path(key: str) -> Path | None:
        value, source = reader.text(options[key])
        if not value:
            return None
        try:
            # as pytest reads its own --junitxml and --html
            found = Path(os.path.expandvars(value)).expanduser().absolute()
            there = found.exists()
        except (OSError, RuntimeError) as error:  # RuntimeError: nobody has that home
            reason = getattr(error, "strerror", error)
            raise BadSetting(f"{source}: can't be looked at ({reason}); name another, by its whole path") from None
        if not there and key != "report":
            raise BadSetting(f"{source}: no such file or folder")
        if key in FILES and not found.is_file():  # a device or a pipe may never end
            raise BadSetting(f"{source}: a folder, a device or a pipe; name a file")
        return found

    def flag(key: str) -> bool:
        value, source = reader.text(options[key])
        if value.lower() not in (*ON, *OFF):
            raise BadSetting(f"{source}: neither yes nor no; write 1 or 0")
        return value.lower() in ON

    def only_for(key: str, target: str, *needed: str) -> str:
        value, source = reader.text(options[key])
        if value and target not in needed:
            which = " or ".join(needed)
            raise BadSetting(f"{source}: only --target {which} uses it, and the target is {target}; leave one out")
        return value

    target = one_of("target", targets, "embedded")
    profile = one_of("profile", PROFILES, "quick" if target == "embedded" else "tutorial")
    if reader.text(options["data"])[0] == "digits":
        reader.settle(options["data"], options["cifar10"], "contradict each other")
    if reader.text(options["agents"])[0] != str(AGENTS):
        reader.settle(options["agents"], options["cluster"], "it is there already")
    settings = Settings(
        target=target,
        profile=profile,
        data=one_of("data", DATA, "auto"),
        rate=whole("rate", 600, 1, 100_000, "requests a second"),
        duration=whole("duration", 60 if profile == "tutorial" else 10, 1, 86_400, "seconds"),
        pairs=whole("pairs", LEAST_PAIRS, LEAST_PAIRS, MOST_PAIRS, "pairs"),
        expect_index=whole("expect_index", 4, 0, 9, "the class"),
        require_gpu=flag("require_gpu"),
        keep=flag("keep"),
        cifar10=path("cifar10"),
        request=path("request"),
        report=path("report"),
        compare=path("compare"),
        images=path("images"),
        kube_context=only_for("kube_context", target, "existing"),
        cluster=only_for("cluster", target, "kind", "k3d"),
        agents=whole("agents", AGENTS, 0, 9, "agents") if only_for("agents", target, "k3d") else AGENTS,
    )
    given_load = (reader.source(options[key], getattr(settings, key)) for key in ("rate", "duration"))
    check_load(settings, " ".join(given_load))
    return settings


def check_load(settings: Settings, given: str) -> None:
    load = f"{given}: {settings.requests:,} requests"
    if settings.requests < REQUESTS_FOR_P99:
        raise BadSetting(f"{load} are too few for a 99th percentile, which takes {REQUESTS_FOR_P99}; raise either")
    if settings.requests > MOST_REQUESTS:
        raise BadSetting(f"{load} are more than the {MOST_REQUESTS:,} that one run may send; lower either")
