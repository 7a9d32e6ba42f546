import FisherInformation
import Torch

/// A rule that goes to the minimum of a quadratic model of the loss, with the damping of Levenberg and Marquardt.
///
///     q(d) = g d + d^T C d / 2,   d = -eta (C + damping I)^-1 g
///     rho  = (loss - loss after d) / -q(d);   rho < 1/4 raises the damping, rho > 3/4 lowers it
///
/// The auxiliaries take part in g and in both losses, not in C. A step after which the loss is not finite is not made.
public protocol QuadraticModelRule: CurvatureRule {
    /// The damping at the start; from then on it is state where `adaptsDamping` is set.
    var damping: Double { get set }
    /// Whether the damping follows rho.
    var adaptsDamping: Bool { get set }
    /// What the damping is multiplied by where it is lowered, and divided by where it is raised.
    var dampingFactor: Double { get set }

    /// Which matrix C is.
    static var curvature: CurvatureRequest { get }

    /// (C + damping I)^-1 g, how well it was solved, and how often something safer took its place.
    func solve(
        _ matrix: SymmetricOperator, damping: Double, _ g: Tensor, layout: ParameterLayout,
        state: inout [TensorState]
    ) throws -> (solution: Tensor, record: SolutionRecord?, fallbackCount: Int)

    /// The shape of what `solve` remembers of a parameter, by name.
    func solverShapes(_ shape: [Int]) -> [String: [Int]]
}

extension QuadraticModelRule {
    /// The damping is never lowered below this.
    static var leastDamping: Double { 1e-8 }

    public func requests(at step: Int) -> [CurvatureRequest] { [Self.curvature] }

    public func movements(_ group: RuleGroup, state: inout [TensorState]) throws -> [ParameterUpdate] {
        guard let matrix = group.statistics.matrix(Self.curvature) else {
            throw OptimizerError.needsModel(rule: Self.summary.name)
        }
        let layout = ParameterLayout(of: group.inputs.map(\.parameter))
        let g = layout.joined(group.gradients)
        let damping = try state.lazy.compactMap { $0["damping"] }.first?.item() ?? damping
        var (d, record, fallbacks) = try solve(matrix, damping: damping, g, layout: layout, state: &state)
        d = d * -learningRate(group.step)
        guard adaptsDamping else {
            return group.movements(layout.split(d), fallbackCount: fallbacks, solution: record)
        }
        let predicted = try -(g * d + d * (try matrix(d)) * 0.5).sum(dtype: .float64).item()
        let after = try group.loss(after: layout.split(d).map { ParameterUpdate(change: $0) })
        let decrease = try group.loss.item() - after
        if !after.isFinite {
            d = .zeros(like: d)
            fallbacks += 1
        }
        let next = adapted(damping, decrease: decrease, predicted: predicted)
        for k in state.indices { state[k]["damping"] = .full([], next, dtype: g.dtype) }
        return group.movements(layout.split(d), fallbackCount: fallbacks, solution: record)
    }

    /// The next damping. A model that promises no decrease is one not to be trusted.
    private func adapted(_ damping: Double, decrease: Double, predicted: Double) -> Double {
        let rho = predicted > 0 ? decrease / predicted : -1
        if rho > 0.75 { return max(damping * dampingFactor, Self.leastDamping) }
        return rho >= 0.25 ? damping : max(damping, Self.leastDamping) / dampingFactor
    }

    public func stateShapes(_ structure: GroupStructure, after step: Int) -> [[String: [Int]]] {
        structure.shapes.map { shape in
            solverShapes(shape).merging(adaptsDamping ? ["damping": []] : [:]) { own, _ in own }
        }
    }
}
