"""Keeps secrets out of logs, evidence and reports: exact values that the environment has, and what looks like one.

The guardian runs it with a folder as its argument when pytest has gone; a JSON list on stdin has the values.
"""

import base64
import contextlib
import html
import json
import os
import re
import stat
import sys
import tempfile
import threading
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import quote, unquote

from acceptance.redaction.patterns import BEGIN_PRIVATE_KEY, MARK, hide, is_harmless, is_secret_name
from acceptance.redaction.plain import plain

# a shorter value is found by what stands before it: by itself it may be any word
SHORTEST = 8
PIECE = 1 << 16
LONGEST_LINE = 1 << 16
# a long line is cut this far from its end: no token is longer
MARGIN = 1 << 12
CUTS = 4
CREDENTIALS = re.compile(r"://([^/@\s]*:([^/\s]*))@")
OPEN_KEY = re.compile(BEGIN_PRIVATE_KEY.encode())


class Redactor:
    """Puts a mark in the place of each secret that it knows or recognises; may be used by several threads."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self.known: frozenset[str] = frozenset()
        self.exact: re.Pattern[str] | None = None
        self.lock = threading.Lock()
        for secret in secrets:
            self.add(secret)

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> "Redactor":
        """Return one that knows the values of the variables that are named like secrets, and passwords in URLs."""
        redactor = cls()
        redactor.add_variables(environ)
        return redactor

    def add_variables(self, environ: Mapping[str, str]) -> None:
        for name, value in environ.items():
            if is_secret_name(name) and not (value.startswith("/") and os.path.exists(value)):  # noqa: PTH110 - any text
                self.add(value)
            for both, password in CREDENTIALS.findall(value):
                self.add(both)
                self.add(password)

    def add(self, secret: str) -> None:
        """Have this value redacted wherever it stands, each line of it by itself; less than 8 characters are not."""
        lines = {line.strip() for line in secret.splitlines() if not line.startswith("-----")}
        lines = {line for line in lines if len(line) >= SHORTEST and line not in MARK}
        with self.lock:
            if lines <= self.known:
                return
            self.known |= lines
            written = {form for line in self.known for form in forms(line)}
            # the longest first: one may begin with another
            self.exact = re.compile("|".join(map(re.escape, sorted(written, key=len, reverse=True))))

    def text(self, text: str) -> str:
        """Return the text with the mark in the place of every secret; a second time changes nothing."""
        if self.exact:
            text = self.exact.sub(MARK, text)
        return hide(text)

    def shown(self, text: str) -> str:
        """Return what may be shown of a text: no secret, nor one that escapes would hide, and no control character."""
        return self.text(plain(text))

    def tree(self, tree: Any) -> Any:
        """Return what YAML or JSON holds with all its text redacted, and fields and variables named like secrets."""
        if isinstance(tree, str):
            return self.text(tree)
        if isinstance(tree, list):
            return [self.tree(item) for item in tree]
        if not isinstance(tree, dict):
            return tree
        secret = {key for key in tree if is_secret_name(str(key))}
        if is_secret_name(str(tree.get("name"))):
            secret.add("value")
        return {
            key: MARK if key in secret and isinstance(value, str) and not is_harmless(value) else self.tree(value)
            for key, value in tree.items()
        }

    def data(self, data: bytes) -> bytes:
        """Return bytes as `text` does; those that are no UTF-8 stay as they are."""
        return self.text(data.decode(errors="surrogateescape")).encode(errors="surrogateescape")

    def file(self, path: Path) -> bool:
        """Redact a file that nobody writes to any more; return whether there was anything to redact.

        What still has it open writes on into a file that is gone. Links are not followed, and no more than a few pieces
        are in memory. Raises OSError; then the file is as it was.
        """
        if not stat.S_ISREG(path.lstat().st_mode):
            return False
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW), "rb") as source:
            if not any(was != now for was, now in self.pieces(source)):
                return False
            source.seek(0)
            number, beside = tempfile.mkstemp(dir=path.parent, prefix=".redacting-")
            try:
                with os.fdopen(number, "wb") as target:
                    for _, now in self.pieces(source):
                        target.write(now)
                    os.fchmod(number, stat.S_IMODE(os.fstat(source.fileno()).st_mode))
                Path(beside).replace(path)
            except BaseException:
                Path(beside).unlink(missing_ok=True)
                raise
        return True

    def pieces(self, source: BinaryIO) -> Iterator[tuple[bytes, bytes]]:
        """Yield the stream piece by piece: as it was, and as it may be shown."""
        cutter = Cutter(self)
        while piece := source.read(PIECE):
            was = cutter.feed(piece)
            yield was, self.data(was)
        was = cutter.rest()
        yield was, self.data(was)


class Cutter:
    """Cuts a stream where no secret is cut in two: what may be half of one is held back."""

    def __init__(self, redactor: Redactor) -> None:
        self.redactor, self.held = redactor, b""

    def feed(self, piece: bytes) -> bytes:
        """Take a piece; return what can be redacted by itself."""
        self.held += piece
        return self.take(self.safe())

    def rest(self) -> bytes:
        return self.take(len(self.held))

    def take(self, length: int) -> bytes:
        taken, self.held = self.held[:length], self.held[length:]
        return taken

    def safe(self) -> int:
        """Return the end of the last whole line, or what is before a private key; of a long line, where to cut it."""
        held = self.held
        end = max(held.rfind(b"\n"), held.rfind(b"\r")) + 1
        begun = held.rfind(b"-----BEGIN ", 0, end)
        if begun >= 0 and OPEN_KEY.match(held, begun) and b"-----END " not in held[begun:end]:
            whole = max(held.rfind(b"\n", 0, begun), held.rfind(b"\r", 0, begun)) + 1
            if len(held) - whole <= LONGEST_LINE:
                return whole
        return end if len(held) - end <= LONGEST_LINE else self.cut()

    def cut(self) -> int:
        """Return a place where redacting both sides is the same as redacting the whole."""
        held = self.held
        last = len(held) - MARGIN
        places = [found.end() for found in re.finditer(rb"[\s,;&\"]", held[:last])][-CUTS:]
        whole = self.redactor.data(held)
        for place in (last, *reversed(places)):
            if self.redactor.data(held[:place]) + self.redactor.data(held[place:]) == whole:
                return place
        return last


class RedactingWriter:
    """Writes a stream that comes in pieces, redacted, as a context manager: its end writes what was held back."""

    def __init__(self, out: BinaryIO, redactor: Redactor) -> None:
        self.out, self.redactor, self.cutter = out, redactor, Cutter(redactor)

    def __enter__(self) -> "RedactingWriter":
        return self

    def __exit__(self, *error: object) -> None:
        self.show(self.cutter.rest())

    def write(self, piece: bytes) -> None:
        self.show(self.cutter.feed(piece))

    def show(self, data: bytes) -> None:
        self.out.write(self.redactor.data(data))
        self.out.flush()


def forms(secret: str) -> set[str]:
    """Return the ways in which a value is written: as it is, and in URLs, JSON, HTML and base64."""
    encoded = base64.b64encode(secret.encode(errors="surrogateescape")).decode().rstrip("=")
    in_url = quote(secret, safe="", errors="surrogateescape")
    written = {secret, unquote(secret), in_url, json.dumps(secret)[1:-1], html.escape(secret), encoded}
    return {form for form in written if len(form) >= SHORTEST}


def redact_folder(folder: Path, redactor: Redactor) -> list[Path]:
    """Redact every file of a folder and of those in it; return what could not be, which is left as it was."""
    failed: list[Path] = []

    def note(error: OSError) -> None:
        if not isinstance(error, FileNotFoundError):  # what has gone needs none
            failed.append(Path(error.filename))

    for place, _, names in os.walk(folder, onerror=note):
        for path in (Path(place, name) for name in sorted(names)):
            try:
                with contextlib.suppress(FileNotFoundError):
                    redactor.file(path)
            except OSError:
                failed.append(path)
    return failed


def main(folder: str) -> int:
    failed = redact_folder(Path(folder), Redactor(json.load(sys.stdin)))
    for path in failed:
        print(f"{path}: could not be searched for secrets; look through it before you pass it on", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
