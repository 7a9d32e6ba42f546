import Torch

/// A likelihood whose Fisher information in the space of the model's outputs is known in closed form.
///
/// For one observation with outputs z the information is F(z) = E[s s^T], s = d(-log p(y))/dz, the expectation
/// over y drawn from the model. Over a batch it is block diagonal, a block an observation. Products, factors
/// and Hessians are numbers for the estimators: no gradient flows through them to the outputs.
public protocol ClosedFormFisher: OutputLikelihood {
    /// F v, observation by observation, for v in the outputs' shape.
    func outputFisherProduct(_ v: Tensor) -> Tensor

    /// The number K of factors; 1 if the outputs are failed, so that the failure is not lost.
    var outputFisherFactorCount: Int { get }

    /// The factor b_k, in the outputs' shape, of F = sum_k b_k b_k^T in each observation; 0 <= k < K.
    ///
    /// Each factor costs the memory of the outputs: take them one at a time if there are many.
    func outputFisherFactor(_ k: Int) -> Tensor

    /// H v, observation by observation, for H the Hessian of -log p(observed) in the outputs: what the
    /// generalized Gauss-Newton matrix is made of. 0 where masked.
    ///
    /// Throws `noOutputHessian` if H is zero almost everywhere or may be indefinite.
    func outputHessianProduct(of observed: Observation, _ v: Tensor) throws(LikelihoodError) -> Tensor

    /// KL(self || other) = E_self[log p_self - log p_other], summed over the observations, those masked in
    /// `observed` left out; 0-dimensional, and differentiable in both outputs.
    ///
    /// For outputs that differ by d it is d^T F d / 2 + O(|d|^3).
    func divergence(from other: Self, observing observed: Observation?) -> Tensor

    /// Where an output takes no part in the likelihood of `observed`: Booleans that broadcast against the
    /// outputs; nil if this likelihood has no masks.
    func maskedOutputs(of observed: Observation) -> Tensor?
}

extension ClosedFormFisher {
    /// All factors b_k, each in the outputs' shape: K times the memory of the outputs.
    public func outputFisherFactors() -> [Tensor] {
        (0..<outputFisherFactorCount).map { outputFisherFactor($0) }
    }

    /// F v with the masked observations left out.
    public func outputFisherProduct(_ v: Tensor, observing observed: Observation) -> Tensor {
        masking(outputFisherProduct(v), as: observed)
    }

    /// The factor b_k with the masked observations left out.
    public func outputFisherFactor(_ k: Int, observing observed: Observation) -> Tensor {
        masking(outputFisherFactor(k), as: observed)
    }

    /// KL(self || other), summed over all observations; 0-dimensional.
    public func divergence(from other: Self) -> Tensor { divergence(from: other, observing: nil) }

    /// The positions of which some output is not masked; empty if all are observed.
    public func observedPositions(of observed: Observation) -> [Tensor] {
        guard outputs.failure == nil, let masked = maskedOutputs(of: observed) else { return [] }
        return [masked.equals(0).sum(along: -1).equals(0).equals(0)]
    }

    /// Nothing is masked.
    public func maskedOutputs(of observed: Observation) -> Tensor? { nil }

    /// A tensor that broadcasts against the outputs, zero if an output is masked in `observed`.
    func masking(_ tensor: Tensor, as observed: Observation?) -> Tensor {
        guard let observed, let masked = maskedOutputs(of: observed) else { return tensor }
        return tensor.masked(masked, with: 0)
    }
}
