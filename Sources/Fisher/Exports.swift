// Modules that a user of `import Fisher` also needs.
@_exported import FisherInformation
@_exported import FisherOptions
@_exported import NeuralNet
@_exported import Torch
