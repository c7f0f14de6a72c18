@workflow
Feature: Workflows take a codeset to an application
  Where a platform runs workflows, its user registers a codeset and assigns a workflow to it. Each push then builds,
  trains and serves the model, and a run leaves an application with a URL. What the first run trained and serves, the
  features about training, predictions and load have judged; nothing is trained twice.

  Scenario: A codeset is registered and its code arrives
    Given the codeset is registered
    Then its repository has the code that was registered

  Scenario: An assigned workflow builds, trains and serves
    Given the workflow is assigned to the codeset
    Then the run that this starts goes well to its end

  Scenario: The application answers the deer
    Given the workflow's run has left an application
    When the tutorial's request with the deer is sent
    Then the answer is ten logits
    And the highest is at the deer's index
    And the model that it serves is the one that the run tracked

  @gpu
  Scenario: The GPU's workflow trains and serves on the GPU
    Given the GPU's workflow has run
    Then as many epochs ran as were asked for
    And it names the GPU as the device that trained
    And its application answered the deer at its index

  Scenario: A wrong step fails its run and is named
    Given the codeset is registered
    When a workflow with a wrong step is assigned to the codeset
    Then its run fails, and the step, its exit code and its last words are known

  Scenario: A push to the codeset starts a new run
    Given the workflow's run has left an application
    When a change is pushed to the codeset
    Then a new run goes well to its end

  Scenario: Unassigning stops new runs
    Given the workflow's run has left an application
    When the workflow is unassigned and a change pushed
    Then no run starts

  Scenario: Cleaning up takes what was made, and nothing else
    Given the workflow's run has left an application
    When the application, the workflow and the codeset are deleted
    Then nothing of them is left and nothing else is gone
