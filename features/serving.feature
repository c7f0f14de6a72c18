@kserve
Feature: KServe serves the trained model
  Where a platform has KServe, its predictors are InferenceServices: KServe makes their pods and copies the model
  repository from the object store. A new version of the model must take over without a request that is lost.

  Scenario: The InferenceService becomes ready
    Given the CPU predictor serves the trained model
    When KServe is asked for the predictor's InferenceService
    Then KServe calls it ready
    And its model repository is the one that the run wrote to the object store

  Scenario: The web app shows the InferenceService as ready
    Given the CPU predictor serves the trained model
    When the cluster's models web app is asked for the predictor's InferenceService
    Then the web app shows it as ready

  Scenario Outline: A new version of the model takes over under load: <replicas>
    Given KServe serves the trained model with a predictor of its own
    And the predictor has <replicas>
    When a version with another output bias is rolled out under 100 requests a second
    Then every request succeeds
    And the answers change from the version before to the new one

    Examples:
      | replicas     |
      | one replica  |
      | two replicas |

  @gpu
  Scenario: A new version of the model takes over on the GPU
    Given KServe serves the trained model on the GPU
    When a version with another output bias takes over the GPU under 100 requests a second
    Then the answers change from the version before to the new one

  Scenario: The predictor is stopped and resumed
    Given KServe serves the trained model with a predictor of its own
    When its InferenceService is stopped
    Then nothing is left that serves the model
    When the InferenceService is resumed
    Then it answers as before it was stopped

  Scenario: Deleting the predictor leaves nothing
    Given KServe serves the trained model with a predictor of its own
    When its InferenceService is deleted
    Then nothing of it is left in the cluster or the object store
