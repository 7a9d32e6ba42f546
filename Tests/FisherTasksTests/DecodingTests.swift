import FisherInformation
import FisherTasks
import FisherTraining
import Foundation
import NeuralNet
import Testing
import Torch

/// Searches for labels against all label sequences, and error rates against their definition.
@Suite struct DecodingTests {
    static let classes = 3

    /// All label sequences up to a length.
    static func sequences(upTo length: Int) -> [[Int]] {
        var (all, longest): ([[Int]], [[Int]]) = ([[]], [[]])
        for _ in 0..<length {
            longest = longest.flatMap { own in (1..<classes).map { own + [$0] } }
            all += longest
        }
        return all
    }

    /// A network whose predictions depend on all labels before.
    private final class Network: TransducerNetwork {
        let table: Tensor

        init(seed: UInt64) throws {
            table = .normal([classes, classes], dtype: .float64, using: try RandomGenerator(seed: seed))
        }

        func initialState(utterances: Int) -> [Tensor] { [.zeros([utterances, classes], dtype: .float64)] }

        func prediction(after labels: Tensor, state: [Tensor]) -> (prediction: Tensor, state: [Tensor]) {
            let next = (table.rows(labels) + state[0] * 0.7).tanh() * 2
            return (next, [next])
        }

        func logits(encodings: Tensor, predictions: Tensor) -> Tensor {
            encodings.unsqueezed(2) + predictions.unsqueezed(1)
        }
    }

    private func scores(_ shape: [Int], seed: UInt64) throws -> Tensor {
        try Tensor.normal(shape, dtype: .float64, using: RandomGenerator(seed: seed)) * 1.5
    }

    private func expectOrdered(_ found: [Hypothesis], as expected: [Hypothesis], count: Int) {
        #expect(found.count >= count)
        for (a, b) in zip(found, expected).prefix(count) {
            #expect(a.labels == b.labels)
            #expect(abs(a.logProbability - b.logProbability) < 1e-10)
        }
    }

    private func ranked(_ sequences: [[Int]], _ losses: [Double]) -> [Hypothesis] {
        zip(sequences, losses).map { Hypothesis(labels: $0, logProbability: -$1) }
            .sorted { $0.logProbability > $1.logProbability }
    }

    @Test(arguments: [1, 2, 3] as [UInt64])
    func aWidePrefixSearchFindsEverySequenceAndItsProbability(_ seed: UInt64) throws {
        let logits = try scores([2, 5, Self.classes], seed: seed)
        let counts = [4, 3]
        let likelihood = ConnectionistTemporal(logits: logits, frameCounts: counts)
        let found = try likelihood.hypotheses(width: 1000)
        for (number, count) in counts.enumerated() {
            let all = Self.sequences(upTo: count)
                .filter { ConnectionistTemporal.leastFrameCount(of: $0) <= count }
            let many = ConnectionistTemporal(
                logits: logits.narrowed(0, from: number, length: 1).expanded([all.count, 5, Self.classes]),
                frameCounts: Array(repeating: count, count: all.count))
            let losses = try many.perObservationNegativeLogLikelihood(of: LabelSequences(all))
                .scalars(as: Double.self)
            #expect(found[number].count == all.count)
            expectOrdered(found[number], as: ranked(all, losses), count: all.count)
            // A narrower beam keeps what it finds at no more than its probability.
            let narrow = try likelihood.hypotheses(width: 3)[number]
            #expect(narrow.count == 3)
            let exact = Dictionary(uniqueKeysWithValues: zip(all, losses))
            for own in narrow { #expect(own.logProbability <= -(try #require(exact[own.labels])) + 1e-12) }
        }
    }

    /// The most probable labels need not be those of the most probable alignment.
    @Test func theSearchBeatsTheMostProbableAlignment() throws {
        let p = [[0.6, 0.4], [0.6, 0.4]]
        let likelihood = ConnectionistTemporal(
            logits: Tensor(p.flatMap { $0.map { log($0) } }, shape: [1, 2, 2]), frameCounts: [2])
        #expect(try likelihood.greedyLabels() == LabelSequences([[]]))
        let best = try #require(try likelihood.hypotheses(width: 4)[0].first)
        #expect(best.labels == [1])
        #expect(abs(exp(best.logProbability) - 0.64) < 1e-12)
    }

    @Test func greedyTemporalLabelsAreThoseOfTheLargestLogits() throws {
        let path = [1, 1, 0, 1, 2, 2]
        let rows = path.map { chosen in (0..<3).map { $0 == chosen ? 1.0 : 0 } }
        let likelihood = ConnectionistTemporal(
            logits: Tensor((rows + rows).flatMap(\.self), shape: [2, 6, 3]), frameCounts: [6, 2])
        #expect(try likelihood.greedyLabels() == LabelSequences([[1, 1, 2], [1]]))
        let none = ConnectionistTemporal(logits: .zeros([1, 0, 3]), frameCounts: [0])
        #expect(try none.greedyLabels() == LabelSequences([[]]))
        #expect(try none.hypotheses(width: 2) == [[Hypothesis(labels: [], logProbability: 0)]])
    }

    @Test(arguments: [1, 2, 3] as [UInt64])
    func aWideFrameSearchFindsEverySequenceAndItsProbability(_ seed: UInt64) throws {
        let network = try Network(seed: seed)
        let encodings = try scores([2, 3, Self.classes], seed: seed + 10)
        let counts = [3, 2]
        let longest = 3
        let likelihood = Transducer(
            encodings: encodings, frameCounts: counts, network: network, mostLabelsPerFrame: longest)
        let found = try likelihood.hypotheses(width: 5000)
        // Whatever has no more labels than a frame may have loses no alignment.
        let all = Self.sequences(upTo: longest)
        for (number, count) in counts.enumerated() {
            let many = Transducer(
                encodings: encodings.narrowed(0, from: number, length: 1)
                    .expanded([all.count, 3, Self.classes]).contiguous(),
                frameCounts: Array(repeating: count, count: all.count), network: network)
            let losses = try many.perObservationNegativeLogLikelihood(of: LabelSequences(all))
                .scalars(as: Double.self)
            let short = found[number].filter { $0.labels.count <= longest }
            #expect(short.count == all.count)
            expectOrdered(short, as: ranked(all, losses), count: all.count)
        }
    }

    /// Greedy labels by hand: at each node the largest logit decides.
    @Test func greedyTransducerLabelsFollowTheLargestLogits() throws {
        let network = try Network(seed: 4)
        let encodings = try scores([2, 4, Self.classes], seed: 8)
        let likelihood = Transducer(
            encodings: encodings, frameCounts: [4, 2], network: network, mostLabelsPerFrame: 2)
        let found = try likelihood.greedyLabels().labels
        for (number, count) in [4, 2].enumerated() {
            var labels: [Int] = []
            for frame in 0..<count {
                var inFrame = 0
                while true {
                    let row = network.predictions(of: LabelSequences([labels]).padded())
                        .selecting(1, labels.count)
                    let logits = try (encodings.selecting(0, number).selecting(0, frame) + row.flattened())
                        .scalars(as: Double.self)
                    let best = logits.indices.max { logits[$0] < logits[$1] } ?? 0
                    if best == 0 || inFrame == 2 { break }
                    labels.append(best)
                    inFrame += 1
                }
            }
            #expect(found[number] == labels)
        }
    }

    @Test func errorsAreTheFewestEdits() {
        // Against the recursive definition.
        func distance(_ a: ArraySlice<String>, _ b: ArraySlice<String>) -> Int {
            guard let x = a.last else { return b.count }
            guard let y = b.last else { return a.count }
            return min(
                distance(a.dropLast(), b.dropLast()) + (x == y ? 0 : 1), distance(a.dropLast(), b) + 1,
                distance(a, b.dropLast()) + 1)
        }
        var words: [[String]] = [[]]
        for _ in 0..<3 { words += words.flatMap { [$0 + ["a"], $0 + ["b"]] } }
        for reference in Set(words) {
            for transcript in Set(words) where reference.count + transcript.count < 8 {
                let edits = Edit.alignment(of: transcript, to: reference)
                #expect(
                    edits.count { $0.isError } == distance(reference[...], transcript[...]),
                    "\(reference) \(transcript)")
                // The edits spell both.
                let spelled = edits.reduce(into: (reference: [String](), transcript: [String]())) {
                    switch $1 {
                    case .match(let x):
                        ($0.reference, $0.transcript) = ($0.reference + [x], $0.transcript + [x])
                    case .substitution(let x, let y):
                        ($0.reference, $0.transcript) = ($0.reference + [x], $0.transcript + [y])
                    case .deletion(let x): $0.reference.append(x)
                    case .insertion(let y): $0.transcript.append(y)
                    }
                }
                #expect(spelled.reference == reference && spelled.transcript == transcript)
            }
        }
    }

    @Test func ratesArePooledOverUtterances() throws {
        let pairs = [
            (reference: "one two three four", transcript: "one too three"),
            (reference: "five", transcript: "five six"),
        ]
        #expect(ErrorRate(of: .word, pairs).percent == 100.0 * 3 / 5)
        #expect(ErrorRate(of: .word, pairs).ratio.numerators == [2, 1])
        let characters = ErrorRate(of: .character, [(reference: " ab  c ", transcript: "abc")])
        #expect(characters.percent == 25)
        #expect(characters.interval() == nil)
        #expect(ErrorRate(of: .word, [(reference: "", transcript: "x")]).percent == nil)
        #expect(try #require(ErrorRate(of: .word, [(reference: "a", transcript: "b c d")]).percent) == 300)
    }

    /// The interval of three utterances against all 27 batches of three.
    @Test func theIntervalIsThatOfAllBatches() throws {
        let (errors, units) = ([0.0, 3, 5], [4.0, 6, 5])
        var all: [Double] = []
        for i in 0..<3 {
            for j in 0..<3 {
                for k in 0..<3 {
                    all.append(
                        [i, j, k].reduce(0) { $0 + errors[$1] } / [i, j, k].reduce(0) { $0 + units[$1] })
                }
            }
        }
        all.sort()
        let ratio = PooledRatio(numerators: errors, denominators: units)
        #expect(ratio.value == 8.0 / 15)
        // The outermost batches have a probability of 1/27 each: 80 % leaves out 2.7 of them on either side.
        let found = try #require(ratio.interval(probability: 0.8, resamples: 4000, seed: 3))
        #expect(abs(found.lowerBound - all[2]) < 1e-12)
        #expect(abs(found.upperBound - all[24]) < 1e-12)
        #expect(ratio.interval(probability: 0.8, resamples: 4000, seed: 3) == found)
    }
}
