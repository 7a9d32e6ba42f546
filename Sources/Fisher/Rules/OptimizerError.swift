import FisherInformation
import Foundation
import NeuralNet
import Torch

/// An error in the groups, batches, gradients or state given to an optimizer.
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
    /// A batch cannot be cut into the requested number of micro-batches.
    case badMicroBatches(count: Int, units: Int)
    /// A batch that has no unit for some process, or for some slice of its part.
    case tooFewUnits(units: Int, processes: Int, microBatches: Int)
    /// A batch has no observation.
    case noObservations
    /// A step was made inside of `withAutocast`, whose casts of the weights it would leave behind.
    case insideAutocast
    /// A gradient is given for a path that is no parameter, or in another shape.
    case badGradient(path: ParameterPath, reason: String)
    /// The weight and the bias of a layer are in two groups, one of whose rules needs whole layers.
    case splitLayer(ParameterPath)
    /// A rule that works on a model and its batches was given parameters or gradients alone.
    case needsModel(rule: String)
    /// A rule would form a matrix, or keep a state, that does not fit into the memory there is; both in bytes.
    case tooLarge(rule: String, byteCount: Double, available: Double)
    /// A parameter was frozen after the optimizer was bound.
    case frozenLater(ParameterPath)
    /// A parameter was unfrozen after the optimizer was bound.
    case unfrozenLater(ParameterPath)
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
        case .tooFewUnits(let units, let processes, let slices):
            "a batch of \(units) cannot be shared by \(processes) processes"
                + (slices > 1 ? " in \(slices) slices each" : "") + ": every slice needs a unit"
        case .badMicroBatches(let count, let units):
            "a batch of \(units) cannot be cut into \(count) micro-batches"
        case .noObservations: "the batch has no observation that counts"
        case .insideAutocast:
            "a step cannot be made inside of withAutocast, where its statistics would be rounded: set the optimizer's "
                + "precision instead"
        case .badGradient(let path, let reason): "the gradient of \(path) \(reason)"
        case .splitLayer(let path):
            "the weight and the bias of the layer \(path) are in two groups; a rule for layers takes both or none"
        case .needsModel(let rule):
            "the rule \(rule) works on a model and its batches: bind it with Optimizer(for:) and call step(on:)"
        case .tooLarge(let rule, let bytes, let available):
            "the rule \(rule) needs \(byteText(bytes)) for this model, of which \(byteText(available)) are available: "
                + "it is for small models, or for groups of few parameters; see its options"
        case .frozenLater(let path):
            "the parameter \(path) was frozen after the optimizer was bound: bind a new optimizer"
        case .unfrozenLater(let path):
            "the parameter \(path) was frozen when the optimizer was bound, and is not now: bind a new optimizer"
        case .badState(let key, let reason): "the optimizer state \(key) \(reason)"
        }
    }
}

/// What happens when a loss, logits that labels are drawn from, a gradient or an update is infinite or NaN. The weights
/// are never touched.
public enum NonFinitePolicy: Hashable, Sendable {
    /// The step throws.
    case stop
    /// The step is skipped and counted; the step throws when more than `abortAfter` in a row would be
    /// skipped.
    case skip(abortAfter: Int)
}
