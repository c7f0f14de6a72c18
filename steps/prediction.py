"""Steps about what the predictors answer."""

import numpy as np
from pytest_bdd import parsers, then, when

from acceptance.serving import bad_requests, inference


@when("the tutorial's request with the deer is sent", target_fixture="answer")
def send_tutorial_request(endpoint, deer_request):
    return inference.post(endpoint.infer_url, deer_request)


@then("the answer is ten logits")
def answer_is_ten_logits(answer):
    logits = answer.logits()
    assert logits.shape == (1, 10) and np.isfinite(logits).all(), f"the answer is {logits.shape}: {logits}"


@then("the highest is at the deer's index")
def highest_is_at(answer, deer_request, settings, dataset, record, figures):
    logits = answer.logits()[0]
    record.sent(deer_request, dataset, logits)
    highest = int(logits.argmax())
    figures("landed at", f"index {highest} ({dataset.classes[highest]})")
    figures("logits", " ".join(f"{name} {logit:.2f}" for name, logit in zip(dataset.classes, logits, strict=True)))
    assert highest == settings.expect_index, (
        f"the {dataset.classes[settings.expect_index]} landed at index {highest} ({dataset.classes[highest]}), "
        f"not {settings.expect_index}; logits {np.round(logits, 2)}"
    )


@when("the deer is sent as JSON, as binary HTTP and by gRPC", target_fixture="answers")
def send_three_ways(endpoint, deer):
    pixels = inference.scale(deer)
    return {
        "JSON": inference.infer_json(endpoint.infer_url, deer),
        "binary HTTP": inference.infer_binary(endpoint.http, endpoint.model, pixels),
        "gRPC": inference.infer_grpc(endpoint.grpc, endpoint.model, pixels),
    }


@then("the three answers agree")
def answers_agree(answers):
    for name, logits in answers.items():
        difference = float(np.abs(logits - answers["JSON"]).max())
        assert difference <= 1e-5, f"{name} differs from JSON by up to {difference}: {logits} and {answers['JSON']}"


@when(parsers.parse("at least {count:d} held-out pictures are sent"))
def send_held_out(held_out_answers, count, figures):
    sent = len(held_out_answers.labels)
    figures("pictures", sent)
    assert sent >= count, f"only {sent} held-out pictures have logits to compare with; {count} are needed"


@then(parsers.parse("at least {percent:f} % get the class that the trained model gave them"))
def same_classes(held_out_answers, percent, figures):
    same = held_out_answers.served.argmax(1) == held_out_answers.trained.argmax(1)
    figures("same class", f"{same.mean():.2%}")
    assert same.mean() * 100 >= percent, (
        f"{same.mean():.2%} of {len(same)} pictures got the trained model's class, not {percent} %"
    )


@then(parsers.parse("the logits differ by at most {tolerance:f}"))
def same_logits(held_out_answers, tolerance, figures):
    difference = float(np.abs(held_out_answers.served - held_out_answers.trained).max())
    figures("largest difference of a logit", f"{difference:.2g}")
    assert difference <= tolerance, f"the server's logits differ from the trained model's by up to {difference:.4g}"


@then("each of the ten classes is found at its own index at least once")
def every_class_found(held_out_answers, dataset, figures):
    predicted, labels = held_out_answers.served.argmax(1), held_out_answers.labels
    found = {name: int(((predicted == index) & (labels == index)).sum()) for index, name in enumerate(dataset.classes)}
    figures("found at its index", ", ".join(f"{name} {count}" for name, count in found.items()))
    never = [name for name, count in found.items() if not count]
    assert not never, f"never found at its own index: {', '.join(never)}"


@when(parsers.parse("a request with {kind} is sent"), target_fixture="bad_answer")
def send_bad_request(endpoint, kind, deer_logits):
    return kind, bad_requests.send(kind, endpoint.http, endpoint.model)


@then("it gets a clear client error or a defined answer")
def clear_error(bad_answer, figures):
    kind, answer = bad_answer
    figures("answer", f"HTTP {answer.code}: {bad_requests.reason(answer) or answer.text[:100]}")
    wrong = bad_requests.judge(kind, answer)
    assert not wrong, f"a request with {kind}: {wrong}"


@then("the predictor still serves the deer")
def still_serves(endpoint, deer, deer_logits):
    logits = inference.infer_json(endpoint.infer_url, deer)
    assert np.allclose(logits, deer_logits, atol=1e-4), f"{endpoint} said {deer_logits} to it before, and now {logits}"
