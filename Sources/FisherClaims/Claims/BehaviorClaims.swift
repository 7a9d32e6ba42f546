extension Claim {
    /// What optimizers and estimates do: claims that need runs, but are not plain comparisons of losses.
    static let behavior: [Claim] = [
        .ewc, .ewcFAdam, .ewcSource, .ewcMovement, .adaFisher, .codedAdaFisher, .adaFisherRoot,
        .adaFisherGrid,
        .adaFisherSpread, .codedAdaFisherSpread, .adaFisherCost, .diagonalDominance, .kroneckerDiagonal,
        .flatness,
        .flatnessGeneralization, .tracePenalty, .earlyTrace, .cramerRao,
    ]
}
