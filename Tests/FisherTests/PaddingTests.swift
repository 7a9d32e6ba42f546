import Foundation
import Testing

@testable import Fisher
@testable import FisherInformation

/// The same observations padded or packed: nothing that is computed from them may differ.
@Suite struct PaddingTests {
    /// A model of positions with padded and packed batches of the same observations. The padded one also has a unit in
    /// which nothing is observed.
    enum Network: String, CaseIterable, CustomTestStringConvertible {
        /// Each position by itself; the observed ones lie anywhere.
        case perceptron
        /// Maps by position of a channels-first input; the observed ones lie anywhere.
        case convolution
        /// A recurrent map that is used once for each position; padding lies behind.
        case recurrent
        /// Causal attention; padding lies behind.
        case gpt
        /// Causal attention in which the first token is not observed but belongs to what the others depend on.
        case prompt

        var testDescription: String { rawValue }

        func make() throws -> (
            model: any Module, logits: (Tensor) -> Tensor, padded: SupervisedBatch, packed: SupervisedBatch
        ) {
            let generator = try RandomGenerator(seed: 8)
            let (units, length, classes) = (4, 6, 3)
            // Where each unit's three observations lie; the last unit has none.
            let places: [[Int]] =
                self == .perceptron || self == .convolution
                ? [[0, 2, 3], [1, 4, 5], [0, 1, 5], [2, 3, 4]] : Array(repeating: [0, 1, 2], count: units)
            var targets = [Int64](repeating: -100, count: (units + 1) * length)
            var packedTargets: [Int64] = []
            var chosen: [Int64] = []
            for (unit, places) in places.enumerated() {
                for (number, place) in places.enumerated() {
                    let target: Int64 =
                        self == .prompt && number == 0 ? -100 : Int64((unit * 5 + place * 2) % classes)
                    targets[unit * length + place] = target
                    packedTargets.append(target)
                    chosen.append(Int64(unit * length + place))
                }
            }
            func batches(_ inputs: Tensor) -> (SupervisedBatch, SupervisedBatch) {
                let rest = Array(inputs.shape.dropFirst(2))
                let packed = inputs.flattened(to: 1).gathering(
                    Tensor(chosen, shape: [chosen.count]), along: 0)
                func turned(_ x: Tensor) -> Tensor { self == .convolution ? x.transposed(1, 2) : x }
                return (
                    SupervisedBatch(
                        inputs: turned(inputs), targets: Tensor(targets, shape: [units + 1, length])),
                    SupervisedBatch(
                        inputs: turned(packed.reshaped([units, 3] + rest)),
                        targets: Tensor(packedTargets, shape: [units, 3]))
                )
            }
            let points = Tensor.normal([units + 1, length, 4], dtype: .float64, using: generator)
            switch self {
            case .perceptron:
                // Rectifiers: observed positions with a gradient of zero still take part.
                let model = Sequential([
                    Linear(4, 2, dtype: .float64, using: generator), ReLU(),
                    LayerNorm(2, dtype: .float64), Linear(2, classes, dtype: .float64, using: generator),
                ])
                let (padded, packed) = batches(points)
                return (model, { model($0) }, padded, packed)
            case .convolution:
                let model = Sequential([
                    Conv1d(4, 5, kernel: 1, dtype: .float64, using: generator), Tanh(),
                    Conv1d(5, classes, kernel: 1, bias: false, dtype: .float64, using: generator),
                ])
                let (padded, packed) = batches(points)
                return (model, { model($0).transposed(1, 2) }, padded, packed)
            case .recurrent:
                let model = Sequential([
                    LSTM(4, 3, dtype: .float64, using: generator),
                    Linear(3, classes, dtype: .float64, using: generator),
                ])
                let (padded, packed) = batches(points)
                return (model, { model($0) }, padded, packed)
            case .gpt, .prompt:
                let model = GPT(
                    .init(vocabulary: classes, context: length, width: 4, layers: 2, heads: 2),
                    dtype: .float64, using: generator)
                // Weights of ordinary size, so that every position matters.
                for named in model.parameters where named.path.components.last == "weight" {
                    let weight = named.parameter.wrappedValue.detached()
                    if weight.rank == 2 { try named.parameter.assign(weight * 20) }
                }
                let tokens = Tensor(
                    (0..<(units + 1) * length).map { Int64($0 * $0 % 7 % classes) },
                    shape: [units + 1, length])
                let (padded, packed) = batches(tokens)
                return (model, { model($0) }, padded, packed)
            }
        }
    }

    struct Question: CustomTestStringConvertible, Sendable {
        let network: Network
        let source: CurvatureSource
        let sharing: WeightSharing
        var testDescription: String { "\(network) \(source) \(sharing)" }

        static let all = Network.allCases.flatMap { network in
            [CurvatureSource.empirical, .sampled(2), .improved, .exact, .gaussNewton].flatMap { source in
                WeightSharing.allCases.map { Question(network: network, source: source, sharing: $0) }
            }
        }
    }

    /// Every estimate of a batch, by name.
    private func estimates(
        _ question: Question, _ model: any Module, _ logits: (Tensor) -> Tensor, _ batch: SupervisedBatch
    ) throws -> [String: Tensor] {
        let (source, sharing) = (question.source, question.sharing)
        var requests: [CurvatureRequest] = [
            .diagonal(source), .full(source), .blocks(source), .kronecker(source, sharing),
            .kroneckerDiagonal(source, sharing), .eigenvalueCorrected(source, sharing), .layerMeans(source),
        ]
        if !source.isClosedForm { requests.append(.perSampleGradients(source)) }
        // Products with each draw or closed form take a while for the larger networks.
        let isSmall = question.network == .perceptron || question.network == .convolution
        if isSmall { requests += [.products(source), .lowRank(2, source)] }
        let found = try CurvatureEstimator(of: model).estimate(
            requests,
            of: Objective(Categorical(logits: logits(batch.inputs)), observing: batch.targets),
            using: RandomGenerator(seed: 6))
        var values: [String: Tensor] = [:]
        for (path, value) in try #require(found.diagonal(source)).mean { values["diagonal \(path)"] = value }
        values["full"] = try #require(found.full(source)).mean
        for (k, block) in try #require(found.blocks(source)).blocks.enumerated() {
            values["block \(k)"] = block.mean
        }
        for (name, factors) in [
            ("kronecker", found.kronecker(source, sharing)),
            ("diagonals", found.kroneckerDiagonal(source, sharing)),
        ] {
            let factors = try #require(factors)
            for (path, layer) in factors.layers {
                values["\(name) A \(path)"] = layer.a
                values["\(name) S \(path)"] = layer.s
                values["\(name) count \(path)"] = Tensor([Double(layer.inputCount)])
            }
            for (path, value) in factors.others?.mean ?? [:] { values["\(name) \(path)"] = value }
        }
        for (path, layer) in try #require(found.eigenvalueCorrected(source, sharing)).layers {
            // The matrix, not its basis, whose signs are free.
            let one = Tensor.ones(
                [layer.basis.outputs.shape[0], layer.basis.inputs.shape[0]], dtype: .float64)
            values["ekfac \(path)"] = layer.solving(one, damping: 0.1)
        }
        for (path, layer) in try #require(found.layerMeans(source)).sums {
            values["means a \(path)"] = layer.inputs / Double(layer.rowCount)
            values["means s \(path)"] = layer.outputs / Double(layer.rowCount)
        }
        if let product = found.products(source) {
            let vector = Tensor.normal(
                [product.size], dtype: .float64, using: try RandomGenerator(seed: 1))
            values["products"] = try product(vector)
        }
        if let pairs = found.lowRank(2, source) { values["eigenvalues"] = Tensor(pairs.values) }
        if let samples = found.perSampleGradients(source) {
            values["samples"] = try samples.gram().narrowed(0, from: 0, length: 4).narrowed(
                1, from: 0, length: 4)
        }
        return values
    }

    @Test(arguments: Question.all)
    func estimatesAreThoseOfThePackedObservations(_ question: Question) throws {
        let (model, logits, padded, packed) = try question.network.make()
        let found = try estimates(question, model, logits, padded)
        let expected = try estimates(question, model, logits, packed)
        #expect(found.keys == expected.keys)
        for (name, value) in expected {
            let scale = max(try value.magnitude().largest().item(), 1e-12)
            let error = try (try #require(found[name]) - value).magnitude().largest().item() / scale
            #expect(error <= 1e-9, "\(name): \(error)")
        }
    }

    /// A rule and some of its options.
    struct Subject: CustomTestStringConvertible, Sendable {
        let name: String
        let options: [String: String]
        let network: Network
        var testDescription: String { "\(name) \(options.sorted { $0.key < $1.key }) \(network)" }

        var rule: any OptimizationRule {
            get throws {
                var rule = try RuleRegistry.rule(named: name)
                for (option, value) in options { try rule.set(option, to: value) }
                return rule
            }
        }

        static let all: [Subject] = RuleRegistry.rules.flatMap { type -> [Subject] in
            let rule = type.init()
            func has(_ option: String) -> Bool { rule.settings.contains { $0.name == option } }
            var kinds: [[String: String]] = [[:]]
            if has("labels") {
                kinds = ["exact", "empirical", "sampled"].flatMap { labels in
                    WeightSharing.allCases.map { ["labels": labels, "weight_sharing": $0.rawValue] }
                }
            } else if type.summary.name.hasPrefix("adafisher") {
                kinds = [["statistics_interval": "1"]]
            } else if has("source") {
                kinds = [[:], ["source": "exact"], ["source": "empirical"], ["source": "sampled"]]
            }
            // A bias of attention's keys has a gradient of zero, computed as a rounding error: no rule may divide it by
            // one. A clipped minimum keeps the factors of Shampoo away from their null space,
            // and CorrelatedFAdam's epsilon is larger than what rounding turns where eigenvalues nearly coincide.
            let floors = [
                "adafactor": "1e-12", "laprop": "1e-6", "shampoo": "1e-3", "soap": "1e-4",
                "kronecker_fadam": "1e-4", "correlated_fadam": "0.1",
                "diagonal_natural_gradient": "1e-3", "natural_gradient": "0.1",
            ]
            if let floor = floors[type.summary.name] {
                kinds = kinds.map { kind in
                    var kind = kind
                    kind[has("damping") ? "damping" : "epsilon"] = floor
                    if has("epsilon_policy") { kind["epsilon_policy"] = "fixed" }
                    return kind
                }
            }
            // Rules without factors see gradients by unit alone.
            let hasFactors = has("labels") || type.summary.name.hasPrefix("adafisher")
            return kinds.flatMap { options in
                (hasFactors ? Network.allCases : [.perceptron, .prompt]).map {
                    Subject(name: type.summary.name, options: options, network: $0)
                }
            }
        }
    }

    /// The weights after three steps.
    private func weights(_ subject: Subject, padded isPadded: Bool, microBatches: Int = 1) throws -> [Tensor]
    {
        let (model, logits, padded, packed) = try subject.network.make()
        let optimizer = try Optimizer(for: model, try subject.rule)
        for _ in 1...3 {
            try optimizer.step(on: isPadded ? padded : packed, microBatches: microBatches) {
                try Objective(Categorical(logits: logits($0.inputs)), observing: $0.targets)
            }
        }
        return model.parameters.map { $0.parameter.wrappedValue.detached() }
    }

    private func expectEqual(_ found: [Tensor], _ expected: [Tensor], _ subject: Subject) throws {
        let (model, _, _, _) = try subject.network.make()
        for (named, (a, b)) in zip(model.parameters, zip(found, expected)) {
            let movement = try (b - named.parameter.wrappedValue.detached()).norm().item()
            let error = try (a - b).norm().item()
            #expect(error <= 1e-8 * movement, "\(named.path): \(error / movement)")
        }
    }

    @Test(arguments: Subject.all)
    func stepsAreThoseOfThePackedObservations(_ subject: Subject) throws {
        try expectEqual(
            try weights(subject, padded: true), try weights(subject, padded: false), subject)
    }

    /// One of the slices has no observation at all.
    @Test(
        arguments: Subject.all.filter {
            $0.network == .perceptron && ["exact", "empirical"].contains($0.options["labels"])
        })
    func slicesAddUp(_ subject: Subject) throws {
        try expectEqual(
            try weights(subject, padded: true, microBatches: 5), try weights(subject, padded: false), subject)
    }

    @Test func bitsAreDrawnForWhatIsObserved() throws {
        let logits = Tensor.normal([4, 3], dtype: .float64, using: try RandomGenerator(seed: 3))
        let targets = Tensor([0, 1, -100, -100, -100, -100, 1, 1, 0, -100, 0, 1.0], shape: [4, 3])
        let chosen = Tensor([0, 2, 3] as [Int64], shape: [3])
        let padded = Bernoulli(logits: logits).sample(like: targets, using: try RandomGenerator(seed: 4))
        let packed = Bernoulli(logits: logits.gathering(chosen, along: 0))
            .sample(like: targets.gathering(chosen, along: 0), using: try RandomGenerator(seed: 4))
        #expect(try (padded.gathering(chosen, along: 0) - packed).magnitude().largest().item() == 0)
        #expect(try padded.equals(-100).sum().item() == 5)
    }

    /// Layers whose positions are not those of the outputs: units without an observation take no part.
    @Test func unitsWithoutObservationsTakeNoPart() throws {
        let generator = try RandomGenerator(seed: 3)
        let model = Sequential([
            Conv2d(1, 3, kernel: 3, dtype: .float64, using: generator), ReLU(),
            MaxPool2d(kernel: 2), Flatten(), Linear(12, 3, dtype: .float64, using: generator),
        ])
        let images = Tensor.normal([5, 1, 6, 6], dtype: .float64, using: generator)
        let masked = Tensor([0, -100, 2, -100, 1] as [Int64], shape: [5])
        let chosen = Tensor([0, 2, 4] as [Int64], shape: [3])
        func factors(_ inputs: Tensor, _ targets: Tensor, _ sharing: WeightSharing) throws
            -> [ParameterPath: KroneckerFactors]
        {
            try #require(
                try CurvatureEstimator(of: model).estimate(
                    [.kronecker(.exact, sharing)],
                    of: Objective(Categorical(logits: model(inputs)), observing: targets)
                ).kronecker(.exact, sharing)
            ).layers
        }
        for sharing in WeightSharing.allCases {
            let found = try factors(images, masked, sharing)
            let expected = try factors(
                images.gathering(chosen, along: 0), masked.gathering(chosen, along: 0), sharing)
            for (path, layer) in expected {
                let own = try #require(found[path])
                #expect(own.inputCount == layer.inputCount)
                #expect(try (own.a - layer.a).norm().item() <= 1e-13 * layer.a.norm().item())
                #expect(try (own.s - layer.s).norm().item() <= 1e-13 * layer.s.norm().item())
            }
        }
    }
}
