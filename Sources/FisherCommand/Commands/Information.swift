import ArgumentParser
import Fisher
import FisherTasks
import FisherTraining
import Foundation

/// `fisher information`: an estimate from files, to compare with other implementations.
struct Information: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Estimate the Fisher information of a plain network on data from safetensors files.",
        discussion: """
            The network is described as JSON, for example {"layers": [{"linear": [8, 6]}, "tanh", {"linear": \
            [6, 3]}], "likelihood": "categorical"}; its weights are named by position (0.weight, 0.bias, \
            2.weight). It is computed in the type of the weights, layers such as batch norms in evaluation. \
            Estimates are on the scale of the mean negative log-likelihood: sums over samples divided by the \
            number of observations.

            The output holds `full` [parameters, parameters]; `blocks/<layer>`; `diagonal/<parameter>`; \
            `kronecker/<layer>/A` and `kronecker/<layer>/S`, the bias being the last input; \
            `diagonal_kronecker/<layer>/A` and `/S`, their diagonals; `ekfac/<layer>/Q_A`, `/Q_S` and \
            `/eigenvalues` [outputs, inputs]; or `low_rank/values` and `low_rank/vectors` [parameters, rank].
            """)

    @Option(help: "The network's description, JSON.")
    var model: String
    @Option(help: "Its weights.")
    var weights: String
    @Option(help: "The inputs, samples along the first axis: the file's tensor, or the one named inputs.")
    var inputs: String
    @Option(help: "The targets: the file's tensor, or the one named targets.")
    var targets: String
    @Option(help: "exact, sampled, empirical, improved, minibatch or gauss_newton.")
    var source: CurvatureSource = .exact
    @Option(help: "full, blocks, diagonal, kronecker, ekfac, diagonal_kronecker or low_rank.")
    var structure: Structure = .diagonal
    @Option(help: "Eigenpairs of the structure low_rank.")
    var rank = 10
    @Option(help: "Draws of labels for the source sampled.")
    var samples = 1
    @Option(help: "Seed of the draws.")
    var seed: UInt64 = 0
    @Option(help: "How positions that share weights enter Kronecker factors: expand or reduce.")
    var sharing: WeightSharing = .expand
    @Option(help: "Where the estimate is written.")
    var output: String

    enum Structure: String, CaseIterable, ExpressibleByArgument {
        case full, blocks, diagonal, kronecker, ekfac
        case diagonalKronecker = "diagonal_kronecker"
        case lowRank = "low_rank"
    }

    func validate() throws {
        guard samples > 0 else { throw ValidationError("--samples must be at least 1.") }
        guard rank > 0 else { throw ValidationError("--rank must be at least 1.") }
    }

    func run() throws {
        try requireApart(
            ["--output": output],
            from: ["--model": model, "--weights": weights, "--inputs": inputs, "--targets": targets])
        try FileWriter.check(output)
        let plain = try PlainNetwork(model: model, weights: weights)
        let batch = try plain.batch(inputs: inputs, targets: targets)
        let source = source == .sampled(1) ? .sampled(samples) : source
        let request = request(from: source)
        let found = try CurvatureEstimator(of: plain.network).estimate(
            [request], of: plain.objective(batch), units: batch.unitCount,
            using: RandomGenerator(seed: seed))
        let sources = try tensors(found, source).sorted { $0.0 < $1.0 }.map { name, tensor in
            // Gradients whose squares overflow the type.
            if try tensor.nonFiniteElement() != nil { throw NonFiniteError(source: "the estimate \(name)") }
            return try SafetensorsSource(name: name, tensor: tensor.detached())
        }
        try SafetensorsWriter(metadata: ["source": "\(source)", "structure": request.structure]).write(
            sources, to: output)
    }

    private func request(from source: CurvatureSource) -> CurvatureRequest {
        switch structure {
        case .full: .full(source)
        case .blocks: .blocks(source)
        case .diagonal: .diagonal(source)
        case .kronecker: .kronecker(source, sharing)
        case .ekfac: .eigenvalueCorrected(source, sharing)
        case .diagonalKronecker: .kroneckerDiagonal(source, sharing)
        case .lowRank: .lowRank(rank, source)
        }
    }

    /// The estimate's tensors by their names in the file.
    private func tensors(_ found: CurvatureEstimates, _ source: CurvatureSource) -> [(String, Tensor)] {
        var tensors: [(String, Tensor)] = []
        if let full = found.full(source) { tensors = [("full", full.mean)] }
        if let found = found.blocks(source) {
            tensors = found.blocks.map { ("blocks/\($0.paths[0].parent)", $0.mean) }
        }
        if let diagonal = found.diagonal(source) { tensors = Self.named(diagonal) }
        if let kronecker = found.kronecker(source, sharing) {
            warnOfMissing(kronecker.uncovered)
            tensors = Self.named(kronecker, "kronecker")
        }
        if let diagonals = found.kroneckerDiagonal(source, sharing) {
            tensors = Self.named(diagonals, "diagonal_kronecker") + (diagonals.others.map(Self.named) ?? [])
        }
        if let corrected = found.eigenvalueCorrected(source, sharing) {
            warnOfMissing(corrected.uncovered)
            tensors = corrected.layers.flatMap { path, factors in
                [
                    ("ekfac/\(path)/Q_A", factors.basis.inputs), ("ekfac/\(path)/Q_S", factors.basis.outputs),
                    ("ekfac/\(path)/eigenvalues", factors.mean),
                ]
            }
        }
        if let pairs = found.lowRank(rank, source) {
            if pairs.values.count < rank {
                warn("the rank is \(pairs.values.count), less than the \(rank) requested")
            }
            let values = Tensor(pairs.values, shape: [pairs.values.count]).to(dtype: pairs.vectors.dtype)
            tensors = [("low_rank/values", values), ("low_rank/vectors", pairs.vectors)]
        }
        return tensors
    }

    private static func named(_ diagonal: DiagonalInformation) -> [(String, Tensor)] {
        diagonal.mean.map { ("diagonal/\($0.key)", $0.value) }
    }

    private static func named(_ factors: KroneckerInformation, _ name: String) -> [(String, Tensor)] {
        factors.layers.flatMap { [("\(name)/\($0.key)/A", $0.value.a), ("\(name)/\($0.key)/S", $0.value.s)] }
    }

    private func warnOfMissing(_ paths: [ParameterPath]) {
        guard !paths.isEmpty else { return }
        warn("without Kronecker factors, left out: \(paths.map(\.description).joined(separator: ", "))")
    }
}

extension CurvatureSource: ExpressibleByArgument {
    /// The names of the sources, for the help.
    public static var allValueStrings: [String] { kinds.map(\.description) }
}
extension WeightSharing: ExpressibleByArgument {}
