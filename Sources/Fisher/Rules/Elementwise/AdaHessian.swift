import FisherInformation
import FisherOptions
import Foundation
import Torch

/// Which elements share one average of the Hessian's diagonal in ``AdaHessian``, and how they are averaged.
public enum SpatialAverage: String, Codable, CaseIterable, OptionValue {
    /// The mean of |z H z|, as the authors' program has it.
    case magnitude
    /// |mean of z H z|, as the paper has it: signs cancel within a block.
    case signed
}

/// AdaHessian: a moving average of the squared diagonal of the Hessian, to the power k/2.
///
///     h = z H z, the mean over draws of z in {-1, 1}^n           (z H z ~ diag H)
///     s = the mean of |h| over each block
///     m <- b1 m + (1 - b1) g,       mhat = m / (1 - b1^t)
///     v <- b2 v + (1 - b2) s^2,     vhat = v / (1 - b2^t)
///     theta <- theta - eta (mhat / (sqrt(vhat)^k + epsilon) + lambda theta)
///
/// Yao et al. (2021), Algorithm 1, with the arithmetic of the authors' program. A block is the kernel of one pair of
/// channels of a convolution (every dimension after the first two), a run of `blockSize` elements of a matrix, and a
/// single element of a vector. H is the Hessian of the mean loss of the group's parameters, by products that cost about
/// two backward passes for each draw (Pearlmutter 1994); it may be indefinite, of which only the magnitude remains.
public struct AdaHessian: CurvatureRule {
    /// Step size eta, zero or more.
    @Configurable("learning_rate", .nonNegative, aliases: ["lr"], "step size")
    public var learningRate: Schedule = 0.15
    /// Decay b1 of the momentum average, in [0, 1).
    @Configurable("beta1", .decay, "decay of the momentum") public var beta1: Schedule = 0.9
    /// Decay b2 of the average square of the Hessian's diagonal, in [0, 1).
    @Configurable("beta2", .decay, "decay of the average square of the Hessian's diagonal")
    public var beta2: Schedule = 0.999
    /// Number epsilon that is added to the divisor.
    @Configurable("epsilon", .nonNegative, aliases: ["eps"], "added to the divisor")
    public var epsilon: Schedule = 1e-4
    /// Decay lambda of the weights, decoupled from the gradient, scaled by eta.
    @Configurable("weight_decay", .nonNegative, "decay of the weights")
    public var weightDecay: Schedule = 0
    /// Power k of the Hessian's diagonal, in [0, 1].
    @Configurable("hessian_power", .fraction, aliases: ["power"], "power of the Hessian's diagonal")
    public var hessianPower = 1.0
    /// Number of consecutive elements of a matrix that share an average; the last block may be shorter.
    @Configurable("block_size", .atLeast(1), "elements of a matrix that share an average")
    public var blockSize = 1
    /// How a block is averaged.
    @Configurable("spatial_average", "magnitude or signed") public var spatialAverage = SpatialAverage
        .magnitude
    /// Number of draws of z in an update.
    @Configurable("draws", .atLeast(1), "draws of directions per update") public var draws = 1
    /// How the gradient of an auxiliary objective enters.
    @Configurable("auxiliary", "how auxiliary gradients enter")
    public var auxiliary = AuxiliaryTreatment.inGradient

    public init() {}

    public var division: WorkDivision { .tensors }

    public static let summary = RuleSummary(
        name: "adahessian", title: "AdaHessian", source: "the loss itself", structure: "diagonal, by draws",
        power: "1 (k)", momentum: "of the gradient", stateBytes: "8", cost: "2 passes per draw",
        neglects: "correlations; signs of the curvature", reference: "Yao et al. 2021, Algorithm 1")

    public var drawsDirections: Bool { true }

    public func requests(at step: Int) -> [CurvatureRequest] { [.hessian] }

    public func updates(for group: RuleGroup, state: inout [TensorState]) throws -> [ParameterUpdate] {
        guard let hessian = group.statistics.hessian, let directions = group.draws else {
            throw OptimizerError.needsModel(rule: Self.summary.name)
        }
        let parameters = group.inputs.map(\.parameter)
        let layout = ParameterLayout(of: parameters)
        var sum: Tensor?
        for _ in 0..<draws {
            let z = layout.joined(parameters.map(directions.signs))
            let found = z * (try hessian(z))
            sum = sum.map { $0 + found } ?? found
        }
        let diagonal = layout.split((sum ?? .zeros(like: layout.joined(parameters))) / Double(draws))
        return group.inputs.indices.map { k in
            guard group.hasGradient[k] else { return ParameterUpdate(change: .zeros(like: parameters[k])) }
            return update(for: group.inputs[k], diagonal: diagonal[k], state: &state[k])
        }
    }

    private func update(for input: RuleInput, diagonal h: Tensor, state: inout TensorState) -> ParameterUpdate
    {
        let (t, theta, g) = (input.step, input.parameter, input.gradient(auxiliary))
        let (b1, b2) = (beta1(t), beta2(t))
        let lambda = input.decays ? weightDecay(t) : 0

        let s = AdaHessian.averaged(h, blockSize: blockSize, spatialAverage)
        let m = FisherInformation.averaged(state["momentum"] ?? .zeros(like: g), g, decay: b1)
        let v = FisherInformation.averaged(state["hessian"] ?? .zeros(like: g), square(of: s), decay: b2)
        state["momentum"] = m
        state["hessian"] = v
        let d = raised(v / (1 - pow(b2, Double(t))), to: hessianPower / 2) + epsilon(t)
        var step = quotient(m / (1 - pow(b1, Double(t))), d)
        if let a = input.auxiliaryGradient(for: auxiliary) { step = step + quotient(a, d) }
        if lambda != 0 { step = step + theta * lambda }
        return ParameterUpdate(change: step * -learningRate(t))
    }

    /// s: the average magnitude of each block, in the shape of h.
    static func averaged(_ h: Tensor, blockSize: Int, _ average: SpatialAverage) -> Tensor {
        guard h.failure == nil, h.count > 0 else { return h }
        func mean(_ blocks: Tensor) -> Tensor {
            let summands = average == .magnitude ? blocks.magnitude() : blocks
            return summands.mean(along: 1, keepingDimensions: true).magnitude().expanded(blocks.shape)
        }
        switch h.rank {
        case 0, 1: return h.magnitude()
        case 2:
            if blockSize == 1 { return h.magnitude() }
            let flat = h.flattened()
            let whole = h.count / blockSize * blockSize
            let parts = [(0, whole, blockSize), (whole, h.count - whole, h.count - whole)]
            let averages = parts.filter { $0.1 > 0 }.map { start, length, size in
                mean(flat.narrowed(0, from: start, length: length).reshaped([-1, size])).flattened()
            }
            return Tensor.concatenated(averages).reshaped(h.shape)
        default:
            return mean(h.reshaped([h.shape[0] * h.shape[1], -1])).reshaped(h.shape)
        }
    }

    public func stateShapes(_ structure: GroupStructure, after step: Int) -> [[String: [Int]]] {
        structure.shapes.map { ["momentum": $0, "hessian": $0] }
    }
}
