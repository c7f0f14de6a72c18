"""The claims and the failures as text: for the terminal and, in Markdown, for a CI job's summary."""

import textwrap

from acceptance.data.source import STAND_IN
from acceptance.report.results import FAILED, Results

MARKS = {"passed": "✓", "failed": "✗", "skipped": "-", "not run": "-"}
# what means something in Markdown, in HTML, or to GitHub
MARKUP = "\\`*_[]|<>#~$@&"
HEAD = ("claim", "tutorial", "this run", "verdict")
# GitHub takes a summary of up to 1 MiB a step
LONGEST_ERROR = 2000


def terminal_table(results: Results, width: int) -> list[tuple[str, str]]:
    """Return the claims table's lines, each with the outcome that colours it, no wider than the terminal."""
    rows = [
        (one.claim, one.tutorial, one.measured, f"{MARKS.get(one.verdict, '')} {one.verdict}") for one in results.claims
    ]
    last = max(len(row[3]) for row in [HEAD, *rows])
    text = max(width, 60) - last - 6
    widths = [text * 34 // 100, text * 33 // 100, text * 33 // 100, last]
    lines = [("  ".join(cell.ljust(size) for cell, size in zip(HEAD, widths, strict=True)).rstrip(), "")]
    for row, claim in zip(rows, results.claims, strict=True):
        cells = [
            textwrap.wrap(cell, size, break_on_hyphens=False) or [""] for cell, size in zip(row, widths, strict=True)
        ]
        for number in range(max(map(len, cells))):
            parts = [cell[number] if number < len(cell) else "" for cell in cells]
            text_line = "  ".join(part.ljust(size) for part, size in zip(parts, widths, strict=True)).rstrip()
            lines.append((text_line, claim.verdict))
    return lines


def markdown(results: Results) -> str:
    """Return the run's summary in Markdown."""
    lines = [f"## triton-acceptance: {results.verdict}", "", cell(results.why), ""]
    if results.stand_in:
        lines += [f"> **{STAND_IN}**", ""]
    facts = {
        "target": f"{results.target}: {results.location}",
        "profile": results.profile,
        "data": results.data,
        "load": f"{results.rate} requests/s for {results.duration} s",
        **results.devices,
        "took": f"{results.seconds:.0f} s",
    }
    lines += [" · ".join(f"{cell(name)}: {cell(value)}" for name, value in facts.items() if value), ""]
    lines += ["| claim | tutorial | this run | verdict |", "| --- | --- | --- | --- |"]
    for one in results.claims:
        verdict = f"{MARKS.get(one.verdict, '')} {one.verdict}"
        lines.append("| " + " | ".join(cell(part) for part in (one.claim, one.tutorial, one.measured, verdict)) + " |")
    failed = [scenario for scenario in results.scenarios if scenario.outcome == FAILED]
    if failed:
        lines += ["", "### What failed", ""]
    for scenario in failed:
        new = " (**new**)" if scenario.new_failure else ""
        lines += [f"- {cell(scenario.feature)}: **{cell(scenario.name)}**{new}", "", *fenced(scenario.error), ""]
    if results.comparison and results.comparison.runs:
        lines += ["", f"### Against {results.comparison.runs} earlier runs", ""]
        moved = results.comparison.moved
        lines += [f"- {cell(one.name)}: {one.values}: {one.words}" for one in moved] or [
            "Nothing moved beyond its noise."
        ]
    lines += [f"- {cell(note)}" for note in results.notes]
    return "\n".join(lines) + "\n"


def cell(text: str) -> str:
    """Return text that is no Markdown and no HTML, on one line."""
    return "".join(f"&#{ord(mark)};" if mark in MARKUP else mark for mark in " ".join(text.split()))


def fenced(text: str) -> list[str]:
    """Return an error as an indented code block, which nothing in it can end."""
    shown = text if len(text) <= LONGEST_ERROR else f"{text[:LONGEST_ERROR]}\n[...]"
    return [f"      {row}" for row in shown.splitlines()]
