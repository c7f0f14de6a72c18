"""Which settings file a run reads: the one that was named, or that of the folder in which it was started."""

import os
from collections.abc import Mapping
from pathlib import Path

from acceptance.options.reader import Reader
from acceptance.options.settings_file import SettingsFile, own_file, read_file
from acceptance.options.table import NO_FILE, SETTINGS_FILE


def open_reader(
    given: Mapping[str, object], environment: Mapping[str, str] = os.environ, folder: Path | None = None
) -> Reader:
    """Return the reader of all three places; `folder`: where a file is looked for unless one was named."""
    return Reader(given, environment, find_file(Reader(given, environment), folder))


def find_file(reader: Reader, folder: Path | None) -> SettingsFile | None:
    """Read the settings file, if there is one; raises BadSetting."""
    value, _ = reader.text("settings")
    if value == NO_FILE:
        return None
    if named := reader.path("settings"):
        return read_file(named, value)
    own = own_file(folder) if folder else None
    return read_file(own, SETTINGS_FILE) if own else None
