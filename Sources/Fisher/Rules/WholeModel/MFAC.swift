import FisherInformation
import FisherOptions
import Torch

/// M-FAC: the natural gradient with the information of the last gradients, by Woodbury's identity.
///
///     theta <- theta - eta (damping I + G^T G / m)^-1 g
///
/// The rows of G [m, parameters] are the last m mean gradients of the group, the current one included; rows
/// for which there is no gradient yet are zero. Frantar, Kurtic and Alistarh (2021), "M-FAC: efficient
/// matrix-free approximations of second-order information". As g is the row k of G, the step is m G^T (m
/// damping I + G G^T)^-1 e_k: a system of m unknowns, without cancellation. An update costs two products with
/// G. Auxiliary gradients are part of g.
public struct MFAC: HistoryRule {
    /// Step size eta, zero or more.
    @Configurable("learning_rate", .nonNegative, aliases: ["lr"], "step size")
    public var learningRate: Schedule = 1e-3
    /// Damping that is added to every eigenvalue of G^T G / m.
    @Configurable("damping", .nonNegative, "added to the eigenvalues of G^T G / m")
    public var damping: Schedule = 1e-3
    /// Number m of gradients kept.
    @Configurable("history", .atLeast(1), "m: the number of gradients kept") public var history = 32

    public init() {}

    public var division: WorkDivision { .whole }

    public static let summary = RuleSummary(
        name: "mfac", title: "MFAC", source: "mini-batch gradients, the last m", structure: "full, rank m",
        power: "1", momentum: "none", stateBytes: "4 m", cost: "2 k P",
        neglects: "units, all but the last k gradients",
        reference: "Frantar et al. 2021, Eq. 5")

    public func updates(for group: [RuleInput], state: inout [TensorState]) -> [ParameterUpdate] {
        do {
            return try solved(group, state: &state)
        } catch {
            return group.map { _ in ParameterUpdate(change: Tensor(failed: error)) }
        }
    }

    private func solved(
        _ group: [RuleInput], state: inout [TensorState]
    ) throws(TorchError) -> [ParameterUpdate] {
        guard let t = group.map(\.step).max() else { return [] }
        let m = history
        let current = (t - 1) % m
        for (k, input) in group.enumerated() { try remember(input, at: (input.step - 1) % m, in: &state[k]) }

        var gram = Tensor.zeros([m, m], dtype: .float64)
        for products in state.compactMap({ $0["products"] }) { gram = gram + products.to(dtype: .float64) }
        let unit = Tensor((0..<m).map { $0 == current ? 1.0 : 0 })
        let eta = learningRate(t)
        let weights = try DampedSolution(gram, damping: Double(m) * damping(t), unit)
        let c = (weights.solution * (-eta * Double(m))).unsqueezed(0)
        return zip(group.indices, state).map { k, state in
            guard let rows = state["gradients"] else {
                return ParameterUpdate(change: .zeros(like: group[k].gradient))
            }
            let change = c.to(dtype: rows.dtype).matmul(rows.reshaped([m, group[k].gradient.count])).reshaped(
                group[k].gradient.shape)
            return ParameterUpdate(change: change, fallbackCount: k == 0 ? weights.fallbackCount : 0)
        }
    }

    /// The memory of the gradients and their products in bytes; it may be beyond any memory.
    func stateByteCount(of parameters: [Tensor]) -> Double {
        let m = Double(history)
        return parameters.reduce(8 * m * m) {
            $0 + m * (Double($1.count) + m) * Double($1.dtype.accumulator.byteCount)
        }
    }

    /// Puts a gradient into the ring and its products with the others into their matrix. Both are written in
    /// place; a step that fails puts the oldest gradient back.
    private func remember(
        _ input: RuleInput, at place: Int, in state: inout TensorState
    ) throws(TorchError) {
        let m = history
        let g = try MFAC.bounded(input.gradient(.inGradient))
        let rows = state["gradients"] ?? .zeros([m] + g.shape, dtype: g.dtype)
        let products = state["products"] ?? .zeros([m, m], dtype: g.dtype)
        try state.overwrite(rows.selecting(0, place), with: g)
        let row = rows.reshaped([m, g.count]).matmul(g.flattened())
        try state.overwrite(products.selecting(0, place), with: row)
        try state.overwrite(products.selecting(1, place), with: row)
        state["gradients"] = rows
        state["products"] = products
    }

    /// A gradient whose square is finite: an overflowing one is scaled down, so that it does not affect the
    /// others.
    static func bounded(_ g: Tensor) throws(TorchError) -> Tensor {
        try g.check()
        let limit = g.dtype.greatestFiniteMagnitude.squareRoot() / 1e3
        let largest = try g.magnitude().largest().item() * Double(max(g.count, 1)).squareRoot()
        return largest > limit ? g * (limit / largest) : g
    }
}
