"""What Tekton beneath a workflow says: whether it takes the pipelines, and which step of a run failed."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from acceptance.errors import Problem

# since this version Tekton refuses `spec.resources` in a pipeline, which each of FuseML 0.3's with a codeset has
REFUSES_RESOURCES = (0, 44)
VERSION = re.compile(r"v?(\d+)\.(\d+)")
SUCCEEDED = "Succeeded"


@dataclass(frozen=True)
class FailedStep:
    """A step that ended a run; `container` of `pod` has its log."""

    task: str
    name: str
    code: int | None
    message: str
    pod: str = ""
    container: str = ""

    def __str__(self) -> str:
        ended = "" if self.code is None else f" ended with exit code {self.code}"
        return f"task {self.task}{f', step {self.name}' if self.name else ''}{ended}: {self.message}"


def refuses_fuseml(fuseml: str, tekton: str) -> Problem | None:
    """Say that the cluster's Tekton takes no pipeline of FuseML's; a version that can't be read is no reason."""
    numbers = VERSION.match(tekton)
    if not numbers or (int(numbers[1]), int(numbers[2])) < REFUSES_RESOURCES:
        return None
    return Problem(
        f"Tekton {tekton} refuses the pipelines of FuseML {fuseml}: they have spec.resources, which Tekton takes up to "
        "0.43",
        "take a cluster with Tekton up to 0.43 for FuseML, such as 0.26, which FuseML 0.3 was made for",
    )


def failed_step(task_runs: Sequence[Any]) -> FailedStep | None:
    """Return the step that failed first, of the TaskRuns of one run."""
    failed = [(condition, one) for one in task_runs for condition in conditions(one) if condition["status"] == "False"]
    if not failed:
        return None
    condition, task_run = min(failed, key=lambda pair: pair[1]["status"].get("completionTime", ""))
    status, task = task_run["status"], task_run["metadata"]["labels"].get("tekton.dev/pipelineTask", "")
    # the log is asked for here: Tekton's own advice is left out
    message = condition.get("message", condition.get("reason", "")).partition("; for logs run")[0].strip()
    for step in status.get("steps") or ():
        code = (step.get("terminated") or {}).get("exitCode", 0)
        if code:
            return FailedStep(task, step["name"], code, message, status.get("podName", ""), step["container"])
    return FailedStep(task, "", None, message, status.get("podName", ""))


def conditions(task_run: Any) -> list[Any]:
    return [one for one in task_run.get("status", {}).get("conditions", ()) if one["type"] == SUCCEEDED]
