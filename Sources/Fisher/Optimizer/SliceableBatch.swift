import FisherInformation
import Torch

/// A batch that can be cut along its first axis, for micro-batches and estimates that need parts of it.
public protocol SliceableBatch {
    /// The number of units: samples, or sequences.
    var unitCount: Int { get }
    /// The units of a range.
    func slice(_ range: Range<Int>) -> Self
}

/// The most common batch: inputs and targets along the same first axis.
public struct SupervisedBatch: SliceableBatch {
    /// The model's inputs.
    public let inputs: Tensor
    /// The values to predict.
    public let targets: Tensor

    /// Pairs inputs and targets.
    public init(inputs: Tensor, targets: Tensor) {
        self.inputs = inputs
        self.targets = targets
    }

    public var unitCount: Int { inputs.failure == nil && inputs.rank > 0 ? inputs.shape[0] : 0 }

    public func slice(_ range: Range<Int>) -> SupervisedBatch {
        SupervisedBatch(
            inputs: inputs.narrowed(0, from: range.lowerBound, length: range.count),
            targets: targets.narrowed(0, from: range.lowerBound, length: range.count))
    }
}

extension LabelSequences: SliceableBatch {}
