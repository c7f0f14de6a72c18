"""Where a run's data set comes from: the user's own, Keras' cache, the download, or the stand-in."""

import contextlib
import hashlib
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import requests

from acceptance.data import batches
from acceptance.errors import BadSetting, root_words
from acceptance.health import first_words
from acceptance.settings import Settings

ARCHIVE = "cifar-10-python.tar.gz"
FOLDER = "cifar-10-batches-py"
ABANDONED_SECONDS = 3600
# of a file that isn't the archive
HEAD_BYTES = 800
# what every figure of the stand-in is marked with
LABEL = "STAND-IN DATA"
STAND_IN = f"{LABEL}: handwritten digits instead of CIFAR-10; no figure compares with the tutorial's"


@dataclass(frozen=True)
class Origin:
    """Where the archive is downloaded from, and what it must be."""

    url: str = f"https://www.cs.toronto.edu/~kriz/{ARCHIVE}"
    md5: str = "c58f30108f718f92721af3b95e74349a"
    answer_seconds: float = 10


CIFAR10 = Origin()


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
        return data_name(self.stand_in)


def data_name(stand_in: bool) -> str:
    return f"handwritten digits ({LABEL})" if stand_in else "CIFAR-10"


def find_source(settings: Settings, say: Callable[[str], None], origin: Origin = CIFAR10) -> Source:
    """Return the first source that there is; raises BadSetting where a named one is wrong or none was found.

    The order: the user's own, Keras' cache, the download, the stand-in.
    """
    if settings.data == "digits":
        return Source()
    if settings.cifar10:
        return check(settings.cifar10, origin)
    cache = keras_cache()
    unusable = ""
    for place in cached(cache):
        try:
            if place.exists():
                return check(place, origin)
        except (BadSetting, OSError) as error:  # a copy that nobody named: cut off while it was made, another user's
            unusable += f"{error}; "
    try:
        return Source(archive=download(cache / ARCHIVE, say, origin))
    except (OSError, requests.RequestException) as error:
        reason = root_words(error)
    searched = (
        f"--cifar10 and CIFAR10_DIR (not given), {cache} ({unusable or 'nothing there'}), {origin.url} ({reason})"
    )
    if settings.data == "auto" and settings.target == "embedded":
        return Source(searched=searched)
    raise BadSetting(f"CIFAR-10 was not found; looked in {searched}; name a folder or an archive with --cifar10")


def keras_cache(environment: Mapping[str, str] = os.environ, home: Callable[[], Path] = Path.home) -> Path:
    """Return where Keras keeps data sets; for a user without a home, as in some containers, where Keras goes then."""
    named = environment.get("KERAS_HOME")
    try:
        return (Path(named) if named else home() / ".keras") / "datasets"
    except RuntimeError:
        return Path(tempfile.gettempdir()) / ".keras" / "datasets"


def cached(cache: Path) -> tuple[Path, ...]:
    """Return where Keras' versions, and this suite, leave it in the cache."""
    return cache / FOLDER, cache / f"{FOLDER}-target" / FOLDER, cache / ARCHIVE


# --- looking at one


def check(path: Path, origin: Origin = CIFAR10) -> Source:
    """Return the source for a folder or an archive; raises BadSetting for one that is wrong or can't be read."""
    try:
        return check_folder(path) if path.is_dir() else check_file(path, origin)
    except OSError as error:
        raise BadSetting(
            f"{path}: can't be read ({error.strerror}); make it readable, or name another with --cifar10"
        ) from None


def check_folder(path: Path) -> Source:
    folder = path / FOLDER if (path / FOLDER).is_dir() else path
    missing = [name for name in batches.TRAINING + batches.HELD_OUT if not (folder / name).is_file()]
    if missing:
        raise BadSetting(f"{folder}: lacks {', '.join(missing)}; name the folder that {ARCHIVE} unpacks to")
    for name in batches.TRAINING + batches.HELD_OUT:
        batches.read_batch(folder / name)
    return Source(folder=folder)


def check_file(path: Path, origin: Origin) -> Source:
    if not path.is_file():  # a device or a pipe may never end
        raise BadSetting(f"{path}: neither a folder nor a file; name {FOLDER} or {ARCHIVE} with --cifar10")
    check_archive(path, origin)
    return Source(archive=path)


def digest_of(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "md5").hexdigest()


def check_archive(path: Path, origin: Origin) -> None:
    if (found := digest_of(path)) != origin.md5:
        raise BadSetting(
            f"{path}: MD5 {found} instead of {origin.md5} ({path.stat().st_size:,} bytes): cut short or another file; "
            f"remove it, or name another with --cifar10"
        )


# --- the download


def download(target: Path, say: Callable[[str], None], origin: Origin = CIFAR10) -> Path:
    """Fetch the archive; nothing is left at `target` unless it is whole and its MD5 right."""
    part = target.with_suffix(f".{os.getpid()}.part")
    try:
        remove_abandoned(target)
        with requests.get(origin.url, stream=True, timeout=origin.answer_seconds) as answer:
            answer.raise_for_status()
            length = answer.headers.get("Content-Length", "")
            total, done = int(length) if length.isdecimal() else 0, 0
            target.parent.mkdir(parents=True, exist_ok=True)
            if total > shutil.disk_usage(target.parent).free:
                raise OSError(f"{target.parent} has no room for its {total >> 20} MiB")
            with part.open("wb") as stream:
                for piece in answer.iter_content(1 << 20):
                    done += stream.write(piece)
                    say(f"downloading {origin.url}: {done >> 20} of {total >> 20} MiB")
        if digest_of(part) != origin.md5:
            raise OSError(f"{origin.url}: another file was answered, of {done:,} bytes{words_of(part)}")
        return part.rename(target)
    finally:
        part.unlink(missing_ok=True)


def words_of(path: Path) -> str:
    """Return the first words of a file that is text, as a sign-in page is, after a colon; "" of any other."""
    with path.open("rb") as stream:
        head = stream.read(HEAD_BYTES)
    return "" if b"\0" in head or not head else f": {first_words(head)}"


def remove_abandoned(target: Path) -> None:
    """Remove what is left of downloads that were killed; one that goes on has just been written to."""
    for part in target.parent.glob(f"{target.stem}.*.part"):
        with contextlib.suppress(FileNotFoundError):  # its run has just finished it
            if time.time() - part.stat().st_mtime > ABANDONED_SECONDS:
                part.unlink()
