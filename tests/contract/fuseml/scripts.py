"""What a whole walk asks FuseML, in order: by its server's recordings and by its command line's."""

ALL_NONE = ["codesets-none-json", "workflows-none-json", "applications-none-json"]
BACK = ["application-delete", "workflow-delete-assigned", "codeset-delete", "codesets-none-json", "project-delete"]
PUSHED = ["runs-after-push-json"]

SERVER_AGAIN = ["codesets-json", "codeset-register-again"]
SERVER = [
    *(["version-json", "extensions-empty-query"] * 2),
    *ALL_NONE,
    *("codesets-none-json", "codeset-register-new-project"),
    *("workflow-create", "runs-none-json", "assign"),
    *("runs-just-created-json", "runs-running-json", "runs-succeeded-json"),
    "applications-json",
    *("workflow-create-wrong-step", "runs-succeeded-json", "assign-wrong-step", "runs-several-json"),
    *("unassign-wrong-step", "workflow-delete-assigned"),
    *("runs-succeeded-json", *SERVER_AGAIN, *PUSHED),
    *("unassign", "assignments-after-unassign", *SERVER_AGAIN, *PUSHED),
    *BACK,
    *ALL_NONE,
]

PROGRAM_AGAIN = ["codesets-json", "codeset-register-again-changed", "codeset-json"]
PROGRAM = [
    *(["version-json", "extensions-json"] * 2),
    *ALL_NONE,
    *("codesets-none-json", "codeset-register", "codeset-json"),
    *("workflow-create", "runs-by-project-json", "assign"),
    *("runs-just-created-json", "runs-running-json", "runs-succeeded-json"),
    "applications-json",
    *("workflow-create-gpu", "runs-succeeded-json", "assign-mlflow-e2e-gpu-cifar10", "runs-several-json"),
    *("unassign-wrong-step", "workflow-delete-assigned"),
    *("runs-succeeded-json", *PROGRAM_AGAIN, *PUSHED),
    *("unassign", "assignments-several-json", *PROGRAM_AGAIN, *PUSHED),
    *BACK,
    *ALL_NONE,
]
# what the guardian looks for at the end of a run that has left nothing
GUARDIAN = ["applications-none-json", "workflows-none-json", "codesets-none-json"]
# how the suite's own recordings call the first run, and the real ones
FIRST = {"http": "jzmzq", "cli": "6sr57"}
