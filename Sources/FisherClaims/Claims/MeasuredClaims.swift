extension Claim {
    /// Claims that arithmetic decides, or measurements without tuned rates.
    static let measurements: [Claim] = [
        SimplifiedAdam.claim, SameDirection.claim, SquareRoot.ranking, SquareRoot.length, SquareRoot.printed,
        ForgettingAverage.halfLife, ForgettingAverage.initialMetric, ForgettingAverage.earlyCurvature,
        ZeroGradient.claim, BatchLaw.claim, TwoRegimes.claim, EmpiricalSpread.claim, Additivity.claim,
        ScoreIdentities.mean, ScoreIdentities.hessian, Divergence.claim, Reparameterization.claim,
        NewtonSteps.ascent, NewtonSteps.guarantee, OffDiagonals.size, OffDiagonals.action,
        ConvergenceBound.claim, StepCost.claim,
    ]
}
