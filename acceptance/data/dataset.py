"""The data set of a run, read and checked."""

import tarfile
from dataclasses import dataclass
from pathlib import Path

from acceptance.data import batches
from acceptance.data.source import FOLDER, Source, data_name
from acceptance.data.standin import write_digits
from acceptance.errors import AcceptanceError

CIFAR10_CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
DIGIT_CLASSES = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
SAMPLE_INDEX = 4


@dataclass(frozen=True)
class Dataset:
    """A standard folder that was read and checked; `stand_in` when it isn't CIFAR-10."""

    folder: Path
    stand_in: bool
    held_out: batches.Split
    digest: str

    @property
    def name(self) -> str:
        return data_name(self.stand_in)

    @property
    def classes(self) -> tuple[str, ...]:
        return DIGIT_CLASSES if self.stand_in else CIFAR10_CLASSES

    def files(self) -> list[Path]:
        """Return the batch files, the training's first."""
        return [self.folder / name for name in batches.TRAINING + batches.HELD_OUT]

    @property
    def sample(self) -> str:
        """The class of the sample image, which must land at index 4."""
        return self.classes[SAMPLE_INDEX]


def prepare(source: Source, directory: Path) -> Dataset:
    """Return the data set, read and checked; what must be unpacked or written goes into `directory`."""
    folder = source.folder or directory / FOLDER
    if source.archive:
        unpack(source.archive, directory)
    elif source.folder is None:
        write_digits(folder)
    training = batches.read_split(folder, batches.TRAINING)
    held_out = batches.read_split(folder, batches.HELD_OUT)
    return Dataset(folder, source.stand_in, held_out, batches.digest(training, held_out))


def unpack(archive: Path, directory: Path) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    try:
        with tarfile.open(archive) as tar:
            tar.extractall(directory, filter="data")
    except (tarfile.TarError, OSError, EOFError) as error:
        raise AcceptanceError(f"{archive}: can't be unpacked into {directory}: {error}") from error
