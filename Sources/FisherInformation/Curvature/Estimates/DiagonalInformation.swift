import NeuralNet
import Torch

/// The diagonal of an estimate, by parameter.
public typealias DiagonalInformation = Counted<DiagonalSums>

/// Sums over units of gradients and of their squares, by parameter.
public struct DiagonalSums: Summable {
    /// The sum over units of the squared gradients, by parameter; empty for the source `.minibatch`.
    public let squares: [ParameterPath: Tensor]
    /// The sum over units of the gradients of -log p at the data's labels, by parameter; empty for other labels.
    public let gradients: [ParameterPath: Tensor]

    /// Gathers sums.
    public init(squares: [ParameterPath: Tensor], gradients: [ParameterPath: Tensor]) {
        self.squares = squares
        self.gradients = gradients
    }

    /// The sums of both. Throws `mismatched` if the parameters differ.
    public func adding(_ other: DiagonalSums) throws(CurvatureError) -> DiagonalSums {
        DiagonalSums(
            squares: try squares.adding(other.squares), gradients: try gradients.adding(other.gradients))
    }

    public func summed(by sum: ProcessSum) throws -> DiagonalSums {
        DiagonalSums(squares: try squares.summed(by: sum), gradients: try gradients.summed(by: sum))
    }
}

extension DiagonalInformation {
    /// The information of an observation, by parameter and in its shape.
    public var mean: [ParameterPath: Tensor] {
        guard source == .minibatch else { return sums.squares.mapValues { $0 / divisor } }
        return sums.gradients.mapValues { ($0 / divisor).squared() }
    }
}

/// Sums gradients and their squares over passes and units.
struct DiagonalAccumulator: CurvatureAccumulator {
    private let run: PassRun
    private let members: [NamedParameter]
    private let paths: [ObjectIdentifier: ParameterPath]
    private let clusters: [LayerCluster]
    private var squares: [ParameterPath: Tensor] = [:]
    private var gradients: [ParameterPath: Tensor] = [:]

    /// Starts at zero, for all of an estimator's parameters or for some.
    init(_ estimator: CurvatureEstimator, _ run: PassRun, of members: [NamedParameter]? = nil) {
        self.run = run
        self.members = members ?? estimator.parameters
        let paths = Dictionary(
            uniqueKeysWithValues: self.members.map { (ObjectIdentifier($0.parameter), $0.path) })
        self.paths = paths
        clusters = estimator.clusters.filter { cluster in
            cluster.parameters.contains { paths[ObjectIdentifier($0)] != nil }
        }
    }

    mutating func add(_ pass: BackwardPass) {
        for cluster in clusters {
            for (parameter, found) in zip(cluster.parameters, cluster.sums(pass.uses, units: run.units)) {
                add(found, of: ObjectIdentifier(parameter), weight: pass.weight)
            }
        }
        for (parameter, rows) in pass.rows {
            add((rows.sum(along: 0), rows.squared().sum(along: 0)), of: parameter, weight: pass.weight)
        }
    }

    private mutating func add(
        _ found: (gradient: Tensor, squares: Tensor)?, of parameter: ObjectIdentifier, weight: Double
    ) {
        guard let path = paths[parameter], let found else { return }
        let square = weight == 1 ? found.squares : found.squares * weight
        squares[path] = squares[path].map { $0 + square } ?? square
        // Only at the data's labels is the gradient that of the loss.
        if run.hasLossGradient { gradients[path] = found.gradient }
    }

    func finished() throws -> any Summable { try information() }

    /// The sums; a parameter that no gradient reached has zero information.
    func information() throws -> DiagonalInformation {
        var (squares, gradients) = (squares, gradients)
        for named in members where squares[named.path] == nil {
            let zeros = named.parameter.zeroSum
            squares[named.path] = zeros
            if run.hasLossGradient { gradients[named.path] = zeros }
        }
        for named in members { try squares[named.path]?.check() }
        return DiagonalInformation(
            source: run.source,
            sums: DiagonalSums(squares: run.source == .minibatch ? [:] : squares, gradients: gradients),
            observationCount: run.observationCount)
    }
}
