"""Steps about workflows.

PYTEST_DONT_REWRITE: a failed step says its problem, and no more.
"""

from pytest_bdd import given, then, when

from acceptance.serving import predictions, served_model
from acceptance.workflows import walk as walks


@given("the codeset is registered", target_fixture="codeset")
def codeset_is_registered(registered_codeset, figures):
    figures("codeset", registered_codeset)
    return registered_codeset


@then("its repository has the code that was registered")
def repository_has_code(walk, codeset):
    assert not (problem := walk.missing_code()), problem


@given("the workflow is assigned to the codeset", target_fixture="run")
def workflow_is_assigned(started_run, figures):
    figures("run", started_run)
    return started_run


@then("the run that this starts goes well to its end")
def run_goes_well(ended_run, figures):
    figures("ended as", ended_run.state)
    figures("run took", ended_run.took)


@given("the workflow's run has left an application", target_fixture="endpoint")
def run_left_application(application, cpu_endpoint, figures):
    figures("application", application)
    figures("made of", ", ".join(application.kinds))
    return cpu_endpoint


@then("the model that it serves is the one that the run tracked")
def serves_tracked_model(endpoint, stack):
    served = stack.served_model(endpoint)
    assert not (problem := served_model.not_what_was_trained(served, endpoint.run)), problem


@given("the GPU's workflow has run", target_fixture="run")
def gpu_workflow_has_run(workflow_on_gpu, figures):
    figures("devices", ", ".join(workflow_on_gpu.training.devices))
    return workflow_on_gpu.training


@then("its application answered the deer at its index")
def gpu_application_answered(workflow_on_gpu, settings, dataset):
    problem = predictions.wrong_index(workflow_on_gpu.logits[0], settings.expect_index, dataset.classes)
    assert not problem, problem


@when("a workflow with a wrong step is assigned to the codeset", target_fixture="failure")
def wrong_workflow_is_assigned(failure, figures):
    figures("run", failure.run)
    figures("ended as", failure.run.state)
    return failure


@then("its run fails, and the step, its exit code and its last words are known")
def failure_is_known(failure, figures):
    figures("why", failure.why)
    assert not (problem := walks.unnamed(failure)), problem


@when("a change is pushed to the codeset")
def change_is_pushed(pushed_run, figures):
    figures("run", pushed_run)


@then("a new run goes well to its end")
def new_run_goes_well(pushed_run, ended_run):
    assert pushed_run.name != ended_run.name, f"{pushed_run} is the one before the push"


@when("the workflow is unassigned and a change pushed", target_fixture="left")
def workflow_is_unassigned(still_assigned):
    return still_assigned


@when("the application, the workflow and the codeset are deleted", target_fixture="left")
def all_is_deleted(left_of_workflow):
    return left_of_workflow


@then("no run starts")
@then("nothing of them is left and nothing else is gone")
def nothing_is_left(left):
    assert not (problem := walks.some(left)), problem
