"""Steps about what the predictors answer.

PYTEST_DONT_REWRITE: a failed step says its problem, and no more.
"""

from pytest_bdd import parsers, then, when

from acceptance.serving import bad_requests, inference, predictions


@when("the tutorial's request with the deer is sent", target_fixture="answer")
def send_request(endpoint, send_tutorial_request):
    return send_tutorial_request(endpoint)


@then("the answer is ten logits")
def answer_is_ten_logits(answer):
    assert not (problem := predictions.not_ten_logits(answer)), problem


@then("the highest is at the deer's index")
def highest_is_at(answer, settings, dataset, figures):
    logits, classes = answer.logits()[0], dataset.classes
    figures("landed at", f"index {logits.argmax()} ({classes[logits.argmax()]})")
    figures("logits", " ".join(f"{name} {logit:.2f}" for name, logit in zip(classes, logits, strict=True)))
    assert not (problem := predictions.wrong_index(logits, settings.expect_index, classes)), problem


@when("the deer is sent as JSON and as binary HTTP", target_fixture="answers")
def send_as_json_and_binary(endpoint, sample_image):
    pixels = inference.scale(sample_image)
    return {
        "JSON": endpoint.infer_json(sample_image),
        "binary HTTP": endpoint.infer_binary(pixels),
    }


@when("the deer is sent as JSON and by gRPC", target_fixture="answers")
def send_as_json_and_by_grpc(endpoint, grpc_port, sample_image):
    pixels = inference.scale(sample_image)
    return {
        "JSON": endpoint.infer_json(sample_image),
        "gRPC": inference.infer_grpc(grpc_port, endpoint.model, pixels),
    }


@then("the answers agree")
def answers_agree(answers):
    assert not (problem := predictions.disagreeing(answers)), problem


@when("the held-out images are sent")
def send_held_out(held_out_answers, figures):
    figures("images", len(held_out_answers))


@then(parsers.parse("at least {count:d} of them are answered"))
def enough_are_answered(held_out_answers, count):
    assert not (problem := predictions.too_few(held_out_answers, count)), problem


@then(parsers.parse("at least {percent:f} % get the class that the trained model gave them"))
def same_classes(held_out_answers, percent, figures):
    figures("same class", f"{held_out_answers.same_class:.2%}")
    assert not (problem := predictions.other_classes(held_out_answers, percent)), problem


@then(parsers.parse("the logits differ by at most {tolerance:f}"))
def same_logits(held_out_answers, tolerance, figures):
    figures("largest difference of a logit", f"{held_out_answers.largest_difference:.2g}")
    assert not (problem := predictions.other_logits(held_out_answers, tolerance)), problem


@then("each of the ten classes is found at its own index at least once")
def every_class_found(held_out_answers, dataset, figures):
    found = held_out_answers.found(dataset.classes)
    figures("found at its index", ", ".join(f"{name} {count}" for name, count in found.items()))
    assert not (problem := predictions.missing_classes(held_out_answers, dataset.classes)), problem


@when(parsers.parse("a request with {kind} is sent"), target_fixture="bad_answer")
def send_bad_request(endpoint, kind, sample_logits, figures):
    answer = bad_requests.send(kind, endpoint.http, endpoint.model, endpoint.gateway)
    figures("answer", f"HTTP {answer.code}: {bad_requests.reason(answer) or answer.text[:100]}")
    return kind, answer


@then("it gets a clear client error or a defined answer")
def clear_error(bad_answer):
    assert not (problem := bad_requests.unclear(*bad_answer)), problem


@then("the predictor still serves the deer")
def still_serves(endpoint, sample_image, sample_logits):
    now = endpoint.infer_json(sample_image)
    assert not (problem := predictions.changed(str(endpoint), sample_logits, now)), problem
