import FisherInformation
import NeuralNet
import Torch

/// The penalty that protects earlier tasks: (lambda / 2) sum_i F_i (theta_i - theta*_i)^2 (Kirkpatrick et al.
/// 2017).
///
///     var consolidation = ElasticWeightConsolidation(strength: 100)
///     // ... after a task ...
///     try consolidation.remember(model, information: found)
///     // ... in each step of the next one ...
///     try Objective(likelihood, observing: targets, auxiliaries: consolidation.auxiliaries(for: model))
///
/// The penalty is an auxiliary of the next task's objective: it reaches the weights but never an estimate of
/// the information. F is any diagonal on the scale of the mean loss: a
/// ``/FisherInformation/DiagonalInformation`` of any source, or FAdam's own f,
/// ``Optimizer/diagonalInformation``. The square of a mini-batch's mean gradient, which much public code
/// takes, is smaller by about the size of the batch and vanishes where training ends; it is available as the
/// source ``/FisherInformation/CurvatureSource/minibatch``.
///
/// A layer with a low-rank update W + (alpha / r) B A is penalized by the change of that sum: its term is
/// (lambda / 2) sum_ij F_ij (W_ij - W*_ij + (alpha / r) (B A)_ij)^2, F being the information of W, whether W itself is
/// trained or not. The factors have no penalty of their own: they are not what the earlier task determined.
public struct ElasticWeightConsolidation {
    /// How several tasks are remembered.
    public enum Memory: Hashable, Sendable {
        /// A penalty for each task, around its own weights.
        ///
        /// Their sum is stored as one quadratic: sum_k F_k (theta - theta_k)^2 = A (theta - m)^2 + c with
        /// A = sum_k F_k and A m = sum_k F_k theta_k. So neither memory nor time grows with the number of tasks.
        case separate
        /// One penalty around the latest weights: F <- gamma F + F_new (Schwarz et al. 2018), gamma in [0, 1].
        case online(decay: Double)
    }

    /// The weights of earlier tasks, and the information that weighs each of them.
    public struct Anchor {
        /// m, by parameter: the latest task's weights, or the mean of all tasks' by their information.
        public let weights: [ParameterPath: Tensor]
        /// The information F, by parameter.
        public let information: [ParameterPath: Tensor]
    }

    /// The strength lambda.
    public let strength: Double
    /// How several tasks are remembered.
    public let memory: Memory
    /// The stored weights and information; nil before the first task has ended.
    public private(set) var anchor: Anchor?
    /// The number of tasks remembered.
    public private(set) var taskCount = 0
    /// sum_k F_k (theta_k - m)^2: the part of the penalty that does not depend on the weights.
    private var constant = 0.0

    /// Creates a penalty without tasks.
    ///
    /// - Parameters:
    ///   - strength: lambda, zero or more.
    ///   - memory: how several tasks are remembered.
    public init(strength: Double, memory: Memory = .separate) {
        precondition(strength >= 0 && strength.isFinite, "the strength \(strength) must be zero or more")
        if case .online(let decay) = memory {
            precondition((0...1).contains(decay), "the decay \(decay) must lie between 0 and 1")
        }
        self.strength = strength
        self.memory = memory
    }

    /// Adds a task at its end: the model's present weights, and their information.
    ///
    /// Throws if the information lacks a trainable parameter (of a layer with a low-rank update: the weight), has one of
    /// another shape, or holds something that is not a finite number of zero or more; nothing is added then. Copies the weights and reads a few
    /// numbers of each parameter from the device.
    public mutating func remember(
        _ model: any Module, information: [ParameterPath: Tensor]
    ) throws(CurvatureError) {
        var weights: [ParameterPath: Tensor] = [:]
        var kept: [ParameterPath: Tensor] = [:]
        var constant = constant
        let changes = Self.changes(of: model)
        for named in model.movedParameters {
            var tensor = named.parameter.wrappedValue.detached()
            if let change = changes[named.path] { tensor = tensor + change.detached() }
            guard let own = information[named.path], own.failure == nil, own.shape == tensor.shape else {
                throw .unusable(reason: "it lacks \(named.path) of shape \(tensor.shape)")
            }
            guard isInformation(own) else {
                throw .unusable(reason: "that of \(named.path) is not everywhere finite and zero or more")
            }
            // Copies, because the optimizer's next step changes its tensors in place.
            let (star, f) = (tensor.copy(), own.detached().to(dtype: tensor.dtype).copy())
            guard let old = anchor?.information[named.path], let place = anchor?.weights[named.path] else {
                (weights[named.path], kept[named.path]) = (star, f)
                continue
            }
            switch memory {
            case .separate:
                let sum = old + f
                // Where no task has information the weights are free, and any mean is correct.
                let share = (f / sum).masked(sum.equals(0), with: 0)
                let mean = place + share * (star - place)
                let apart = (old * (place - mean).squared() + f * (star - mean).squared()).sum()
                guard let apart = try? apart.item(), apart.isFinite else {
                    throw .unusable(reason: "that of \(named.path) is too large to be added to that before")
                }
                constant += apart
                (weights[named.path], kept[named.path]) = (mean, sum)
            case .online(let decay):
                (weights[named.path], kept[named.path]) = (star, f + old * decay)
            }
        }
        anchor = Anchor(weights: weights, information: kept)
        taskCount += 1
        self.constant = constant
    }

    /// Adds a task by an estimate of its information, on the scale of the mean loss.
    public mutating func remember(
        _ model: any Module, information: DiagonalInformation
    ) throws(CurvatureError) {
        try remember(model, information: information.mean)
    }

    /// The penalty for an objective; nil before the first task has ended.
    ///
    /// Costs a few operations for each parameter, however many tasks there were.
    public func auxiliary(for model: any Module) -> Objective.Auxiliary? {
        guard let anchor else { return nil }
        var total: Tensor?
        let changes = Self.changes(of: model)
        for named in model.parameters {
            guard let place = anchor.weights[named.path], let f = anchor.information[named.path] else {
                continue
            }
            // The difference first: a small change would be lost in the sum with a large weight.
            var difference = named.parameter.wrappedValue - place
            if let change = changes[named.path] { difference = difference + change }
            let term = (f * difference.squared()).sum()
            total = total.map { $0 + term } ?? term
        }
        return total.map {
            Objective.Auxiliary("elastic weight consolidation", ($0 + constant) * (strength / 2))
        }
    }

    /// The penalty as the list that an objective takes; empty before the first task has ended.
    public func auxiliaries(for model: any Module) -> [Objective.Auxiliary] {
        auxiliary(for: model).map { [$0] } ?? []
    }

    /// Everything that is remembered, by key: empty before the first task has ended. The tensors are those in use.
    public var state: [String: Tensor] {
        guard let anchor else { return [:] }
        var all = ["tasks": Tensor([Int64(taskCount)], shape: []), "constant": Tensor([constant], shape: [])]
        for (path, tensor) in anchor.weights { all["weights/\(path)"] = tensor }
        for (path, tensor) in anchor.information { all["information/\(path)"] = tensor }
        return all
    }

    /// Continues from a saved state of the same model, bit for bit; the strength and the kind of memory are this one's.
    ///
    /// Throws `CurvatureError` with the reason if a tensor is missing, left over or not of its parameter's shape; nothing is
    /// changed then. Copies the tensors.
    public mutating func restore(
        _ state: [String: Tensor], of model: any Module
    ) throws(CurvatureError) {
        if state.isEmpty {
            (anchor, taskCount, constant) = (nil, 0, 0)
            return
        }
        var unused = state
        func number(_ key: String) throws(CurvatureError) -> Double {
            guard let tensor = unused.removeValue(forKey: key), tensor.count == 1,
                let value = try? tensor.item(), value.isFinite, value >= 0
            else { throw .unusable(reason: "its \(key) is no number of zero or more") }
            return value
        }
        let constant = try number("constant")
        guard let count = Int(exactly: try number("tasks")) else {
            throw .unusable(reason: "its tasks are no count")
        }
        var found: [String: [ParameterPath: Tensor]] = [:]
        for named in model.movedParameters {
            for kind in ["weights", "information"] {
                let shape = named.parameter.wrappedValue.shape
                guard let tensor = unused.removeValue(forKey: "\(kind)/\(named.path)"),
                    tensor.failure == nil, tensor.shape == shape,
                    tensor.dtype == named.parameter.wrappedValue.dtype
                else { throw .unusable(reason: "it lacks the \(kind) of \(named.path) of shape \(shape)") }
                found[kind, default: [:]][named.path] = tensor.copy()
            }
        }
        if let extra = unused.keys.min() { throw .unusable(reason: "\(extra) belongs to no parameter") }
        anchor = Anchor(weights: found["weights"] ?? [:], information: found["information"] ?? [:])
        (taskCount, self.constant) = (count, constant)
    }

    /// What low-rank updates add to weights, by the weights' paths.
    private static func changes(of model: any Module) -> [ParameterPath: Tensor] {
        Dictionary(
            uniqueKeysWithValues: model.lowRankUpdates.map { ($0.path.appending("weight"), $0.update.change) }
        )
    }

    private func isInformation(_ tensor: Tensor) -> Bool {
        guard tensor.count > 0 else { return true }
        let least = try? tensor.min().item()
        let greatest = try? tensor.max().item()
        guard let least, let greatest else { return false }
        return least >= 0 && greatest.isFinite
    }
}

extension Optimizer {
    /// The average squares that a rule keeps, by parameter: FAdam's own f as a diagonal of the information
    /// (Hwang 2024, footnote 14). Parameters whose rule keeps none, or keeps it factored, are missing.
    ///
    /// It averages squares of mini-batch means over the latest 1 / (1 - beta2) updates, not over the last weights:
    /// on the scale of the mean loss it is smaller than the empirical Fisher by about the size of the batch.
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
