import Fisher

/// A method to learn tasks one after another.
public enum ContinualMethod: String, CaseIterable, Sendable {
    /// Each task in turn, without protection against forgetting.
    case none
    /// A penalty on the distance to the weights after each earlier task: elastic weight consolidation with F = 1.
    case l2
    /// Elastic weight consolidation with the empirical Fisher: squared per-sample gradients at the data's
    /// labels.
    case empirical
    /// ... with labels drawn from the model: the true Fisher, estimated.
    case sampled
    /// ... with all labels weighted by the model: the true Fisher.
    case exact
    /// ... with squares of mini-batches' mean gradients, which much public code takes for the Fisher.
    case minibatch
    /// ... with the f that FAdam keeps while a task is trained (Hwang 2024, footnote 14). If FAdam trains, no
    /// further estimate is made; with another optimizer an observing FAdam keeps f, at the cost of a second
    /// backward pass.
    case fadam
    /// All tasks so far together, in equal shares of each batch: the reference for forgetting.
    case joint

    /// One line for readers.
    public var explanation: String {
        switch self {
        case .none: "no protection"
        case .l2: "squared distance to the old weights"
        case .empirical: "EWC, squares image by image at the data's labels"
        case .sampled: "EWC, a label drawn from the model for each image"
        case .exact: "EWC, all labels weighted by the model"
        case .minibatch: "EWC, squares of mini-batch means"
        case .fadam: "EWC, the f that FAdam keeps during training"
        case .joint: "trains on all tasks so far"
        }
    }

    /// Whether the method has a strength.
    public var hasStrength: Bool { self != .none && self != .joint }
}
