"""A settings file: options that a site writes once, each at the top of a TOML file.

Types are checked here, values where those of the command line are.
"""

import difflib
import json
import re
import stat
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from acceptance.errors import BadSetting, shortened
from acceptance.options.secrets import LOGINS, carries_secret, variable_instead
from acceptance.options.table import OPTIONS, SETTINGS_FILE, Option
from acceptance.options.toml_text import BadToml, read_toml
from acceptance.redaction.patterns import hide
from acceptance.redaction.plain import plain

MOST_BYTES = 1 << 16
BARE = re.compile(r"[A-Za-z0-9_-]{1,100}")
CONTROL = re.compile(r"[\x00-\x1f\x7f]")
# TOML's own
MOST_INTEGER = 1 << 63


@dataclass(frozen=True)
class FileValue:
    """An option's value: its texts, one unless it may be given several times; `line` reads `acceptance.toml:3`."""

    line: str
    texts: tuple[str, ...]
    written: str

    @property
    def how(self) -> str:
        return f"{self.line}: {self.written}"


@dataclass(frozen=True)
class SettingsFile:
    """A file that was read; `values` has what it holds by the options' keys."""

    path: Path
    values: Mapping[str, FileValue]

    @property
    def folder(self) -> Path:
        """What relative paths in it begin at."""
        return self.path.parent


def read_file(path: Path, name: str = "", options: Sequence[Option] = OPTIONS) -> SettingsFile:
    """Read it; `name` is what errors call it. Raises BadSetting that names the file, the line, the key and the fix."""
    name = name or str(path)
    known = {option.word: option for option in options}
    try:
        found = read_toml(text_of(path, name))
    except BadToml as error:
        raise BadSetting(f"{name}:{error.line}: {error.words}") from None
    return SettingsFile(
        path.absolute(),
        {
            known[key].key: checked(f"{name}:{line}", known[key], value)
            for key, (line, value) in found.items()
            if is_option(f"{name}:{line}", key, value, known)
        },
    )


def text_of(path: Path, name: str) -> str:
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise BadSetting(f"{name}: a folder, a device or a pipe; name a file")
        with path.open("rb") as file:
            data = file.read(MOST_BYTES + 1)
    except (OSError, ValueError) as error:  # ValueError: no name that a file can have
        reason = getattr(error, "strerror", error)
        raise BadSetting(f"{name}: can't be read ({reason}); name another with --settings") from None
    if len(data) > MOST_BYTES:
        raise BadSetting(f"{name}: more than {MOST_BYTES >> 10} KiB, so no settings file; name another with --settings")
    try:
        return data.decode("utf-8-sig")  # some editors put a mark at its beginning
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise BadSetting(f"{name}:{line}: not UTF-8, as TOML is; save it as UTF-8") from None


def is_option(where: str, key: str, value: Any, known: Mapping[str, Option]) -> bool:
    """Return True for an option's key; raises BadSetting, which never shows the value, for any other."""
    if key in known:
        if reason := known[key].not_in_file:
            raise BadSetting(f"{where}: {key}: {reason}; give {known[key].name} on the command line")
        return True
    shown = shown_key(key)
    if variable := variable_instead(key):
        raise BadSetting(f"{where}: {shown}: a secret has no place in a file; set the variable {variable} instead")
    words = [word for word, option in known.items() if not option.not_in_file]
    (nearest,) = difflib.get_close_matches(key[:100].lower().replace("_", "-"), words, 1, 0.0)
    table = "; options are not in tables" if isinstance(value, dict) else ""
    raise BadSetting(f"{where}: {shown}: unknown; the nearest known one is {nearest}{table}")


def checked(where: str, option: Option, value: Any) -> FileValue:
    """Return the value of an option; raises BadSetting where its type is wrong, or where it carries a secret."""
    if carries_secret(value):
        raise BadSetting(
            f"{where}: {option.word}: holds what looks like a secret; leave it out, and set the variables of what it "
            f"is for: {LOGINS}"
        )
    shown = f"{option.word} = {shortened(written(value))}"
    if wanted := wrong_type(option, value):
        raise BadSetting(f"{where}: {shown}: {wanted}")
    values = value if option.many else [value]
    if "" in values:
        raise BadSetting(f"{where}: {shown}: empty; leave it out, or give it a value")
    if any(CONTROL.search(one) for one in values if isinstance(one, str)):
        raise BadSetting(f"{where}: {shown}: has a control character; leave it out")
    texts = tuple(one if isinstance(one, str) else written(one) for one in values)
    return FileValue(where, texts, shown)


def wrong_type(option: Option, value: Any) -> str:
    """Return what would do where the value's type doesn't, or ""."""
    number = isinstance(value, int) and not isinstance(value, bool)
    if option.flag:
        return "" if isinstance(value, bool) else "neither yes nor no; write true or false, without quotes"
    if option.bounds:
        low, high = option.bounds
        fits = number and abs(value) < MOST_INTEGER
        return "" if fits else f"must be a whole number of {option.unit} from {low} to {high}, without quotes"
    if option.many:
        fits = isinstance(value, list) and all(isinstance(one, str) for one in value)
        return "" if fits else f'must be a list of texts, such as {option.word} = ["one", "two"]'
    if isinstance(value, list):
        return f'takes one value, no list; write {option.word} = "..."'
    example = option.choices[0] if option.choices else "..."
    return "" if isinstance(value, str) else f'must be a text in quotes, such as {option.word} = "{example}"'


def written(value: Any) -> str:
    """Return a value about as TOML has it, in one line, without what looks like a secret."""
    if isinstance(value, dict):
        return "{...}"
    if isinstance(value, list):
        return f"[{', '.join(map(written, value[:100]))}]"
    if isinstance(value, int) and abs(value) >= MOST_INTEGER:
        return "a number beyond 64 bits"
    text = json.dumps(value, ensure_ascii=False) if isinstance(value, str | bool | int) else str(value)
    return hide(plain(text))


def shown_key(key: str) -> str:
    return key if BARE.fullmatch(key) else shortened(written(key), 100)


def own_file(folder: Path) -> Path | None:
    """Return the settings file of a folder, one that can't be read too, or None."""
    path = folder / SETTINGS_FILE
    return path if path.exists() or path.is_symlink() else None
