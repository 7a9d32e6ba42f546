import FisherClaims
import FisherStudies
import Testing

/// The example of the landing page, as it stands there.
@Suite struct ClaimSnippets {
    /// FisherClaims.md
    @Test func claims() {
        let problem = Problem(
            "perceptron", task: "digits", preset: "perceptron",
            ["training.steps": "200", "optimizer.warm_up": "20"])

        let claim = Claim(
            "clipping-helps", says: "Clipping the gradient's norm at 1 makes AdamW better.",
            in: .perspective("Section 4.3"),
            decidedBy: """
                Classifier of digits, 200 steps, both rates tuned, paired final validation losses. Holds: the 95 % interval lies \
                below zero. Does not hold: it lies above -0.01 nats.
                """,
            evidence: .seeds(atLeast: 5), cost: ClaimCost(short: 60)
        ) { context in
            let clipped = try context.tuned(
                Arm("adamw:clip_gradient_norm=1", rates: [0.003, 0.01, 0.03]), on: problem)
            let plain = try context.tuned(Arm("adamw", rates: [0.003, 0.01, 0.03]), on: problem)
            let contrast = context.contrast(
                clipped, to: plain, quantity: "validation loss, nats/image", decidedBy: .better(margin: 0.01))
            return ClaimFinding(contrast.verdict, contrast.sentence, contrasts: [contrast])
        }

        #expect(claim.evidence.seeds == 5 && claim.source.place == "Section 4.3")
        #expect(ClaimRegistry.claim(named: claim.name) == nil)
    }
}
