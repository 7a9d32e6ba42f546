import Foundation
import NeuralNet
import Testing
import Torch

/// The Conformer against the same network in PyTorch, written by Reference/conformer.py an utterance at a time.
@Suite struct ConformerTests {
    struct Fixture: CustomTestStringConvertible, Sendable {
        let name: String
        var testDescription: String { name }
        static let all = ["ctc", "ctc-batch-norm", "transducer", "transducer-context"].map(Fixture.init)

        func load() throws -> (file: SafetensorsFile, model: Conformer, frames: [Int], labels: [[Int]]) {
            let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            let file = try SafetensorsFile(
                path: root.appending(path: "Fixtures/conformer/\(name).safetensors").path)
            func read<Value: Decodable>(_ key: String) throws -> Value {
                try JSONDecoder().decode(
                    Value.self, from: Data(try #require(file.metadata[key]).utf8))
            }
            let model = Conformer(
                try read("configuration"), dtype: .float64, using: try RandomGenerator(seed: 0))
            var weights: [String: Tensor] = [:]
            for entry in file.tensors where entry.name.hasPrefix("parameters/") {
                weights[String(entry.name.dropFirst("parameters/".count))] =
                    try file.tensor(named: entry.name)
            }
            try model.load(weights)
            model.setTraining(false)
            return (file, model, try read("frames"), try read("labels"))
        }
    }

    private func padded(_ labels: [[Int]]) -> Tensor {
        let width = labels.map(\.count).max() ?? 0
        let rows = labels.flatMap { $0.map(Int64.init) + Array(repeating: 0, count: width - $0.count) }
        return Tensor(rows, shape: [labels.count, width])
    }

    /// The logits of each utterance without its padding.
    private func logits(_ model: Conformer, _ features: Tensor, _ frames: [Int], _ labels: [[Int]])
        -> [Tensor]
    {
        guard let head = model.transducer else {
            let (found, counts) = model.logits(features: features, frameCounts: frames)
            return counts.indices.map {
                found.selecting(0, $0).narrowed(0, from: 0, length: counts[$0])
            }
        }
        let (encodings, counts) = model.encode(features: features, frameCounts: frames)
        let found = head.logits(encodings: encodings, predictions: head.predictions(of: padded(labels)))
        return counts.indices.map {
            found.selecting(0, $0).narrowed(0, from: 0, length: counts[$0])
                .narrowed(1, from: 0, length: labels[$0].count + 1)
        }
    }

    /// The batch is padded with large numbers, which reach neither logits nor gradients.
    @Test(arguments: Fixture.all)
    func logitsAndGradientsOfAPaddedBatch(_ fixture: Fixture) throws {
        let (file, model, frames, labels) = try fixture.load()
        let found = logits(model, try file.tensor(named: "features"), frames, labels)
        var loss = Tensor([0.0], shape: [])
        for (k, own) in found.enumerated() {
            #expect(try GPTParityTests.error(own, try file.tensor(named: "logits/\(k)")) < 1e-12)
            loss = loss + (own * (try file.tensor(named: "projection/\(k)"))).sum()
        }
        let parameters = model.parameters.filter(\.parameter.isTrainable)
        let slopes = try gradients(of: loss, withRespectTo: parameters.map(\.parameter.wrappedValue))
        for (named, slope) in zip(parameters, slopes) {
            let expected = try file.tensor(named: "gradients/\(named.path)")
            // A key's bias shifts all scores of a query alike, but rotated positions depend on it.
            #expect(try GPTParityTests.error(try #require(slope), expected) < 1e-10, "\(named.path)")
        }
    }

    /// In training too, where a batch normalization takes statistics.
    @Test(arguments: Fixture.all)
    func lengthOfThePaddingDoesNotMatterInTraining(_ fixture: Fixture) throws {
        func output(extra: Int, _ value: Double) throws -> ([Double], [Double]) {
            let (file, model, frames, labels) = try fixture.load()
            model.setTraining(true)
            let features = try file.tensor(named: "features").narrowed(1, from: 0, length: 19)
            let padding = Tensor.full([3, extra, 10], value, dtype: .float64)
            let all = extra == 0 ? features : .concatenated([features, padding], along: 1)
            let found = logits(model, all, frames, labels)
            let running = model.parameters.filter { !$0.parameter.isTrainable }
            return (
                try found.flatMap { try $0.scalars(as: Double.self) },
                try running.flatMap { try $0.parameter.wrappedValue.scalars(as: Double.self) }
            )
        }
        let (short, shortRunning) = try output(extra: 0, 0)
        let (long, longRunning) = try output(extra: 13, -7)
        #expect(zip(short, long).allSatisfy { abs($0 - $1) < 1e-12 })
        #expect(zip(shortRunning, longRunning).allSatisfy { abs($0 - $1) < 1e-13 })
    }

    /// The composed attention, which has second derivatives, gives the values of the fused one.
    @Test func composedAttentionIsTheSame() throws {
        let (file, model, frames, labels) = try Fixture(name: "ctc").load()
        let features = try file.tensor(named: "features")
        let fused = logits(model, features, frames, labels)
        let composed = withSecondDerivatives { logits(model, features, frames, labels) }
        for (a, b) in zip(fused, composed) { #expect(try GPTParityTests.error(a, b) < 1e-12) }
    }

    @Test(arguments: ["transducer", "transducer-context"])
    func labelByLabelPredictionsAreThoseOfTheSequence(_ name: String) throws {
        let model = try Fixture(name: name).load().model
        let head = try #require(model.transducer)
        let labels = [[1, 4, 2, 5], [3, 3, 1, 1]]
        let whole = head.predictions(of: padded(labels))
        var state = head.initialState(utterances: 2)
        for place in 0...4 {
            let last = labels.map { Int64(place == 0 ? 0 : $0[place - 1]) }
            let next = head.prediction(after: Tensor(last, shape: [2]), state: state)
            #expect(try GPTParityTests.error(next.prediction, whole.selecting(1, place)) < 1e-14)
            state = next.state
        }
    }

    @Test(arguments: [Conformer.Configuration.nano(classes: 7), .tiny(classes: 30)], Conformer.Head.allCases)
    func parametersAreCountedWithoutAModel(_ sizes: Conformer.Configuration, _ head: Conformer.Head) throws {
        for (norm, context) in [(Conformer.Norm.layer, 0), (.batch, 2)] {
            var sizes = sizes
            (sizes.head, sizes.norm, sizes.predictionContext) = (head, norm, context)
            let model = Conformer(sizes, using: try RandomGenerator(seed: 1))
            #expect(Double(model.parameterCount) == sizes.parameterCount)
        }
    }

    @Test func sizesAreThoseOfTheirNames() {
        var small = Conformer.Configuration.small(classes: 1024)
        small.head = .transducer
        let counts = [
            Conformer.Configuration.tiny(classes: 30).parameterCount, small.parameterCount,
            Conformer.Configuration.paper(classes: 30).parameterCount,
            Conformer.Configuration.nano(classes: 12).parameterCount,
        ]
        for (count, range) in zip(counts, [0.28e6...0.35e6, 9.5e6...11e6, 0.57e9...0.63e9, 1000...4000]) {
            #expect(range.contains(count), "\(count)")
        }
    }

    @Test func whatDoesNotFitIsAnErrorNotATrap() throws {
        let (file, model, frames, _) = try Fixture(name: "ctc").load()
        let features = try file.tensor(named: "features")
        for counts in [[19, 12], [26, 12, 5], [19, 0, 5]] {
            #expect(throws: TorchError.self) {
                try model.encode(features: features, frameCounts: counts).encodings.check()
            }
        }
        #expect(throws: TorchError.self) {
            let few = features.narrowed(2, from: 0, length: 9)
            try model.logits(features: few, frameCounts: frames).logits.check()
        }
        #expect(throws: TorchError.self) {
            let transducer = try Fixture(name: "transducer").load().model
            try transducer.logits(features: features, frameCounts: frames).logits.check()
        }
        #expect(Conformer.Configuration.tiny(classes: 30).complaint == nil)
        var sizes = Conformer.Configuration.tiny(classes: 30)
        sizes.heads = 5
        #expect(sizes.complaint == "5 heads do not divide the width 64 into even parts")
    }
}
