import ArgumentParser
import Fisher
import FisherData
import FisherTasks
import FisherTraining
import Foundation

/// `fisher information estimate`.
struct InformationEstimate: DeviceCommand {
    static let configuration = CommandConfiguration(
        commandName: "estimate",
        abstract: "Estimate the Fisher information of a plain network on data from safetensors files.",
        discussion: """
            The network is described as JSON, for example {"layers": [{"linear": [8, 6]}, "tanh", {"linear": \
            [6, 3]}], "likelihood": "categorical"}; its weights are named by position (0.weight, 0.bias, \
            2.weight). It is computed in the type of the weights, layers such as batch norms in evaluation. \
            Estimates are on the scale of the mean negative log-likelihood: sums over samples divided by the \
            number of observations.

            The output holds, in float64, `full` [parameters, parameters]; `blocks/<layer>`; \
            `diagonal/<parameter>`; `kronecker/<layer>/A` and `kronecker/<layer>/S`, the bias being the last \
            input; `diagonal_kronecker/<layer>/A` and `/S`, their diagonals; `ekfac/<layer>/Q_A`, `/Q_S` and \
            `/eigenvalues` [outputs, inputs]; or `low_rank/values`, `low_rank/vectors` [parameters, rank] and \
            `low_rank/residuals`. Its metadata hold the counts and fingerprints by which merge knows what belongs \
            together (fisher information show).

            The structure operator forms no matrix: products with vectors give leading eigenvalues, the trace \
            (Hutchinson's estimate with its standard error), the product with a vector and the solution of a \
            damped system by conjugate gradients. Vectors are files with a tensor for each parameter, as \
            gradients are.

            With --processes each process takes an equal part of the samples, and the estimate is that of all of them; \
            labels are drawn by sample, so that the number of processes does not change them.
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
    @Option(help: "full, blocks, diagonal, kronecker, ekfac, diagonal_kronecker, low_rank or operator.")
    var structure: Structure = .diagonal
    @Option(help: "Eigenpairs of the structure low_rank; by default 10.")
    var rank: Int?
    @Option(help: "Draws of labels for the source sampled; by default 1.")
    var samples: Int?
    @Option(help: "Seed of the draws, and of the probes of operator.")
    var seed: UInt64 = 0
    @Option(help: "How positions that share weights enter Kronecker factors: expand or reduce.")
    var sharing: WeightSharing = .expand
    @Option(
        help: "A kronecker or ekfac file in whose eigenbases ekfac is estimated, by default the data's own.")
    var bases: String?
    @OptionGroup(title: "Options of the structure operator")
    var products: ProductArguments
    @OptionGroup(title: "Processes") var processArguments: ProcessArguments
    @Option(help: "Where the estimate is written.")
    var output: String

    enum Structure: String, CaseIterable, ExpressibleByArgument {
        case full, blocks, diagonal, kronecker, ekfac
        case diagonalKronecker = "diagonal_kronecker"
        case lowRank = "low_rank"
        case products = "operator"

        /// What is kept of the information.
        var explanation: String {
            switch self {
            case .full: "The whole matrix over all parameters."
            case .blocks: "The matrix of each layer's parameters; what lies between layers is left out."
            case .diagonal: "A number for each parameter; correlations are left out."
            case .kronecker:
                "For each layer the Kronecker product of two small matrices, A of its inputs and S of its output gradients (K-FAC)."
            case .ekfac:
                "The eigenbases of the Kronecker factors, with the information's own diagonal in them."
            case .diagonalKronecker: "The diagonals of the Kronecker factors alone, as AdaFisher keeps them."
            case .lowRank: "The leading eigenpairs, --rank of them, and what is left of the diagonal's trace."
            case .products:
                "No matrix: products with vectors give leading eigenvalues, the trace, a product, or the solution of a damped system."
            }
        }
    }
    @OptionGroup var place: DeviceArguments

    func validate() throws {
        try requirePositive(["samples": samples ?? 1, "rank": rank ?? 1])
        func require(_ option: String, _ value: Any?, _ holds: Bool, _ use: String) throws {
            if value != nil, !holds { throw ValidationError("\(option) is for \(use).") }
        }
        try require("--rank", rank, structure == .lowRank, "--structure low_rank")
        try require("--bases", bases, structure == .ekfac, "--structure ekfac")
        var isSampled = false
        if case .sampled = source { isSampled = true }
        try require("--samples", samples, isSampled, "--source sampled")
        guard structure == .products || products.isEmpty else {
            throw ValidationError(
                "--eigenvalues, --probes, --vector and --solve are for --structure operator.")
        }
    }

    func compute() throws {
        try requireApart(
            ["--output": output],
            from: [
                "--model": model, "--weights": weights, "--inputs": inputs, "--targets": targets,
                "--bases": bases, "--vector": products.vector, "--solve": products.solve,
            ])
        try FileWriter.check(output)
        if try processArguments.launches {
            Interruption.install()
            return try LocalProcesses(processArguments.processes ?? 1, savesOnSignals: false)()
        }
        let bases = try bases.map { (name: $0, file: try InformationFile(path: $0)) }
        let plain = try PlainNetwork(model: model, weights: weights)
        let vectors = try products.vectors(for: plain)
        let batch = try plain.batch(inputs: inputs, targets: targets)
        var source = source
        if source == .sampled(1), let samples { source = .sampled(samples) }
        let request = request(from: source)
        let asked: CurvatureRequest = bases == nil ? request : .activations(source)
        let generator = try RandomGenerator(seed: seed)
        let estimator = try CurvatureEstimator(of: plain.network)
        let processes = try processArguments.join(threads: 0)
        let found =
            if let processes {
                try estimator.estimate(
                    asked, of: batch, plain, sharedBy: processes, from: inputs, using: generator)
            } else {
                try estimator.estimate(
                    [asked], of: plain.objective(batch), units: batch.unitCount, using: generator)
            }
        // Every process computes what all have; the first alone writes and tells.
        let isLeading = processes?.rank ?? 0 == 0
        if let matrix = found.matrix(request) {
            let results = try products.results(matrix, for: plain, vectors, using: generator)
            guard isLeading else { return }
            for line in results.lines { say(line) }
            for warning in results.warnings { warn(warning) }
            return try write(results.tensors, source, request)
        }
        guard let estimate = try estimate(request, in: found, bases, plain) else {
            preconditionFailure("every structure but operator has a file")
        }
        guard isLeading else { return }
        report(estimate)
        var isSampled = false
        if case .sampled = source { isSampled = true }
        let part = InformationHeader.Part(
            data: try InformationFile.fingerprint(inputs: batch.inputs, targets: batch.targets),
            seed: isSampled ? seed : nil, units: found.unitCount, observations: estimate.observationCount)
        try InformationFile(
            estimate,
            header: InformationHeader(
                request, at: try plain.point(), likelihood: plain.likelihood.text, dtype: plain.dtype,
                parts: [part])
        ).write(to: output)
    }

    private func request(from source: CurvatureSource) -> CurvatureRequest {
        switch structure {
        case .full: .full(source)
        case .blocks: .blocks(source)
        case .diagonal: .diagonal(source)
        case .kronecker: .kronecker(source, sharing)
        case .ekfac: .eigenvalueCorrected(source, sharing)
        case .diagonalKronecker: .kroneckerDiagonal(source, sharing)
        case .lowRank: .lowRank(rank ?? 10, source)
        case .products: .products(source)
        }
    }

    /// The estimate; with given bases, the eigenvalues in them.
    private func estimate(
        _ request: CurvatureRequest, in found: CurvatureEstimates,
        _ bases: (name: String, file: InformationFile)?, _ plain: PlainNetwork
    ) throws -> InformationFile.Estimate? {
        guard let bases, let source = request.source, let captured = found.activations(source) else {
            return InformationFile.estimate(request, in: found)
        }
        func refused(_ reason: String) -> UsageError {
            UsageError(description: "--bases \(bases.name): \(reason)")
        }
        let given: [ParameterPath: KroneckerEigenbasis]
        do { given = try bases.file.eigenbases(dtype: plain.dtype) } catch let error as InformationFileError {
            throw refused("\(error)")
        }
        guard bases.file.header.network == (try plain.point().network) else {
            throw refused("its bases are of another network")
        }
        return .eigenvalueCorrected(try captured.eigenvalues(in: given))
    }

    /// Tells of what an estimate lacks.
    private func report(_ estimate: InformationFile.Estimate) {
        switch estimate {
        case .kronecker(let found): warnOfMissing(found.uncovered)
        case .eigenvalueCorrected(let found): warnOfMissing(found.uncovered)
        case .lowRank(let found):
            let asked = rank ?? 10
            if found.values.count < asked {
                warn("the rank is \(found.values.count), less than the \(asked) requested")
            }
        default: break
        }
    }

    private func warnOfMissing(_ paths: [ParameterPath]) {
        guard !paths.isEmpty else { return }
        warn("without Kronecker factors, left out: \(paths.map(\.description).joined(separator: ", "))")
    }

    private func write(
        _ tensors: [(String, Tensor)], _ source: CurvatureSource, _ request: CurvatureRequest
    ) throws {
        let sources = try tensors.map { try SafetensorsSource(name: $0.0, tensor: $0.1.detached()) }
        try SafetensorsWriter(metadata: ["source": "\(source)", "structure": request.structure]).write(
            sources, to: output)
    }
}

extension CurvatureEstimator {
    /// The estimate of a batch that processes share, of which each takes its part.
    fileprivate func estimate(
        _ request: CurvatureRequest, of batch: SupervisedBatch, _ plain: PlainNetwork,
        sharedBy processes: ProcessGroup, from inputs: String, using generator: RandomGenerator
    ) throws -> CurvatureEstimates {
        let (rank, size, units) = (processes.rank, processes.size, batch.unitCount)
        let point = try plain.point()
        let own = [
            ("the estimate is another", "\(request)"), ("the network is another", point.network),
            ("the weights are others", point.weights),
            ("the likelihood is another", plain.likelihood.text),
            (
                "the data are others",
                try InformationFile.fingerprint(inputs: batch.inputs, targets: batch.targets)
            ),
        ]
        let all = try processes.texts(
            own.map(\.1).joined(separator: "\n"), as: "the start of the estimate"
        ).map { $0.split(separator: "\n") }
        for (other, values) in all.enumerated() {
            for (difference, (first, value)) in zip(own.map(\.0), zip(all[0], values)) where first != value {
                throw ConfigurationError(
                    "the processes of an estimate must have the same of everything: \(difference) on rank \(other)"
                )
            }
        }
        guard units >= size else {
            throw DataError(
                inputs,
                "has \(units == 1 ? "1 sample" : "\(units) samples"), which \(size) processes cannot share")
        }
        let part = batch.slice(units * rank / size..<units * (rank + 1) / size)
        return try estimate(
            [request], sharedBy: processes, of: plain.objective(part), units: part.unitCount,
            using: generator)
    }
}

extension CurvatureSource: ExpressibleByArgument {
    /// The names of the sources, for the help.
    public static var allValueStrings: [String] { kinds.map(\.description) }
}
extension WeightSharing: ExpressibleByArgument {}
