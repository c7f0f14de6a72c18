Feature: Triton serves on the GPU
  What a predictor is asked for is not yet what it does: the server must see the GPU, the model's instance must be on it,
  and ONNX Runtime must compute there.

  Background:
    Given the GPU predictor serves the trained model

  @gpu
  Scenario: Triton sees the GPU
    When Triton's log is read
    Then the log says that it collects the GPU's metrics
    And the metrics show the GPU and its memory

  @gpu
  Scenario: The model's instance is on the GPU
    When Triton's log is read
    Then the model's instance group is on the GPU
    And the log says that its instance is on the GPU

  @gpu
  Scenario: ONNX Runtime computes on the GPU
    When the tutorial's request with the deer is sent
    Then the answer is ten logits
    And ONNX Runtime reports the GPU as its execution provider
