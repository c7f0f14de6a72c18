"""What the stacks on this machine do alike: they wait for processes or containers, and are reached by its ports."""

import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from acceptance.health import unready
from acceptance.load.measured import Progress
from acceptance.stacks.base import BaseStack
from acceptance.waiting import Ready, wait_until

MLFLOW_SECONDS = 120
# how often a task's progress is asked for, and whether the others live: of a server under load no more often
LOOK_SECONDS = 1.0


class Task(Protocol):
    """A process or a container that ends by itself: its name, its log, and its exit code once it has ended."""

    name: str
    log: Path

    def exit_code(self) -> int | None: ...


class LocalStack(BaseStack):
    """A stack whose servers and tasks are processes or containers of this machine."""

    def wait_for_mlflow(self, uri: str) -> None:
        def missing() -> str:
            return unready("MLflow", f"{uri}/health", lambda text: text.strip() == "OK")

        self.wait_for_answer("MLflow to answer", missing, MLFLOW_SECONDS)

    def wait_for_end(
        self, task: Task, check_others: Callable[[], None], progress: Progress | None, timeout: float
    ) -> None:
        """Wait until a task ended well, with its progress, where it has any, on the terminal.

        `check_others` raises when the task, or what it needs, has died.
        """

        looked, words = -math.inf, ""

        def state() -> Ready[None] | str:
            nonlocal looked, words
            code, now = task.exit_code(), time.monotonic()
            if code == 0:
                return Ready(None)
            if code is not None or now - looked >= LOOK_SECONDS:
                check_others()
                looked, words = now, progress() if progress else ""
                if words:
                    self.say(words)
            return words or "it runs"

        wait_until(f"{task.name} to finish", state, timeout, look_at=str(task.log))

    def addresses(self) -> list[str]:
        """Return a line on each server that a kept stack has on this machine's ports."""
        lines = [f"MLflow: {self.tracking_uri}"] if self.tracking_uri else []
        lines += [f"MLflow of yours: {self.server}"] if self.server else []
        return lines + [
            f"Triton on the {one.device.upper()}: {one.infer_url}, gRPC {one.grpc}" for one in self.endpoints()
        ]
