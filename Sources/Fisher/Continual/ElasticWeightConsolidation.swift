import NeuralNet
import Torch

/// What earlier tasks need protected: (lambda / 2) sum_i F_i (theta_i - theta*_i)^2 (Kirkpatrick et al. 2017).
///
/// The penalty is an auxiliary of the next task's objective: it reaches the weights but never an estimate of the
/// information. F is any diagonal on the scale of the mean loss: per-sample at the data's labels, sampled from the
/// model, exact, or FAdam's own f.
public struct ElasticWeightConsolidation {
    /// How several tasks are remembered.
    public enum Memory: Hashable, Sendable {
        /// A penalty of its own for each task.
        case separate
        /// One penalty around the latest weights: F <- gamma F + F_new (Schwarz et al. 2018).
        case online(decay: Double)
    }

    /// One task's weights and what they are worth.
    public struct Anchor {
        /// theta*, by parameter.
        public let weights: [ParameterPath: Tensor]
        /// F, by parameter.
        public let information: [ParameterPath: Tensor]
    }

    /// lambda.
    public let strength: Double
    /// How several tasks are remembered.
    public let memory: Memory
    /// What is remembered.
    public private(set) var anchors: [Anchor] = []

    /// Remembers nothing yet.
    public init(strength: Double, memory: Memory = .separate) {
        precondition(strength >= 0 && strength.isFinite, "the strength \(strength) must be zero or more")
        self.strength = strength
        self.memory = memory
    }

    /// Remembers a task at its end: the model's weights as they are, and their information.
    ///
    /// Throws where the information lacks a trainable parameter or has one of another shape.
    public mutating func remember(
        _ model: any Module, information: [ParameterPath: Tensor]
    ) throws(InformationError) {
        var weights: [ParameterPath: Tensor] = [:]
        var kept: [ParameterPath: Tensor] = [:]
        for named in model.parameters where named.parameter.isTrainable {
            let tensor = named.parameter.wrappedValue.detached()
            guard let own = information[named.path], own.failure == nil, own.shape == tensor.shape else {
                throw .mismatched(reason: "the information lacks \(named.path) of shape \(tensor.shape)")
            }
            weights[named.path] = tensor.copy()
            kept[named.path] = own.detached().to(dtype: tensor.dtype)
        }
        switch memory {
        case .separate: anchors.append(Anchor(weights: weights, information: kept))
        case .online(let decay):
            if let last = anchors.last {
                kept = kept.merging(last.information) { $0 + $1 * decay }
            }
            anchors = [Anchor(weights: weights, information: kept)]
        }
    }

    /// The penalty for an objective; nothing before the first task has ended.
    public func auxiliary(for model: any Module) -> Objective.Auxiliary? {
        var total: Tensor?
        for anchor in anchors {
            for named in model.parameters {
                guard let star = anchor.weights[named.path], let f = anchor.information[named.path] else {
                    continue
                }
                let term = (f * (named.parameter.wrappedValue - star).squared()).sum()
                total = total.map { $0 + term } ?? term
            }
        }
        return total.map { Objective.Auxiliary("elastic weight consolidation", $0 * (strength / 2)) }
    }
}

extension Optimizer {
    /// The average squares that a rule keeps, by parameter: FAdam's own f as a diagonal of the information
    /// (Hwang 2024, footnote 14). Parameters whose rule keeps none, or keeps it factored, are missing.
    public var diagonalInformation: [ParameterPath: Tensor] {
        var found: [ParameterPath: Tensor] = [:]
        for slot in slots {
            if let f = slot.state["fisher"], f.failure == nil, f.shape == slot.parameter.wrappedValue.shape {
                found[slot.path] = f
            }
        }
        return found
    }
}
