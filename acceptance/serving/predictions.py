"""What is wrong with a predictor's answers: their shape, their class, how far they are from the trained model's."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from acceptance.errors import AcceptanceError, Problem
from acceptance.serving.inference import Answer

# rounding in float32 stays below it, whichever way an answer came
SAME = 1e-5
STILL_SAME = 1e-4
LOOK = "look at the server's log"


@dataclass(frozen=True)
class HeldOutAnswers:
    """Held-out images' labels [N], the server's logits [N, 10] and the trained model's own [N, 10]."""

    labels: np.ndarray
    served: np.ndarray
    trained: np.ndarray

    def __len__(self) -> int:
        return len(self.served)

    @property
    def same_class(self) -> float:
        """The share of images that got the trained model's class, from 0 to 1."""
        return float((self.served.argmax(1) == self.trained.argmax(1)).mean())

    @property
    def largest_difference(self) -> float:
        return float(np.abs(self.served - self.trained).max())

    def found(self, classes: Sequence[str]) -> dict[str, int]:
        """Return how often each class was found at its own index."""
        right = self.served.argmax(1) == self.labels
        return {name: int((right & (self.labels == index)).sum()) for index, name in enumerate(classes)}


def not_ten_logits(answer: Answer) -> Problem | None:
    try:
        logits = answer.logits()
    except AcceptanceError as error:
        return error.problem
    if logits.shape == (1, 10) and np.isfinite(logits).all():
        return None
    return Problem(f"the answer is {logits.shape}: {logits}", LOOK)


def wrong_index(logits: np.ndarray, expected: int, classes: Sequence[str]) -> Problem | None:
    """Say that the highest of the logits [10] is not at the expected index."""
    highest = int(logits.argmax())
    if highest == expected:
        return None
    return Problem(
        f"the {classes[expected]} landed at index {highest} ({classes[highest]}), not {expected}; "
        f"logits {np.round(logits, 2)}",
        "look at the held-out accuracy of the model, and at the image in the report",
    )


def disagreeing(answers: Mapping[str, np.ndarray]) -> Problem | None:
    """Say which of the ways to send an image gave other logits than the first."""
    first, *others = answers
    for name in others:
        difference = float(np.abs(answers[name] - answers[first]).max())
        if not difference <= SAME:
            return Problem(
                f"{name} differs from {first} by up to {difference}: {answers[name]} and {answers[first]}", LOOK
            )
    return None


def too_few(answers: HeldOutAnswers, least: int) -> Problem | None:
    if len(answers) >= least:
        return None
    return Problem(
        f"only {len(answers)} held-out images have logits to compare with; {least} are needed",
        "look at the trainer's log",
    )


def other_classes(answers: HeldOutAnswers, percent: float) -> Problem | None:
    if answers.same_class * 100 >= percent:
        return None
    return Problem(
        f"{answers.same_class:.2%} of {len(answers)} images got the trained model's class, not {percent} %", LOOK
    )


def other_logits(answers: HeldOutAnswers, tolerance: float) -> Problem | None:
    if answers.largest_difference <= tolerance:
        return None
    return Problem(
        f"the server's logits differ from the trained model's by up to {answers.largest_difference:.4g}", LOOK
    )


def missing_classes(answers: HeldOutAnswers, classes: Sequence[str]) -> Problem | None:
    never = [name for name, count in answers.found(classes).items() if not count]
    if not never:
        return None
    return Problem(f"never found at its own index: {', '.join(never)}", "look at the held-out accuracy of the model")


def changed(name: str, before: np.ndarray, now: np.ndarray) -> Problem | None:
    """Say that a predictor answers one image otherwise than before; both are logits [1, 10]."""
    if np.allclose(now, before, atol=STILL_SAME):
        return None
    return Problem(f"{name} answered {before} to it before, and now {now}", LOOK)
