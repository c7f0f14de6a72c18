Feature: A GPU node gives its GPU to pods
  NVIDIA's stack from the bottom up: driver, runtime, label, device plugin, what the node advertises, what a pod gets.
  Each scenario says what is missing at its own height, and how to put it right.

  Background:
    Given the node that has the cluster's GPU

  @gpu @cluster @node
  Scenario: The node's driver is new enough
    When the node is asked for its driver
    Then the driver is at least 525.60.13
    And it supports at least CUDA 12.0
    And each GPU has the compute capability 7.5 that the pinned Triton needs
    And the pinned Triton runs on the driver: 575 or later, or by forward compatibility

  @gpu @cluster
  Scenario: Containers get NVIDIA's runtime
    When a pod that asks for one GPU lists its GPUs and device files
    Then its container has the GPU's device files and the driver's programs

  @gpu @cluster @node
  Scenario: The node is labelled
    When the cluster describes the node
    Then a label says that it has a GPU

  @gpu @cluster @node
  Scenario: The device plugin runs on the node
    When the cluster describes the node
    Then the device plugin is ready on it

  @gpu @cluster @node
  Scenario: The node gives out its GPUs
    When the cluster describes the node
    Then its capacity has a GPU
    And all of its GPUs are allocatable

  @gpu @cluster
  Scenario: A pod gets the GPU
    When a pod that asks for one GPU lists its GPUs and device files
    Then it sees exactly one GPU

  @gpu @cluster
  Scenario: TensorFlow in the trainer's image lists the GPU
    When TensorFlow in the trainer's image is asked for its GPUs
    Then TensorFlow lists at least one GPU
