"""Ways in which a machine is not like ours, each made for one run: what runs it, its variables, and its options."""

import contextlib
import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from acceptance.paths import ROOT
from tests.contract.fakes import GPU, Fakes
from tests.running import keras_settings

GROUPS = Path("/sys/fs/cgroup")
NOBODYS_ID = 1000660000


@dataclass(frozen=True)
class Machine:
    """How a run is started there; `inside` is the command that runs it."""

    inside: tuple[str, ...] = ()
    variables: dict[str, str] = field(default_factory=dict)


MakeMachine = Callable[[Path], AbstractContextManager[Machine]]
"""Makes one for the time of a run; the folder is the test's own."""


def limited(*options: str) -> MakeMachine:
    """Return the machine with `prlimit`'s options."""

    @contextlib.contextmanager
    def make(folder: Path) -> Iterator[Machine]:
        yield Machine(usable("prlimit", *options))

    return make


def mounted(*commands: str) -> MakeMachine:
    """Return one with file systems of its own, after the commands.

    They may name {folder}, the test's own, and {temporary}, in it, for temporary files.
    """

    @contextlib.contextmanager
    def make(folder: Path) -> Iterator[Machine]:
        temporary = folder / "tmp"
        temporary.mkdir()
        script = "; ".join(command.format(folder=folder, temporary=temporary) for command in commands)
        inside = usable("unshare", "--mount", "sh", "-ec", f'{script}; exec "$@"', "sh")
        yield Machine(inside, {"TMPDIR": str(temporary)})

    return make


def outside_tmp(make: MakeMachine) -> MakeMachine:
    """Return one that is made only where the checkout itself isn't below /tmp."""

    @contextlib.contextmanager
    def made(folder: Path) -> Iterator[Machine]:
        if ROOT.is_relative_to("/tmp"):  # noqa: S108
            pytest.skip(f"the suite itself could not run: its checkout is {ROOT}")
        with make(folder) as machine:
            yield machine

    return made


def told(**variables: str) -> MakeMachine:
    """Return one whose user has set variables, for other programs."""

    @contextlib.contextmanager
    def make(folder: Path) -> Iterator[Machine]:
        yield Machine(variables=variables)

    return make


@contextlib.contextmanager
def with_keras_settings(folder: Path) -> Iterator[Machine]:
    """One whose user has another backend for Keras, and settings that suit it."""
    yield Machine(variables={"HOME": str(keras_settings(folder / "home")), "KERAS_BACKEND": "jax"})


def checked_out_as(name: str) -> MakeMachine:
    """Return one that has the checkout, with its environment, in a folder of that name as well; the run is there."""

    @contextlib.contextmanager
    def make(folder: Path) -> Iterator[Machine]:
        checkout = folder / name
        checkout.mkdir()
        script = 'mount --bind "$1" "$2"; cd "$2"; python=$2/.venv/bin/python; shift 3; exec "$python" "$@"'
        usable("unshare", "--mount")
        yield Machine(("unshare", "--mount", "sh", "-ec", script, "sh", str(ROOT), str(checkout)))

    return make


@contextlib.contextmanager
def without_account(folder: Path) -> Iterator[Machine]:
    """One whose user has a number alone, as on OpenShift: no entry in the passwd file, no name and no home."""
    unset = ("env", *(f"--unset={name}" for name in ("HOME", "USER", "LOGNAME", "LNAME", "USERNAME")))
    yield Machine(usable(*unset, "unshare", "--user", f"--map-user={NOBODYS_ID}", f"--map-group={NOBODYS_ID}"))


@contextlib.contextmanager
def without_network(folder: Path) -> Iterator[Machine]:
    yield Machine(usable("unshare", "--net"))


@contextlib.contextmanager
def hiding_gpus(folder: Path) -> Iterator[Machine]:
    """A machine with a GPU, which the user hid."""
    path = f"{Fakes(folder / 'bin').install(**GPU)}{os.pathsep}{os.environ['PATH']}"
    yield Machine(variables={"PATH": path, "CUDA_VISIBLE_DEVICES": "-1"})


def in_group(controller: str, limit: str, old_limit: str, value: int) -> MakeMachine:
    """Return one whose run is in a control group with a limit, by its name in version 2 and in version 1."""

    @contextlib.contextmanager
    def make(folder: Path) -> Iterator[Machine]:
        old = GROUPS / controller
        group = (old if old.is_dir() else GROUPS) / f"triton-acceptance-{os.getpid()}"
        try:
            group.mkdir()
            (group / (old_limit if old.is_dir() else limit)).write_text(str(value))
        except OSError as error:
            with contextlib.suppress(OSError):
                group.rmdir()
            pytest.skip(f"no control group with a limit can be made here: {error}")
        try:
            yield Machine(usable("sh", "-ec", f'echo $$ >"{group}/cgroup.procs"; exec "$@"', "sh"))
        finally:
            group.rmdir()

    return make


def usable(*inside: str) -> tuple[str, ...]:
    """Return a command that runs others; skips where this user may not, or it isn't there."""
    try:
        tried = subprocess.run([*inside, "true"], capture_output=True, text=True, check=False)
    except FileNotFoundError as error:
        pytest.skip(str(error))
    if tried.returncode:
        pytest.skip(f"{inside[0]} does not work here: {tried.stderr.strip()}")
    return inside
