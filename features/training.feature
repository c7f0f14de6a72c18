Feature: The models learn
  The tutorial trains one network on CIFAR-10 twice: 10 epochs on a CPU, 60 on a GPU in about the same time. Its "about
  70 %" is the CPU model's accuracy on held-out images; its "about 96 %" is the GPU model's accuracy on the images it
  was trained on.

  Scenario: The CPU model learns
    Given the model trained on the CPU
    Then its held-out accuracy is at least 70 %
    And as many epochs ran as were asked for

  Scenario: The CPU model's run is tracked
    Given the model trained on the CPU
    Then the tracked run has the recipe's parameters and the data set's digest
    And it has accuracy, loss and time for each epoch
    And it names the CPU as the device that trained
    And it holds the Keras model and its ONNX export

  @gpu
  Scenario: The GPU model learns
    Given the model trained on the GPU
    Then its training accuracy is at least 95 %
    And as many epochs ran as were asked for
    And it names the GPU as the device that trained
    And the GPU was busy while it trained
    And its held-out accuracy is reported beside it

  @gpu
  Scenario: The GPU trains 60 epochs in the time of the CPU's 10
    Given one recipe trained on the CPU and on the GPU
    Then both runs are in one experiment
    And the GPU's 60 epochs took no longer than 10 of the CPU's
