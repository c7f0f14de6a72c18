"""The JSON Schema of a settings file is up to date, and takes what the suite takes."""

import json
import re
import tomllib

import jsonschema
import pytest

from acceptance.errors import BadSetting
from acceptance.options import OPTIONS, read_settings
from acceptance.options.schema import schema
from acceptance.options.settings_file import read_file
from acceptance.options.table import Option
from acceptance.paths import ROOT
from acceptance.stacks.targets import TARGETS
from tools.settings_schema import FILE, content

VALIDATOR = jsonschema.Draft7Validator(json.loads(FILE.read_text()))
EXAMPLE = re.compile(r"^```toml\n(.*?)^```$", re.MULTILINE | re.DOTALL)
# in a file each; those that only the target refuses are given one that takes them
LINES = [
    'target = "moon"',
    'target = "kind"',
    "target = 1",
    'profile = "tutorial"',
    'profile = "slow"',
    'predictor = "kserve"\ntarget = "kind"\nstore = "minio"',
    'predictor = "other"',
    'pod-security = "baseline"\ntarget = "kind"',
    'pod-security = "privileged"\ntarget = "kind"',
    'data = "digits"',
    'data = ""',
    "agents = 9\ntarget = 'k3d'",
    "agents = 10\ntarget = 'k3d'",
    "rate = 100_000\nduration = 1",
    "rate = 100_001",
    "rate = 0",
    'rate = "600"',
    "rate = 600.5",
    "pairs = 6",
    "pairs = 5",
    "duration = 86_400\nrate = 1",
    "duration = 86_401",
    "expect-index = 9",
    "expect-index = -1",
    "keep = true",
    "keep = 1",
    'require-gpu = "yes"',
    'report = "here"',
    'report = ""',
    r'report = "a\nb"',
    'report = ["here"]',
    'kube_context = "lab"',
    'settings = "other.toml"',
    "show-settings = true",
    "[target]\nname = 'kind'",
]


def test_the_schema_is_the_one_of_the_table():
    assert FILE.read_text() == content(), "run `make schema`"


def test_the_schema_is_one():
    jsonschema.Draft7Validator.check_schema(schema())
    words = {option.word for option in OPTIONS} - {"settings", "show-settings"}
    assert set(schema()["properties"]) == words
    assert all(option.help in found["description"] for option, found in described())


def described():
    return [(option, schema()["properties"][option.word]) for option in OPTIONS if not option.not_in_file]


def test_the_targets_of_the_schema_are_those_that_there_are():
    assert set(schema()["properties"]["target"]["enum"]) == set(TARGETS)


@pytest.mark.parametrize("text", LINES)
def test_an_editor_and_a_run_agree(tmp_path, text):
    path = tmp_path / "site.toml"
    path.write_text(text)
    try:
        read_settings({}, list(TARGETS), {}, read_file(path))
        taken = True
    except BadSetting:
        taken = False
    assert VALIDATOR.is_valid(tomllib.loads(text)) == taken


def test_an_option_that_may_be_given_several_times_is_a_list_of_texts():
    found = jsonschema.Draft7Validator(schema([Option("--label", "a label", many=True)]))
    assert found.is_valid({"label": ["a", "b"]})
    assert not any(found.is_valid({"label": value}) for value in ("a", [1], [""], [["a"]]))


@pytest.mark.parametrize("name", ["docs/options.md"])
def test_the_documents_examples_are_valid_and_taken(tmp_path, name):
    examples = EXAMPLE.findall((ROOT / name).read_text())
    assert examples
    (tmp_path / "images.yaml").touch()
    for example in examples:
        assert [error.message for error in VALIDATOR.iter_errors(tomllib.loads(example))] == []
        path = tmp_path / "acceptance.toml"
        path.write_text(example)
        assert read_settings({}, list(TARGETS), {}, read_file(path)).target == tomllib.loads(example)["target"]
        (where,) = re.findall(r"^#:schema (\S+)$", example, re.MULTILINE)
        assert (ROOT / where).resolve() == FILE
