@kserve
Feature: KServe serves the trained model
  Where a platform has KServe, its predictors are InferenceServices: KServe makes their pods and copies the model
  repository from the object store.

  Background:
    Given the CPU predictor serves the trained model

  Scenario: The InferenceService becomes ready
    When KServe is asked for the predictor's InferenceService
    Then KServe calls it ready
    And its model repository is the one that the run wrote to the object store
