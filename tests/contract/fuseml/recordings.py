"""Requests and answers of a FuseML: what a real one said, where that is at hand, and a handful of the suite's own.

A script is a list of their names. Each request must be the script's next, or once more the one before: anything else
is kept as unexpected. Names, hosts and a workflow's text may differ; an answer then has the names that were asked with.
"""

import functools
import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import yaml

REAL = Path(__file__).parents[4] / "shared" / "fuseml"
OWN = Path(__file__).parent / "own"
# the parts of a path that are no names
WORDS = {"codesets", "projects", "workflows", "assignments", "runs", "applications", "extensions", "version"}
NAMES = {"name", "project", "codesetName", "codesetProject", "workflow"}


@functools.cache
def recording(kind: str, name: str, own: bool = False) -> Any:
    """Return a recording by its name, less its number: the suite's own one too where a real one isn't there."""
    found = [] if own else [file for file in (REAL / kind).glob("*.json") if file.stem.partition("-")[2] == name]
    if not found:
        return json.loads((OWN / f"{kind}.json").read_text())[name]
    (file,) = found
    return json.loads(file.read_text())


@dataclass
class Names:
    """What recorded names are called now."""

    now: dict[str, str] = field(default_factory=dict)

    def put(self, text: str) -> str:
        """Return a recorded text with the names of now in it."""
        known = sorted(self.now, key=len, reverse=True)
        if not known:
            return text
        pattern = rf"(?<![A-Za-z0-9_])(?:{'|'.join(map(re.escape, known))})(?![A-Za-z0-9_])"
        return re.sub(pattern, lambda found: self.now[found[0]], text)


def same_target(asked: str, recorded: str, names: Names) -> bool:
    """Say whether two targets ask for the same, and note what the recorded names are called in the first."""
    one, other = urlsplit(asked), urlsplit(recorded)
    parts, others = one.path.split("/"), other.path.split("/")
    query, wanted = (parse_qsl(each.query, keep_blank_values=True) for each in (one, other))
    if len(parts) != len(others) or sorted(key for key, _ in query) != sorted(key for key, _ in wanted):
        return False
    found: dict[str, str] = {}
    for part, was in zip(parts, others, strict=True):
        if WORDS & {part, was} or not part or not was:
            if part != was:
                return False
        else:
            found[unquote(was)] = unquote(part)
    for (key, value), (_, was) in zip(sorted(query), sorted(wanted), strict=True):
        if key in NAMES and value and was:
            found[was] = value
        elif value != was:
            return False
    names.now |= {was: now for was, now in found.items() if was != now}
    return True


def same_body(asked: str | None, recorded: str | None, names: Names) -> bool:
    """Say whether two bodies have the same fields; a workflow's name is one of the names."""
    if not asked or not recorded:
        return bool(asked) == bool(recorded)
    one, other = yaml.safe_load(asked), yaml.safe_load(recorded)
    if isinstance(one, dict) and isinstance(other, dict) and "steps" in one and "steps" in other:
        names.now[other["name"]] = one["name"]
    return fields(one) == fields(other)


def fields(tree: Any) -> Any:
    """Return a tree's keys, without its values."""
    if isinstance(tree, dict):
        return {key: fields(value) for key, value in tree.items()}
    return [fields(one) for one in tree] if isinstance(tree, list) else None
