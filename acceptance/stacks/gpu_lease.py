"""The run's one GPU, which the predictor, trainers and pods have in turns."""

import contextlib

from acceptance.serving.endpoint import Endpoint
from acceptance.stacks.protocol import Stack
from acceptance.training.tracking import TrainingRun


class GpuLease:
    """Serves on the GPU until somebody else needs it. Trainers and pods end by themselves; a predictor doesn't."""

    def __init__(self, stack: Stack, context: contextlib.ExitStack) -> None:
        self.stack, self.context = stack, context
        self.endpoint: Endpoint | None = None

    def serve(self, run: TrainingRun) -> Endpoint:
        """Return the GPU predictor, started anew where another has had the GPU since."""
        if not self.endpoint:
            self.endpoint = self.context.enter_context(self.stack.serve(run, "gpu"))
        return self.endpoint

    def free(self) -> None:
        """Stop the predictor, with `--keep` too: who calls this needs the GPU now."""
        endpoint, self.endpoint = self.endpoint, None
        if endpoint:
            self.stack.stop_serving(endpoint)
            self.context.close()
