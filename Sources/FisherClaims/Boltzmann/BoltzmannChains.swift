import FisherStudies
import Torch

/// How states are drawn from a machine whose probabilities are known up to their sum.
package enum BoltzmannSampler: Hashable, Sendable, Codable {
    /// Block Gibbs sampling: all hidden units given the visible ones, then all visible ones given these (Hinton 2002).
    case gibbs
    /// The discrete Langevin proposal with Metropolis and Hastings' correction (Zhang, Liu and Liu 2022, DMALA) of the
    /// visible units: every unit flips on its own with probability sigmoid(g_i (1 - 2 v_i)/2 - 1/(2 alpha)), for the slopes g of log p(v),
    /// continued to real v, and the step size alpha.
    case langevin(step: Double)

    /// The name for readers.
    package var name: String {
        switch self {
        case .gibbs: "Gibbs"
        case .langevin: "Langevin"
        }
    }
}

/// Markov chains of visible states that are advanced side by side.
package struct BoltzmannChains {
    package let sampler: BoltzmannSampler
    /// The present state of each chain, [chains, n] in float64.
    package private(set) var states: Tensor
    /// The share of proposals that were accepted since the start, 1 for Gibbs sampling.
    package var acceptance: Double { proposals > 0 ? accepted / proposals : 1 }
    private var accepted = 0.0
    private var proposals = 0.0

    /// Starts chains at independent fair coins.
    package init(
        _ sampler: BoltzmannSampler, _ size: BoltzmannMachine.Size, count: Int,
        using generator: RandomGenerator
    ) {
        self.sampler = sampler
        states = Tensor.full([count, size.visible], 0.5, dtype: .float64).sampledBernoulli(using: generator)
    }

    /// Makes sweeps: each visits every unit once.
    package mutating func advance(
        _ machine: BoltzmannMachine, sweeps: Int, using generator: RandomGenerator
    ) throws(TorchError) {
        for _ in 0..<sweeps {
            switch sampler {
            case .gibbs:
                let hidden = machine.hiddenProbabilities(states).sampledBernoulli(using: generator)
                states = machine.visibleProbabilities(hidden).sampledBernoulli(using: generator)
            case .langevin(let step):
                try propose(machine, step: step, using: generator)
            }
        }
    }

    private mutating func propose(
        _ machine: BoltzmannMachine, step: Double, using generator: RandomGenerator
    ) throws(TorchError) {
        func logits(_ v: Tensor) -> Tensor {
            machine.logWeightSlopes(v) * (1 - v * 2) * 0.5 - 1 / (2 * step)
        }
        let forth = logits(states)
        let flips = forth.sigmoid().sampledBernoulli(using: generator)
        let proposed = states + flips * (1 - states * 2)
        let back = logits(proposed)
        func logProbability(_ logits: Tensor) -> Tensor {
            (flips * logits.logSigmoid() + (1 - flips) * (-logits).logSigmoid()).sum(along: 1)
        }
        let ratio =
            machine.logWeights(proposed) - machine.logWeights(states) + logProbability(back)
            - logProbability(forth)
        let threshold = Tensor.uniform(ratio.shape, dtype: .float64, using: generator).log()
        let isAccepted = threshold.isAtMost(ratio)
        states = proposed.where(isAccepted.unsqueezed(1), otherwise: states)
        accepted += try isAccepted.to(dtype: .float64).sum().item()
        proposals += Double(ratio.count)
    }
}

/// What chains drew from one machine, with the error that their spread tells.
package struct BoltzmannDraws {
    /// The share of each visible state among the draws, [2^n].
    package let shares: Tensor
    /// The number of draws.
    package let count: Int
    /// The number of independent draws that would tell the diagonal of the information as precisely: the median over the
    /// parameters of Var_p(s_i^2) over the variance of the chains' mean.
    package let effectiveCount: Double
    /// The errors of the estimated diagonal in units of their standard errors, which come from the spread between chains.
    package let standardizedErrors: [Double]
    /// The share of proposals that were accepted.
    package let acceptance: Double

    /// Draws from a machine.
    ///
    /// - Parameters:
    ///   - enumerated: the machine and its scores.
    ///   - chains: where the chains are; they go on from there.
    ///   - burnIn: sweeps before the first draw.
    ///   - thinning: sweeps before each draw.
    ///   - draws: draws of each chain.
    package init(
        from enumerated: EnumeratedMachine, chains: inout BoltzmannChains, burnIn: Int, thinning: Int,
        draws: Int,
        using generator: RandomGenerator
    ) throws(TorchError) {
        let machine = enumerated.machine
        let chainCount = chains.states.shape[0]
        let squares = enumerated.scores.squared()
        try chains.advance(machine, sweeps: burnIn, using: generator)
        var shares = Tensor.zeros([machine.size.stateCount], dtype: .float64)
        var sums = Tensor.zeros([chainCount, machine.size.parameterCount], dtype: .float64)
        for _ in 0..<draws {
            try chains.advance(machine, sweeps: thinning, using: generator)
            shares = shares + machine.size.shares(of: chains.states)
            sums = sums + squares.gathering(machine.size.numbers(of: chains.states), along: 0)
        }
        self.shares = shares / Double(draws)
        count = chainCount * draws
        acceptance = chains.acceptance
        let means = sums / Double(draws)
        let mean = means.mean(along: 0)
        let ofMean = (means - mean).squared().sum(along: 0) / Double(chainCount * (chainCount - 1))
        let p = enumerated.probabilities.unsqueezed(0)
        let exact = p.matmul(squares).flattened()
        let variance = p.matmul((squares - exact).squared()).flattened()
        let counts = try (variance / ofMean).scalars(as: Double.self)
        effectiveCount = SampleSummary.median(counts) ?? 0
        standardizedErrors = try ((mean - exact) / ofMean.squareRoot()).scalars(as: Double.self)
    }
}
