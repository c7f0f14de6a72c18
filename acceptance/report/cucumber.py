"""Cucumber JSON, as Cucumber's reporters read it: https://github.com/cucumber/cucumber-json-schema.

pytest-bdd's own writer leaves out what was skipped before its first step, and calls the steps after a failure failed.
"""

import json
from typing import Any

from acceptance.report.results import FAILED, NOT_RUN, PASSED, SKIPPED, Results, Scenario, Step, slug

NANOSECONDS = 1_000_000_000


def cucumber_json(results: Results) -> str:
    """Return the features in the order in which they ran."""
    features: dict[str, dict[str, Any]] = {}
    for scenario in results.scenarios:
        feature = features.setdefault(
            scenario.uri,
            {
                "uri": scenario.uri,
                "id": slug(scenario.feature),
                "keyword": "Feature",
                "name": scenario.feature,
                "description": "",
                "line": scenario.feature_line,
                "tags": [],
                "elements": [],
            },
        )
        feature["elements"].append(element(scenario))
    return json.dumps(list(features.values()), indent=1)


def element(scenario: Scenario) -> dict[str, Any]:
    failed = {"match": {"location": "fixtures"}, "result": {"status": FAILED, "error_message": scenario.error}}
    outside = scenario.error and not any(step.outcome == FAILED for step in scenario.steps)
    # what failed outside of the steps is a hook's failure: while something was made, or while it was removed
    hook = "before" if all(step.outcome == NOT_RUN for step in scenario.steps) else "after"
    return {
        "id": f"{slug(scenario.feature)};{slug(scenario.name)}",
        "keyword": "Scenario",
        "type": "scenario",
        "name": scenario.name,
        "description": scenario.reason,
        "line": scenario.line,
        # a tag is what reporters group by
        "tags": [
            {"name": f"@{tag}", "line": max(1, scenario.line - 1)}
            for tag in [*scenario.tags, *(f"cause-{cause}" for cause in scenario.causes)]
        ],
        "steps": [described(step, scenario) for step in scenario.steps],
        **({hook: [failed]} if outside else {}),
    }


def described(step: Step, scenario: Scenario) -> dict[str, Any]:
    status = step.outcome if step.outcome in (PASSED, FAILED) else SKIPPED
    result: dict[str, Any] = {"status": status, "duration": int((step.seconds or 0) * NANOSECONDS)}
    if status == FAILED:
        result["error_message"] = scenario.error
    figures = "\n".join(f"{name}: {value}" for name, value in step.figures.items())
    return {
        "keyword": f"{step.keyword} ",
        "name": step.text,
        "line": scenario.line,
        "match": {"location": scenario.id},
        "result": result,
        **({"output": [figures]} if figures else {}),
    }
