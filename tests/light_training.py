"""Targets whose runs train a light model instead of the codeset's: for runs about anything but the training.

Loaded with `-p`. The stacks are the real ones, and so is all that they start.
"""

from pathlib import Path

from acceptance.stacks.protocol import Stack
from acceptance.stacks.targets import TARGETS, Target

CODESET = Path(__file__).parent / "light_codeset"


def light(target: Target) -> Target:
    def stack() -> type[Stack]:
        whole = target.stack()

        class LightStack(whole):  # type: ignore[misc,valid-type]
            def __init__(self, settings, workspace, say):
                super().__init__(settings, workspace, say, codeset=CODESET)

        return LightStack

    return Target(stack, target.capabilities)


def pytest_acceptance_targets() -> dict[str, Target]:
    return {name: light(target) for name, target in TARGETS.items()}
