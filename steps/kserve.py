"""Steps about InferenceServices.

PYTEST_DONT_REWRITE: a failed step says its problem, and no more.
"""

from pytest_bdd import given, parsers, then, when

from acceptance.kserve import leftovers
from acceptance.kserve.service import not_called_ready, other_source
from acceptance.kserve.web_app import not_shown_ready
from acceptance.load import rollout as rollouts
from acceptance.serving.predictions import disagreeing
from fixtures.kserve import ChangingPredictor

REPLICAS = {"one replica": 1, "two replicas": 2}


@when("KServe is asked for the predictor's InferenceService", target_fixture="inference_service")
def ask_kserve(kserve, endpoint, figures):
    found = kserve.inference_service(endpoint)
    figures("runtime", found.runtime)
    figures("deployment mode", found.mode)
    figures("model repository", found.source)
    figures("URL", found.url or "none")
    figures("predictions go by", endpoint.reached_by)
    return found


@then("KServe calls it ready")
def is_ready(inference_service):
    assert not (problem := not_called_ready(inference_service)), problem


@then("its model repository is the one that the run wrote to the object store")
def repository_is_the_stores(inference_service, settings):
    assert not (problem := other_source(inference_service, settings.store_place)), problem


@when("the cluster's models web app is asked for the predictor's InferenceService", target_fixture="shown")
def ask_web_app(shown_by_web_app, figures):
    figures("web app", shown_by_web_app.app)
    figures("to open it", shown_by_web_app.way_in)
    return shown_by_web_app


@then("the web app shows it as ready")
def is_shown_ready(shown):
    assert not (problem := not_shown_ready(shown)), problem


@given("KServe serves the trained model with a predictor of its own")
def predictor_of_its_own(changing_predictor):
    return changing_predictor


@given("KServe serves the trained model on the GPU", target_fixture="changing_predictor")
def predictor_on_gpu(kserve, gpu_endpoint):
    return ChangingPredictor(gpu_endpoint())


@given(parsers.parse("the predictor has {replicas}"), converters={"replicas": REPLICAS.__getitem__})
def predictor_has(kserve, changing_predictor, replicas):
    kserve.scale(changing_predictor.endpoint, replicas)


@when("a version with another output bias is rolled out under 100 requests a second", target_fixture="loads")
def roll_out(rollout, figures):
    for name, value in rollout.figures().items():
        figures(name, value)
    return {"rollout": rollout.judged}


@when("a version with another output bias takes over the GPU under 100 requests a second")
def take_over_gpu(rollout, figures):
    # on one GPU the new version starts once the one before has gone
    figures("gap", f"{rollout.gap:.1f} s without an answer")
    for name, value in rollout.figures().items():
        figures(name, value)


@when("its InferenceService is stopped")
def stop(stopped, figures):
    figures("left", ", ".join(stopped.left) or "nothing that serves")


@then("nothing is left that serves the model")
def nothing_serves(stopped):
    assert not (problem := leftovers.some(stopped.left)), problem


@when("the InferenceService is resumed")
def resume(kserve, changing_predictor):
    kserve.resume(changing_predictor.endpoint)


@then("it answers as before it was stopped")
def answers_as_before(stopped, changing_predictor, sample_image):
    answers = {"before": stopped.logits, "after": changing_predictor.endpoint.infer_json(sample_image)}
    assert not (problem := disagreeing(answers)), problem


@when("its InferenceService is deleted", target_fixture="left")
def delete(kserve, changing_predictor):
    return kserve.remove(changing_predictor.endpoint)


@then("nothing of it is left in the cluster or the object store")
def nothing_is_left(left):
    assert not (problem := leftovers.some(left)), problem


@then("the answers change from the version before to the new one")
def answers_change(rollout_versions, figures):
    figures("answers", rollouts.counts(rollout_versions))
    assert not (problem := rollouts.not_taken_over(rollout_versions)), problem
