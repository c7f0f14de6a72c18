"""What each release of Kubernetes publishes of its API: its calls, and its objects field by field.

A release's own Python client says it, of which only the text is read: all of them bear one package's name.
"""

import ast
import re
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from acceptance.kubernetes.releases import NEWEST, OLDEST
from acceptance.paths import ROOT

RELEASES = [f"1.{minor}" for minor in range(OLDEST[1], NEWEST[1] + 1)]
MODEL = re.compile(r"openapi_types = (\{.*?\}).*?attribute_map = (\{.*?\})", re.DOTALL)
REQUIRED = re.compile(r"Invalid value for `(\w+)`, must not be `None`")
CALL = re.compile(
    r"def (\w+)_with_http_info\(.*?call_api\(\s*'([^']+)', '([A-Z]+)',.*?response_type=(?:'([^']+)'|None)", re.DOTALL
)
VALUES: dict[str, type] = {"str": str, "int": int, "bool": bool, "datetime": str, "float": float}


class Call(NamedTuple):
    verb: str
    path: str
    answer: str
    """The type of what it returns, which is that of what is created by it, too."""


class Model(NamedTuple):
    """The types of an object's fields, by their names in JSON, and those that it must have."""

    fields: dict[str, str]
    required: set[str]


class Release:
    """One release, by the folder of its client."""

    def __init__(self, name: str, folder: Path) -> None:
        self.name, self.folder = name, folder
        self.models: dict[str, Model | None] = {}

    def model(self, name: str) -> Model | None:
        """Return a type by its name, such as V1PodSpec; None where the release has none."""
        if name not in self.models:
            self.models[name] = self.read_model(name)
        return self.models[name]

    def read_model(self, name: str) -> Model | None:
        file = self.folder / "models" / f"{snake_case(name)}.py"
        if not file.is_file():
            return None
        text = file.read_text(encoding="utf-8")
        found = MODEL.search(text)
        assert found, file
        types, names = (ast.literal_eval(one) for one in found.groups())
        return Model(
            {names[own]: types[own] for own in types}, {names[own] for own in REQUIRED.findall(text) if own in names}
        )

    @cache  # noqa: B019 - one for each release
    def calls(self, api: str) -> dict[str, Call]:
        """Return the calls of a group and version, by their names; `api`: such as AppsV1Api; none where it has none."""
        file = self.folder / "api" / f"{snake_case(api)}.py"
        if not file.is_file():
            return {}
        found = CALL.findall(file.read_text(encoding="utf-8"))
        return {name: Call(verb, path, answer) for name, path, verb, answer in found}

    def created_at(self, path: str) -> str:
        """Return the type of what is created by a POST to the path, "" for nothing."""
        parts = path.strip("/").split("/")
        group = "core" if parts[0] == "api" else parts[1].removesuffix(".k8s.io").replace(".", "_")
        version = parts[1] if parts[0] == "api" else parts[2]
        api = "".join(one.capitalize() for one in f"{group}_{version}_api".split("_"))
        for call in self.calls(api).values():
            if call.verb == "POST" and re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", call.path), path):
                return call.answer
        return ""

    # --- what is wrong with what it is sent

    def unknown(self, path: str, body: Any) -> list[str]:
        """Return what the release does not know of an object that is posted to the path, each by its place."""
        kind = f"{body['kind']} {body['metadata'].get('name') or body['metadata'].get('generateName')}"
        answer = self.created_at(path)
        if not answer:
            return [f"Kubernetes {self.name} creates nothing at {path}: {kind}"]
        return [f"Kubernetes {self.name}, {kind}: {one}" for one in self.faults(answer, body, "")]

    def faults(self, of: str, value: Any, where: str) -> Iterator[str]:
        inner = re.fullmatch(r"list\[(.+)\]|dict\(str, (.+)\)", of)
        wanted: Any = VALUES.get(of, list if inner and inner[1] else dict)
        if of == "object":  # anything
            return
        if type(value) is not wanted:
            yield f"{where} is no {of}: {value!r}"
        elif inner and inner[1]:
            for index, one in enumerate(value):
                yield from self.faults(inner[1], one, f"{where}[{index}]")
        elif inner:
            for key, one in value.items():
                yield from self.faults(inner[2], one, f"{where}[{key}]")
        elif wanted is dict:
            model = self.model(of)
            assert model, f"{of} of {where}"
            for name in sorted(model.required - set(value)):
                yield f"{where}.{name} is missing".lstrip(".")
            for name, one in value.items():
                place = f"{where}.{name}".lstrip(".")
                if name not in model.fields:
                    yield f"{place} is no field of {of}"
                else:
                    yield from self.faults(model.fields[name], one, place)

    def refuses_call(self, api: str, name: str) -> str:
        return "" if name in self.calls(api) else f"Kubernetes {self.name} has no {name} of {api}"


def snake_case(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()


def published() -> dict[str, Release]:
    """Return the releases by their names; skips where their clients can't be fetched."""
    made = subprocess.run([ROOT / "tools" / "kubernetes_apis"], capture_output=True, encoding="utf-8", check=False)
    if made.returncode:
        pytest.skip(f"no published API of Kubernetes: it can't be fetched: {made.stderr.strip()[-300:]}")
    folder = Path(made.stdout.strip())
    return {name: Release(name, folder / name / "kubernetes" / "client") for name in RELEASES}
