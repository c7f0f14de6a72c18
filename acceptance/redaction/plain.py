"""Takes what is for a terminal, and what no file of text may have, out of words that are quoted."""

import re

# colours, titles, and the other escapes; then control characters but tab and line feed, characters that turn the
# direction of text, and those that XML has no place for
ESCAPES = re.compile(
    r"\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)?"
    r"|(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]?"
    r"|\x1b[ -/]*[0-~]?"
)
CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]")
RETURNS = re.compile(r"\r\n?")


def plain(text: str) -> str:
    """Return the text as lines of printable characters; what a carriage return would write over is a line as well."""
    return CONTROLS.sub("", ESCAPES.sub("", RETURNS.sub("\n", text)))
