// The norm of a gradient in the information that the rules keep.

import FisherInformation
import Torch

extension Optimizer {
    /// Throws for a largest norm of the gradient that is not positive, and for one in the information of rules that keep
    /// none.
    static func checkClips(gradient: Double?, fisher: Double?, of groups: [ParameterGroup]) throws {
        for (name, clip) in [("clip_gradient_norm", gradient), ("clip_fisher_norm", fisher)] {
            if let clip, !(clip > 0 && clip.isFinite) {
                throw HyperparameterError(
                    rule: "optimizer", option: name, value: "\(clip)", reason: "must be more than zero")
            }
        }
        guard let fisher else { return }
        for group in groups where !(group.rule is any InformationKeepingRule) {
            let name = type(of: group.rule).summary.name
            let kin = group.rule is any KroneckerRule ? "; its kl_clip bounds the same norm of its step" : ""
            throw HyperparameterError(
                rule: "optimizer", option: "clip_fisher_norm", value: "\(fisher)",
                reason: "needs rules that keep a diagonal of the information for every parameter, and "
                    + "\(name) does not\(kin)")
        }
    }

    /// sqrt(g^T F^-1 g) over all parameters, with g the gradient of the likelihood and F the diagonal that the rules kept
    /// after their last updates; nil if no parameter has had one. Elements without information (F = 0) do not count.
    ///
    /// - Parameters:
    ///   - gradients: those of the fused path as sums, the others as means over `count`.
    ///   - scale: a factor of all means.
    func fisherNorm(
        of gradients: GradientList, _ isFused: [Bool], count: Double, scale: Double
    ) throws -> Double? {
        var found: [(slot: Int, norm: Tensor)] = []
        var isKnown = false
        for group in groups {
            guard let rule = group.rule as? any InformationKeepingRule else { continue }
            for number in group.slots
            where slots[number].step > 0 && slots[number].parameter.wrappedValue.count > 0 {
                isKnown = isKnown || gradients.likelihood[number] != nil
                guard hasWork(on: number) else { continue }
                let slot = slots[number]
                let parameter = slot.parameter.wrappedValue.detached()
                guard let gradient = gradients.likelihood[number],
                    let f = rule.information(of: parameter, in: slot.state.widened, after: slot.step)
                else { continue }
                let g = gradient.detached().to(dtype: f.dtype)
                let norm = frobeniusNorm(quotient(g, f.squareRoot()))
                found.append((number, (norm * (isFused[number] ? scale / count : scale)).to(dtype: .float64)))
            }
        }
        guard isKnown else { return nil }
        var norms = [Double](repeating: 0, count: slots.count)
        let values = found.isEmpty ? [] : try Tensor.stacked(found.map(\.norm)).scalars(as: Double.self)
        for (entry, value) in zip(found, values) { norms[entry.slot] = value }
        if let division { _ = try division.completedBySlot(&norms, as: "the norm in the information") }
        return combinedNorm(norms)
    }
}
