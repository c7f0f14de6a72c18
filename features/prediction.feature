Feature: The served model answers rightly
  NVIDIA Triton serves the CPU model over the Open Inference Protocol (v2). The classes are CIFAR-10's in alphabetical
  order, so a deer lands at index 4.

  Background:
    Given the CPU predictor serves the trained model

  Scenario: The deer lands at index 4
    When the tutorial's request with the deer is sent
    Then the answer is ten logits
    And the highest is at the deer's index

  Scenario: JSON and binary HTTP give the same logits
    When the deer is sent as JSON and as binary HTTP
    Then the answers agree

  Scenario: gRPC gives the same logits
    When the deer is sent as JSON and by gRPC
    Then the answers agree

  Scenario: The server answers as the trained model does
    When the held-out images are sent
    Then at least 1000 of them are answered
    And at least 99.9 % get the class that the trained model gave them
    And the logits differ by at most 0.001

  Scenario: What is served is what was trained
    When the model's file is read where the server loaded it
    Then it is the file that the trainer logged
    And so is the object store's, where there is one

  Scenario: Every class is found at its own index
    When the held-out images are sent
    Then at least 1000 of them are answered
    And each of the ten classes is found at its own index at least once

  Scenario Outline: A bad request gets a clear answer: <request>
    When a request with <request> is sent
    Then it gets a clear client error or a defined answer
    And the predictor still serves the deer

    Examples:
      | request                |
      | a wrong shape          |
      | a wrong type           |
      | an unknown input       |
      | an unknown model       |
      | a truncated binary     |
      | an empty body          |
      | NaN pixels             |
      | NaN in JSON            |
      | a batch over the limit |
