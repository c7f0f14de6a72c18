"""Loaded with `-p`: a target in the embedded one's place with one thing broken, which the variable SABOTAGE names."""

import contextlib
import dataclasses
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

from acceptance.serving import repository, served_model
from acceptance.stacks.embedded import EmbeddedStack
from acceptance.stacks.targets import Target
from tests.sabotage import proxy
from tests.sabotage.edit import replace

SABOTAGE = os.environ["SABOTAGE"]

# a trainer that does something else: (file of the codeset, text, what stands there instead)
TRAINERS = {
    "shuffled labels": (
        "train.py",
        "    steps = ",
        "    np.random.default_rng(1).shuffle(training.labels)\n    steps = ",
    ),
    "swapped classes": (
        "data.py",
        "return Split(pixels",
        "labels = (labels + 1) % 10\n    return Split(pixels",
    ),
    "fewer epochs": ("train.py", "epochs=arguments.epochs,", "epochs=arguments.epochs - 1,"),
    "half the images": ("data.py", "read_batches(folder, TRAINING)", "read_batches(folder, TRAINING[:3])"),
    "no held-out loss": (
        "train.py",
        "self.log_metrics({**logs,",
        "logs.pop('val_loss'); self.log_metrics({**logs,",
    ),
    "another device": ("train.py", '",".join(devices_seen())', '"CPU,GPU:NVIDIA Made-Up"'),
    "no keras model": ("export.py", "tracked.log_model(mlflow.keras,", "(lambda *a, **k: None)(mlflow.keras,"),
}
# a server that does something else: (text of the Python backend's model, what stands there instead)
SERVERS = {
    "noise": (
        "        ends =",
        "        logits = logits + np.random.normal(0, 0.02, logits.shape).astype('f4')\n        ends =",
    ),
    "a class that is never found": ("        ends =", "        logits[:, 7] = -1e6\n        ends ="),
    "delay": ("        ends =", "        __import__('time').sleep(0.5)\n        ends ="),
    "wrong under load": (
        "        ends =",
        "        self.count = getattr(self, 'count', 0) + len(requests)\n"
        "        logits = np.roll(logits, 1 if self.count > 3000 else 0, axis=1)\n"
        "        ends =",
    ),
    "1 failure in 1,000": (
        "        ends =",
        "        self.count = getattr(self, 'count', 0) + len(requests)\n"
        "        if self.count // 1000 != (self.count - len(requests)) // 1000:\n"
        "            unlucky = 'out of luck'\n"
        "            return [pb_utils.InferenceResponse(error=pb_utils.TritonError(unlucky)) for _ in requests]\n"
        "        ends =",
    ),
}
PROXIES: dict[str, Callable] = {
    "a server that agrees to all": lambda: proxy.agree_to_all,
    "a server without words": lambda: proxy.complain_without_a_word,
    "a server that a bad request breaks": proxy.broken_by_a_bad_request,
    "a server that rounds JSON": lambda: proxy.round_json,
}


class BrokenStack(EmbeddedStack):
    """The real processes, with the sabotage in one of them."""

    def __init__(self, settings, workspace, say):
        super().__init__(settings, workspace, say)
        if SABOTAGE in TRAINERS:
            name, text, instead = TRAINERS[SABOTAGE]
            self.codeset = Path(shutil.copytree(self.codeset, workspace.directory / "codeset"))
            replace(self.codeset / name, text, instead)

    def build_models(self, directory, model, device):
        built = super().build_models(directory, model, device)
        if SABOTAGE == "another file of the model":
            # an unknown field, which nobody reads: it answers as before
            with (built / served_model.FILE).open("ab") as file:
                file.write(b"\xfa\x3f\x01x")
        if SABOTAGE in SERVERS:
            replace(built / repository.MODEL / "1" / "model.py", *SERVERS[SABOTAGE])
        return built

    @contextlib.contextmanager
    def serve(self, run, device):
        if SABOTAGE == "another model":
            other = dataclasses.replace(run.recipe, seed=run.recipe.seed + 1)
            served = dataclasses.replace(run, models=self.train(other, self.dataset).models)
        else:
            served = run
        with super().serve(served, device) as endpoint, contextlib.ExitStack() as exits:
            endpoint = dataclasses.replace(endpoint, run=run)
            if SABOTAGE in PROXIES:
                spoiler = proxy.Spoiler(PROXIES[SABOTAGE]())
                endpoint = dataclasses.replace(endpoint, http=exits.enter_context(spoiler.before(endpoint.http)))
            yield endpoint

    def train(self, recipe, dataset):
        self.dataset = dataset
        return super().train(recipe, dataset)

    def send_load(self, endpoint, plan):
        if SABOTAGE == "a load cut short":
            return dataclasses.replace(super().send_load(endpoint, dataclasses.replace(plan, duration=2)), plan=plan)
        if SABOTAGE == "another rate":
            slower = dataclasses.replace(plan, rate=plan.rate * 9 // 10)
            return dataclasses.replace(super().send_load(endpoint, slower), plan=plan)
        if SABOTAGE == "compact JSON":
            plan = dataclasses.replace(plan, body=json.dumps(json.loads(plan.body), separators=(",", ":")).encode())
        return super().send_load(endpoint, plan)


def pytest_acceptance_targets():
    return {"embedded": Target(lambda: BrokenStack)}
