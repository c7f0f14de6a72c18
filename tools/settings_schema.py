"""Writes docs/acceptance.schema.json, the JSON Schema of a settings file, from the table of options."""

import json

from acceptance.files import write_whole
from acceptance.options.schema import schema
from acceptance.paths import ROOT

FILE = ROOT / "docs" / "acceptance.schema.json"


def content() -> str:
    return json.dumps(schema(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    write_whole(FILE, content())
