import FisherStudies

// Claims whose truth is known. They run through everything that the sources' claims run through, in seconds.
extension Claim {
    /// True: a rate that was tuned beats a hundredth of it.
    static let plantedTruth = Claim(
        "planted-truth",
        says: "AdamW at its tuned learning rate is better than AdamW at a hundredth of it.",
        in: .planted("A statement that is known to be true"),
        decidedBy: """
            Classifier of digits, 20 steps. Better: the 95 % interval of the paired difference of final validation losses lies \
            below zero. Not so: it lies above -0.02 nats.
            """,
        evidence: .seeds(atLeast: 5), cost: ClaimCost(short: 4, full: 8)
    ) { context in
        let tuned = try context.tuned(plantedArm, on: plantedProblem)
        let slow = try context.trained(
            Arm("adamw", rates: plantedArm.rates, label: "adamw, a hundredth of the rate"),
            at: tuned.rate / 100, on: plantedProblem)
        return context.planted(tuned, to: slow)
    }

    /// False: an epsilon that is a fifth larger changes nothing that matters.
    static let plantedFalsehood = Claim(
        "planted-falsehood",
        says: "AdamW with epsilon 1.2e-8 is better than AdamW with epsilon 1e-8.",
        in: .planted("A statement that is known to be false"),
        decidedBy: """
            Classifier of digits, 20 steps, both rates tuned. Better: the 95 % interval of the paired difference of final \
            validation losses lies below zero. Not so: it lies above -0.02 nats.
            """,
        evidence: .seeds(atLeast: 5), cost: ClaimCost(short: 4, full: 8)
    ) { context in
        context.planted(
            try context.tuned(
                Arm("adamw:epsilon=1.2e-8", rates: plantedArm.rates, label: "adamw, epsilon 1.2e-8"),
                on: plantedProblem),
            to: try context.tuned(plantedArm, on: plantedProblem))
    }

    private static let plantedArm = Arm("adamw", rates: [0.03, 0.09, 0.27])
    private static let plantedProblem = Problem(
        "digits-perceptron", task: "digits", preset: "perceptron",
        ["training.steps": "20", "training.evaluate_every": "20", "data.batch": "64"])
}

extension ClaimContext {
    /// The finding on a planted claim.
    fileprivate func planted(_ arm: TunedArm, to reference: TunedArm) -> ClaimFinding {
        let contrast = contrast(
            arm, to: reference, quantity: "validation loss, nats/image",
            decidedBy: .better(margin: 0.02))
        return ClaimFinding(contrast.verdict, contrast.sentence, contrasts: [contrast])
    }
}
