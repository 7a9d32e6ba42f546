import Fisher
import FisherInformation
import Foundation
import Testing

/// The transducer's likelihood and what is drawn from it.
@Suite struct TransducerTests {
    @Test func aLikelihoodIsThatOfEachUtteranceByItself() throws {
        let (model, batch) = (try SequenceModel(.transducer), try Utterances.padded())
        let whole = Transducer(
            encodings: model.encoder(batch.features), frameCounts: batch.frameCounts, network: model)
        let losses = try whole.perObservationNegativeLogLikelihood(of: batch.labels).scalars(as: Double.self)
        for number in 0..<batch.unitCount {
            let one = batch.packed(number)
            let alone = Transducer(
                encodings: model.encoder(one.features), frameCounts: one.frameCounts, network: model)
            #expect(abs(try alone.negativeLogLikelihood(of: one.labels).item() - losses[number]) < 1e-12)
        }
        #expect(whole.logits(for: batch.labels).shape == [4, 6, 4, 3])
        #expect(try whole.observationCount(of: batch.labels) == 4)
    }

    /// The probabilities of all label sequences sum to one, and labels are drawn as often as they say.
    @Test func labelsAreDrawnWithTheirProbability() throws {
        let model = try SequenceModel(.transducer)
        // Frames end soon, so that few labels hold nearly all of the probability.
        let named = try #require(model.parameters.first { "\($0.path)" == "joint.bias" })
        try named.parameter.assign(named.parameter.wrappedValue.detached() + Tensor([2.0, 0, 0], shape: [3]))
        let draws = 3000
        let features = try Utterances.padded().features.narrowed(0, from: 0, length: 1)
            .narrowed(1, from: 0, length: 2)
        let likelihood = Transducer(
            encodings: model.encoder(features).expanded([draws, 2, 3]).contiguous(),
            frameCounts: Array(repeating: 2, count: draws), network: model)
        var sequences: [[Int]] = [[]]
        var longest = sequences
        for _ in 0..<7 {
            longest = longest.flatMap { [$0 + [1], $0 + [2]] }
            sequences += longest
        }
        let single = Transducer(
            encodings: model.encoder(features).expanded([sequences.count, 2, 3]).contiguous(),
            frameCounts: Array(repeating: 2, count: sequences.count), network: model)
        let probabilities = try single.perObservationNegativeLogLikelihood(of: LabelSequences(sequences))
            .scalars(as: Double.self).map { exp(-$0) }
        let total = probabilities.reduce(0, +)
        #expect(total <= 1 + 1e-12)
        #expect(total > 0.98)

        let labels = likelihood.sample(using: try RandomGenerator(seed: 5)).labels
        let counts = Dictionary(grouping: labels, by: \.self).mapValues(\.count)
        for (sequence, p) in zip(sequences, probabilities) where p > 0.01 {
            let error = Double(counts[sequence] ?? 0) / Double(draws) - p
            #expect(abs(error) < 5 * (p * (1 - p) / Double(draws)).squareRoot(), "\(sequence)")
        }
    }

    @Test func aFrameHasAtMostItsNumberOfLabels() throws {
        let model = try SequenceModel(.transducer)
        // The blank is impossible.
        let named = try #require(model.parameters.first { "\($0.path)" == "joint.bias" })
        try named.parameter.assign(
            named.parameter.wrappedValue.detached() + Tensor([-1000.0, 0, 0], shape: [3]))
        let batch = try Utterances.padded()
        let likelihood = Transducer(
            encodings: model.encoder(batch.features), frameCounts: [2, 0, 3, 1], network: model,
            mostLabelsPerFrame: 4)
        let labels = likelihood.sample(using: try RandomGenerator(seed: 5)).labels
        #expect(labels.map(\.count) == [8, 0, 12, 4])
    }

    @Test(
        arguments: [
            ([[1], [7], [], []], [2, 2, 2, 2], "the label 7 of utterance 1"),
            ([[1], [0], [], []], [2, 2, 2, 2], "the label 0 of utterance 1"),
            ([[1], [1], [], []], [2, 0, 2, 2], "utterance 1 has no frames, but 1 labels"),
            ([[1]], [2, 2, 2, 2], "1 label sequences cannot go with 4 utterances"),
            ([[1], [1], [], []], [2, 7, 2, 2], "utterance 1 cannot have 7 of 6 frames"),
        ] as [([[Int]], [Int], String)])
    func whatDoesNotFitIsAnErrorThatNamesTheUtterance(
        _ labels: [[Int]], _ counts: [Int], _ sentence: String
    ) throws {
        let (model, batch) = (try SequenceModel(.transducer), try Utterances.padded())
        let likelihood = Transducer(
            encodings: model.encoder(batch.features), frameCounts: counts, network: Wide(model))
        let error = #expect(throws: TorchError.self) {
            try Objective(likelihood, observing: LabelSequences(labels))
        }
        #expect(error?.description.contains(sentence) == true, "\(error?.description ?? "")")
    }

    /// A network that reads any label, and answers for three classes.
    private final class Wide: TransducerNetwork {
        let model: SequenceModel
        init(_ model: SequenceModel) { self.model = model }
        func initialState(utterances: Int) -> [Tensor] { model.initialState(utterances: utterances) }
        func prediction(after labels: Tensor, state: [Tensor]) -> (prediction: Tensor, state: [Tensor]) {
            model.prediction(after: .zeros([labels.count], dtype: .int64), state: state)
        }
        func logits(encodings: Tensor, predictions: Tensor) -> Tensor {
            model.logits(encodings: encodings, predictions: predictions)
        }
    }

    @Test func aJointOfAnotherShapeIsAnError() throws {
        struct Flat: TransducerNetwork {
            func initialState(utterances: Int) -> [Tensor] { [] }
            func prediction(after labels: Tensor, state: [Tensor]) -> (prediction: Tensor, state: [Tensor]) {
                (.zeros([labels.count, 2], dtype: .float64), [])
            }
            func logits(encodings: Tensor, predictions: Tensor) -> Tensor { encodings }
        }
        let likelihood = Transducer(
            encodings: .zeros([1, 3, 2], dtype: .float64), frameCounts: [3], network: Flat())
        let error = #expect(throws: TorchError.self) {
            try likelihood.negativeLogLikelihood(of: LabelSequences([[1]])).check()
        }
        #expect(error?.description.contains("[utterances, frames, labels + 1, classes]") == true)
    }
}
