Feature: Under load the predictors keep up
  600 requests a second, each with one picture as 145 kB of JSON. Latency counts from the time a request was due, so a
  slow server can't hide behind a generator that waits for it.

  Scenario: The CPU predictor takes the tutorial's load
    Given the CPU predictor serves the trained model
    When it gets the tutorial's load
    Then the request has the tutorial's size
    And every request succeeds
    And 99 % of the answers come within a second
    And the load is valid

  @gpu
  Scenario: The GPU answers faster than the CPU
    Given the CPU predictor and the GPU predictor serve the same model
    When both get the tutorial's load in turns
    Then every request succeeds on both
    And both loads are valid
    And the GPU's median and 99th percentile are below the CPU's
