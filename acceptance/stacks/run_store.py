"""A run's own prefix of the user's object store: tried out, given to the run's MLflow, and deleted at the end."""

import secrets
from pathlib import Path

from acceptance.errors import Problem, problem_of
from acceptance.processes.local import Processes, module_command
from acceptance.serving import served_model
from acceptance.serving.repository import MODEL_FILE
from acceptance.serving.served_model import ServedModel
from acceptance.settings import Settings
from acceptance.stacks.protocol import Say
from acceptance.stacks.workspace import Workspace
from acceptance.storage import abandoned, checks, cleanup
from acceptance.storage.bucket import Bucket
from acceptance.storage.location import Location, read_location
from acceptance.training.tracking import TrainingRun

OPTION = "--store"
# where beneath the run's prefix MLflow keeps its artifacts
ARTIFACTS = "artifacts"


class RunStore:
    """A prefix that nobody else has. The guardian deletes it where pytest was killed; with `--keep` it stays."""

    def __init__(self, settings: Settings, workspace: Workspace, processes: Processes, say: Say) -> None:
        self.keep, self.say = settings.keep, say
        self.above = read_location(settings.store, OPTION)
        place = self.above.beneath(f"{abandoned.NAMED}{secrets.token_hex(4)}")
        self.bucket = Bucket(place)
        workspace.redactor.add_variables(self.variables())
        processes.afterwards(self.how_to_remove, f"delete what lies beneath {place}")

    @property
    def location(self) -> Location:
        return self.bucket.location

    @property
    def artifacts(self) -> Location:
        """Where the run's MLflow keeps its artifacts."""
        return self.location.beneath(ARTIFACTS)

    def variables(self) -> dict[str, str]:
        """Return the variables by which the run's MLflow reaches the store; they hold secrets."""
        return self.bucket.variables()

    def try_out(self) -> None:
        """Do once what the run will do there; raises AcceptanceError with what can't be done."""
        abandoned.note_owner(self.bucket, self.keep)
        checks.try_out(self.bucket)
        for place in abandoned.delete_abandoned(self.above):
            self.say(f"{place}: deleted, a run left it there")
        for note in self.bucket.notes:
            self.say(f"{self.location}: {note}")

    def put_folder(self, folder: Path, name: str) -> None:
        """Write each file of a folder beneath that name."""
        for file in sorted(folder.rglob("*")):
            if file.is_file():
                self.bucket.put(f"{name}/{file.relative_to(folder).as_posix()}", file.read_bytes())

    def delete_folder(self, name: str) -> None:
        """Delete each file beneath that name."""
        self.bucket.delete_all(name)

    def names(self, name: str) -> list[str]:
        """Return the objects beneath that name, as `s3://bucket/key`."""
        return [str(self.location.beneath(one)) for one in self.bucket.names() if one.startswith(f"{name}/")]

    def model(self, run: TrainingRun) -> ServedModel:
        """Return the run's ONNX file as the store has it."""
        artifact = run.model_uri("onnx").removeprefix("mlflow-artifacts:").strip("/")
        name = f"{ARTIFACTS}/{artifact}/{MODEL_FILE}"
        return served_model.read_data(self.bucket.get(name), str(self.location.beneath(name)))

    def close(self) -> None:
        """Delete all that lies beneath the prefix, unless it is kept."""
        if not self.keep:
            self.bucket.delete_all()

    @property
    def how_to_remove(self) -> list[str]:
        """The command that deletes what was kept."""
        return module_command(cleanup.__name__, str(self.location))


def problems(settings: Settings, from_pods: bool = False) -> list[Problem]:
    """Return why the user's store can't be used, nothing where there is none; `from_pods`: pods are to reach it."""
    if not settings.store:
        return []
    problem = problem_of(lambda: checks.look_at(read_location(settings.store, OPTION), from_pods))
    return [problem] if problem else []
