import FisherInformation
import NeuralNet
import Torch

/// What one step did. Values stay tensors until they are asked for; what asks throws where the engine fails.
public struct StepReport {
    /// What one parameter's rule reported.
    public struct Entry {
        /// The parameter.
        public let path: ParameterPath
        /// Its update, where the formula path made it.
        public let update: ParameterUpdate?
        /// What the fused path tells, where that made it.
        let fused: FusedOutcome?
    }

    /// The number of this update, from 1; where the step was skipped, of the update that was to be made.
    public let update: Int
    /// The mean negative log-likelihood in nats an observation, without auxiliaries; NaN where only gradients were
    /// given.
    public let loss: Double
    /// The Euclidean norm of the whole gradient before clipping.
    public let gradientNorm: Double
    /// Why the step was skipped; nothing where it was made.
    public let skipped: NonFiniteError?
    /// Parameters that received no gradient; they and their state were left as they are.
    public let withoutGradient: [ParameterPath]
    /// What the rules reported; empty for a skipped step.
    public let entries: [Entry]
    /// The time that the objective and its gradients took.
    public internal(set) var gradientTime: Duration = .zero
    /// The part of it that went into statistics for rules that ask for some.
    public internal(set) var statisticsTime: Duration = .zero
    /// The time that the rules and the writing of the parameters took.
    public internal(set) var updateTime: Duration = .zero

    /// The root mean square of all updates together.
    public func updateRootMeanSquare() throws(TorchError) -> Double {
        var (sum, count) = (0.0, 0)
        for entry in entries {
            if let fused = entry.fused {
                sum += fused.changeSquares
                count += fused.count
            } else if let change = entry.update?.change {
                let norm = try change.norm().item()
                sum += norm * norm
                count += change.count
            }
        }
        return (sum / Double(max(count, 1))).squareRoot()
    }

    /// The clip factors of the parameters whose rule clips, by path.
    public func clipFactors() throws(TorchError) -> [ParameterPath: Double] {
        try values(\.clipFactor, fused: \.clipFactor)
    }

    /// The epsilon in force of the parameters whose rule adapts it, by path.
    public func epsilons() throws(TorchError) -> [ParameterPath: Double] {
        try values(\.epsilon, fused: \.epsilon)
    }

    /// The share of the squared natural decay that fell on the least-informed 1 % of each parameter's
    /// elements, by path. Sorts the information: not for every step. Where the fused path moved a parameter,
    /// the decay is that of the weights and the information as they are when this is called.
    public func decayShares() throws(TorchError) -> [ParameterPath: Double] {
        var shares: [ParameterPath: Double] = [:]
        for entry in entries {
            guard let decay = entry.update?.decay ?? entry.fused?.decay?.record() else { continue }
            shares[entry.path] = try decay.shareOfLeastInformed()
        }
        return shares
    }

    /// How often a factorization or a solution failed in this step and something safer took its place.
    public var fallbackCount: Int { entries.reduce(0) { $0 + ($1.update?.fallbackCount ?? 0) } }

    /// How well the linear systems of this step were solved, by the path of the first parameter of each group whose
    /// rule solves one by iterations.
    public var solutions: [ParameterPath: SolutionRecord] {
        var found: [ParameterPath: SolutionRecord] = [:]
        for entry in entries { found[entry.path] = entry.update?.solution }
        return found
    }

    private func values(
        _ value: (ParameterUpdate) -> Tensor?, fused: (FusedOutcome) -> Double?
    ) throws(TorchError) -> [ParameterPath: Double] {
        var found: [ParameterPath: Double] = [:]
        for entry in entries {
            if let outcome = entry.fused {
                found[entry.path] = fused(outcome)
            } else if let tensor = entry.update.flatMap(value) {
                found[entry.path] = try tensor.item()
            }
        }
        return found
    }
}
