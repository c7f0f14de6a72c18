"""Collects what a run measures while it goes on: the fixtures tell it, the report is drawn from it."""

import contextlib
import os
import platform
import time
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from acceptance.data.dataset import Dataset
from acceptance.errors import AcceptanceError, Problem, WaitTimeout
from acceptance.gpu.nvidia_smi import Gpu
from acceptance.images import Pull
from acceptance.load.gpu_utilisation import GpuUtilisation
from acceptance.load.pairs import PairedLoads
from acceptance.load.result import LoadResult
from acceptance.paths import PROJECT
from acceptance.report import measured
from acceptance.report.causes import Causes
from acceptance.report.results import Results, Span
from acceptance.serving.inference import Answer
from acceptance.serving.predictions import HeldOutAnswers
from acceptance.settings import Settings
from acceptance.training.tracking import TrainingRun

# so many times as long as in earlier runs is slow, but nothing is within so many seconds
SLOW, LEAST_SECONDS = 1.5, 10.0


class Record:
    """The results so far, and the time that they count from; `own` and `redact` are what `Causes` is given.

    `clock` gives the seconds since 1970.
    """

    def __init__(
        self,
        settings: Settings,
        own: Sequence[str] = (),
        redact: Callable[[str], str] = str,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.clock = clock
        self.began = clock()
        # what is being set up, the innermost last, and since when
        self.going_on: list[tuple[str, float]] = []
        # how long it took in earlier runs of the same kind, in seconds
        self.usual: dict[str, float] = {}
        # files that pytest could not collect
        self.unread = 0
        self.results = Results(
            started=datetime.fromtimestamp(self.began, UTC).astimezone().isoformat(timespec="seconds"),
            target=settings.target,
            profile=settings.profile,
            location="",
            rate=settings.rate,
            duration=settings.duration,
            machine=machine(),
            expect_index=settings.expect_index,
            request=settings.request.name if settings.request else "",
        )
        self.causes = Causes(self.results.causes, own, redact)
        self.version("suite", tomllib.loads(PROJECT.read_text(encoding="utf-8"))["project"]["version"])
        self.version("Python", platform.python_version())

    def now(self) -> float:
        """Return the seconds since the run began."""
        return self.clock() - self.began

    def span(self, name: str, kind: str, started: float, seconds: float, failed: bool = False) -> None:
        self.results.spans.append(Span(name, kind, max(0.0, started), seconds, failed))

    @contextlib.contextmanager
    def setup(self, name: str) -> Iterator[None]:
        """Time what scenarios share; a wait that was too long for it says how long it took in earlier runs."""
        started, failed = self.now(), True
        self.going_on.append((name, started))
        try:
            yield
            failed = False
        except WaitTimeout as error:
            if pace := self.pace(least=0.0):
                error.add(pace)
            raise
        finally:
            self.going_on.pop()
            self.span(name, "setup", started, self.now() - started, failed)

    def pace(self, least: float = SLOW) -> str:
        """Return how long what is being set up takes, where that is `least` times as long as in earlier runs."""
        if not self.going_on:
            return ""
        name, started = self.going_on[-1]
        usual, seconds = self.usual.get(name), self.now() - started
        if usual is None or seconds < max(least * usual, LEAST_SECONDS * bool(least)):
            return ""
        return f"{name}: {seconds:.0f} s so far; it took {usual:.0f} s in earlier runs"

    def target(self, versions: Mapping[str, str], pulls: Sequence[Pull]) -> None:
        for name, version in versions.items():
            self.version(name, version)
        for pull in pulls:
            self.span(pull.image, "pull", pull.ended - pull.seconds - self.began, pull.seconds)

    def version(self, name: str, version: str) -> None:
        if version:
            self.results.versions[name] = version

    def gpu(self, gpu: Gpu | Problem) -> None:
        """Keep the target's GPU, or why it has none."""
        if isinstance(gpu, Problem):
            self.results.devices["GPU"] = f"none: {gpu}"
            return
        self.results.devices["GPU"] = gpu.name
        self.version("NVIDIA driver", gpu.driver)
        self.version("CUDA", gpu.cuda)

    def training(self, run: TrainingRun) -> None:
        self.results.trainings.append(measured.training(run))
        self.results.devices[f"{run.recipe.device.upper()} training saw"] = ", ".join(run.devices)

    def load(self, device: str, result: LoadResult) -> None:
        self.results.loads.append(measured.load(device, result))

    def pairs(self, pairs: PairedLoads, use: GpuUtilisation) -> None:
        """Keep the pairs, and the first one's loads where no load of that device was kept: the images show them."""
        self.results.pairs = measured.pairs(pairs, use)
        known = {load.device for load in self.results.loads}
        for pair in (pairs.counted or pairs.sent)[:1]:
            for device, result in (("cpu", pair.cpu), ("gpu", pair.gpu)):
                if device not in known:
                    self.load(device, result)

    def sent(self, body: bytes, dataset: Dataset, answer: Answer) -> None:
        """Keep the image of the tutorial's request, where it is one, and the logits [10] that came back last."""
        pixels = measured.sent_pixels(body)
        if pixels is None:
            return
        title = f"the image in {self.results.request}" if self.results.request else f"the {dataset.sample}"
        self.results.images = [image for image in self.results.images if image.title != title]
        with contextlib.suppress(AcceptanceError, LookupError):  # what a scenario finds
            self.image(title, pixels, self.results.expect_index, dataset.classes, answer.logits()[0])

    def held_out(self, images: np.ndarray, answers: HeldOutAnswers, classes: Sequence[str]) -> None:
        """Keep the first held-out image of each class, and its logits."""
        for index, name in enumerate(classes):
            if (answers.labels == index).any():
                first = int((answers.labels == index).argmax())
                self.image(f"held-out image {first}: {name}", images[first], index, classes, answers.served[first])

    def image(self, title: str, pixels: np.ndarray, expected: int, classes: Sequence[str], logits: np.ndarray) -> None:
        if logits.shape != (len(classes),) or not np.isfinite(logits).all():
            return  # what a scenario finds, and no bar can show
        self.results.images.append(measured.image(title, pixels, expected, classes, logits))
        # the deer is what people look for
        self.results.images.sort(key=lambda image: not image.title.startswith("the "))


def machine() -> str:
    """Return this machine's processor and how many of its cores the suite may use."""
    model = platform.machine()
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        model = next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        pass
    return f"{model}, {len(os.sched_getaffinity(0))} cores"
