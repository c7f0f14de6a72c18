"""The end of what a run has in FuseML. The guardian runs it with the names when pytest is gone."""

import sys
from pathlib import Path

from acceptance.errors import exit_code_of
from acceptance.redaction.redactor import Redactor
from acceptance.workflows.fuseml.engine import FuseML
from acceptance.workflows.fuseml.rest import RestPort
from acceptance.workflows.git import Git


def delete_all(url: str, project: str, workflow: str) -> None:
    """Delete the workflow's applications, the workflow, and the project with its codesets."""
    redactor = Redactor()
    git = Git(Path(), redactor)  # deleting takes no push
    port = RestPort(url, git, redactor)
    fuseml = FuseML(port, git)
    for application in fuseml.applications(workflow):
        fuseml.delete_application(application.name)
    if workflow in port.workflows():
        fuseml.delete_workflow(workflow)
    for codeset in port.codesets():
        if codeset.project == project:
            fuseml.delete_codeset(codeset)


def main(url: str, project: str, workflow: str) -> int:
    return exit_code_of(lambda: delete_all(url, project, workflow))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
