"""The report of a real run of the whole chain: what it shows, its size, and what a browser has against it."""

import json

import pytest

from tests.report.pages import faults, opened
from tests.report.test_results import VALIDATOR

pytestmark = pytest.mark.alone

MOST_BYTES = 3 << 20


@pytest.fixture(scope="module")
def found(chain):
    return json.loads((chain.report / "results.json").read_text())


def test_results_json_fits_its_schema_and_holds_what_was_measured(found):
    VALIDATOR.validate(found)
    assert found["verdict"] == "PASSED"
    assert found["stand_in"]
    (training,) = found["trainings"]
    assert training["epochs"] == len(training["metrics"]["val_accuracy"]) == 6
    (load,) = found["loads"]
    assert (load["requests"], load["success"], load["invalid"]) == (3000, 1, [])
    assert len(load["seconds"]) == 5


def test_it_names_the_versions_that_ran(found):
    assert found["versions"]["Triton"] == "2.51.0"
    assert found["versions"]["MLflow"].startswith("3.")
    assert found["versions"]["suite"] == "0.1.0"
    assert found["devices"]["GPU"]


def test_the_deer_and_an_image_of_each_class_have_their_logits(found):
    assert sorted(image["expected"] for image in found["images"]) == sorted([*range(10), 4])
    for image in found["images"]:
        assert len(image["logits"]) == 10


def test_the_time_went_where_it_went(found):
    setups = {span["name"]: span["seconds"] for span in found["spans"] if span["kind"] == "setup"}
    assert setups["cpu run"] == pytest.approx(found["trainings"][0]["seconds"], abs=30)
    assert setups["cpu load"] > 5
    assert found["seconds"] > sum(setups.values())


def test_cucumber_json_has_all_scenarios_and_the_steps_of_those_that_were_skipped(chain):
    features = json.loads((chain.report / "cucumber.json").read_text())
    elements = [element for feature in features for element in feature["elements"]]
    assert len(elements) == len(chain.scenarios())
    assert all(element["steps"] for element in elements)


def test_the_file_is_at_most_3_mb(chain):
    assert (chain.report / "report.html").stat().st_size < MOST_BYTES


@pytest.mark.browser
def test_nothing_is_wrong_with_it(browser, chain):
    assert faults(browser, chain.report / "report.html") == []


@pytest.mark.browser
def test_it_shows_the_claims_the_plots_and_the_images(browser, chain, tmp_path):
    with opened(browser, chain.report / "report.html") as page:
        assert page.page.locator(".verdict").inner_text().startswith("PASSED")
        assert "STAND-IN DATA" in page.page.locator(".banner").first.inner_text()
        assert page.page.locator(".claims tbody tr").count() == 7
        assert page.page.get_by_role("img").count() >= 5
        page.page.screenshot(path=tmp_path / "report.png", full_page=True)
    assert (tmp_path / "report.png").stat().st_size > 50_000
