import FisherInformation
import NeuralNet
import Torch

/// The report of one step. Values stay tensors until they are read; reading throws if the engine fails.
public struct StepReport {
    /// The report of one parameter's rule.
    public struct Entry {
        /// The parameter.
        public let path: ParameterPath
        /// The update, if the formula path made it.
        public let update: ParameterUpdate?
        /// The report of the fused path, or of another process, if that made the update.
        let fused: FusedOutcome?
    }

    /// The number of this update, from 1; if the step was skipped, of the update that was to be made.
    public let update: Int
    /// The mean negative log-likelihood in nats per observation, without auxiliaries; NaN if only gradients
    /// were given.
    public let loss: Double
    /// The Euclidean norm of the whole gradient before clipping.
    public let gradientNorm: Double
    /// sqrt(g^T F^-1 g), with F the information that the rules kept before this step, after the clip of the Euclidean
    /// norm and before that of this one; nil where the optimizer has no ``Optimizer/clipFisherNorm``, and before the
    /// first update.
    public let fisherNorm: Double?
    /// Why the step was skipped; nil if it was made.
    public let skipped: NonFiniteError?
    /// Parameters that received no gradient; they and their state were left as they are.
    public let withoutGradient: [ParameterPath]
    /// The reports of the rules; empty for a skipped step.
    public let entries: [Entry]
    /// The time that the objective and its gradients took.
    public internal(set) var gradientTime: Duration = .zero
    /// The part of it for statistics that rules request.
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
    /// the decay is that of the weights and the information as they are when this is called; where several processes divide
    /// the state, it is of the elements whose state this one keeps.
    public func decayShares() throws(TorchError) -> [ParameterPath: Double] {
        var shares: [ParameterPath: Double] = [:]
        for entry in entries {
            guard let decay = entry.update?.decay ?? entry.fused?.decay?.record() else { continue }
            shares[entry.path] = try decay.shareOfLeastInformed()
        }
        return shares
    }

    /// The number of factorizations or solutions that failed in this step and were replaced by a safer
    /// method.
    public var fallbackCount: Int {
        entries.reduce(0) { $0 + ($1.update?.fallbackCount ?? $1.fused?.fallbackCount ?? 0) }
    }

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
