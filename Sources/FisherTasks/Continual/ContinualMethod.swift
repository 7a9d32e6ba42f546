import Fisher

/// A way to learn tasks one after another.
public enum ContinualMethod: String, CaseIterable, Sendable {
    /// Each task in turn, nothing against forgetting.
    case none
    /// A penalty on the distance to the weights after each earlier task: elastic weight consolidation with F = 1.
    case l2
    /// Elastic weight consolidation with the empirical Fisher: squares image by image at the data's labels.
    case empirical
    /// ... with labels drawn from the model: the true Fisher, estimated.
    case sampled
    /// ... with all labels weighed by the model: the true Fisher.
    case exact
    /// ... with squares of mini-batches' mean gradients, which much public code takes for the Fisher.
    case minibatch
    /// ... with the f that FAdam keeps while a task is trained (Hwang 2024, footnote 14). No estimate is made where
    /// FAdam trains; beside another optimizer a FAdam looks on, at the cost of a second backward pass.
    case fadam
    /// All tasks so far at once, in equal shares of each batch: what forgetting is measured against.
    case joint

    /// One line for readers.
    public var explanation: String {
        switch self {
        case .none: "no protection"
        case .l2: "squared distance to the old weights"
        case .empirical: "EWC, squares image by image at the data's labels"
        case .sampled: "EWC, a label drawn from the model for each image"
        case .exact: "EWC, all labels weighed by the model"
        case .minibatch: "EWC, squares of mini-batch means"
        case .fadam: "EWC, the f that FAdam keeps during training"
        case .joint: "trains on all tasks so far"
        }
    }

    /// Whether the method has a strength.
    public var hasStrength: Bool { self != .none && self != .joint }
}
