"""A TOML text with the line of each of its keys, which Python's own reader of TOML doesn't tell."""

import re
import tomllib
from collections.abc import Iterator
from typing import Any

# of a text that is known to be TOML: a comment, a string, or what begins or ends a value or a line
TOKEN = re.compile(
    r"#[^\n]*"
    r"|\"\"\"(?:\\.|[^\\])*?\"\"\"\"{0,2}|'''.*?''''{0,2}"
    r"|\"(?:\\.|[^\"\\\n])*\"|'[^'\n]*'"
    r"|[\[{]|[\]}]|\n",
    re.DOTALL,
)
POSITION = re.compile(r" \(at (?:line (\d+), column \d+|end of document)\)$")


class BadToml(Exception):
    """The text is no TOML: `line` is where, `words` says what is wrong."""

    def __init__(self, line: int, words: str) -> None:
        self.line, self.words = line, words
        super().__init__(f"{line}: {words}")


def read_toml(text: str) -> dict[str, tuple[int, Any]]:
    """Return the line and the value of each key at the top, tables among them; raises BadToml."""
    text = text.replace("\r\n", "\n")
    try:
        parsed = tomllib.loads(text)
        lines = dict(reversed(list(keys(text))))  # the first line of each
    except tomllib.TOMLDecodeError as error:
        raise BadToml(line_of(error, text), words_of(error)) from None
    except (ValueError, RecursionError):  # a number of thousands of digits, lists in lists without end
        raise BadToml(1, "a number or a list that is too large to be read") from None
    return {key: (lines[key], value) for key, value in parsed.items()}


def line_of(error: tomllib.TOMLDecodeError, text: str) -> int:
    found = POSITION.search(str(error))
    return int(found[1]) if found and found[1] else max(1, text.rstrip("\n").count("\n") + 1)


def words_of(error: tomllib.TOMLDecodeError) -> str:
    words = POSITION.sub("", str(error))
    if words.startswith("Cannot overwrite"):
        return "this key was there before; leave one out"
    if words == "Invalid value":
        return 'no value that TOML knows; text takes quotes, such as target = "existing"'
    return f'not TOML ({words}); write lines such as target = "existing"'


def keys(text: str) -> Iterator[tuple[str, int]]:
    """Yield each statement's key at the top, with its line; what is in a table has the table's."""
    in_table = False
    for line, statement in statements(text):
        header = statement.startswith("[")
        in_table |= header
        if header or not in_table:
            yield next(iter(tomllib.loads(statement))), line


def statements(text: str) -> Iterator[tuple[int, str]]:
    """Yield the line and the text of each statement: a key with its value, or the head of a table."""
    begin = depth = 0
    for token in TOKEN.finditer(f"{text}\n"):
        if token[0] in "[{":
            depth += 1
        elif token[0] in "]}":
            depth -= 1
        elif token[0] == "\n" and not depth:
            statement = text[begin : token.start()].strip()
            if statement and not statement.startswith("#"):
                yield text.count("\n", 0, begin) + 1, statement
            begin = token.end()
