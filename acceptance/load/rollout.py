"""A load during which another version of the model took over: which version gave each of its answers."""

import math
from collections import Counter
from dataclasses import dataclass

import numpy as np

from acceptance.errors import Problem
from acceptance.load.answers import TOLERANCE, difference
from acceptance.load.result import LoadResult

BEFORE, AFTER = "the version before", "the new version"
LOOK = "look at the InferenceService's Deployment, its pods and their events"


@dataclass(frozen=True)
class Rollout:
    """A load with a connection for each request, and one beside it whose clients keep theirs.

    `bias`: how much larger the new version's logits are than the trained model's; `strategy`: how pods were replaced.
    """

    judged: LoadResult
    kept_alive: LoadResult
    bias: float
    strategy: str

    @property
    def gap(self) -> float:
        """The longest time in seconds from one answer of the judged load to the next; inf where fewer than two came."""
        load = self.judged
        came = np.sort((load.sent + load.waited)[~load.failed])
        return float(np.diff(came).max()) if len(came) > 1 else math.inf

    def figures(self) -> dict[str, str]:
        """Return the judged load's figures, and beside them what is reported and not judged."""
        kept, lost = self.kept_alive, int(self.kept_alive.failed.sum())
        words = f": {kept.failures()}" if lost else ""
        return {
            **self.judged.figures(),
            "lost with kept-alive connections": f"{lost} of {len(kept):,}{words}",
            "rollout strategy": self.strategy,
        }


def versions(load: LoadResult, before: np.ndarray, after: np.ndarray, device: str = "cpu") -> list[str]:
    """Return who gave each sampled answer, in their order: BEFORE, AFTER, or the answer that neither gives.

    `before` and `after`: the versions' logits [1, 10].
    """
    found = []
    for text in load.answers:
        apart = difference(text, before, TOLERANCE[device])
        if not apart:
            found.append(BEFORE)
        else:
            found.append(apart if difference(text, after, TOLERANCE[device]) else AFTER)
    return found


def counts(found: list[str]) -> str:
    return ", ".join(f"{count} by {version}" for version, count in Counter(found).items()) or "no answer was looked at"


def not_taken_over(found: list[str]) -> Problem | None:
    """Say that the answers do not begin with the version before, end with the new one, and have no third's."""
    wrong = [version for version in found if version not in (BEFORE, AFTER)]
    if wrong:
        return Problem(f"{len(wrong)} of {len(found)} answers are neither version's, the first: {wrong[0]}", LOOK)
    if not found or found[0] != BEFORE or found[-1] != AFTER:
        return Problem(f"the answers do not go from the one version to the other: {counts(found)}", LOOK)
    return None
