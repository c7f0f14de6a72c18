"""Puts a fault into a file of the stack."""

from pathlib import Path


def replace(file: Path, text: str, instead: str) -> None:
    """Put the sabotage into a file; an error where the text isn't there any more."""
    content = file.read_text()
    assert content.count(text) == 1, f"{file.name} has {content.count(text)} places like {text!r}"
    file.write_text(content.replace(text, instead))
