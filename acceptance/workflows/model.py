"""A codeset, a workflow, a run of it, and the application that comes of the run."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from acceptance.errors import AcceptanceError

WELL = ("Succeeded", "Completed")
ENDED = (*WELL, "Failed", "Cancelled")
INFER_URL = re.compile(r"(?P<base>http://[^/\s]+(?:/\S+)?)/v2/models/(?P<model>[^/\s]+)/infer")
# what a predictor step says of the model that it serves: a folder among a tracked run's artifacts
TRACKED = re.compile(r"/(?P<run>[0-9a-f]{32})/artifacts/(?P<folder>[^\s\"']+)")


@dataclass(frozen=True)
class Codeset:
    """Code under a project's and its own name; `address`: its git repository's, "" before it is registered."""

    project: str
    name: str
    address: str = ""

    def __str__(self) -> str:
        return f"{self.project}/{self.name}"

    def is_same(self, other: "Codeset") -> bool:
        return (self.project, self.name) == (other.project, other.name)


@dataclass(frozen=True)
class Workflow:
    """A workflow's definition; `resources`: what its steps need of the installation's extensions."""

    name: str
    text: str
    resources: tuple[str, ...] = ()


@dataclass(frozen=True)
class Run:
    """A run as it is now. `codesets`: the addresses of what it was given; no time is known before it has a status."""

    name: str
    workflow: str
    codesets: tuple[str, ...]
    state: str
    started: datetime | None = None
    ended: datetime | None = None
    outputs: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"run {self.name} of workflow {self.workflow}"

    @property
    def word(self) -> str:
        """The state without its reason: `Failed` of `Failed (Timeout)`."""
        return self.state.partition(" ")[0]

    @property
    def is_over(self) -> bool:
        return self.word in ENDED

    @property
    def went_well(self) -> bool:
        return self.word in WELL

    @property
    def took(self) -> str:
        """How long it went on, in words; a run that never had a status has no times."""
        if not self.started or not self.ended:
            return "its times are not known"
        return f"{(self.ended - self.started).total_seconds():.0f} s"


@dataclass(frozen=True)
class Application:
    """What a run left: its URL for predictions, what serves it, and the words of the step that made it."""

    name: str
    workflow: str
    url: str
    description: str = ""
    kinds: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"application {self.name} at {self.url}"

    @property
    def address(self) -> str:
        """Where its server answers, as `host:port`, with the path that precedes every other one there."""
        return self.parts["base"].removeprefix("http://")

    @property
    def model(self) -> str:
        return self.parts["model"]

    @property
    def parts(self) -> re.Match[str]:
        if found := INFER_URL.fullmatch(self.url):
            return found
        raise AcceptanceError(
            f"{self}: no URL for predictions of the Open Inference Protocol, http://HOST/v2/models/MODEL/infer; see "
            "what the workflow's predictor step registers"
        )

    @property
    def tracked_run(self) -> str:
        """MLflow's id of the run whose model it serves."""
        return self.tracked["run"]

    @property
    def model_folder(self) -> str:
        """The folder of its model among that run's artifacts: a version of Triton's model repository."""
        return f"{self.tracked['folder'].rstrip('/')}/{self.model}/1"

    @property
    def tracked(self) -> re.Match[str]:
        if found := TRACKED.search(self.description):
            return found
        raise AcceptanceError(
            f"{self}: its description names no tracked run's artifacts, only {self.description!r}; see what the "
            "workflow's predictor step registers"
        )
