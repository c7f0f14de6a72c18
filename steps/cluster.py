"""Steps about pods.

PYTEST_DONT_REWRITE: a failed step says its problem, and no more.
"""

from pytest_bdd import then, when

PASSED = "Test PASSED"


@when("the cuda-vector-add pod runs to its end", target_fixture="pod")
def run_the_pod(run_gpu_pod):
    return run_gpu_pod("cuda-vector-add")


@then("the pod succeeds")
def pod_succeeds(pod):
    assert pod.phase == "Succeeded", f"pod {pod.name} ended {pod.phase}; its log:\n{pod.log}"


@then("its log says the test passed")
def log_says_passed(pod):
    assert PASSED in pod.log, f"pod {pod.name} did not say {PASSED!r}; its log:\n{pod.log}"
