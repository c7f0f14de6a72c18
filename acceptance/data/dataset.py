"""The data set of a run: where it is looked for, how it is checked, and what is taken where there is none."""

import hashlib
import os
import shutil
import tarfile
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import requests

from acceptance.data import batches
from acceptance.data.standin import write_digits
from acceptance.errors import AcceptanceError, BadSetting
from acceptance.settings import Settings

ARCHIVE = "cifar-10-python.tar.gz"
FOLDER = "cifar-10-batches-py"
MD5 = "c58f30108f718f92721af3b95e74349a"
URL = f"https://www.cs.toronto.edu/~kriz/{ARCHIVE}"
ANSWER_SECONDS = 10
ABANDONED_SECONDS = 3600
# what every figure of the stand-in is marked with
LABEL = "STAND-IN DATA"
STAND_IN = f"{LABEL}: handwritten digits instead of CIFAR-10; no figure compares with the tutorial's"
CIFAR10_CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
DIGIT_CLASSES = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


@dataclass(frozen=True)
class Dataset:
    """A standard folder that was read and checked; `stand_in` when it isn't CIFAR-10."""

    folder: Path
    stand_in: bool
    held_out: batches.Pictures
    digest: str

    @property
    def name(self) -> str:
        return name(self.stand_in)

    @property
    def classes(self) -> tuple[str, ...]:
        return DIGIT_CLASSES if self.stand_in else CIFAR10_CLASSES

    def files(self) -> list[Path]:
        """Return the batch files, the training's first."""
        return [self.folder / name for name in batches.TRAINING + batches.HELD_OUT]

    @property
    def sample(self) -> str:
        """The name of the picture that must land at index 4."""
        return self.classes[4]


@dataclass(frozen=True)
class Source:
    """Where the data set will come from: a folder, an archive whose MD5 was right, or neither (the stand-in)."""

    folder: Path | None = None
    archive: Path | None = None
    searched: str = ""

    @property
    def stand_in(self) -> bool:
        return self.folder is None and self.archive is None

    @property
    def name(self) -> str:
        return name(self.stand_in)


def name(stand_in: bool) -> str:
    return f"handwritten digits ({LABEL})" if stand_in else "CIFAR-10"


def find_source(settings: Settings, say: Callable[[str], None]) -> Source:
    """Return the first source that there is; raises BadSetting where a named one is wrong or none was found.

    The order: the user's own, Keras' cache, the download, the stand-in.
    """
    if settings.data == "digits":
        return Source()
    if settings.cifar10:
        return check(settings.cifar10)
    cache = keras_cache()
    unusable = ""
    for place in cached(cache):
        try:
            if place.exists():
                return check(place)
        except (BadSetting, OSError) as error:  # a copy that nobody named: cut off while it was made, another user's
            unusable += f"{error}; "
    try:
        return Source(archive=download(cache / ARCHIVE, say))
    except (OSError, requests.RequestException) as error:
        reason = str(error) or type(error).__name__
    searched = f"--cifar10 and CIFAR10_DIR (not given), {cache} ({unusable or 'nothing there'}), {URL} ({reason[:120]})"
    if settings.data == "auto" and settings.target == "embedded":
        return Source(searched=searched)
    raise BadSetting(f"CIFAR-10 was not found; looked in {searched}; name a folder or an archive with --cifar10")


def keras_cache() -> Path:
    home = os.environ.get("KERAS_HOME")
    try:
        return (Path(home) if home else Path.home() / ".keras") / "datasets"
    except RuntimeError:  # a user without a home, as in some containers: where Keras itself goes then
        return Path(tempfile.gettempdir()) / ".keras" / "datasets"


def cached(cache: Path) -> tuple[Path, ...]:
    """Return where Keras' versions, and this suite, leave it in the cache."""
    return cache / FOLDER, cache / f"{FOLDER}-target" / FOLDER, cache / ARCHIVE


def check(path: Path) -> Source:
    """Return the source for a folder or an archive; raises BadSetting for one that is wrong or can't be read."""
    try:
        return look_at(path)
    except OSError as error:
        raise BadSetting(
            f"{path}: can't be read ({error.strerror}); make it readable, or name another with --cifar10"
        ) from None


def look_at(path: Path) -> Source:
    if path.is_dir():
        folder = path / FOLDER if (path / FOLDER).is_dir() else path
        missing = [name for name in batches.TRAINING + batches.HELD_OUT if not (folder / name).is_file()]
        if missing:
            raise BadSetting(f"{folder}: lacks {', '.join(missing)}; name the folder that {ARCHIVE} unpacks to")
        for name in batches.TRAINING + batches.HELD_OUT:
            batches.read_batch(folder / name)
        return Source(folder=folder)
    if not path.is_file():  # a device or a pipe may never end
        raise BadSetting(f"{path}: neither a folder nor a file; name {FOLDER} or {ARCHIVE} with --cifar10")
    check_archive(path)
    return Source(archive=path)


def check_archive(path: Path) -> None:
    with path.open("rb") as stream:
        found = hashlib.file_digest(stream, "md5").hexdigest()
    if found != MD5:
        raise BadSetting(
            f"{path}: MD5 {found} instead of {MD5} ({path.stat().st_size:,} bytes): cut short or another file; "
            f"remove it, or name another with --cifar10"
        )


def download(target: Path, say: Callable[[str], None]) -> Path:
    """Fetch the archive; nothing is left at `target` unless it is whole and its MD5 right."""
    part = target.with_suffix(f".{os.getpid()}.part")
    try:
        remove_abandoned(target)
        with requests.get(URL, stream=True, timeout=ANSWER_SECONDS) as answer:
            answer.raise_for_status()
            total, done = int(answer.headers.get("Content-Length", 0)), 0
            target.parent.mkdir(parents=True, exist_ok=True)
            if total > shutil.disk_usage(target.parent).free:
                raise OSError(f"{target.parent} has no room for its {total >> 20} MiB")
            with part.open("wb") as stream:
                for piece in answer.iter_content(1 << 20):
                    done += stream.write(piece)
                    say(f"downloading {URL}: {done >> 20} of {total >> 20} MiB")
        check_archive(part)
        return part.rename(target)
    except BadSetting as error:
        raise OSError(str(error)) from error
    finally:
        part.unlink(missing_ok=True)


def remove_abandoned(target: Path) -> None:
    """Remove what is left of downloads that were killed; one that goes on has just been written to."""
    for part in target.parent.glob(f"{target.stem}.*.part"):
        if time.time() - part.stat().st_mtime > ABANDONED_SECONDS:
            part.unlink(missing_ok=True)


def prepare(source: Source, directory: Path) -> Dataset:
    """Return the data set, read and checked; what must be unpacked or written goes into `directory`."""
    folder = source.folder or directory / FOLDER
    if source.archive:
        unpack(source.archive, directory)
    elif source.folder is None:
        write_digits(folder)
    training = batches.read_pictures(folder, batches.TRAINING)
    held_out = batches.read_pictures(folder, batches.HELD_OUT)
    return Dataset(folder, source.stand_in, held_out, batches.digest(training, held_out))


def unpack(archive: Path, directory: Path) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    try:
        with tarfile.open(archive) as tar:
            tar.extractall(directory, filter="data")
    except (tarfile.TarError, OSError, EOFError) as error:
        raise AcceptanceError(f"{archive}: can't be unpacked into {directory}: {error}") from error
