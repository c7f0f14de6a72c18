"""Steps about InferenceServices.

PYTEST_DONT_REWRITE: a failed step says its problem, and no more.
"""

from pytest_bdd import then, when

from acceptance.kserve.service import not_called_ready, other_source


@when("KServe is asked for the predictor's InferenceService", target_fixture="inference_service")
def ask_kserve(kserve, endpoint, figures):
    found = kserve.inference_service(endpoint)
    figures("runtime", found.runtime)
    figures("deployment mode", found.mode)
    figures("model repository", found.source)
    return found


@then("KServe calls it ready")
def is_ready(inference_service):
    assert not (problem := not_called_ready(inference_service)), problem


@then("its model repository is the one that the run wrote to the object store")
def repository_is_the_stores(inference_service, settings):
    assert not (problem := other_source(inference_service, settings.store)), problem
