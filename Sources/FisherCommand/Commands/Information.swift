import ArgumentParser
import Fisher
import FisherTasks
import Foundation

/// `fisher information`: an estimate itself, from files, so that anyone can check it.
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
    @Option(help: "The inputs, the first axis a sample each: the file's tensor, or the one named inputs.")
    var inputs: String
    @Option(help: "The targets: the file's tensor, or the one named targets.")
    var targets: String
    @Option(help: "exact, sampled, empirical, minibatch or gauss_newton.")
    var source: SourceName = .exact
    @Option(help: "full, blocks, diagonal, kronecker, ekfac, diagonal_kronecker or low_rank.")
    var structure: StructureName = .diagonal
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

    enum SourceName: String, CaseIterable, ExpressibleByArgument {
        case exact, sampled, empirical, minibatch
        case gaussNewton = "gauss_newton"
    }

    enum StructureName: String, CaseIterable, ExpressibleByArgument {
        case full, blocks, diagonal, kronecker, ekfac
        case diagonalKronecker = "diagonal_kronecker"
        case lowRank = "low_rank"
    }

    func validate() throws {
        guard samples > 0 else { throw ValidationError("--samples must be at least 1.") }
        guard rank > 0 else { throw ValidationError("--rank must be at least 1.") }
    }

    func run() throws {
        let plain = try PlainNetwork(model: model, weights: weights)
        let batch = try plain.batch(inputs: inputs, targets: targets)
        try estimate(plain.likelihood, plain.network, batch)
    }

    private func estimate<Model: NamedLikelihood>(
        _ likelihood: Model.Type, _ network: Sequential, _ batch: SupervisedBatch
    ) throws {
        let estimator = try CurvatureEstimator(of: network)
        let generator = try RandomGenerator(seed: seed)
        let source: CurvatureSource =
            switch self.source {
            case .exact: .exact
            case .sampled: .sampled(samples)
            case .empirical: .empirical
            case .minibatch: .minibatch
            case .gaussNewton: .gaussNewton
            }
        let found = try tensors(estimator, source, batch.unitCount, batch.targets, generator) {
            Model(outputs: network(batch.inputs))
        }
        let sources = try found.sorted { $0.0 < $1.0 }.map {
            try SafetensorsSource(name: $0.0, tensor: $0.1.detached())
        }
        try SafetensorsWriter(metadata: ["source": "\(source)", "structure": structure.rawValue]).write(
            sources, to: output)
    }
}

extension WeightSharing: ExpressibleByArgument {}
