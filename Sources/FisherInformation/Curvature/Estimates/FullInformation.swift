import NeuralNet
import Torch

/// The whole information matrix of a small model as a sum with a count.
public struct FullInformation {
    /// Where it came from.
    public let source: CurvatureSource
    /// The parameters in the order of rows and columns, each row-major.
    public let paths: [ParameterPath]
    /// The sum over units of g g^T, [parameters, parameters].
    public private(set) var sum: Tensor
    /// The sum of the gradients at the data's labels, where it came along.
    public private(set) var gradient: Tensor?
    /// N: the number of observations.
    public private(set) var observationCount: Int

    /// Gathers sums.
    public init(
        source: CurvatureSource, paths: [ParameterPath], sum: Tensor, gradient: Tensor?,
        observationCount: Int
    ) {
        self.source = source
        self.paths = paths
        self.sum = sum
        self.gradient = gradient
        self.observationCount = observationCount
    }

    /// The information of an observation, on the scale of the mean loss.
    public var mean: Tensor {
        let count = Double(max(observationCount, 1))
        guard source == .minibatch, let gradient else { return sum / count }
        let mean = (gradient / count).unsqueezed(1)
        return mean.matmul(mean.transposed(0, 1))
    }

    /// Adds the sums of independent data; throws where the sources or parameters differ.
    public mutating func add(_ other: FullInformation) throws(CurvatureError) {
        guard source == other.source, paths == other.paths else {
            throw .mismatched(reason: "they are of other sources or parameters")
        }
        sum = sum + other.sum
        if let own = gradient, let others = other.gradient { gradient = own + others }
        observationCount += other.observationCount
    }
}
