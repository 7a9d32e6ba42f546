import FisherInformation
import FisherOptions
import Foundation
import Torch

/// K-FAC: each layer's gradient divided by the Kronecker product of two small matrices.
///
///     A = average of a a^T,  S = average of s s^T,  F ~ A (x) S
///     pi^2 = (tr A / dim A) / (tr S / dim S)
///     V = (S + sqrt(gamma)/pi I)^-1 G (A + pi sqrt(gamma) I)^-1
///     m <- mu m + V,  theta <- theta - eta (m + lambda theta)
///
/// Martens and Grosse (2015), sections 3, 4.2 and 6.3; convolutions and other shared weights as in Grosse and
/// Martens (2016) or Eschenhagen et al. (2023). a is a layer's input with a trailing 1 if it has a bias, s
/// the gradient of -log p with respect to its output, G [outputs, inputs (+ 1)] the mean gradient. Averages
/// are sum_k d^(t-k) x_k / sum_k d^(t-k). An update averages statistics, then computes the inverses, then
/// moves the weights. Parameters outside layers with factors move by `fallback`.
public struct KFAC: KroneckerRule {
    /// How the damping enters.
    public enum DampingStyle: String, CaseIterable, Codable, OptionValue {
        /// Into each factor.
        case factored
        /// V = Q_S [(Q_S^T G Q_A) / (l_S l_A^T + gamma)] Q_A^T with the factors' eigenvalues and eigenvectors.
        case exact
    }

    /// Step size eta, zero or more.
    @Configurable("learning_rate", .nonNegative, aliases: ["lr"], "step size")
    public var learningRate: Schedule = 0.1
    /// Damping, statistics, momentum and the other options that K-FAC and EKFAC share.
    public var kronecker = KroneckerOptions()
    /// Whether pi balances the damping of the two factors; otherwise it is 1.
    @Configurable("uses_trace_ratio", aliases: ["pi"], "balance the factors' damping by traces")
    public var usesTraceRatio = true
    /// How the damping gamma enters.
    @Configurable("damping_style", "factored or exact") public var dampingStyle = DampingStyle.factored

    public init() {}

    public static let summary = RuleSummary(
        name: "kfac", title: "KFAC", source: "draws, exact or labels", structure: "Kronecker, by layer",
        power: "1", momentum: "of the natural gradient", stateBytes: "8 per element of A and S",
        cost: "2 m n (m + n); factors B (m^2 + n^2); inverses m^3 + n^3",
        neglects: "layers' correlations, dependence of inputs and output gradients",
        reference: "Martens, Grosse 2015")

    public func refreshes(_ state: TensorState, damping: Double) throws -> [CacheRefresh] {
        guard let a = state["inputs"], let s = state["outputs"] else { return [] }
        switch dampingStyle {
        case .factored:
            let pi = usesTraceRatio ? try KFAC.traceRatio(a, s) : 1
            return [("output", s, 1 / pi), ("input", a, pi)].map { name, factor, share in
                CacheRefresh(of: factor) {
                    let found = try SymmetricInverse($0, damping: damping.squareRoot() * share)
                    return ([name + "inverse": found.inverse], found.fallbackCount)
                }
            }
        case .exact:
            return [("output", s), ("input", a)].map { name, factor in
                CacheRefresh(of: factor) {
                    let found = try SafeEigen($0)
                    return (
                        [name + "basis": found.vectors, name + "values": found.values], found.fallbackCount
                    )
                }
            }
        }
    }

    public func factors(_ state: TensorState) -> KroneckerMatrix? {
        guard let left = state["outputinverse"] ?? state["outputbasis"],
            let right = state["inputinverse"] ?? state["inputbasis"]
        else { return nil }
        return KroneckerMatrix(inputs: right, outputs: left)
    }

    public func precondition(turned gradient: Tensor, _ state: TensorState, damping: Double) -> Tensor {
        guard let left = state["outputbasis"], let right = state["inputbasis"],
            let l = state["outputvalues"], let r = state["inputvalues"]
        else { return gradient }
        return KroneckerEigenbasis(inputs: right, outputs: left)
            .solving(turned: gradient, eigenvalues: l.unsqueezed(1) * r.unsqueezed(0), damping: damping)
    }

    public func cacheShapes(outputs: Int, inputs: Int) -> [String: [Int]] {
        switch dampingStyle {
        case .factored: ["outputinverse": [outputs, outputs], "inputinverse": [inputs, inputs]]
        case .exact:
            [
                "outputbasis": [outputs, outputs], "inputbasis": [inputs, inputs],
                "outputvalues": [outputs], "inputvalues": [inputs],
            ]
        }
    }

    /// pi = sqrt((tr A / dim A) / (tr S / dim S)); 1 if a trace is zero.
    static func traceRatio(_ a: Tensor, _ s: Tensor) throws -> Double {
        let (up, down) = (try a.diagonal().mean().item(), try s.diagonal().mean().item())
        let pi = (up / down).squareRoot()
        return up > 0 && down > 0 && pi.isFinite && pi > 0 ? pi : 1
    }
}
