Feature: Under load the predictors keep up
  600 requests a second, each with one image as 145 kB of JSON. Latency counts from the time a request was due, so a
  slow server can't hide behind a generator that waits for it. One answer in a hundred is looked at: a fast wrong one
  fails. CPU and GPU are compared by pairs of loads in turns, so that what slows the machine for a while slows both.

  Scenario: The CPU predictor takes the tutorial's load
    Given the CPU predictor serves the trained model
    When it gets the tutorial's load
    Then the request has the tutorial's size
    And every request succeeds
    And the answers are the trained model's
    And 99 % of the answers come within a second
    And the load is valid

  @gpu
  Scenario: The GPU answers faster than the CPU
    Given the CPU predictor and the GPU predictor serve the same model
    When both get the tutorial's load in turns
    Then every request succeeds on both
    And the answers are the trained model's on both
    And enough pairs of valid loads were sent
    And the GPU works under the GPU predictor's loads alone
    And the GPU is faster at the median and at the 99th percentile beyond doubt
