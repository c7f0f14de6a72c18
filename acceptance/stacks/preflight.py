"""Everything that is looked at before anything starts, from every room, in one list."""

import os
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from acceptance.errors import BadSetting, Problem, problem_of
from acceptance.images import read_images
from acceptance.paths import CODESET
from acceptance.serving import request_file
from acceptance.settings import Settings
from acceptance.stacks import workspace
from acceptance.stacks.protocol import Stack
from acceptance.training import project


def missing(settings: Settings, stack: type[Stack], chosen: Sequence[Collection[str]]) -> list[Problem]:
    """Return what the chosen scenarios, by their tags, will need and can't have.

    Nothing where the file of images is wrong, which the run's own problems say.
    """
    return (
        [] if problem_of(lambda: read_images(settings.images, settings.registry)) else stack.missing(settings, chosen)
    )


def problems(
    settings: Settings, stack: type[Stack], report: Path, environment: Mapping[str, str] = os.environ
) -> list[Problem]:
    """Return what keeps a run from starting, with the fixes; `report` is the report's folder."""
    found = [
        *workspace.problems(report, environment),
        *project.problems(workspace.temporary_folder(environment), CODESET),
    ]
    if settings.request and (problem := request_file.problem_with(settings.request)):
        found.append(problem)
    if problem := problem_of(lambda: read_images(settings.images, settings.registry)):
        return [*found, problem]  # the target would only say it again
    try:
        return [*found, *stack.problems(settings)]
    except BadSetting as error:  # what the target needs can't even be asked
        return [*found, error.problem]
