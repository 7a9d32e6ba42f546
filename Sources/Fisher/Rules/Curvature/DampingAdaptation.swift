import FisherInformation
import Torch

/// Damping by Levenberg and Marquardt: more where the quadratic model of the loss promised too much, less where it
/// kept its promise.
///
///     M(d) = <g, d> + 1/2 (<d, S d A> + gamma |d|^2),   rho = (loss(theta + d) - loss(theta)) / M(d)
///
/// Every fifth update gamma is divided by omega = 0.9^5 where rho < 1/4, and multiplied by it where rho > 3/4
/// (Martens and Grosse 2015, section 6.5; the constants of kfac-jax).
enum DampingAdaptation {
    /// Updates from one adaptation to the next.
    static let interval = 5
    private static let omega = 0.9 * 0.9 * 0.9 * 0.9 * 0.9
    private static let floor = 1e-8

    /// The damping after an update made with `damping`.
    static func damping(
        after damping: Double, _ group: RuleGroup, _ blocks: [LayerBlock], _ movements: [ParameterUpdate],
        _ state: [TensorState]
    ) throws -> Double {
        let changes = movements.map(\.change)
        var predicted = 0.0
        for (gradient, change) in zip(group.gradients, changes) {
            predicted += try (gradient * change).sum(dtype: .float64).item()
        }
        for block in blocks {
            guard let a = state[block.weight]["inputs"], let s = state[block.weight]["outputs"] else {
                continue
            }
            let d = block.matrix(changes)
            let (bent, length) = ((d * s.matmul(d).matmul(a)).sum(dtype: .float64), d.norm())
            predicted += try 0.5 * (bent.item() + damping * length.item() * length.item())
        }
        let actual = try group.loss(after: movements) - group.loss.item()
        let rho = actual / predicted
        // A model that promises no decrease, or a loss that is no number, calls for more damping as well.
        if !(predicted < 0) || !(rho >= 0.25) { return damping / omega }
        return rho > 0.75 ? max(damping * omega, floor) : damping
    }
}
