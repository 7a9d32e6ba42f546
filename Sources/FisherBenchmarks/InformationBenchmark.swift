import Fisher

/// The tasks that `InformationBenchmark` can time.
public enum InformationTask: String, CaseIterable, Sendable {
    /// The loss and its gradient: what the others are compared with.
    case plain
    /// The empirical diagonal together with the gradient.
    case diagonal
    /// Kronecker factors at the data's labels.
    case kronecker
    /// Kronecker factors at a draw from the model.
    case sampledKronecker = "sampled_kronecker"
    /// The diagonals of the Kronecker factors, and the diagonal of parameters without factors.
    case diagonalKronecker = "diagonal_kronecker"
    /// The eigenvalues in given eigenbases of the factors.
    case eigenvalues = "ekfac"
}

/// Estimates of one network's information, to be timed in turns.
public final class InformationBenchmark {
    private let network: BenchmarkNetwork
    private let estimator: CurvatureEstimator
    private let tensors: [Tensor]
    private let generator: RandomGenerator
    private let bases: [ParameterPath: KroneckerEigenbasis]

    /// What is timed; ratios are to the first.
    public let tasks: [InformationTask]
    let name: String

    /// Prepares a network's estimates.
    ///
    /// - Parameters:
    ///   - network: the network with its batch.
    ///   - name: its name in the result.
    ///   - tasks: what is timed; ratios are to the first.
    public init(_ network: BenchmarkNetwork, named name: String, tasks: [InformationTask]) throws {
        self.network = network
        (self.name, self.tasks) = (name, tasks)
        estimator = try CurvatureEstimator(of: network.model)
        tensors = network.model.parameters.filter(\.parameter.isTrainable).map(\.parameter.wrappedValue)
        generator = try RandomGenerator(seed: 2)
        var bases: [ParameterPath: KroneckerEigenbasis] = [:]
        let factors = try estimator.estimate(
            [.kronecker(.empirical)], of: Objective(network.forward(), observing: network.targets),
            units: network.units
        ).kronecker(.empirical)
        for (path, layer) in factors?.layers ?? [:] { bases[path] = try KroneckerEigenbasis(of: layer) }
        self.bases = bases
    }

    /// The number of parameters.
    public var parameterCount: Int { tensors.reduce(0) { $0 + $1.count } }

    /// The number of samples or sequences in the batch.
    var batch: Int { network.units }

    func run(_ task: InformationTask) throws {
        switch task {
        case .plain: _ = try gradients(of: objective().loss, withRespectTo: tensors)
        case .diagonal: _ = try estimate(.diagonal(.empirical))
        case .kronecker: _ = try estimate(.kronecker(.empirical))
        case .sampledKronecker: _ = try estimate(.kronecker(.sampled(1)))
        case .diagonalKronecker: _ = try estimate(.kroneckerDiagonal(.empirical))
        case .eigenvalues:
            _ = try estimate(.activations(.empirical)).activations(.empirical)?.eigenvalues(in: bases)
        }
    }

    private func objective() throws -> Objective {
        try Objective(network.forward(), observing: network.targets)
    }

    private func estimate(_ request: CurvatureRequest) throws -> CurvatureEstimates {
        try estimator.estimate([request], of: objective(), units: network.units, using: generator)
    }

    /// The bytes of the inputs of the layers with parameters, and of the gradients of their outputs.
    func capturedBytes() throws -> Int {
        let counter = ByteCounter()
        _ = network.model.capturing(by: counter) { network.forward() }
        return counter.count
    }

    private final class ByteCounter: CaptureRecorder {
        var count = 0
        func record(layer path: ParameterPath, input: Tensor, output: Tensor) {
            count += input.byteCount + output.byteCount
        }
    }
}
