"""The claims and the failures as text: for the terminal and, in Markdown, for a CI job's summary."""

from collections.abc import Sequence

from acceptance.data.source import LABEL, STAND_IN
from acceptance.report.results import FAILED, SKIPPED, Cause, Results, Scenario

MARKS = {"passed": "✓", "failed": "✗", "skipped": "-", "not run": "-"}
# what means something in Markdown, in HTML, or to GitHub
MARKUP = "\\`*_[]|<>#~$@&"
# GitHub takes a summary of up to 1 MiB a step
LONGEST_ERROR = 2000
NARROWEST = 60
HEADS = {FAILED: "What failed", SKIPPED: "What was skipped"}


def terminal_table(results: Results, width: int) -> list[tuple[str, str]]:
    """Return the chosen claims' lines, each with the outcome that colours it: three a claim, within the width.

    What is too long for its line ends in an ellipsis; the report has it whole.
    """
    width = max(width, NARROWEST)
    lines = []
    for claim in results.chosen_claims():
        lines.append(
            (cut(f"{MARKS.get(claim.verdict, '-')} {claim.claim}", width, f": {claim.verdict}"), claim.verdict)
        )
        lines.append((cut(f"  tutorial: {claim.tutorial}", width), ""))
        figure = claim.measured.removesuffix(f" ({LABEL})")
        words = results.this_run(claim)
        end = words.removeprefix(figure) if words.startswith(figure) else ""
        lines.append((cut(f"  here: {words.removesuffix(end)}", width, end), claim.verdict))
    return lines or [("no claim's scenario was chosen", "")]


def cut(line: str, width: int, end: str = "") -> str:
    """Return a line with its end; where both are longer than the width, words before the end give way."""
    if len(line) + len(end) <= width:
        return line + end
    return line[: width - len(end) - 1].rpartition(" ")[0] + " …" + end


def terminal_causes(results: Results, outcome: str) -> list[str]:
    """Return the lines on what failed, or was skipped: each cause once, with what it took down."""
    lines = []
    for cause in results.causes:
        if cause.outcome != outcome:
            continue
        scenarios, claims = results.taken_down(cause)
        lines.append(f"cause {cause.number}: {cause.head}")
        if outcome == FAILED:
            lines += cause.more.splitlines()
        lines.append(f"    {counted(scenarios, 'scenario')}:")
        lines += [f"      {one.name}{' (new failure)' if one.new_failure else ''}" for one in scenarios]
        if claims:
            lines.append(f"    {counted(claims, 'claim')}:")
            lines += [f"      {one.claim}" for one in claims]
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
    for one in results.chosen_claims():
        verdict = f"{MARKS.get(one.verdict, '')} {one.verdict}"
        parts = (one.claim, one.tutorial, results.this_run(one), verdict)
        lines.append("| " + " | ".join(cell(part) for part in parts) + " |")
    for outcome, head in HEADS.items():
        causes = [cause for cause in results.causes if cause.outcome == outcome]
        if causes:
            lines += ["", f"### {head}", ""]
        for cause in causes:
            lines += taken_down(results, cause)
    if results.comparison and results.comparison.runs:
        lines += ["", f"### Against {results.comparison.runs} earlier runs", ""]
        moved = results.comparison.moved
        lines += [f"- {cell(one.name)}: {one.values}: {one.words}" for one in moved] or [
            "Nothing moved beyond its noise."
        ]
    lines += [f"- {cell(note)}" for note in results.notes]
    return "\n".join(lines) + "\n"


def taken_down(results: Results, cause: Cause) -> list[str]:
    """Return a cause in Markdown, with the scenarios and claims that it took down."""
    scenarios, claims = results.taken_down(cause)
    lines = [f"- **Cause {cause.number}: {cell(cause.head)}**", ""]
    if cause.outcome == FAILED and cause.more:
        lines += [*fenced(cause.more), ""]
    lines.append(f"    - {counted(scenarios, 'scenario')}: " + "; ".join(scenario_words(one) for one in scenarios))
    if claims:
        lines.append(f"    - {counted(claims, 'claim')}: " + "; ".join(cell(one.claim) for one in claims))
    return [*lines, ""]


def scenario_words(scenario: Scenario) -> str:
    return f"{cell(scenario.feature)}: {cell(scenario.name)}{' (**new**)' if scenario.new_failure else ''}"


def counted(things: Sequence[object], noun: str) -> str:
    return f"{len(things)} {noun}{'' if len(things) == 1 else 's'}"


def cell(text: str) -> str:
    """Return text that is no Markdown and no HTML, on one line."""
    return "".join(f"&#{ord(mark)};" if mark in MARKUP else mark for mark in " ".join(text.split()))


def fenced(text: str) -> list[str]:
    """Return an error as an indented code block, which nothing in it can end."""
    shown = text if len(text) <= LONGEST_ERROR else f"{text[:LONGEST_ERROR]}\n[...]"
    return [f"      {row}" for row in shown.splitlines()]
