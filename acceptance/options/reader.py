"""An option's value: where it comes from, and what is wrong with it."""

import os
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path

from acceptance.errors import BadSetting
from acceptance.options.table import BY_KEY

ON, OFF = ("1", "yes", "true", "on"), ("", "0", "no", "false", "off")
# how much of a value an error shows
LONGEST = 300


class Reader:
    """The value of an option from the command line or its environment variable, and its name for errors."""

    def __init__(self, given: Mapping[str, object], environment: Mapping[str, str]) -> None:
        self.given, self.environment = given, environment

    def typed(self, key: str) -> bool:
        return self.given.get(key) not in (None, False)

    def text(self, key: str) -> tuple[str, str]:
        """Return (value or "", how the user gave it)."""
        option = BY_KEY[key]
        if self.typed(key):
            value = str(self.given[key])
            return value, f"{option.name} {shortened(value)}"
        value = self.environment.get(option.environment, "")
        return value, f"{option.environment}={shortened(value)}"

    def each(self, key: str) -> list[tuple[str, str]]:
        """Return (value, how the user gave it) of each value of an option that may be given several times.

        Its variable holds them as a shell's words: `a=b "c=two words"`. Options that were typed replace them all.
        """
        option = BY_KEY[key]
        typed = self.given.get(key)
        if isinstance(typed, list) and typed:
            return [(value, f"{option.name} {shortened(value)}") for value in map(str, typed)]
        text = self.environment.get(option.environment, "")
        try:
            return [(value, f"{option.environment}: {shortened(value)}") for value in shlex.split(text)]
        except ValueError as error:
            raise BadSetting(
                f"{option.environment}={shortened(text)}: can't be split into words ({error}); write it as in a shell"
            ) from None

    def source(self, key: str, default: int) -> str:
        """Return how the user gave it, or how the default would be given."""
        value, source = self.text(key)
        return source if value else f"{BY_KEY[key].name} {default}"

    def resolve_conflict(self, one: str, other: str, why: str) -> None:
        """Let the option that was typed beat the other's variable; raises BadSetting where both were given alike."""
        (first, first_source), (second, second_source) = self.text(one), self.text(other)
        if not first or not second:
            return
        if self.typed(one) == self.typed(other):
            raise BadSetting(f"{first_source} and {second_source}: {why}; leave one out")
        beaten = other if self.typed(one) else one
        self.environment = {**self.environment, BY_KEY[beaten].environment: ""}

    # --- values, checked

    def one_of(self, key: str, choices: Sequence[str], default: str) -> str:
        value, source = self.text(key)
        if value and value not in choices:
            raise BadSetting(f"{source}: unknown; choose one of {', '.join(choices)}")
        return value or default

    def integer(self, key: str, default: int, bounds: tuple[int, int], unit: str) -> int:
        value, source = self.text(key)
        if not value:
            return default
        low, high = bounds
        # int refuses thousands of digits
        if not value.isdecimal() or not low <= float(value) <= high:
            raise BadSetting(f"{source}: must be a whole number of {unit} from {low} to {high}")
        return int(float(value))

    def path(self, key: str, must_exist: bool = True) -> Path | None:
        value, source = self.text(key)
        if not value:
            return None
        try:
            # as pytest reads its own --junitxml and --html
            found = Path(os.path.expandvars(value)).expanduser().absolute()
            there = found.exists()
        except (OSError, RuntimeError) as error:  # RuntimeError: nobody has that home
            reason = getattr(error, "strerror", error)
            raise BadSetting(f"{source}: can't be looked at ({reason}); name another, by its whole path") from None
        if not there and must_exist:
            raise BadSetting(f"{source}: no such file or folder")
        if BY_KEY[key].file and not found.is_file():  # a device or a pipe may never end
            raise BadSetting(f"{source}: a folder, a device or a pipe; name a file")
        return found

    def flag(self, key: str) -> bool:
        value, source = self.text(key)
        if value.lower() not in (*ON, *OFF):
            raise BadSetting(f"{source}: neither yes nor no; write 1 or 0")
        return value.lower() in ON

    def only_for(self, key: str, target: str, *needed: str) -> str:
        value, source = self.text(key)
        if value and target not in needed:
            which = " or ".join(needed)
            raise BadSetting(f"{source}: only --target {which} uses it, and the target is {target}; leave one out")
        return value


def shortened(value: str) -> str:
    return value if len(value) <= LONGEST else f"{value[:LONGEST]}... ({len(value):,} characters)"
