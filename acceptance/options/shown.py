"""What `--show-settings` prints: each option's value, and where it comes from."""

import json
import shlex
from collections.abc import Callable

from acceptance.options.reader import Place, Reader
from acceptance.options.table import NO_FILE, Option
from acceptance.settings import Settings

HEADINGS = ("option", "value", "where from")


def table(reader: Reader, settings: Settings, shown: Callable[[str], str]) -> list[str]:
    """Return the table's lines; `shown` hides secrets."""
    rows = [HEADINGS]
    for key, option in reader.options.items():
        value, where = shown(value_of(reader, settings, key)), shown(where_from(reader, key))
        rows.append((option.name, one_line(value), one_line(where)))
    first, second = (max(len(row[column]) for row in rows) for column in (0, 1))
    return [f"{name:{first}}  {value:{second}}  {where}".rstrip() for name, value, where in rows]


def value_of(reader: Reader, settings: Settings, key: str) -> str:
    """Return what counts in this run; where nothing is set, what the option's default says."""
    option = reader.options[key]
    if key == "settings":
        return str(reader.file.path) if reader.file else NO_FILE
    if option.flag:
        return json.dumps(reader.flag(key))
    if option.many:
        return shlex.join(value for value, _ in reader.each(key)) or fallback(option)
    # a path is shown whole; those about pods are no settings of their own
    value = getattr(settings, key, None)
    return reader.text(key)[0] or fallback(option) if value in (None, "") else str(value)


def where_from(reader: Reader, key: str) -> str:
    given = reader.given_to(key)
    if key == "settings" and reader.file and given.place is Place.DEFAULT:
        return "found where pytest was started"
    return given.where


def fallback(option: Option) -> str:
    return f"({option.default})" if option.default else "-"


def one_line(text: str) -> str:
    return text.replace("\n", "\\n").replace("\t", "\\t")
