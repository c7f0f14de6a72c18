"""Runs on machines that are not like ours: what is missing is said at once, what can be done without it passes."""

import pytest

from tests.hostile.table import ROWS
from tests.running import LIGHT, MADE_UP_SECONDS, problems_of
from tools.suite_run import run_suite


def named(rows):
    return {"argvalues": rows, "ids": [row.what.replace("`", "") for row in rows]}


@pytest.mark.parametrize("row", **named([row for row in ROWS if row.fast]))
def test_what_is_missing_is_in_one_list_before_anything_starts(tmp_path, row):
    with row.machine(tmp_path) as machine:
        variables = {"TMPDIR": str(tmp_path), **machine.variables}
        result = run_suite(
            tmp_path / "report", "--data=digits", timeout=MADE_UP_SECONDS, inside=machine.inside, **variables
        )
    lines = problems_of(result)
    assert len(lines) == len(row.problems), result.output
    for line, words in zip(lines, row.problems, strict=True):
        assert all(word in line for word in words), line
    assert [path for path in tmp_path.rglob("*") if path.name != "tmp"] == []


@pytest.mark.hostile
@pytest.mark.alone
@pytest.mark.parametrize("row", **named([row for row in ROWS if not row.fast]))
def test_what_can_be_done_without_passes_or_skips_with_the_reason(tmp_path, row):
    with row.machine(tmp_path) as machine:
        result = run_suite(
            tmp_path / "report",
            *LIGHT,
            "--data=digits",
            "-k",
            row.scenarios,
            inside=machine.inside,
            **machine.variables,
        )
    found = result.scenarios()
    assert result.code == 0, result.output
    assert {name for name, scenario in found.items() if scenario.outcome == "passed"} == set(row.passed)
    assert {name for name, scenario in found.items() if scenario.outcome == "skipped"} == {
        name for name, _ in row.skipped
    }
    for name, why in row.skipped:
        assert why in found[name].message
