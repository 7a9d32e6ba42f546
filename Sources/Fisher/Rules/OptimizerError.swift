import FisherInformation
import Foundation
import NeuralNet

/// What a user of an optimizer can get wrong.
public enum OptimizerError: Error, Sendable, CustomStringConvertible {
    /// The model has no trainable parameter.
    case nothingToTrain
    /// A path or a parameter is given twice.
    case duplicate(ParameterPath)
    /// A group's pattern is not a regular expression.
    case badPattern(String)
    /// A group takes no parameter.
    case emptyGroup(ParameterPattern)
    /// No group takes a parameter.
    case unrouted(ParameterPath)
    /// A batch cannot be cut into so many micro-batches.
    case badMicroBatches(count: Int, units: Int)
    /// A batch has no observation.
    case noObservations
    /// A gradient is given for a path that is no parameter, or in another shape.
    case badGradient(path: ParameterPath, reason: String)
    /// The weight and the bias of a layer are in two groups, one of whose rules takes layers whole.
    case splitLayer(ParameterPath)
    /// A rule that works on a model and its batches was given parameters or gradients alone.
    case needsModel(rule: String)
    /// A rule would form a matrix that does not fit this machine's memory.
    case tooLarge(rule: String, byteCount: Double)
    /// A saved state does not fit.
    case badState(key: String, reason: String)

    /// One sentence that names the parameter, the pattern or the key.
    public var description: String {
        switch self {
        case .nothingToTrain: "the model has no trainable parameter"
        case .duplicate(let path): "the parameter \(path) is given twice"
        case .badPattern(let pattern): "the group pattern \"\(pattern)\" is not a regular expression"
        case .emptyGroup(let pattern): "the group \(pattern) takes no parameter"
        case .unrouted(let path): "no group takes the parameter \(path); end with a group .rest"
        case .badMicroBatches(let count, let units):
            "a batch of \(units) cannot be cut into \(count) micro-batches"
        case .noObservations: "the batch has no observation that counts"
        case .badGradient(let path, let reason): "the gradient of \(path) \(reason)"
        case .splitLayer(let path):
            "the weight and the bias of the layer \(path) are in two groups; a rule for layers takes both or none"
        case .needsModel(let rule):
            "the rule \(rule) works on a model and its batches: bind it with Optimizer(for:) and call step(on:)"
        case .tooLarge(let rule, let bytes):
            String(
                format:
                    "the rule %@ would form a matrix of %.0f GB for this model, more than the machine's memory: ",
                rule, bytes / 1e9)
                + "it is for small models, or for groups of few parameters; see its solver option"
        case .badState(let key, let reason): "the optimizer state \(key) \(reason)"
        }
    }
}

/// A loss or a gradient was infinite or NaN; no weight was changed.
public struct NonFiniteError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The update that was to be made, from 1.
    public let update: Int
    /// The loss, or the path of the parameter whose gradient it was.
    public let source: String
    /// How many updates in a row have now been skipped, where skipping was allowed.
    public let skippedInARow: Int

    /// One sentence: what was not finite, at which update, and how many were skipped before it.
    public var description: String {
        let history = skippedInARow > 0 ? " (\(skippedInARow) updates skipped in a row)" : ""
        return "\(source) is not finite at update \(update)\(history); the weights are unchanged"
    }
}

/// What happens when a loss or a gradient is infinite or NaN. The weights are never touched.
public enum NonFinitePolicy: Hashable, Sendable {
    /// The step throws.
    case stop
    /// The step is skipped and counted; the step throws when more than so many in a row would be skipped.
    case skip(abortAfter: Int)
}
