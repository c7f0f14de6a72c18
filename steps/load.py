"""Steps about loads."""

from pytest_bdd import parsers, then, when

from fixtures.support.inference import TUTORIAL_BYTES


@when("it gets the tutorial's load", target_fixture="loads")
def cpu_gets_load(cpu_load, figures):
    for name, value in cpu_load.figures().items():
        figures(name, value)
    return {"CPU": cpu_load}


@when("both get the tutorial's load in turns", target_fixture="loads")
def both_get_load(cpu_load, gpu_load, figures):
    loads = {"CPU": cpu_load, "GPU": gpu_load}
    for device, load in loads.items():
        for name, value in load.figures().items():
            figures(f"{device} {name}", value)
    return loads


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
        assert load.success == 1, f"{device}: {load.success:.3%} of {len(load)} requests succeeded: {load.failures()}"


@then("the load is valid")
@then("both loads are valid")
def loads_are_valid(loads):
    for device, load in loads.items():
        assert not load.invalid(), f"the {device}'s load is INVALID: {'; '.join(load.invalid())}"


@then("the GPU's median and 99th percentile are below the CPU's")
def gpu_is_faster(loads):
    for percent in (50, 99):
        cpu, gpu = (loads[device].percentile(percent) * 1000 for device in ("CPU", "GPU"))
        assert gpu < cpu, f"p{percent}: the GPU took {gpu:.3f} ms, the CPU {cpu:.3f} ms"
