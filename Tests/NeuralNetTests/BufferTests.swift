import NeuralNet
import Testing
import Torch

/// Frozen parameters: saved and loaded with the weights, and never trained.
@Suite struct BufferTests {
    @Test func runningAveragesAreWeightsButNotTrained() throws {
        let layer = BatchNorm(3, dtype: .float64)
        #expect(
            layer.parameters.map { "\($0.path)" } == ["weight", "bias", "runningMean", "runningVariance"])
        #expect(layer.parameters.map(\.parameter.isTrainable) == [true, true, false, false])
        #expect(layer.parameterCount == 6)

        let input = Tensor.normal([5, 3, 2], mean: 2, dtype: .float64, using: try RandomGenerator(seed: 0))
        _ = layer(input)
        let copy = BatchNorm(3, dtype: .float64)
        try copy.load(layer.weights)
        let mean: [Double] = try layer.runningMean.scalars()
        #expect(try copy.runningMean.scalars() == mean)
        #expect(mean.allSatisfy { $0 != 0 })
        #expect(!copy.runningMean.requiresGradient)
        layer.setTraining(false)
        copy.setTraining(false)
        let output: [Double] = try layer(input).scalars()
        #expect(try copy(input).scalars() == output)
    }

    @Test func evaluationChangesNothingAndTreatsSamplesAlone() throws {
        let layer = BatchNorm(3, dtype: .float64)
        let generator = try RandomGenerator(seed: 0)
        _ = layer(.normal([5, 3], mean: 1, dtype: .float64, using: generator))
        layer.setTraining(false)
        let mean: [Double] = try layer.runningMean.scalars()
        let input = Tensor.normal([4, 3], dtype: .float64, using: generator)
        let together: [Double] = try layer(input).selecting(0, 2).scalars()
        let alone: [Double] = try layer(input.narrowed(0, from: 2, length: 1)).scalars()
        #expect(together == alone)
        #expect(try layer.runningMean.scalars() == mean)
    }

    /// Two uses within one computation, whose running averages move between them.
    @Test func aBatchNormCanBeUsedTwice() throws {
        let layer = BatchNorm(2, dtype: .float64)
        let input = Tensor.normal([6, 2], dtype: .float64, using: try RandomGenerator(seed: 0))
        let loss = (layer(layer(input).tanh()) * input).sum()
        let found = try gradients(of: loss, withRespectTo: [layer.weight, layer.bias])
        #expect(found.allSatisfy { $0 != nil })
    }
}
