import Fisher
import FisherInformation
import Foundation
import Testing

/// Connectionist temporal classification against sums over all alignments.
@Suite struct ConnectionistTemporalTests {
    /// All sequences of classes of a length.
    static func alignments(_ frames: Int, classes: Int) -> [[Int]] {
        (0..<frames).reduce([[]]) { found, _ in
            found.flatMap { own in (0..<classes).map { own + [$0] } }
        }
    }

    /// log p of each label sequence of one utterance's logits [frames, classes], by its alignments; differentiable.
    static func enumerated(_ logits: Tensor) -> [[Int]: Tensor] {
        let (frames, classes) = (logits.shape[0], logits.shape[1])
        let scores = logits.logSoftmax(along: -1).flattened()
        var terms: [[Int]: [Tensor]] = [:]
        for alignment in alignments(frames, classes: classes) {
            let places = alignment.enumerated().map { Int64($0 * classes + $1) }
            let score = scores.gathering(Tensor(places, shape: [frames]), along: 0).sum()
            terms[ConnectionistTemporal.collapsed(alignment), default: []].append(score)
        }
        return terms.mapValues { Tensor.stacked($0).logSumExp(along: 0) }
    }

    static func logits(_ shape: [Int], seed: UInt64 = 3) throws -> Tensor {
        try Tensor.normal(shape, dtype: .float64, using: RandomGenerator(seed: seed)).requiringGradient()
    }

    @Test func collapsingDropsRepetitionsThenBlanks() {
        #expect(ConnectionistTemporal.collapsed([0, 1, 1, 0, 1, 2, 2, 0]) == [1, 1, 2])
        #expect(ConnectionistTemporal.collapsed([0, 0]) == [])
        #expect(ConnectionistTemporal.leastFrameCount(of: [1, 1, 2]) == 4)
        #expect(ConnectionistTemporal.leastFrameCount(of: []) == 0)
    }

    @Test func valuesAndGradientsAreThoseOfTheSumOverAlignments() throws {
        let logits = try Self.logits([1, 4, 3])
        let sums = Self.enumerated(logits.selecting(0, 0))
        #expect(sums.count == 15)
        for (labels, expected) in sums {
            let found = ConnectionistTemporal(logits: logits, frameCounts: [4])
                .perObservationNegativeLogLikelihood(of: LabelSequences([labels]))
            #expect(found.shape == [1])
            #expect(abs(try found.item() + expected.item()) < 1e-12, "\(labels)")
            let ours = try #require(try gradients(of: found.sum(), withRespectTo: [logits])[0])
            let theirs = try #require(
                try gradients(of: -expected, withRespectTo: [logits], keepGraph: true)[0])
            #expect(try (ours - theirs).largestMagnitude() < 1e-12, "\(labels)")
        }
    }

    @Test func paddingAndUnequalLengthsChangeNothing() throws {
        let logits = try Self.logits([3, 5, 4])
        let labels = LabelSequences([[1, 2], [], [3]])
        let counts = [5, 2, 0 + 3]
        let all = ConnectionistTemporal(logits: logits, frameCounts: counts)
        let losses = try all.perObservationNegativeLogLikelihood(of: labels).scalars(as: Double.self)
        let slope = try #require(
            try gradients(of: all.negativeLogLikelihood(of: labels), withRespectTo: [logits])[0])
        for number in 0..<3 {
            let own = logits.narrowed(0, from: number, length: 1).narrowed(1, from: 0, length: counts[number])
            let alone = ConnectionistTemporal(logits: own, frameCounts: [counts[number]])
                .negativeLogLikelihood(of: labels.slice(number..<number + 1))
            #expect(abs(try alone.item() - losses[number]) < 1e-12)
            let behind = slope.selecting(0, number).narrowed(
                0, from: counts[number], length: 5 - counts[number])
            if behind.count > 0 { #expect(try behind.largestMagnitude() == 0) }
        }
        #expect(try all.observationCount(of: labels) == 3)
    }

    @Test func anUtteranceWithoutFramesHasOneLabelSequence() throws {
        let logits = try Self.logits([2, 3, 4])
        let likelihood = ConnectionistTemporal(logits: logits, frameCounts: [0, 3])
        let labels = LabelSequences([[], [2]])
        let losses = likelihood.perObservationNegativeLogLikelihood(of: labels)
        #expect(try losses.scalars(as: Double.self)[0] == 0)
        let slope = try #require(try gradients(of: losses.sum(), withRespectTo: [logits])[0])
        #expect(try slope.selecting(0, 0).largestMagnitude() == 0)
        #expect(try slope.selecting(0, 1).largestMagnitude() > 0)
        #expect(
            likelihood.sample(using: try RandomGenerator(seed: 1)).labels[0].isEmpty)
        let empty = ConnectionistTemporal(logits: .zeros([0, 3, 4]), frameCounts: [])
        #expect(try empty.negativeLogLikelihood(of: LabelSequences([])).item() == 0)
    }

    @Test(
        arguments: [
            ([[1, 2], [1, 1]], [3, 2], "utterance 1 has 2 frames, but its 2 labels need 3"),
            ([[1], [5]], [3, 3], "the label 5 of utterance 1"),
            ([[0], [1]], [3, 3], "the label 0 of utterance 0"),
            ([[1]], [3, 3], "1 label sequences cannot go with 2 utterances"),
            ([[1], [1]], [3], "1 frame counts cannot go with 2 utterances"),
            ([[1], [1]], [3, 4], "utterance 1 cannot have 4 of 3 frames"),
        ] as [([[Int]], [Int], String)])
    func whatDoesNotFitIsAnErrorThatNamesTheUtterance(
        _ labels: [[Int]], _ counts: [Int], _ sentence: String
    ) throws {
        let likelihood = ConnectionistTemporal(logits: try Self.logits([2, 3, 4]), frameCounts: counts)
        let error = #expect(throws: TorchError.self) {
            try Objective(likelihood, observing: LabelSequences(labels))
        }
        #expect(error?.description.contains(sentence) == true, "\(error?.description ?? "")")
    }

    /// The scores of many draws, [draws, frames * classes], and the drawn labels.
    private func scores(_ logits: Tensor, draws: Int) throws -> (labels: LabelSequences, scores: Tensor) {
        let many = try logits.detached().expanded([draws] + logits.shape.dropFirst()).contiguous()
            .requiringGradient()
        let likelihood = ConnectionistTemporal(
            logits: many, frameCounts: Array(repeating: logits.shape[1], count: draws))
        let labels = likelihood.sample(using: try RandomGenerator(seed: 4))
        let found = try gradients(of: likelihood.negativeLogLikelihood(of: labels), withRespectTo: [many])
        return (labels, try #require(found[0]).flattened(from: 1))
    }

    @Test func theSampledFisherIsThatOfTheLabels() throws {
        let logits = try Self.logits([1, 3, 3])
        var exact = Tensor.zeros([9, 9], dtype: .float64)
        var probabilities: [[Int]: Double] = [:]
        for (labels, logProbability) in Self.enumerated(logits.selecting(0, 0)) {
            let slope = try #require(
                try gradients(of: logProbability, withRespectTo: [logits], keepGraph: true)[0]
            ).flattened()
            probabilities[labels] = exp(try logProbability.item())
            exact = exact + slope.unsqueezed(1) * slope.unsqueezed(0) * (probabilities[labels] ?? 0)
        }
        #expect(abs(probabilities.values.reduce(0, +) - 1) < 1e-12)

        let draws = 40_000
        let (labels, scores) = try scores(logits, draws: draws)
        // Every sequence is drawn as often as its probability says, within five standard errors.
        let counts = Dictionary(grouping: labels.labels, by: \.self).mapValues(\.count)
        for (labels, p) in probabilities {
            let error = Double(counts[labels] ?? 0) / Double(draws) - p
            #expect(abs(error) < 5 * (p * (1 - p) / Double(draws)).squareRoot(), "\(labels)")
        }
        #expect(counts[[]] ?? 0 > 0)
        let drawn = scores.transposed().matmul(scores) / Double(draws)
        let square = scores.squared()
        let spread =
            (square.transposed().matmul(square) / Double(draws)).squareRoot()
            / Double(draws).squareRoot()
        #expect(try ((drawn - exact).magnitude() / (spread + 1e-12)).max().item() < 5)
        // The alignment's information, diag(p) - p p^T at each frame, is larger, by far more than the error of draws.
        let p = logits.detached().selecting(0, 0).softmax(along: -1)
        let diagonal = (p * (1 - p)).flattened()
        let labelsDiagonal = (exact * .identity(9, dtype: .float64)).sum(along: 1)
        #expect(try (diagonal - labelsDiagonal).min().item() > 0)
        #expect(try diagonal.sum().item() > 1.5 * labelsDiagonal.sum().item())
    }

    @Test func equalGeneratorsGiveEqualDrawsPaddedOrPacked() throws {
        let logits = try Self.logits([2, 4, 3])
        let padded = Tensor.concatenated([logits, .ones([2, 3, 3], dtype: .float64)], along: 1)
        let draws = try [logits, padded].map {
            ConnectionistTemporal(logits: $0, frameCounts: [4, 4]).sample(using: try RandomGenerator(seed: 7))
        }
        #expect(draws[0] == draws[1])
    }

    @Test func logitsWithoutAValueGiveNoDraws() throws {
        let logits = Tensor.full([1, 2, 3], .nan)
        let likelihood = ConnectionistTemporal(logits: logits, frameCounts: [2])
        let labels = likelihood.sample(using: try RandomGenerator(seed: 1))
        #expect(throws: TorchError.self) { try likelihood.negativeLogLikelihood(of: labels).check() }
    }

    @Test func theClosedFormIsRefusedWithItsReason() throws {
        let model = Linear(4, 3, using: try RandomGenerator(seed: 1))
        let x = Tensor.ones([2, 5, 4])
        let estimator = try CurvatureEstimator(of: model)
        for source in [CurvatureSource.exact, .gaussNewton] {
            for request in [CurvatureRequest.diagonal(source), .products(source)] {
                let error = #expect(throws: CurvatureError.self) {
                    try estimator.estimate(
                        [request],
                        of: Objective(
                            ConnectionistTemporal(logits: model(x), frameCounts: [5, 5]),
                            observing: LabelSequences([[1], [2]])))
                }
                let text = error?.description ?? ""
                #expect(text.contains("ConnectionistTemporal has no Fisher information in closed form"))
                #expect(text.contains("sampled"), "\(text)")
            }
        }
    }
}
