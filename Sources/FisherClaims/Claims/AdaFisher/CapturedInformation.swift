import Fisher
import FisherStudies
import FisherTasks
import FisherTraining

extension Claim {
    /// The diagonal of the Kronecker product captures the essential information.
    static let kroneckerDiagonal = Claim(
        "kronecker-diagonal",
        says: """
            The diagonal block-Kronecker approximation captures essential curvature information, retaining the dominant \
            eigenvalue information.
            """,
        in: .adaFisher("Mechanism 1"),
        decidedBy: """
            Perceptron with rectifiers and convolutional classifier of digits, before training, after a tenth of it and at its \
            end: the share of the squared norm of a layer's true information block that the best multiple of \
            diag S (x) diag A captures, meaned over the layers; 1 for a block that is such a product. It holds if it is above \
            one half in both networks and all phases (95 % interval over seeds), and does not hold if it is below in one.
            """,
        evidence: .seeds(atLeast: 5), cost: ClaimCost(short: 60, full: 300)
    ) { context in
        let steps = context.form == .short ? 200 : 1000
        var found: [CapturedInformation] = []
        for (name, network) in [("perceptron", DigitsNetwork.perceptron), ("cnn", .cnn)] {
            for seed in context.seeds {
                context.progress.expect(more: 1)
                context.progress.begin("\(name), seed \(seed)", totalSteps: steps)
                found += try context.kept("\(name)-\(seed)", of: "\(steps) steps, 64 images") {
                    try PhasedTraining(seed: seed, steps: steps)(
                        PhasedTraining.digits(network, .relu), onStep: { context.progress.update(step: $0) }
                    ) { phase, model in
                        try CapturedInformation(of: model, name, phase, seed: seed, units: 64)
                    }
                }
                context.progress.endRun("measured")
            }
        }
        return CapturedInformation.finding(found)
    }
}

/// How much of a network's layers' true information diagonals capture, at a moment of its training.
struct CapturedInformation: Codable, Sendable {
    /// The network.
    let network: String
    /// `start`, `early` or `end`.
    let phase: String
    /// The seed.
    let seed: UInt64
    /// The share of a block's squared norm that the best multiple of diag S (x) diag A captures, by layer.
    let product: [Double]
    /// The same of the block's own diagonal.
    let diagonal: [Double]
}

extension CapturedInformation {
    /// Measures a classifier of digits on some training images.
    init(of model: Sequential, _ network: String, _ phase: String, seed: UInt64, units: Int) throws {
        let (images, _) = try Digits.all.split()
        let batch = images.batch(at: Array(0..<units))
        let isFlat = network == "perceptron"
        let inputs = isFlat ? batch.inputs : batch.inputs.reshaped([units, 1, Digits.side, Digits.side])
        func objective() throws -> Objective {
            try Objective(Categorical(logits: model(inputs)), observing: batch.targets)
        }
        var inspector = try ModelInspector(of: model, samples: 0, rows: units * Digits.classCount)
        try inspector.add(try objective(), units: units)
        let inspection = try inspector.inspection()
        let found = try CurvatureEstimator(of: model).estimate(
            [.diagonal(.exact), .kroneckerDiagonal(.exact)], of: try objective(), units: units)
        guard let exact = found.diagonal(.exact)?.mean,
            let products = found.kroneckerDiagonal(.exact)?.sums.layers
        else { throw CurvatureError.noObservations }
        let shares = try inspection.layers.compactMap { layer -> (product: Double, diagonal: Double)? in
            guard let factors = products[layer.path],
                let weight = exact.first(where: { $0.key.parent == layer.path && $0.value.rank > 1 })?.value
            else { return nil }
            let bias = exact.first { $0.key.parent == layer.path && $0.value.rank == 1 }?.value
            let whole = Tensor.concatenated(
                [weight.flattened(from: 1)] + (bias.map { [$0.unsqueezed(1)] } ?? []), along: 1)
            let cosine = try InformationComparison(
                [layer.path: factors.diagonal], to: [layer.path: whole]
            ).cosine
            // The diagonal is a projection of the block, so that squared cosines multiply.
            return (layer.diagonalShare * cosine * cosine, layer.diagonalShare)
        }
        self.init(
            network: network, phase: phase, seed: seed, product: shares.map(\.product),
            diagonal: shares.map(\.diagonal))
    }

    private static func mean(_ values: [Double]) -> Double {
        SampleSummary(values)?.mean ?? 0
    }

    /// What was found, network by network and phase by phase.
    static func finding(_ all: [CapturedInformation]) -> ClaimFinding {
        let groups = all.reduce(into: [(network: String, phase: String)]()) { found, own in
            if !found.contains(where: { $0 == (own.network, own.phase) }) {
                found.append((own.network, own.phase))
            }
        }
        var (contrasts, rows) = ([ClaimContrast](), [[String]]())
        let text = NumberText.plain
        for group in groups {
            let own = all.filter { ($0.network, $0.phase) == group }
            let shares = Dictionary(own.map { ($0.seed, mean($0.product)) }) { first, _ in first }
            contrasts.append(
                ClaimContrast(
                    measured: "one half", to: "captured, \(group.network), \(group.phase)",
                    quantity: "share of the squared norm", values: shares.mapValues { _ in 0.5 },
                    references: shares, decidedBy: .better(margin: 0), of: groups.count))
            func spread(_ values: (CapturedInformation) -> [Double]) -> String {
                SampleSummary(own.map { mean(values($0)) }).map { text.spread($0, decimals: 3) } ?? "-"
            }
            let layers = own.first?.product.map { text.fixed($0, decimals: 3) } ?? []
            rows.append([
                group.network, group.phase, spread(\.product), spread(\.diagonal),
                layers.joined(separator: ", "),
            ])
        }
        let (low, high) = (
            all.map { mean($0.product) }.min() ?? .nan, all.map { mean($0.product) }.max() ?? .nan
        )
        return ClaimFinding(
            .all(contrasts.map(\.verdict)),
            """
            diag S (x) diag A captures \(text.fixed(low, decimals: 3)) to \(text.fixed(high, decimals: 3)) of the squared norm \
            of the layers' true blocks, over networks, phases and seeds.
            """,
            contrasts: contrasts,
            exhibits: [
                .table(
                    ExhibitTable(
                        title: "Share of the true blocks' squared norm",
                        caption:
                            "Means over layers, with the standard deviation over seeds; the exact Fisher of the images named by the rule.",
                        columns: [
                            "network", "phase", "diag S (x) diag A", "the block's own diagonal",
                            "by layer, first seed",
                        ], rows: rows))
            ])
    }
}
