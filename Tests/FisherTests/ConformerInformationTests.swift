import Fisher
import FisherInformation
import Foundation
import Testing

/// Estimates of a Conformer on utterances of unequal lengths against a backward pass for each utterance alone.
@Suite struct ConformerInformationTests {
    static let frames = [17, 9, 12]
    static let labels = [[1, 3, 3], [2], [3, 1]]

    static func make(_ head: Conformer.Head) throws -> (model: Conformer, utterances: [Tensor]) {
        let generator = try RandomGenerator(seed: 8)
        let model = Conformer(
            .init(
                mels: 6, classes: 4, channels: 2, width: 4, layers: 1, heads: 1, kernel: 3, head: head,
                predictionWidth: 3, jointWidth: 3), dtype: .float64, using: generator)
        return (model, frames.map { .normal([$0, 6], dtype: .float64, using: generator) })
    }

    /// The objective of some utterances in a batch of so many frames, padded with large numbers.
    static func objective(
        _ model: Conformer, _ utterances: [Tensor], _ labels: [[Int]], length: Int
    ) throws -> Objective {
        let features = Tensor.stacked(
            utterances.map {
                .concatenated([$0, .full([length - $0.shape[0], 6], 1e3, dtype: .float64)])
            })
        let counts = utterances.map { $0.shape[0] }
        let observed = LabelSequences(labels)
        guard let transducer = model.transducer else {
            let (logits, counts) = model.logits(features: features, frameCounts: counts)
            return try Objective(
                ConnectionistTemporal(logits: logits, frameCounts: counts), observing: observed)
        }
        let (encodings, positions) = model.encode(features: features, frameCounts: counts)
        return try Objective(
            Transducer(encodings: encodings, frameCounts: positions, network: transducer), observing: observed
        )
    }

    /// Each utterance's gradient, computed alone and without padding, [utterances][parameter elements].
    private func bruteForce(_ model: Conformer, _ utterances: [Tensor]) throws -> [[[Double]]] {
        let parameters = model.parameters.map(\.parameter.wrappedValue)
        return try utterances.indices.map { k in
            let own = try Self.objective(
                model, [utterances[k]], [Self.labels[k]], length: utterances[k].shape[0])
            return try gradients(of: own.negativeLogLikelihood, withRespectTo: parameters).enumerated().map {
                try $1?.scalars(as: Double.self) ?? [Double](repeating: 0, count: parameters[$0].count)
            }
        }
    }

    @Test(arguments: Conformer.Head.allCases)
    func diagonalsAndMatricesAreSumsOverUtterancesAlone(_ head: Conformer.Head) throws {
        let (model, utterances) = try Self.make(head)
        let rows = try bruteForce(model, utterances)
        let estimator = try CurvatureEstimator(of: model)
        let found = try estimator.estimate(
            [.diagonal(.empirical), .full(.empirical)],
            of: Self.objective(model, utterances, Self.labels, length: 23))
        let diagonal = try #require(found.diagonal(.empirical))
        #expect(diagonal.observationCount == 3)
        for (k, named) in model.parameters.enumerated() {
            let values = try #require(diagonal.mean[named.path]).scalars(as: Double.self)
            let expected = values.indices.map { e in rows.reduce(0) { $0 + $1[k][e] * $1[k][e] } / 3 }
            let scale = max(expected.max() ?? 0, 1e-12)
            let worst = zip(values, expected).map { abs($0 - $1) }.max() ?? 0
            #expect(worst <= 1e-9 * scale, "\(named.path): \(worst / scale)")
        }
        let full = try #require(found.full(.empirical))
        let places = full.paths.compactMap { path in model.parameters.firstIndex { $0.path == path } }
        #expect(places.count == rows[0].count)
        let flat = rows.map { row in places.flatMap { row[$0] } }
        let expected = Tensor(flat.flatMap(\.self), shape: [3, flat[0].count])
        let matrix = full.mean
        let error = try (matrix - expected.transposed().matmul(expected) / 3).norm().item()
        #expect(error <= 1e-10 * (try matrix.norm().item()))
    }

    /// Longer padding changes no factor, and only positions of utterances count.
    @Test(arguments: Conformer.Head.allCases, WeightSharing.allCases)
    func paddingTakesNoPartInFactors(_ head: Conformer.Head, _ sharing: WeightSharing) throws {
        let (model, utterances) = try Self.make(head)
        func factors(_ length: Int) throws -> [ParameterPath: KroneckerFactors] {
            try #require(
                try CurvatureEstimator(of: model).estimate(
                    [.kronecker(.empirical, sharing)],
                    of: Self.objective(model, utterances, Self.labels, length: length)
                ).kronecker(.empirical, sharing)
            ).layers
        }
        let (short, long) = (try factors(17), try factors(26))
        #expect(short.keys == long.keys)
        for (path, layer) in short {
            let other = try #require(long[path])
            #expect(layer.inputCount == other.inputCount, "\(path)")
            for (a, b) in [(layer.a, other.a), (layer.s, other.s)] {
                #expect(try (a - b).norm().item() <= 1e-10 * (try a.norm().item()) + 1e-30, "\(path)")
            }
        }
        guard sharing == .expand else { return }
        // 6 features become 3 and 2; 17, 9 and 12 frames become 9, 5, 6 and 5, 3, 3.
        let counts = [
            "subsampling.first": 20 * 3, "subsampling.second": 11 * 2, "subsampling.projection": 11,
            "blocks.0.attention.output": 11,
        ]
        for (path, count) in counts {
            #expect(long[ParameterPath(path)]?.inputCount == count, "\(path)")
        }
    }
}
