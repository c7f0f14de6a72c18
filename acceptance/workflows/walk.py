"""The tutorial's way from a codeset to an application, a stage at a time, and back."""

import time
from collections.abc import Callable, Set
from dataclasses import dataclass
from pathlib import Path

from acceptance.errors import AcceptanceError, Problem, Unrecoverable, WaitTimeout, listed, problem_of
from acceptance.waiting import Ready, wait_until
from acceptance.workflows.git import digests
from acceptance.workflows.model import Application, Codeset, Run, Workflow
from acceptance.workflows.protocol import Workflows

Say = Callable[[str], None]
# from an assignment, or a push, to its run
NEW_RUN_SECONDS = 60.0
# from the end of a run to its application
APPLICATION_SECONDS = 60.0
POLL_SECONDS = 1.0
# how long it is watched that no run starts: so many times as long as one took to start, and at least so many seconds
QUIET_TIMES, LEAST_QUIET_SECONDS = 3, 5.0
# in the codeset's folder: what it says changes with each push
PUSHED = "PUSHED"


@dataclass(frozen=True)
class Failure:
    """A run that did not go well, and what is known of the step that failed."""

    run: Run
    why: str


class Walk:
    """A workflow on a codeset of the run's own, made of a folder. `close` deletes what is still there of both."""

    def __init__(
        self,
        workflows: Workflows,
        workflow: Workflow,
        codeset: Codeset,
        folder: Path,
        say: Say,
        run_seconds: float,
        poll: float = POLL_SECONDS,
        new_run_seconds: float = NEW_RUN_SECONDS,
        least_quiet: float = LEAST_QUIET_SECONDS,
    ) -> None:
        self.workflows, self.workflow, self.codeset, self.folder = workflows, workflow, codeset, folder
        self.say, self.run_seconds, self.poll = say, run_seconds, poll
        self.new_run_seconds, self.least_quiet = new_run_seconds, least_quiet
        self.before: frozenset[str] = frozenset()
        self.took_to_start = 0.0
        self.pushes = 0
        # what of it is there, with what deletes it, in the order in which it was made
        self.made: dict[str, Callable[[], None]] = {}

    # --- there

    def register(self) -> Codeset:
        """Register the codeset; raises AcceptanceError with all that would keep the workflow from running on it."""
        if found := self.workflows.problems(self.workflow):
            raise AcceptanceError(listed(found))
        self.before = self.workflows.inventory()
        self.say(f"registering codeset {self.codeset}")
        self.codeset = self.workflows.register(self.codeset, self.folder)
        self.made[f"codeset {self.codeset}"] = lambda: self.workflows.delete_codeset(self.codeset)
        return self.codeset

    def missing_code(self) -> Problem | None:
        """Say which of the folder's files the codeset's repository lacks, or has otherwise."""
        there = self.workflows.code(self.codeset)
        wrong = sorted(name for name, digest in digests(self.folder).items() if there.get(name) != digest)
        if not wrong:
            return None
        return Problem(
            f"codeset {self.codeset} at {self.codeset.address} has not the files that were registered: "
            f"{', '.join(wrong[:5])} ({len(wrong)} in all)",
            "see what its git server took",
        )

    def assign(self) -> Run:
        """Create the workflow and assign it to the codeset; return the run that this started."""
        self.create(self.workflow)
        return self.started_by(lambda: self.workflows.assign(self.workflow.name, self.codeset), "assigned")

    def create(self, workflow: Workflow) -> None:
        self.say(f"creating workflow {workflow.name} and assigning it")
        self.workflows.create(workflow)
        self.made[f"workflow {workflow.name}"] = lambda: self.workflows.delete_workflow(workflow.name)

    def fail(self, wrong: Workflow) -> "Failure":
        """Assign a workflow with a step that can't go well to the codeset too; return how its run ended, and delete it.

        Raises AcceptanceError where the run goes well.
        """
        name = wrong.name
        self.create(wrong)
        run = self.started_by(lambda: self.workflows.assign(name, self.codeset), "assigned", name)
        over = self.wait_until_over(run)
        failure = Failure(over, self.workflows.why_failed(over).strip())
        self.workflows.unassign(name, self.codeset)  # else each push starts it as well
        self.made.pop(f"workflow {name}")()
        if over.went_well:
            raise AcceptanceError(f"{over} ended as {over.state}, and its step can't go well; see what it ran")
        return failure

    def push(self) -> Run:
        """Push a change to the codeset; return the run that this started."""
        return self.started_by(self.push_change, "pushed to")

    def push_change(self) -> None:
        self.pushes += 1
        (self.folder / PUSHED).write_text(f"{self.pushes}\n", encoding="utf-8")
        self.workflows.register(self.codeset, self.folder)

    def started_by(self, action: Callable[[], None], done: str, workflow: str = "") -> Run:
        """Return the run that an action started: the product may say that all went well, and start none.

        `workflow`: whose run, the walk's own by default.
        """
        known, begun = self.names(workflow), time.monotonic()
        action()

        def state() -> Ready[Run] | str:
            new = [run for run in self.runs(workflow) if run.name not in known]
            return Ready(new[0]) if new else "no new run"

        try:
            run = wait_until(f"a run, with {self.codeset} {done}", state, self.new_run_seconds, poll=self.poll)
        except WaitTimeout as error:
            error.add(
                f"workflow {workflow or self.workflow.name} and codeset {self.codeset}: look at the workflow's event "
                "listener, at the webhook of the codeset's repository, and at what the cluster says of new runs"
            )
            raise
        self.took_to_start = time.monotonic() - begun
        return run

    def runs(self, workflow: str = "") -> list[Run]:
        return self.workflows.runs(workflow or self.workflow.name, self.codeset)

    def names(self, workflow: str = "") -> Set[str]:
        return {run.name for run in self.runs(workflow)}

    def wait_for_end(self, run: Run) -> Run:
        """Return the run once it is over; raises AcceptanceError where it did not go well, with its step if known."""
        over = self.wait_until_over(run)
        if not over.went_well:
            raise AcceptanceError(Problem(f"{over} ended as {over.state}", detail=self.workflows.why_failed(over)))
        return over

    def wait_until_over(self, run: Run) -> Run:
        def state() -> Ready[Run] | str:
            now = next((one for one in self.runs(run.workflow) if one.name == run.name), None)
            if now is None:
                raise Unrecoverable(f"{run} is gone; was its workflow deleted?")
            self.say(f"{now}: {now.state}")
            return Ready(now) if now.is_over else now.state

        return wait_until(f"{run} to end", state, self.run_seconds, poll=self.poll)

    def wait_for_application(self) -> Application:
        """Return the application that a run left."""

        def state() -> Ready[Application] | str:
            found = self.workflows.applications(self.workflow.name)
            return Ready(found[0]) if found else "none"

        about = f"an application of workflow {self.workflow.name}"
        application = wait_until(about, state, APPLICATION_SECONDS, poll=self.poll)
        name = application.name
        self.made[f"application {name}"] = lambda: self.workflows.delete_application(name)
        return application

    def go(self) -> Application:
        """Go all the way; return the application."""
        self.register()
        self.wait_for_end(self.assign())
        return self.wait_for_application()

    # --- and back

    def unassign(self) -> list[str]:
        """Unassign the workflow, and push; return what is assigned or runs all the same."""
        name, known = self.workflow.name, self.names()
        self.workflows.unassign(name, self.codeset)
        left = [f"its assignment to {one}" for one in self.workflows.assigned(name) if one.is_same(self.codeset)]
        self.push_change()
        ends = time.monotonic() + max(self.least_quiet, QUIET_TIMES * self.took_to_start)

        def state() -> Ready[list[str]] | str:
            new = [str(run) for run in self.runs() if run.name not in known]
            return Ready(new) if new or time.monotonic() >= ends else "no new run"

        return [*left, *wait_until("that no run starts", state, self.run_seconds, poll=self.poll)]

    def remove(self) -> list[str]:
        """Delete the application, the workflow and the codeset; return what is left of them, and what else is gone."""
        before, made = self.before, set(self.made)
        if problems := self.close():
            raise AcceptanceError(listed(problems))
        after = self.workflows.inventory()
        gone = [f"{one} is gone, which is not the run's" for one in sorted(before - after)]
        return [*(f"{one} is left" for one in sorted(made & after)), *gone]

    def close(self) -> list[Problem]:
        """Delete what is still there, the last first; return why some of it could not be."""
        problems = []
        while self.made:
            what, delete = self.made.popitem()
            if problem := problem_of(delete):
                problems.append(Problem(f"{what} is left: {problem.what}", f"delete it by hand; {problem.fix}"))
        return problems


def unnamed(failure: Failure) -> Problem | None:
    """Say that nobody knows which step of a run failed, and how."""
    if "exit code" in failure.why:
        return None
    return Problem(
        f"{failure.run} ended as {failure.run.state}, and which step failed with which exit code is not known: "
        f"{failure.why or 'nothing is said'}",
        "let the account read what the workflow ran: its tasks, and their pods' logs",
    )


def some(left: list[str]) -> Problem | None:
    """Say what should not be there, or should."""
    return Problem("; ".join(left), "see what the installation says of it") if left else None
