"""An option's value: where it comes from, and what is wrong with it."""

import os
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path

from acceptance.errors import BadSetting
from acceptance.options.settings_file import SettingsFile
from acceptance.options.table import OPTIONS, Option
from acceptance.redaction.patterns import hide
from acceptance.redaction.plain import plain

ON, OFF = ("1", "yes", "true", "on"), ("", "0", "no", "false", "off")
# how much of a value an error shows
LONGEST = 300


class Place(IntEnum):
    """Where a value comes from: what is greater wins."""

    DEFAULT = 0
    FILE = 1
    VARIABLE = 2
    COMMAND_LINE = 3


@dataclass(frozen=True)
class Given:
    """What an option was given: each of its texts, and how the user wrote that. `where` is the place in words."""

    place: Place
    values: tuple[tuple[str, str], ...]
    where: str


class Reader:
    """The value of an option from the command line, its variable or the settings file, and its name for errors."""

    def __init__(
        self,
        given: Mapping[str, object],
        environment: Mapping[str, str],
        file: SettingsFile | None = None,
        options: Sequence[Option] = OPTIONS,
    ) -> None:
        self.given, self.environment, self.file = given, environment, file
        self.options = {option.key: option for option in options}
        # what gave way to another option, in words, and that one's place
        self.overruled: dict[str, tuple[str, Place]] = {}

    def typed(self, key: str) -> bool:
        return self.given.get(key) not in (None, False, [], ())

    def given_to(self, key: str) -> Given:
        """Return what counts, and nothing of the places that it wins over."""
        option = self.options[key]
        if key in self.overruled:
            return Given(self.overruled[key][1], (), f"default: {self.overruled[key][0]}")
        if self.typed(key):
            value = self.given[key]
            texts = [str(one) for one in value] if isinstance(value, list | tuple) else [str(value)]
            return Given(
                Place.COMMAND_LINE, tuple((one, f"{option.name} {said(one)}") for one in texts), "command line"
            )
        if text := self.environment.get(option.environment, ""):
            return Given(Place.VARIABLE, tuple(self.of_variable(option, text)), f"variable {option.environment}")
        if self.file and key in self.file.values:
            found = self.file.values[key]
            return Given(Place.FILE, tuple((one, found.how) for one in found.texts), found.line)
        return Given(Place.DEFAULT, (), "default")

    def of_variable(self, option: Option, text: str) -> list[tuple[str, str]]:
        """Return the values of a variable; those of an option that may be given several times are a shell's words."""
        if not option.many:
            return [(text, f"{option.environment}={said(text)}")]
        try:
            return [(value, f"{option.environment}: {said(value)}") for value in shlex.split(text)]
        except ValueError as error:
            raise BadSetting(
                f"{option.environment}={said(text)}: can't be split into words ({error}); write it as in a shell"
            ) from None

    def text(self, key: str) -> tuple[str, str]:
        """Return (value or "", how the user gave it)."""
        values = self.given_to(key).values
        return values[0] if values else ("", f"{self.options[key].environment}=")

    def each(self, key: str) -> list[tuple[str, str]]:
        """Return (value, how the user gave it) of each value of an option that may be given several times.

        Its variable holds them as a shell's words: `a=b "c=two words"`. The values of one place replace those of all
        that it wins over.
        """
        return list(self.given_to(key).values)

    def source(self, key: str, default: int) -> str:
        """Return how the user gave it, or how the default would be given."""
        value, source = self.text(key)
        return source if value else f"{self.options[key].name} {default}"

    # --- options that don't go together

    def resolve_conflict(self, one: str, other: str, why: str) -> None:
        """Let the one whose place wins beat the other; raises BadSetting where both come from the same place."""
        (first, first_source), (second, second_source) = self.text(one), self.text(other)
        if first and second and not self.gives_way(one, other) and not self.gives_way(other, one):
            raise BadSetting(f"{first_source} and {second_source}: {why}; leave one out")

    def gives_way(self, key: str, to: str) -> bool:
        """Leave an option out if another's place wins over its own; return whether it did."""
        given, winner = self.given_to(key), self.given_to(to)
        if given.place >= winner.place:
            return False
        written = ", ".join(dict.fromkeys(how for _, how in given.values))
        self.overruled[key] = f"{written} gives way to {self.options[to].name}", winner.place
        return True

    @property
    def left_out(self) -> list[str]:
        """What gave way to another option, a line each."""
        return [words for words, _ in self.overruled.values()]

    # --- values, checked

    def one_of(self, key: str, default: str, choices: Sequence[str] = ()) -> str:
        """Return one of the option's own choices, or of others, such as targets that plugins add."""
        value, source = self.text(key)
        choices = choices or self.options[key].choices
        if value and value not in choices:
            raise BadSetting(f"{source}: unknown; choose one of {', '.join(choices)}")
        return value or default

    def integer(self, key: str, default: int) -> int:
        value, source = self.text(key)
        option = self.options[key]
        if not value or not option.bounds:
            return default
        low, high = option.bounds
        # int refuses thousands of digits
        if not value.isdecimal() or not low <= float(value) <= high:
            raise BadSetting(f"{source}: must be a whole number of {option.unit} from {low} to {high}")
        return int(float(value))

    def path(self, key: str, must_exist: bool = True) -> Path | None:
        value, source = self.text(key)
        if not value:
            return None
        try:
            # as pytest reads its own --junitxml and --html; a file's own begin at its folder
            found = (self.folder(key) / Path(os.path.expandvars(value)).expanduser()).absolute()
            there = found.exists()
        except (OSError, RuntimeError) as error:  # RuntimeError: nobody has that home
            reason = getattr(error, "strerror", error)
            raise BadSetting(f"{source}: can't be looked at ({reason}); name another, by its whole path") from None
        if not there and must_exist:
            raise BadSetting(f"{source}: no such file or folder")
        if self.options[key].file and not found.is_file():  # a device or a pipe may never end
            raise BadSetting(f"{source}: a folder, a device or a pipe; name a file")
        return found

    def folder(self, key: str) -> Path:
        in_file = self.file and self.given_to(key).place is Place.FILE
        return self.file.folder if self.file and in_file else Path()

    def flag(self, key: str) -> bool:
        value, source = self.text(key)
        if value.lower() not in (*ON, *OFF):
            raise BadSetting(f"{source}: neither yes nor no; write 1 or 0")
        return value.lower() in ON

    def only_for(self, key: str, target: str, *needed: str) -> str:
        """Return the value, or "" where the target has no use for it and comes from a place that wins over its own."""
        value, source = self.text(key)
        if value and target not in needed:
            if self.gives_way(key, "target"):
                return ""
            which = " or ".join(needed)
            raise BadSetting(f"{source}: only --target {which} uses it, and the target is {target}; leave one out")
        return value


def said(value: str) -> str:
    """Return what an error shows of a value: not too much, and nothing that looks like a secret."""
    return shortened(hide(plain(value)))


def shortened(value: str) -> str:
    return value if len(value) <= LONGEST else f"{value[:LONGEST]}... ({len(value):,} characters)"
