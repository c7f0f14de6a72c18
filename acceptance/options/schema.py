"""The JSON Schema of a settings file, for editors: it takes what the suite takes."""

from collections.abc import Sequence
from typing import Any

from acceptance.options.table import OPTIONS, Option

# the one that editors' TOML extensions know
DIALECT = "http://json-schema.org/draft-07/schema#"


def schema(options: Sequence[Option] = OPTIONS) -> dict[str, Any]:
    """Return the schema of a file that holds these options."""
    return {
        "$schema": DIALECT,
        "title": "Settings of triton-acceptance",
        "description": "Options of an acceptance run; the command line and variables win over them.",
        "type": "object",
        "properties": {option.word: of_option(option) for option in options if not option.not_in_file},
        "additionalProperties": False,
    }


def of_option(option: Option) -> dict[str, Any]:
    """Return what one key may hold; variables in a path, and what only a target has a use for, it leaves to the run."""
    text = {"type": "string", "minLength": 1, "pattern": "^[^\\u0000-\\u001f\\u007f]*$"}
    kind: dict[str, Any] = text
    if option.flag:
        kind = {"type": "boolean"}
    elif option.bounds:
        low, high = option.bounds
        kind = {"type": "integer", "minimum": low, "maximum": high}
    elif option.choices:
        kind = {"enum": list(option.choices)}
    elif option.many:
        kind = {"type": "array", "items": text}
    return {"description": option.help, **kind}
