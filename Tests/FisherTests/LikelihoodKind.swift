import Fisher
import Foundation
import Testing

/// Every likelihood, for tests that hold all of them to the same rules.
enum LikelihoodKind: String, CaseIterable, Sendable {
    case categorical, bernoulli, gaussian, narrowGaussian, learnedGaussian, twoHot, logitLaplace

    /// The places of TwoHot's bins.
    static let bins = [-2.0, -0.5, 0, 1, 4]

    /// The likelihood of outputs of shape [..., `width`].
    func callAsFunction(_ outputs: Tensor) throws -> any ClosedFormFisher & Samplable {
        switch self {
        case .categorical: Categorical(logits: outputs)
        case .bernoulli: Bernoulli(logits: outputs)
        case .gaussian: Gaussian(mean: outputs)
        case .narrowGaussian: try Gaussian(mean: outputs, variance: 0.3)
        case .learnedGaussian: Gaussian(meanAndLogVariance: outputs)
        case .twoHot: try TwoHot(logits: outputs, bins: Self.bins)
        case .logitLaplace: LogitLaplace(locationAndLogScale: outputs)
        }
    }

    /// The size of the last axis of the outputs.
    var width: Int {
        switch self {
        case .twoHot: Self.bins.count
        case .learnedGaussian, .logitLaplace: 6
        default: 4
        }
    }

    /// The rank of an observation's Fisher information: the probabilities of classes add up to 1.
    var rank: Int { self == .categorical || self == .twoHot ? width - 1 : width }

    /// Those whose Hessian in the outputs is the Fisher.
    static let withHessian: [LikelihoodKind] = [
        .categorical, .bernoulli, .gaussian, .narrowGaussian, .twoHot,
    ]

    /// Outputs [rows..., width] about 1 in size, in float64.
    func outputs(_ rows: [Int], seed: UInt64 = 1) throws -> Tensor {
        .normal(rows + [width], dtype: .float64, using: try RandomGenerator(seed: seed))
    }
}

/// KL(a || b) of two likelihoods of one type.
func divergence<Model: ClosedFormFisher>(of a: Model, from b: any ClosedFormFisher) throws -> Double {
    try a.divergence(from: try #require(b as? Model)).item()
}

/// The largest difference relative to the largest element of `b`.
func relativeError(_ a: Tensor, _ b: Tensor) throws -> Double {
    try a.check()
    try b.check()
    guard a.shape == b.shape else { return .infinity }
    let (x, y) = (try a.scalars(as: Double.self), try b.scalars(as: Double.self))
    return zip(x, y).map { abs($0 - $1) }.max()! / max(y.map(abs).max()!, 1e-30)
}
