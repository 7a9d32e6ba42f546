import FisherInformation
import FisherOptions
import Torch

/// Shampoo: a Kronecker factor of averaged gradient products for every dimension of a tensor.
///
///     L <- avg_d(G G^T),   R <- avg_d(G^T G)
///     P  = (L + epsilon I)^-1/4 G (R + epsilon I)^-1/4
///     P <- P |graft| / (|P| + 1e-16)        (with grafting)
///     m <- mu m + P
///     theta <- theta - eta (m + lambda theta)
///
/// avg_d is the average sum d^(t-k) x_k / sum d^(t-k), exact for a constant from the first step; d = 1 is the
/// published sum over its number. A tensor of k dimensions has a factor for each, of its unfolding along
/// that dimension, and each root is -1/(2 k): -1/2 for vectors, -1/4 for matrices, -1/8 for kernels of
/// convolutions. `exponent` replaces 1/(2 k) for k >= 2; 1/2 each is the natural gradient's power.
///
/// Gupta, Koren and Singer (2018), Algorithms 1 and 2; blocks and grafting from Anil et al. (2020).
public struct Shampoo: OptimizationRule {
    /// Step size eta, zero or more.
    @Configurable("learning_rate", .nonNegative, aliases: ["lr"], "step size")
    public var learningRate: Schedule = 1e-3
    /// Decay d of the averaged factors, in [0, 1]; 1 for the plain mean.
    @Configurable("decay", .fraction, "decay of the averaged factors; 1 for the plain mean")
    public var decay = 0.999
    /// Number epsilon that is added to the factors' eigenvalues.
    @Configurable("epsilon", .nonNegative, aliases: ["eps"], "added to the factors' eigenvalues")
    public var epsilon: Schedule = 1e-12
    /// Power of each factor of matrices and larger tensors, in (0, 1]; nil for 1/(2 dimensions).
    @Configurable("exponent", .exponent, "power of each factor; none: 1/(2 dimensions)")
    public var exponent: Double? = nil
    /// Rule whose step's norm is used; nil for Shampoo's own.
    @Configurable("grafting", .optional(.gradientRules), "the rule whose step's norm is taken; none: its own")
    public var grafting: BaseRule? = nil
    /// Longest side of a factor: longer dimensions are cut into blocks, preconditioned apart.
    @Configurable("block_size", .atLeast(1), aliases: ["block"], "longest side of a factor")
    public var blockSize = 1024
    /// Number of steps from one computation of the roots to the next.
    @Configurable("root_interval", .atLeast(1), "steps between new roots") public var rootInterval = 1
    /// Decay mu of the momentum, in [0, 1).
    @Configurable("momentum", .decay, "decay of the momentum") public var momentum: Schedule = 0
    /// Decay lambda of the weights, decoupled from the gradient, scaled by eta.
    @Configurable("weight_decay", .nonNegative, "decay of the weights") public var weightDecay: Schedule = 0
    /// How the gradient of an auxiliary objective enters.
    @Configurable("auxiliary", "how auxiliary gradients enter")
    public var auxiliary = AuxiliaryTreatment.inGradient

    public init() {}

    /// The products of every step, and the roots' share of it.
    public func workload(of shape: [Int]) -> Double {
        let cut = TensorBlocks(shape: shape, blockSize: blockSize)
        return cut.ranges.indices.reduce(0) { sum, block in
            sum + cost(of: cut.sizes(block), refreshes: 1 / Double(rootInterval))
        }
    }

    public static let summary = RuleSummary(
        name: "shampoo", title: "Shampoo", source: "mini-batch gradient", structure: "Kronecker",
        power: "1/2 (1/4 per side)", momentum: "of the natural gradient",
        stateBytes: "8 per row^2 and column^2", cost: "4 m n (m + n); roots 10 (m^3 + n^3)",
        neglects: "units, layers' correlations, all but a Kronecker product",
        reference: "Gupta, Koren, Singer 2018")

    /// One block's factors, roots and steps.
    private struct Block {
        let factors: [Tensor?]
        let roots: [Tensor?]
        let step: Tensor
        let auxiliaryStep: Tensor?
        let fallbacks: Int
    }

    public func updates(for group: [RuleInput], state: inout [TensorState]) -> [ParameterUpdate] {
        let cuts = group.map { TensorBlocks(shape: $0.parameter.shape, blockSize: blockSize) }
        let memory = group.indices.map { k in
            let zeros = cuts[k].zeros(like: group[k].parameter)
            return (
                factors: cuts[k].matrices(in: state[k]["factors"] ?? zeros),
                roots: cuts[k].matrices(in: state[k]["roots"] ?? zeros)
            )
        }
        let places = group.indices.flatMap { k in cuts[k].ranges.indices.map { (tensor: k, block: $0) } }
        let blocks = concurrently(
            costs: places.map { cost(of: cuts[$0.tensor].sizes($0.block), group[$0.tensor].step) }
        ) { number in
            let (k, b) = places[number]
            return preconditioned(
                group[k], cuts[k], b, factors: memory[k].factors[b], roots: memory[k].roots[b])
        }
        var first = 0
        return group.indices.map { k in
            let own = Array(blocks[first..<first + cuts[k].ranges.count])
            first += own.count
            return update(for: group[k], cuts[k], own, state: &state[k])
        }
    }

    /// The step of one block, with its factors and roots after this gradient.
    private func preconditioned(
        _ input: RuleInput, _ cut: TensorBlocks, _ number: Int, factors: [Tensor?], roots: [Tensor?]
    ) -> Block {
        let t = input.step
        let g = cut.block(number, of: input.gradient(auxiliary))
        let factors = averagedFactors(factors, g, keeping: RunningAverage.share(kept: decay, at: t))
        var (roots, fallbacks) = (roots, 0)
        if isRefresh(t) {
            let order = factors.count
            let power = order == 1 ? 0.5 : exponent ?? 1 / Double(2 * order)
            let root = InverseRoot(power: power, epsilon: epsilon(t))
            roots = factors.map { factor in
                guard let factor else { return nil }
                let made = root(factor)
                fallbacks += made.fallbacks
                return made.root
            }
        }
        let a = input.auxiliaryGradient(for: auxiliary).map {
            multiplied(cut.block(number, of: $0), by: roots)
        }
        return Block(
            factors: factors, roots: roots, step: multiplied(g, by: roots), auxiliaryStep: a,
            fallbacks: fallbacks)
    }

    /// The update of a tensor whose blocks are preconditioned.
    private func update(
        for input: RuleInput, _ cut: TensorBlocks, _ blocks: [Block], state: inout TensorState
    ) -> ParameterUpdate {
        let (t, theta) = (input.step, input.parameter)
        let (eta, mu) = (learningRate(t), momentum(t))
        let lambda = input.decays ? weightDecay(t) : 0
        state["factors"] = cut.flat(blocks.map(\.factors))
        // Roots that were not recomputed are those of the state.
        if isRefresh(t) { state["roots"] = cut.flat(blocks.map(\.roots)) }

        var step = cut.joined(blocks.map(\.step), shape: theta.shape)
        if let graft = grafting?.rule(learningRate: 1) {
            let norm = graftedNorm(graft, input, state: &state)
            step = step * inPrecision(of: step, norm / (frobeniusNorm(step) + 1e-16))
        }
        if mu != 0 || state["momentum"] != nil {
            step = state["momentum"].map { $0 * mu + step } ?? step
            state["momentum"] = step
        }
        if lambda != 0 { step = step + theta * lambda }
        let auxiliary = blocks.compactMap(\.auxiliaryStep)
        if !auxiliary.isEmpty { step = step + cut.joined(auxiliary, shape: theta.shape) }
        return ParameterUpdate(
            change: step * -eta, fallbackCount: blocks.reduce(0) { $0 + $1.fallbacks })
    }

    /// The norm of the grafted rule's step at learning rate 1, whose state has its own names.
    private func graftedNorm(
        _ rule: any OptimizationRule, _ input: RuleInput, state: inout TensorState
    ) -> Tensor {
        let prefix = "graft_"
        var own = [TensorState()]
        for (name, tensor) in state.tensors where name.hasPrefix(prefix) {
            own[0][String(name.dropFirst(prefix.count))] = tensor
        }
        let plain = RuleInput(
            parameter: input.parameter, gradient: input.gradient(auxiliary), step: input.step, decays: false)
        let updates = rule.updates(for: [plain], state: &own)
        for (name, tensor) in own[0].tensors { state[prefix + name] = tensor }
        return frobeniusNorm(updates[0].change)
    }

    private func isRefresh(_ step: Int) -> Bool { (step - 1) % rootInterval == 0 }

    /// About the multiplications of a block's step.
    private func cost(of sizes: [Int], _ step: Int) -> Double {
        cost(of: sizes, refreshes: isRefresh(step) ? 1 : 0)
    }

    private func cost(of sizes: [Int], refreshes: Double) -> Double {
        let count = Double(sizes.reduce(1, *))
        return sizes.reduce(0) { sum, size in
            let n = Double(size)
            return sum + 2 * count * n + refreshes * 25 * n * n * n
        }
    }
}
