"""Secrets in a settings file are refused by name, with the variable to use instead, and never shown."""

import re

import pytest

from acceptance.errors import BadSetting
from acceptance.options import OPTIONS
from acceptance.options.secrets import variable_instead
from acceptance.options.settings_file import read_file

HIDDEN = "hunter2hunter2"


def refusal(folder, text):
    path = folder / "site.toml"
    path.write_text(text)
    with pytest.raises(BadSetting) as caught:
        read_file(path, "site.toml")
    return str(caught.value)


@pytest.mark.parametrize(
    ("key", "variable"),
    [
        ("AWS_SECRET_ACCESS_KEY", "AWS_SECRET_ACCESS_KEY"),
        ("aws_secret_access_key", "AWS_SECRET_ACCESS_KEY"),
        ("aws-secret-access-key", "AWS_SECRET_ACCESS_KEY"),
        ("awsSecretAccessKey", "AWS_SECRET_ACCESS_KEY"),
        ("awssecretaccesskey", "AWS_SECRET_ACCESS_KEY"),
        ("secret", "AWS_SECRET_ACCESS_KEY"),
        ("secret-key", "AWS_SECRET_ACCESS_KEY"),
        ("AWS_ACCESS_KEY_ID", "AWS_ACCESS_KEY_ID"),
        ("access-key", "AWS_ACCESS_KEY_ID"),
        ("accessKeyId", "AWS_ACCESS_KEY_ID"),
        ("AWS_SESSION_TOKEN", "AWS_SESSION_TOKEN"),
        ("session-token", "AWS_SESSION_TOKEN"),
        ("MLFLOW_TRACKING_PASSWORD", "MLFLOW_TRACKING_PASSWORD"),
        ("mlflow-tracking-password", "MLFLOW_TRACKING_PASSWORD"),
        ("Password", "MLFLOW_TRACKING_PASSWORD"),
        ("passwd", "MLFLOW_TRACKING_PASSWORD"),
        ("pwd", "MLFLOW_TRACKING_PASSWORD"),
        ("MLFLOW_TRACKING_TOKEN", "MLFLOW_TRACKING_TOKEN"),
        ("token", "MLFLOW_TRACKING_TOKEN"),
        ("HF_TOKEN", "HF_TOKEN"),
    ],
)
def test_a_key_that_is_named_like_a_secret_is_refused_with_its_variable(tmp_path, key, variable):
    message = refusal(tmp_path, f'\n{key} = "{HIDDEN}"\n')
    assert message == f"site.toml:2: {key}: a secret has no place in a file; set the variable {variable} instead"


def test_a_secret_whose_use_is_not_known_is_refused_with_those_that_there_are(tmp_path):
    message = refusal(tmp_path, f'api-key = "{HIDDEN}"\n')
    assert "site.toml:1: api-key: a secret has no place in a file" in message
    assert "AWS_SECRET_ACCESS_KEY" in message
    assert "MLFLOW_TRACKING_TOKEN" in message
    assert HIDDEN not in message


@pytest.mark.parametrize("key", ["tokenizer", "keep", "secretary", "passage", "monkey"])
def test_a_key_that_only_begins_like_one_is_an_unknown_one(key):
    assert variable_instead(key) == ""


def test_no_option_is_taken_for_a_secret(tmp_path):
    for option in OPTIONS:
        path = tmp_path / "site.toml"
        path.write_text(f"{option.word} = {{}}\n")
        with pytest.raises(BadSetting) as caught:
            read_file(path, "site.toml")
        assert "a secret has no place" not in str(caught.value)


@pytest.mark.parametrize(
    "line",
    [
        f'store = "https://user:{HIDDEN}@store.example/models"',
        f'images = ["https://user:{HIDDEN}@store.example/models"]',
        f'report = {{password = "{HIDDEN}"}}',
        f'report = [{{password = "{HIDDEN}"}}]',
        f'cluster = "password={HIDDEN}"',
        'cluster = "AKIAIOSFODNN7EXAMPLE"',
        'rate = "ghp_0123456789abcdefghij0123"',
    ],
)
def test_a_value_that_carries_one_is_refused_and_not_shown(tmp_path, line):
    message = refusal(tmp_path, f"\n{line}\n")
    key = line.split(" ")[0]
    assert message.startswith(
        f"site.toml:2: {key}: holds what looks like a secret; leave it out, and set the variables"
    )
    assert "AWS_SECRET_ACCESS_KEY" in message
    assert not re.search(rf"{HIDDEN}|AKIA|ghp_", message)


@pytest.mark.parametrize(
    "line",
    [
        'pull-secret = "platform/registry"',
        'annotation = ["sidecar.istio.io/inject=false"]',
        'toleration = ["nvidia.com/gpu=present:NoSchedule"]',
        'store = "s3://models/ci"',
        'kube-context = "arn:aws:eks:eu-west-1:123456789012:cluster/ml"',
        'kube-context = "admin@ml.example"',
    ],
)
def test_a_harmless_value_is_taken(tmp_path, line):
    path = tmp_path / "site.toml"
    path.write_text(f"{line}\n")
    (value,) = read_file(path, "site.toml").values.values()
    assert value.how == f"site.toml:1: {line}"


@pytest.mark.parametrize(
    "text", [f'stroe = "{HIDDEN}"', f'[acceptance]\npassword = "{HIDDEN}"', f'password.is = "{HIDDEN}"']
)
def test_the_value_of_a_key_that_is_not_known_is_never_shown(tmp_path, text):
    message = refusal(tmp_path, text)
    assert message.startswith("site.toml:1: ")
    assert HIDDEN not in message


def test_a_secret_in_a_key_is_not_shown(tmp_path):
    message = refusal(tmp_path, f'"https://user:{HIDDEN}@store.example" = 1\n')
    assert "unknown" in message
    assert HIDDEN not in message


def test_a_secret_in_what_is_no_toml_is_not_shown(tmp_path):
    assert HIDDEN not in refusal(tmp_path, f"password = {HIDDEN}\n")
