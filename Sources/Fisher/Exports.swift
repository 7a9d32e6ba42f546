// What a user of `import Fisher` needs besides.
@_exported import FisherInformation
@_exported import FisherOptions
@_exported import NeuralNet
@_exported import Torch
