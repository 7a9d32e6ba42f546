import FisherInformation
import FisherOptions
import Foundation
import NeuralNet
import Torch

/// How ``IVON`` estimates the diagonal of the Hessian.
public enum HessianEstimate: String, Codable, CaseIterable, OptionValue {
    /// (h + delta) N times the mean of (theta_s - theta) g(theta_s), by the reparameterization trick: of E[H], unbiased.
    case price
    /// N times the mean of g(theta_s)^2: the square of the mini-batch gradient, scaled as the authors' program does.
    case gradientSquare = "gradsq"
}

/// IVON: a Gaussian over the parameters by natural-gradient variational learning.
///
///     theta_s = theta + eps / sqrt(N (h + delta)),  eps ~ N(0, 1),   s = 1 ... draws
///     g    = mean of g(theta_s),   hhat = N (h + delta) mean of (theta_s - theta) g(theta_s)
///     m <- b1 m + (1 - b1) g,      mhat = m / (1 - b1^t)
///     h <- b2 h + (1 - b2) hhat + (1 - b2)^2 (h - hhat)^2 / (2 (h + delta))
///     theta <- theta - eta (h0 + delta) clip((mhat + delta theta) / (h + delta), radius)
///
/// Shen et al. (2024), "Variational learning is effective for large deep networks", Algorithm 1, with the arithmetic of
/// the authors' program: the Bayesian learning rule of Khan and Rue (2023) for Gaussians with independent elements. The
/// last term of h is that of the Riemannian gradient descent of Lin et al. (2020), which keeps h + delta above half of
/// what it was. N is the effective sample size; delta, the weight decay, makes the prior N(0, 1 / (N delta)); where the
/// group does not let a parameter decay, its prior is flat.
///
/// The gradients of a step are taken at drawn parameters, and its loss is that at the draws. ``Optimizer/posterior`` has
/// the mean theta, the variance 1 / (N (h + delta)) and predictions averaged over draws.
public struct IVON: PosteriorRule {
    /// Step size eta, zero or more.
    @Configurable("learning_rate", .nonNegative, aliases: ["lr"], "step size")
    public var learningRate: Schedule = 0.1
    /// Decay b1 of the momentum average, in [0, 1).
    @Configurable("beta1", .decay, "decay of the momentum") public var beta1: Schedule = 0.9
    /// Decay b2 of the Hessian's diagonal h, in [0, 1).
    @Configurable("beta2", .decay, "decay of the Hessian's diagonal") public var beta2: Schedule = 0.99999
    /// Effective sample size N: the number of training examples, or more for a colder posterior.
    @Configurable(
        "effective_sample_size", .positive, aliases: ["ess"],
        "number of training examples; more makes the posterior narrower")
    public var effectiveSampleSize = 1e4
    /// The Hessian's diagonal h0 at the start.
    @Configurable(
        "initial_hessian", .positive, aliases: ["hess_init", "h0"], "the Hessian's diagonal at the start")
    public var initialHessian = 1.0
    /// Weight decay delta: the precision of the prior, divided by N.
    @Configurable("weight_decay", .nonNegative, "precision of the prior over the effective sample size")
    public var weightDecay: Schedule = 1e-4
    /// Largest magnitude of an element of the step before eta; nil for no clipping.
    @Configurable("clip_radius", .positive, "largest magnitude of an element of the step; none: no clip")
    public var clipRadius: Double? = nil
    /// Number of draws of the parameters in a step, each of which costs a forward and a backward pass.
    @Configurable("draws", .atLeast(1), aliases: ["mc_samples"], "draws of the parameters per step")
    public var draws = 1
    /// How the diagonal of the Hessian is estimated.
    @Configurable("hessian_estimate", aliases: ["hess_approx"], "price or gradsq")
    public var hessianEstimate = HessianEstimate.price
    /// Whether the momentum is corrected for its start at zero.
    @Configurable("corrects_momentum_bias", aliases: ["debias"], "correct the momentum's start at zero")
    public var correctsMomentumBias = true
    /// Whether eta is multiplied by h0 + delta, so that the first step is that of gradient descent with eta.
    @Configurable(
        "rescales_learning_rate", aliases: ["rescale_lr"], "multiply the step size by h0 and the weight decay"
    )
    public var rescalesLearningRate = true

    public init() {}

    public static let summary = RuleSummary(
        name: "ivon", title: "IVON", source: "the loss at draws of the parameters", structure: "diagonal",
        power: "1", momentum: "of the gradient", stateBytes: "8", cost: "P, a pass per draw",
        neglects: "correlations", reference: "Shen et al. 2024, Algorithm 1")

    public var drawsDirections: Bool { true }

    public func requests(at step: Int) -> [CurvatureRequest] { [] }

    /// A training run binds the rule to all parameters, each with its prior.
    public func groups(for model: any Module) -> [ParameterGroup] {
        [ParameterGroup(.rest, self, decaying: .all)]
    }

    func deviation(like parameter: Tensor, state: TensorState, decays: Bool, at step: Int) -> Tensor {
        let delta = decays ? weightDecay(step) : 0
        let h = state["hessian"] ?? .full(like: parameter, initialHessian)
        return ((h + delta) * effectiveSampleSize).power(-0.5)
    }

    public func updates(for group: RuleGroup, state: inout [TensorState]) throws -> [ParameterUpdate] {
        try group.inputs.indices.map { k in
            let input = group.inputs[k]
            guard group.hasGradient[k] else {
                return ParameterUpdate(change: .zeros(like: input.parameter))
            }
            guard let moments = input.moments else {
                throw OptimizerError.needsModel(rule: Self.summary.name)
            }
            return update(for: input, moments, state: &state[k])
        }
    }

    private func update(
        for input: RuleInput, _ moments: DrawnMoments, state: inout TensorState
    ) -> ParameterUpdate {
        let (t, theta, g) = (input.step, input.parameter, input.gradient(.inGradient))
        let (b1, b2) = (beta1(t), beta2(t))
        let delta = input.decays ? weightDecay(t) : 0

        let m = averaged(state["momentum"] ?? .zeros(like: g), g, decay: b1)
        let former = state["hessian"] ?? .full(like: g, initialHessian)
        let found =
            switch hessianEstimate {
            case .price: moments.products * (former + delta) * effectiveSampleSize
            case .gradientSquare: moments.squares * effectiveSampleSize
            }
        let curve = quotient(square(of: former - found), former + delta) * ((1 - b2) * (1 - b2) / 2)
        let h = averaged(former, found, decay: b2) + curve
        state["momentum"] = m
        state["hessian"] = h
        let mhat = correctsMomentumBias ? m / (1 - pow(b1, Double(t))) : m
        var step = quotient(mhat + theta * delta, h + delta)
        if let clipRadius { step = step.clamped(to: -clipRadius...clipRadius) }
        let scale = rescalesLearningRate ? initialHessian + delta : 1
        return ParameterUpdate(change: step * (-learningRate(t) * scale))
    }

    public func stateShapes(_ structure: GroupStructure, after step: Int) -> [[String: [Int]]] {
        structure.shapes.map { ["momentum": $0, "hessian": $0] }
    }
}
