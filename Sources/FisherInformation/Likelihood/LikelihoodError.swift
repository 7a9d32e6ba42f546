import Torch

/// A likelihood that cannot be created, or that lacks a requested property.
public enum LikelihoodError: Error, Hashable, Sendable, CustomStringConvertible {
    /// A variance that is not positive and finite.
    case badVariance(Double)
    /// Bins that are not at least two finite numbers in ascending order.
    case badBins(reason: String)
    /// The Hessian of the negative log-likelihood in the outputs cannot be used for a Gauss-Newton step.
    case noOutputHessian(likelihood: String, reason: String)

    /// A name that no registered likelihood has.
    case notRegistered(String, known: [String])
    /// Options in the description of a network that a likelihood cannot have.
    case badOptions(String, reason: String)

    /// What is wrong, in one sentence.
    public var description: String {
        switch self {
        case .badVariance(let variance): "a variance of \(variance) is not positive and finite"
        case .badBins(let reason): "the bins of TwoHot \(reason)"
        case .noOutputHessian(let likelihood, let reason):
            "\(likelihood) has no Gauss-Newton matrix: the Hessian in its outputs \(reason); use its Fisher"
        case .badOptions(let name, let reason): "the likelihood \(name) \(reason)"
        case .notRegistered(let name, let known): unknownName(name, called: "likelihood", among: known)
        }
    }
}
