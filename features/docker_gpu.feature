Feature: Docker runs containers with a GPU
  The tutorial's first check on one machine: what NVIDIA's container toolkit asks of the kernel, of Docker, of the driver
  and of the GPU, and that a container sees the GPU.

  @docker
  Scenario: Docker runs a container for this user
    When a container of the suite's own runs
    Then it ends well and prints its program's version

  @docker
  Scenario: The kernel and Docker are new enough
    When Docker describes its host
    Then the host's kernel is newer than 3.10
    And Docker is at least 19.03

  @docker @gpu
  Scenario: The driver and the GPU are new enough
    When the host's nvidia-smi is asked for its GPUs
    Then it lists a GPU
    And the driver is at least 418.81.07
    And each GPU has a compute capability of at least 3.0
    And each GPU has the compute capability 7.5 that the pinned Triton needs
    And the pinned Triton runs on the driver: 575 or later, or by forward compatibility

  @docker @gpu
  Scenario: Docker has the nvidia runtime
    When Docker describes its host
    Then it has the nvidia runtime

  @docker @gpu
  Scenario: A container sees the GPU
    When nvidia-smi runs in a container
    Then it lists a GPU
