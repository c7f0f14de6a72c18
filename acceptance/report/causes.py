"""Groups failures and skips by their cause: what one exception took down is said once."""

import contextlib
import hashlib
import re
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path

from acceptance.errors import AcceptanceError, Problem, root
from acceptance.paths import ROOT
from acceptance.report.results import FAILED, Cause, Results, Scenario

MARK = "acceptance_cause"
ID_DIGITS = 10
# their messages say little without the place that raised them
PLACED = (AssertionError, TypeError, AttributeError, LookupError, NameError, ImportError)
# what differs from run to run, and what stands for it in an id; the longer before what may be a part of it
RUN_SPECIFIC = [
    (re.compile(pattern), mark)
    for pattern, mark in (
        (r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b", "ID"),
        (r"\b0x[0-9a-f]+\b", "ID"),
        # MLflow's runs, and containers; a digest is a value
        (r"(?<!sha256:)\b(?:[0-9a-f]{64}|[0-9a-f]{32}|[0-9a-f]{12})\b", "ID"),
        (r"\btriton-acceptance-[a-z0-9_]{6,8}\b", "RUN"),
        (r"\b(trainer|triton|vegeta)((?:-[a-z]+)+)-\d+\b", r"\1\2"),
        # the suffixes that Kubernetes gives pods: it leaves out vowels and what looks like another letter
        (r"(?:-[bcdfghjklmnpqrstvwxz2456789]{8,10})?-[bcdfghjklmnpqrstvwxz2456789]{5}\b", "-POD"),
        (r"\b\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)?|-\d{6}(?:-\d+)?)?", "TIME"),
        (r"\b\d\d:\d\d:\d\d(?:[.,]\d+)?\b", "TIME"),
        (r"\b\d[\d.,]* ?(?:ms|s|sec|seconds?|min|minutes?|h|hours?)\b", "TIME"),
        (r"(?<=\blocalhost):\d+\b|(?<=\d\.\d):\d+\b|(?<=\.\d\d):\d+\b|(?<=\.\d\d\d):\d+\b|(?<=\]):\d+\b", ":PORT"),
        (r"\bport([ =])\d+\b", r"port\1PORT"),
        (r"\b(pid|process)([ =])\d+\b", r"\1\2ID"),
    )
]


class Causes:
    """The causes of one run as they come up.

    `own`: names that this run alone has, such as its folder's. `redact`: what may be shown of a text.
    """

    def __init__(self, found: list[Cause], own: Sequence[str] = (), redact: Callable[[str], str] = str) -> None:
        self.found, self.own, self.redact = found, own, redact

    def note(self, scenario: Scenario, outcome: str, text: str, error: BaseException | None) -> Cause:
        """Note what an exception did to a scenario, and return its cause.

        One exception object is one cause, whatever else was said beside it. `text`: all that was said, without secrets.
        """
        kind, problem = read_error(error, text)
        what, head = self.redact(problem.what), self.redact(problem.line)
        name = getattr(error, MARK, "") or identity(kind, what, self.own)
        found = next((cause for cause in self.found if cause.id == name), None)
        if found is None:
            found = Cause(name, outcome, kind, head, text)
            self.found.append(found)
        if error is not None:
            # on the object, not in a table of objects: that would keep all that the exception's frames hold
            with contextlib.suppress(AttributeError, TypeError):
                setattr(error, MARK, found.id)
        if scenario.id not in found.scenarios:
            found.scenarios.append(scenario.id)
        if found.id not in scenario.causes:
            scenario.causes.append(found.id)
        return found


def is_known(error: BaseException | None) -> bool:
    """Say whether this very exception was noted before."""
    return hasattr(error, MARK)


def read_error(error: BaseException | None, text: str) -> tuple[str, Problem]:
    """Return an exception's kind, and the thing and value that it names; of an unknown one, the text's last line."""
    if error is None:
        return "Failed", Problem(text.strip().splitlines()[-1] if text.strip() else "it failed without a word")
    kind = type(error).__name__
    if isinstance(error, AcceptanceError):
        return kind, error.problem
    said = error.args[0] if error.args else ""
    if isinstance(error, AssertionError) and isinstance(said, Problem):
        return kind, said
    if not isinstance(error, Exception):  # what pytest.fail and pytest.skip raise, whose words stand alone
        return kind, Problem(first_line(str(error)))
    message = first_line(str(error))
    began = root(error)
    if began is not error and (words := first_line(str(began))) not in message:
        message += f" (caused by {type(began).__name__}: {words})"
    place = f" ({raised_in(error)})" if isinstance(error, PLACED) or not message else ""
    return kind, Problem(f"{kind}: {message}{place}")


def first_line(text: str) -> str:
    return text.strip().partition("\n")[0]


def raised_in(error: BaseException) -> str:
    """Return the innermost of the suite's own functions that the exception went through, as `file: function`."""
    place = ""
    for frame, _ in traceback.walk_tb(error.__traceback__):
        file = Path(frame.f_code.co_filename)
        if file.is_relative_to(ROOT) and ".venv" not in file.parts:
            place = f"{file.relative_to(ROOT)}: {frame.f_code.co_name}"
    return place or "outside of the suite"


def identity(kind: str, what: str, own: Sequence[str] = ()) -> str:
    """Return a cause's id: the same in every run where the same kind of thing has the same value."""
    return hashlib.sha256(f"{kind}\n{stable(what, own)}".encode(errors="replace")).hexdigest()[:ID_DIGITS]


def stable(text: str, own: Sequence[str] = ()) -> str:
    """Return a text without what differs from run to run: ids, times, ports, names."""
    for name in own:
        text = text.replace(name, "OWN")
    for pattern, mark in RUN_SPECIFIC:
        text = pattern.sub(mark, text)
    return text


def number(results: Results) -> None:
    """Number the causes from 1: those of failures first, each kind in the order in which it came up."""
    results.causes.sort(key=lambda cause: cause.outcome != FAILED)
    for place, cause in enumerate(results.causes, 1):
        cause.number = place
