"""Workflows that are made up: they do at once what they are asked."""

from acceptance.workflows.model import Application, Codeset, Run

CODESET = Codeset("own", "images", "http://git/own/images.git")
URL = "http://app.example.org/v2/models/app/infer"


class MadeUp:
    """Workflows that do at once what they are asked; `states` are the newest run's, one after the other."""

    def __init__(self, states=("Succeeded",), starts=1):
        self.states, self.starts, self.number = list(states), starts, 0
        self.there = {"codeset theirs/x", "workflow theirs"}
        self.deletes, self.stays_assigned, self.listed = True, False, True
        self.unassigned = False
        self.why = "    task trainer, step trainer ended with exit code 3: no GPU"

    def problems(self, workflow):
        return []

    def inventory(self):
        return frozenset(self.there)

    def register(self, codeset, folder):
        self.there.add(f"codeset {codeset}")
        if self.number and not self.unassigned:
            self.number += 1
        return CODESET

    def create(self, workflow):
        self.there.add(f"workflow {workflow.name}")

    def assign(self, workflow, codeset):
        self.number += self.starts

    def unassign(self, workflow, codeset):
        self.unassigned = not self.stays_assigned

    def assigned(self, workflow):
        return [CODESET] if self.stays_assigned else []

    def runs(self, workflow, codeset):
        state = self.states[0] if len(self.states) == 1 else self.states.pop(0)
        newest = self.number if self.listed else 0
        # the newest is neither first nor last
        numbers = sorted(range(1, newest + 1), key=lambda number: (number * 7) % 5)
        return [
            Run(f"run-{one}", workflow, (CODESET.address,), state if one == newest else "Failed") for one in numbers
        ]

    def why_failed(self, run):
        return self.why

    def code(self, codeset):
        return {}

    def applications(self, workflow):
        self.there.add("application app")
        return [Application("app", workflow, URL)]

    def delete_application(self, name):
        self.there.discard(f"application {name}")

    def delete_workflow(self, name):
        if self.deletes:
            self.there.discard(f"workflow {name}")

    def delete_codeset(self, codeset):
        self.there.discard(f"codeset {codeset}")
