"""Steps about loads."""

from pytest_bdd import parsers, then, when

from acceptance.load.answers import wrong_answers
from acceptance.load.pairs import GPU_FASTER
from acceptance.serving.inference import TUTORIAL_BYTES


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
def request_size(load_plan, figures):
    size = len(load_plan.body)
    figures("bytes a request", size)
    assert abs(size / TUTORIAL_BYTES - 1) <= 0.1, f"the request is {size} bytes; the tutorial's is {TUTORIAL_BYTES}"


@then(parsers.parse("{percent:d} % of the answers come within a second"))
def answers_within_a_second(loads, percent):
    for device, load in loads.items():
        reached = load.percentile(percent)
        assert reached <= 1, f"{device}: the {percent}th percentile of the latency is {reached * 1000:.0f} ms"


@then("every request succeeds")
@then("every request succeeds on both")
def every_request_succeeds(loads):
    for device, load in loads.items():
        why = "; ".join([load.failures(), *load.incidents])
        assert load.success == 1, f"{device}: {load.success:.3%} of {len(load)} requests succeeded: {why}"


@then("the answers are the trained model's")
@then("the answers are the trained model's on both")
def answers_are_right(loads, expected_logits, figures):
    figures("answers looked at", sum(len(load.answers) for load in loads.values()))
    for name, load in loads.items():
        wrong = wrong_answers(load, expected_logits, name.split()[0].lower())
        assert not wrong, f"{name}: {wrong}"


@then("the load is valid")
def loads_are_valid(loads):
    for device, load in loads.items():
        assert not load.invalid(), f"the {device}'s load is INVALID: {'; '.join(load.invalid())}"


@then("enough pairs of valid loads were sent")
def enough_pairs(paired_loads, settings, figures):
    figures("pairs", len(paired_loads.counted))
    assert len(paired_loads.counted) >= settings.pairs, (
        f"{len(paired_loads.counted)} pairs of the {settings.pairs} asked for count, of {len(paired_loads.sent)} sent: "
        f"{'; '.join(paired_loads.invalid()[:3])}"
    )


@then("the GPU works under the GPU predictor's loads alone")
def gpu_works(gpu_use, figures):
    figures("GPU utilisation", gpu_use.words())
    assert not gpu_use.wrong(), gpu_use.wrong()


@then("the GPU is faster at the median and at the 99th percentile beyond doubt")
def gpu_is_faster(paired_loads, figures):
    figures("verdict", paired_loads.words())
    assert paired_loads.verdict() == GPU_FASTER, paired_loads.words()
