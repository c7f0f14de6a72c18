"""Whether a load's answers are right: fast ones that are wrong prove nothing."""

import numpy as np

from acceptance.errors import AcceptanceError, Problem
from acceptance.load.result import SAMPLED, LoadResult
from acceptance.serving.inference import Answer

# a logit's difference; TensorFloat-32, with which a GPU multiplies by default, keeps 10 bits
TOLERANCE = {"cpu": 1e-3, "gpu": 0.05}
LOOK = "look at the server's log"


def wrong_answers(load: LoadResult, expected: np.ndarray, device: str) -> Problem | None:
    """Say how many sampled answers have other logits than the expected ones [1, 10], and the first of them."""
    if not load.answers:
        return Problem(f"no answer of {len(load)} requests was kept to look at; one in {SAMPLED} should be", LOOK)
    wrong = [why for text in load.answers if (why := difference(text, expected, TOLERANCE[device]))]
    if not wrong:
        return None
    return Problem(
        f"{len(wrong)} of the {len(load.answers)} answers that were looked at are wrong, the first: {wrong[0]}", LOOK
    )


def difference(text: str, expected: np.ndarray, tolerance: float) -> str:
    try:
        logits = Answer(200, text).logits()
    except AcceptanceError as error:
        return str(error)
    if logits.shape != expected.shape or not np.isfinite(logits).all():
        return f"{logits.tolist()}"
    apart = float(np.abs(logits - expected).max())
    if apart <= tolerance and logits.argmax() == expected.argmax():
        return ""
    return (
        f"class {logits.argmax()} instead of {expected.argmax()}, logits up to {apart:.3g} from the trained model's, "
        f"where at most {tolerance} is rounding"
    )
