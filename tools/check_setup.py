"""Whether .venv has what the set-up was to put there, asked by tools/setup with .venv's own Python.

`python tools/check_setup.py EXTRA`: the extra that was chosen. Ends with one line on what is wrong.
"""

import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any


def requirements(project: Mapping[str, Any], extra: str) -> list[str]:
    """Return the names of the packages that a pyproject.toml asks for: its own, the extra's, and the developers'."""
    found = [
        *project["project"]["dependencies"],
        *project["project"]["optional-dependencies"][extra],
        *project["dependency-groups"]["dev"],
    ]
    return [re.split(r"[^A-Za-z0-9._-]", one)[0].lower() for one in found]


def wrong_packages(names: Sequence[str], lock: Mapping[str, Any], prefix: Path) -> Iterator[str]:
    """Yield what is wrong with each package that isn't there, not as uv.lock has it, or not in the environment."""
    for name in names:
        locked = [package["version"] for package in lock["package"] if package["name"] == name]
        try:
            found = metadata.distribution(name)
        except metadata.PackageNotFoundError:
            yield f"{name} is missing"
            continue
        if found.version not in locked:
            yield f"{name} is {found.version}, not {' or '.join(locked)}"
        elif not Path(str(found.locate_file(""))).resolve().is_relative_to(prefix):
            yield f"{name} is not in it, but in {found.locate_file('')}"


def broken_program(program: Path) -> Iterator[str]:
    try:
        subprocess.run([program, "-version"], capture_output=True, timeout=30, check=True)
    except (OSError, subprocess.SubprocessError) as error:
        yield f"{program} doesn't start: {error}"


def problem(environment: Path, extra: str) -> str:
    """Return what is wrong with the environment, "" where nothing is."""
    project, lock = (tomllib.loads(Path(name).read_text(encoding="utf-8")) for name in ("pyproject.toml", "uv.lock"))
    wrong = [
        *wrong_packages(requirements(project, extra), lock, environment.resolve()),
        *broken_program(environment / "bin" / "vegeta"),
    ]
    if not wrong:
        return ""
    shown = "; ".join(wrong[:3]) + (f"; and {len(wrong) - 3} more" if len(wrong) > 3 else "")
    return f".venv isn't as asked for: {shown}; remove .venv, look at uv's and pip's configuration, and set up again"


if __name__ == "__main__":
    found = problem(Path(".venv").absolute(), sys.argv[1])
    sys.exit(f"setup: {found}" if found else 0)
