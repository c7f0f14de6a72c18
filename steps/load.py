"""Steps about loads.

PYTEST_DONT_REWRITE: a failed step says its problem, and no more.
"""

from pytest_bdd import parsers, then, when

from acceptance.load import checks


@when("it gets the tutorial's load", target_fixture="loads")
def cpu_gets_load(cpu_load, figures):
    for name, value in cpu_load.figures().items():
        figures(name, value)
    return {"CPU": cpu_load}


@when("both get the tutorial's load in turns", target_fixture="loads")
def both_get_load(paired_loads, figures):
    for load_name, load in list(paired_loads.loads().items())[:2]:
        for name, value in load.figures().items():
            figures(f"{load_name} {name}", value)
    return paired_loads.loads()


@then("the request has the tutorial's size")
def request_size(loads, figures):
    figures("bytes a request", ", ".join(str(len(load.plan.body)) for load in loads.values()))
    assert not (problem := checks.other_size(loads)), problem


@then(parsers.parse("{percent:d} % of the answers come within a second"))
def answers_within_a_second(loads, percent):
    assert not (problem := checks.slow_answers(loads, percent, seconds=1)), problem


@then("every request succeeds")
@then("every request succeeds on both")
def every_request_succeeds(loads):
    assert not (problem := checks.failed_requests(loads)), problem


@then("the answers are the trained model's")
@then("the answers are the trained model's on both")
def answers_are_right(loads, expected_logits, figures):
    figures("answers looked at", sum(len(load.answers) for load in loads.values()))
    assert not (problem := checks.wrong_logits(loads, expected_logits)), problem


@then("the load is valid")
def loads_are_valid(loads):
    assert not (problem := checks.invalid_loads(loads)), problem


@then("enough pairs of valid loads were sent")
def enough_pairs(paired_loads, settings, figures):
    figures("pairs", len(paired_loads.counted))
    assert not (problem := checks.too_few_pairs(paired_loads, settings.pairs)), problem


@then("the GPU works under the GPU predictor's loads alone")
def gpu_works(gpu_utilisation, figures):
    figures("GPU utilisation", gpu_utilisation.summary())
    assert not (problem := gpu_utilisation.problem()), problem


@then("the GPU is faster at the median and at the 99th percentile beyond doubt")
def gpu_is_faster(paired_loads, figures):
    figures("verdict", paired_loads.summary())
    assert not (problem := checks.gpu_not_faster(paired_loads)), problem
