import Fisher
import FisherInformation
import Foundation
import Testing

/// A tiny network with a head for each likelihood of label sequences, and utterances of two lengths.
final class SequenceModel: Module, TransducerNetwork {
    static let classes = 3
    private static let width = 3

    /// The kinds of head.
    enum Head: String, CaseIterable, CustomTestStringConvertible {
        case temporal, transducer
        var testDescription: String { rawValue }
    }

    let head: Head
    let encoder: Linear
    let embedding: Embedding?
    let recurrent: Linear?
    let joint: Linear

    init(_ head: Head, dtype: DType = .float64, seed: UInt64 = 3) throws {
        let generator = try RandomGenerator(seed: seed)
        func linear(_ inputs: Int, _ outputs: Int) -> Linear {
            Linear(inputs, outputs, weight: .uniform(bound: 1), dtype: dtype, using: generator)
        }
        self.head = head
        encoder = linear(2, Self.width)
        let hasLabels = head == .transducer
        embedding = hasLabels ? Embedding(Self.classes, Self.width, dtype: dtype, using: generator) : nil
        recurrent = hasLabels ? linear(Self.width, Self.width) : nil
        joint = linear(Self.width, Self.classes)
    }

    func likelihood(_ features: Tensor, _ frameCounts: [Int]) -> any Samplable {
        let encodings = encoder(features)
        return head == .temporal
            ? ConnectionistTemporal(logits: joint(encodings.tanh()), frameCounts: frameCounts)
            : Transducer(encodings: encodings, frameCounts: frameCounts, network: self)
    }

    func objective(_ batch: Utterances) throws -> Objective {
        func made<Model: Likelihood>(_ likelihood: Model) throws -> Objective {
            try Objective(likelihood, observing: try #require(batch.labels as? Model.Observation))
        }
        return try made(likelihood(batch.features, batch.frameCounts))
    }

    func initialState(utterances: Int) -> [Tensor] {
        [.zeros([utterances, Self.width], dtype: joint.weight.dtype)]
    }

    func prediction(after labels: Tensor, state: [Tensor]) -> (prediction: Tensor, state: [Tensor]) {
        guard let embedding, let recurrent else { preconditionFailure("only a transducer predicts") }
        let next = (embedding(labels) + recurrent(state[0])).tanh()
        return (next, [next])
    }

    func logits(encodings: Tensor, predictions: Tensor) -> Tensor {
        joint((encodings.unsqueezed(2) + predictions.unsqueezed(1)).tanh())
    }
}

/// Utterances of some features, frames and labels.
struct Utterances: SliceableBatch {
    let features: Tensor
    let frameCounts: [Int]
    let labels: LabelSequences

    var unitCount: Int { frameCounts.count }

    func slice(_ range: Range<Int>) -> Utterances {
        Utterances(
            features: features.narrowed(0, from: range.lowerBound, length: range.count),
            frameCounts: Array(frameCounts[range]), labels: labels.slice(range))
    }

    /// The utterance of a number without its padding.
    func packed(_ number: Int) -> Utterances {
        let one = slice(number..<number + 1)
        return Utterances(
            features: one.features.narrowed(1, from: 0, length: frameCounts[number]),
            frameCounts: [frameCounts[number]], labels: one.labels)
    }

    /// Four utterances of up to four frames, padded to six by numbers that are no features.
    static func padded(dtype: DType = .float64) throws -> Utterances {
        let features = Tensor.normal([4, 6, 2], dtype: .float64, using: try RandomGenerator(seed: 4))
        return Utterances(
            features: features.to(dtype: dtype), frameCounts: [4, 2, 3, 4],
            labels: LabelSequences([[1, 2], [], [2], [1, 2, 1]]))
    }
}
