Feature: A GPU reaches a pod
  The tutorial's first check: before anything is trained or served, a pod computes on the cluster's GPU.

  @gpu @cluster
  Scenario: The cuda-vector-add pod passes
    When the cuda-vector-add pod runs to its end
    Then the pod succeeds
    And its log says the test passed
