"""Secrets that somebody wrote into a settings file: which they are, and the variable to use instead."""

import re
from collections.abc import Iterator
from typing import Any

from acceptance.redaction.patterns import hide, is_secret_name

# what a key is about, in capitals without separators, and the variable that the suite reads it from
VARIABLES = (
    ("PROXY", "ACCEPTANCE_PROXY"),
    ("SESSIONTOKEN", "AWS_SESSION_TOKEN"),
    ("SECURITYTOKEN", "AWS_SESSION_TOKEN"),
    ("SECRET", "AWS_SECRET_ACCESS_KEY"),
    ("ACCESSKEY", "AWS_ACCESS_KEY_ID"),
    ("PASS", "MLFLOW_TRACKING_PASSWORD"),
    ("PWD", "MLFLOW_TRACKING_PASSWORD"),
    ("TOKEN", "MLFLOW_TRACKING_TOKEN"),
)
VARIABLE = re.compile(r"[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+")
LOGINS = (
    "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY for a store, MLFLOW_TRACKING_TOKEN, or MLFLOW_TRACKING_USERNAME and "
    "MLFLOW_TRACKING_PASSWORD, for MLflow, ACCEPTANCE_PROXY for a proxy"
)


def variable_instead(key: str) -> str:
    """Return the variables to use instead of a key that is named like a secret, in any spelling, or ""."""
    name = re.sub(r"\W+", "_", re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", key)).upper()
    joined = name.replace("_", "")
    known = next((variable for words, variable in VARIABLES if words in joined), LOGINS)
    ours = {variable.replace("_", "") for _, variable in VARIABLES}
    if not is_secret_name(f"_{name}") and joined not in ours:
        return ""
    return key if VARIABLE.fullmatch(key) else known


def carries_secret(value: Any) -> bool:
    """Say whether a value has a text that looks like a secret, such as a URL with a password."""
    return any(hide(text) != text for text in texts(value))


def texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        yield from (text for pair in value.items() for part in pair for text in texts(part))
        # a table's key says what its value is
        yield from (f"{key}: {inner}" for key, inner in value.items() if isinstance(inner, str))
    elif isinstance(value, list):
        yield from (text for part in value for text in texts(part))
