import NeuralNet
import Torch

/// The diagonal of an estimate as sums with a count: batches, ranks and files add up, and the division comes last.
public struct DiagonalInformation {
    /// Where it came from.
    public let source: CurvatureSource
    /// The sum over units of the squared gradients, by parameter; empty for the source `.minibatch`.
    public private(set) var squares: [ParameterPath: Tensor]
    /// The sum over units of the gradients of -log p at the data's labels, by parameter, where it came along.
    public private(set) var gradients: [ParameterPath: Tensor]
    /// N: the number of observations.
    public private(set) var observationCount: Int

    /// Gathers sums.
    public init(
        source: CurvatureSource, squares: [ParameterPath: Tensor], gradients: [ParameterPath: Tensor],
        observationCount: Int
    ) {
        self.source = source
        self.squares = squares
        self.gradients = gradients
        self.observationCount = observationCount
    }

    /// The information of an observation, by parameter and in its shape: on the scale of the mean loss, whose
    /// Hessian it approximates.
    public var mean: [ParameterPath: Tensor] {
        let count = Double(max(observationCount, 1))
        guard source == .minibatch else { return squares.mapValues { $0 / count } }
        return gradients.mapValues { ($0 / count).squared() }
    }

    /// Adds the sums of independent data; throws where the sources or parameters differ.
    public mutating func add(_ other: DiagonalInformation) throws(CurvatureError) {
        guard source == other.source else {
            throw .mismatched(reason: "one is \(source), the other \(other.source)")
        }
        guard squares.keys == other.squares.keys, gradients.keys == other.gradients.keys else {
            throw .mismatched(reason: "they are of other parameters")
        }
        squares.merge(other.squares) { $0 + $1 }
        gradients.merge(other.gradients) { $0 + $1 }
        observationCount += other.observationCount
    }
}
