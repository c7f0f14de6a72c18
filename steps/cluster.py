"""Steps about pods.

PYTEST_DONT_REWRITE: a failed step says its problem, and no more.
"""

from pytest_bdd import then, when

from acceptance.gpu import probe


@when("the cuda-vector-add pod runs to its end", target_fixture="pod")
def run_the_pod(vector_add):
    return vector_add


@then("the pod succeeds")
def pod_succeeds(pod):
    assert not (problem := probe.failed_pod(pod.name, pod.phase, pod.log)), problem


@then("its log says the test passed")
def log_says_passed(pod):
    assert not (problem := probe.not_passed(pod.name, pod.log)), problem
