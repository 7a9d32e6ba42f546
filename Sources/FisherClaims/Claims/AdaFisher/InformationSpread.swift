import Fisher
import FisherStudies
import FisherTraining
import Foundation

extension Claim {
    private static let measured = """
        A small convolutional classifier on half of the bundled digits, each optimizer at its best rate: the divisors that the \
        last checkpoints hold, layer by layer, F with its damping for AdaFisher and the bias-corrected second moment for Adam. \
        The mean, and the variation as the standard deviation over the mean, as geometric means over the layers' weights. It \
        holds if both are smaller for AdaFisher (95 % intervals of the paired differences of logarithms below zero), and does \
        not hold if one of the intervals lies above.
        """

    /// AdaFisher's information is small and varies little.
    static let adaFisherSpread = Claim(
        "adafisher-spread",
        says: """
            AdaFisher's FIM values exhibit narrow variations and lower mean values during training (than Adam's), suggesting a \
            convergence towards flatter minima.
            """,
        in: .adaFisher("Mechanism 3"), decidedBy: "AdaFisher as published. \(measured)",
        evidence: .seeds(atLeast: 5), cost: ClaimCost(short: 60, full: 500)
    ) { try InformationSpread.decide(.adaFisher, $0) }

    /// The same of the authors' program.
    static let codedAdaFisherSpread = Claim(
        "adafisher-code-spread",
        says: """
            AdaFisher's FIM values, as its authors' program computes them, exhibit narrow variations and lower mean values \
            during training (than Adam's).
            """,
        in: .adaFisher("Mechanism 3, and the published program"),
        decidedBy: "AdaFisher with the program's arithmetic. \(measured)",
        evidence: .seeds(atLeast: 5), cost: ClaimCost(short: 60, full: 500)
    ) { try InformationSpread.decide(.codedAdaFisher, $0) }
}

/// The mean and the variation of the divisors that an optimizer has at the end of a run.
struct InformationSpread {
    /// The layers' weights, with the mean of the divisor and its standard deviation over the mean.
    let layers: [(path: String, mean: Double, variation: Double)]

    /// The geometric mean over layers of the means.
    var mean: Double { Self.geometricMean(layers.map(\.mean)) }
    /// The geometric mean over layers of the variations.
    var variation: Double { Self.geometricMean(layers.map(\.variation)) }

    private static func geometricMean(_ values: [Double]) -> Double {
        exp(SampleSummary(values.map { log($0) })?.mean ?? 0)
    }

    /// Reads the state of an optimizer: AdaFisher's factors as vectors `inputs` and `outputs` of each layer, or Adam's second
    /// moment `fisher` of each matrix.
    ///
    /// - Parameters:
    ///   - state: the tensors by key, as a checkpoint holds them.
    ///   - rule: the rule, whose options say how its factors are used.
    init(_ state: [String: Tensor], of rule: any OptimizationRule) throws {
        func name(_ key: String, _ suffix: String) -> String? {
            guard key.hasPrefix("parameter/"), key.hasSuffix("/" + suffix) else { return nil }
            return String(key.dropFirst("parameter/".count).dropLast(suffix.count + 1))
        }
        var found: [(path: String, mean: Double, variation: Double)] = []
        func add(_ path: String, _ divisor: Tensor) throws {
            let values = divisor.to(dtype: .float64)
            let mean = try values.mean().item()
            let variance = try (values - mean).squared().mean().item()
            found.append((path, mean, variance.squareRoot() / mean))
        }
        for key in state.keys.sorted() {
            if let rule = rule as? AdaFisher, let path = name(key, "inputs"),
                let inputs = state[key], let outputs = state["parameter/\(path)/outputs"]
            {
                let rows = Self.normalized(outputs, rule).unsqueezed(1)
                let damping = rule.damping(1)
                try add(path, rows * Self.normalized(inputs, rule).unsqueezed(0) + damping)
            } else if let rule = rule as? Adam, let path = name(key, "fisher"), let moment = state[key],
                moment.shape.count > 1, let steps = try state["parameter/\(path)/step"]?.item()
            {
                try add(path, moment / (1 - pow(rule.beta2(1), steps)))
            }
        }
        layers = found
    }

    private static func normalized(_ values: Tensor, _ rule: AdaFisher) -> Tensor {
        guard rule.compatibility == .paper, rule.normalization == .minMax else { return values }
        let least = values.min()
        return (values - least) / (values.max() - least + 1e-6)
    }

    fileprivate static func decide(_ arm: Arm, _ context: ClaimContext) throws -> ClaimFinding {
        let problem = Problem.imageClassifier(context.form)
        var comparison = ArmComparison(context, by: .misjudged)
        let arms = [try comparison.tuned(arm, on: problem), try comparison.tuned(.adam, on: problem)]
        let spreads = try arms.map { arm in
            try arm.runs.filter { $0.record.completedLoss != nil }.map { run in
                guard let newest = try run.folder.checkpoints.newest()?.checkpoint else {
                    throw StorageError(.notFound, path: run.folder.path, reason: "holds no checkpoint")
                }
                let document = try run.folder.document()
                var rule = try RuleRegistry.rule(named: document.rule)
                try rule.set(
                    document.options.filter { $0.name != "clip_gradient_norm" }.map { ($0.name, $0.value) })
                let state = try newest.optimizerTensors()
                return (seed: run.record.seed, spread: try InformationSpread(state, of: rule))
            }
        }
        func bySeed(_ position: Int, _ value: (InformationSpread) -> Double) -> [UInt64: Double] {
            Dictionary(spreads[position].map { ($0.seed, log(value($0.spread)) / log(10)) }) {
                first, _ in first
            }
        }
        let parts: [(String, (InformationSpread) -> Double)] = [
            ("decades of the variation", \.variation), ("decades of the mean", \.mean),
        ]
        let contrasts = parts.map { quantity, value in
            ClaimContrast(
                measured: arms[0].label, to: arms[1].label, quantity: quantity, values: bySeed(0, value),
                references: bySeed(1, value), isInterior: arms.allSatisfy(\.isInterior),
                decidedBy: .better(margin: 0), of: 2)
        }
        let rows = zip(arms, spreads).flatMap { arm, spreads in
            (spreads.first?.spread.layers ?? []).map { layer in
                [
                    arm.label, layer.path, NumberText.significant(layer.mean),
                    NumberText.significant(layer.variation),
                ]
            }
        }
        return comparison.finding(
            .all(contrasts.map(\.verdict)), contrasts.map(\.sentence).joined(separator: " "), contrasts,
            exhibits: [
                .table(
                    ExhibitTable(
                        title: "Divisors at the end of training, layer by layer", caption: "The first seed.",
                        columns: ["optimizer", "weights", "mean", "standard deviation over mean"], rows: rows)
                )
            ])
    }
}
