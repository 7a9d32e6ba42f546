import FisherInformation
import NeuralNet
import Torch

/// The Gaussian that a rule keeps over the parameters, its elements independent: a snapshot, which later steps do not
/// change.
///
///     let probabilities = try optimizer.posterior?.averaged(over: 32, using: generator) {
///         model(inputs).softmax(along: -1)
///     }
///
/// Parameters of rules that keep none are not in it, and stay as they are.
public struct GaussianPosterior {
    struct Entry {
        let path: ParameterPath
        let parameter: Parameter
        let mean: Tensor
        let deviation: Tensor
    }

    let entries: [Entry]

    /// The means by path, each in its parameter's shape, in the precision of the computation.
    public var means: [ParameterPath: Tensor] {
        Dictionary(uniqueKeysWithValues: entries.map { ($0.path, $0.mean) })
    }

    /// The variances of the elements by path, each in its parameter's shape.
    public var variances: [ParameterPath: Tensor] {
        Dictionary(uniqueKeysWithValues: entries.map { ($0.path, $0.deviation.squared()) })
    }

    /// Runs a closure while the parameters have values drawn from the posterior; afterwards they are what they were.
    ///
    /// - Parameters:
    ///   - generator: draws the values.
    ///   - body: uses the model.
    /// - Returns: what the closure returns.
    /// - Throws: what the closure throws.
    public func withDraw<Result>(
        using generator: RandomGenerator, _ body: () throws -> Result
    ) throws -> Result {
        let drawn = try withoutGradients {
            try entries.map { entry in
                let noise = Tensor.normal(entry.mean.shape, dtype: entry.mean.dtype, using: generator)
                    .to(device: entry.mean.device)
                let drawn = (entry.mean + entry.deviation * noise).to(
                    dtype: entry.parameter.wrappedValue.dtype)
                try drawn.check()
                return drawn
            }
        }
        let former = zip(entries, drawn).map { $0.parameter.exchange($1) }
        defer { for (entry, tensor) in zip(entries, former) { _ = entry.parameter.exchange(tensor) } }
        return try body()
    }

    /// The mean over draws of what a closure computes with the model, such as probabilities: the posterior's predictive
    /// distribution by Monte Carlo. Costs a run of the closure for each draw.
    ///
    /// - Parameters:
    ///   - draws: the number of draws, at least 1.
    ///   - generator: draws the parameters.
    ///   - predict: computes a tensor whose shape is the same at every draw.
    /// - Throws: what the closure throws, and `TorchError` for a tensor that could not be computed.
    public func averaged(
        over draws: Int, using generator: RandomGenerator, _ predict: () throws -> Tensor
    ) throws -> Tensor {
        precondition(draws >= 1)
        return try withoutGradients {
            var sum: Tensor?
            for _ in 0..<draws {
                let found = try withDraw(using: generator, predict)
                sum = sum.map { $0 + found } ?? found
            }
            let mean = (sum ?? .zeros([])) / Double(draws)
            try mean.check()
            return mean
        }
    }
}

extension Optimizer {
    /// The Gaussian over the parameters of rules that keep one, as ``IVON`` does; nil if no rule does.
    public var posterior: GaussianPosterior? {
        let entries = posteriorSlots.map { number, rule in
            let slot = slots[number]
            let mean = slot.parameter.wrappedValue.detached()
            let precise = mean.to(dtype: mean.dtype.accumulator).copy()
            return GaussianPosterior.Entry(
                path: slot.path, parameter: slot.parameter, mean: precise,
                deviation: rule.deviation(
                    like: precise, state: slot.state, decays: slot.decays, at: slot.step + 1))
        }
        return entries.isEmpty ? nil : GaussianPosterior(entries: entries)
    }

    /// The slots of rules that keep a posterior.
    var posteriorSlots: [(number: Int, rule: any PosteriorRule)] {
        groups.flatMap { group in
            guard let rule = group.rule as? any PosteriorRule else { return [] as [(Int, any PosteriorRule)] }
            return group.slots.map { ($0, rule) }
        }
    }
}
