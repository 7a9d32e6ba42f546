import Fisher
import FisherStudies

/// FAdam at power 1/2 without momentum and decay is Adam.
enum SameDirection {
    static let claim = Claim(
        "same-direction",
        says: "FAdam without the effects of momentum is equivalent to the Adam algorithm with beta1 = 0.",
        in: .fadam("Appendix B.6"),
        decidedBy: """
            A classifier of digits, 200 steps on the same mini-batches. With the clip off, no decay and a fixed epsilon the end \
            points of both may differ by 1e-10 of the distance covered. With Algorithm 1's clip and adaptive epsilon each \
            tensor's first step must still have the direction of Adam's: a cosine of 1 to 1e-5.
            """,
        evidence: .exact, cost: ClaimCost(short: 10)
    ) { _ in try finding() }

    private static func finding() throws -> ClaimFinding {
        func bare(_ change: (inout FAdam) -> Void) throws -> FAdam {
            try FAdam(learningRate: 1e-3) {
                $0.beta1 = 0
                $0.weightDecay = 0
                $0.epsilonPolicy = .fixed
                $0.clip = nil
                change(&$0)
            }
        }
        func path(_ rule: any OptimizationRule, steps: Int) throws -> Tensor {
            let classifier = try DigitClassifier(hidden: [12], seed: 1, imageCount: 512)
            let start = classifier.weights
            try classifier.train(rule, steps: steps, seed: 3)
            return classifier.weights - start
        }
        let adam = try Adam(learningRate: 1e-3) { $0.beta1 = 0 }
        let reference = try path(adam, steps: 200)
        let cases: [(name: String, rule: FAdam, criterion: Criterion?)] = [
            ("no clip, fixed epsilon", try bare { _ in }, .atMost(1e-10)),
            ("clip 1", try bare { $0.clip = 1 }, nil),
            ("adaptive epsilon", try bare { $0.epsilonPolicy = .adaptive }, nil),
            ("natural decay 1e-3", try bare { $0.weightDecay = 1e-3 }, nil),
            ("beta1 0.9 against Adam's 0.9", try bare { $0.beta1 = 0.9 }, nil),
        ]
        let withMomentum = try path(try Adam(learningRate: 1e-3), steps: 200)
        var measurements = try cases.map { name, rule, criterion in
            MeasuredQuantity(
                "distance of the end points over the distance covered: \(name)",
                try path(rule, steps: 200).relativeDistance(
                    to: name.hasPrefix("beta1") ? withMomentum : reference), criterion)
        }
        let first = try path(
            try bare {
                $0.clip = 1
                $0.epsilonPolicy = .adaptive
            }, steps: 1)
        measurements.append(
            MeasuredQuantity(
                "1 - cosine of the first steps, clip 1 and adaptive epsilon",
                1 - (try first.cosine(to: path(adam, steps: 1))), .atMost(1e-5)))
        return ClaimFinding(
            deciding: measurements,
            """
            Without clip, decay and adaptive epsilon FAdam without momentum is Adam with beta1 = 0 to \(measurements[0].text) of \
            the distance covered in 200 steps. What sets the two apart: the clip (\(measurements[1].text)), the decay \
            (\(measurements[3].text)), and the order of momentum and division (\(measurements[4].text)).
            """)
    }
}
