extension Claim {
    /// The claims about optimizers that trained runs decide, in the order in which they are listed.
    static let optimizers: [Claim] = [
        .warmUp, .biasCorrection, .dropIn, .fadafactor, .speech, .vectorQuantized, .codebook, .exponent,
        .squareRoot, .epsilon, .epsilonScale, .epsilonPlaces, .lossScale, .weightDecay, .decayStrength,
        .decayPlace, .decoupledDecay, .clipping, .momentumOrder, .auxiliary, .whichFisher, .batchSensitivity,
        .discreteLikelihood, .imagesAndText,
    ]
}
