import NeuralNet
import Torch

/// The whole information matrix of a small model.
public typealias FullInformation = Counted<MatrixSums>

/// The whole matrix in blocks, ordered by their first parameter: one for each layer, or for layers that share a
/// parameter, without what lies between.
public typealias BlockInformation = Counted<[MatrixSums]>

/// The sum over units of g g^T for the gradients g of some parameters.
public struct MatrixSums: Summable {
    /// The parameters in the order of rows and columns, each row-major.
    public let paths: [ParameterPath]
    /// The sum over units of g g^T, [parameters, parameters].
    public let sum: Tensor
    /// The sum of the gradients at the data's labels; nil for other labels.
    public let gradient: Tensor?
    /// The network and the weights at which the gradients were computed; nil if that is not known, or if sums of
    /// several points were added.
    public let point: ModelPoint?

    /// Gathers sums.
    public init(paths: [ParameterPath], sum: Tensor, gradient: Tensor?, point: ModelPoint? = nil) {
        self.paths = paths
        self.sum = sum
        self.gradient = gradient
        self.point = point
    }

    /// The sums of both, which may be of different points: their mean is then one over points. Throws `mismatched` if
    /// the parameters differ.
    public func adding(_ other: MatrixSums) throws(CurvatureError) -> MatrixSums {
        guard paths == other.paths else { throw .mismatched(reason: "they are of other parameters") }
        return MatrixSums(
            paths: paths, sum: try sum.adding(other.sum), gradient: try gradient.adding(other.gradient),
            point: point == other.point ? point : nil)
    }

    public func summed(by sum: ProcessSum) throws -> MatrixSums {
        MatrixSums(
            paths: paths, sum: try sum(self.sum), gradient: try gradient?.summed(by: sum), point: point)
    }
}

extension FullInformation {
    /// The information of an observation, [parameters, parameters].
    public var mean: Tensor {
        guard source == .minibatch, let gradient = sums.gradient else { return sums.sum / divisor }
        let mean = (gradient / divisor).unsqueezed(1)
        return mean.matmul(mean.transposed(0, 1))
    }
}

extension BlockInformation {
    /// The blocks, each an estimate of its own.
    public var blocks: [FullInformation] {
        sums.map { FullInformation(source: source, sums: $0, observationCount: observationCount) }
    }
}

/// Sums g g^T over passes and units, for each of several sets of parameters.
struct MatrixAccumulator: CurvatureAccumulator {
    private let estimator: CurvatureEstimator
    private let run: PassRun
    private let blocks: [[NamedParameter]]
    private let isWhole: Bool
    private var sums: [(sum: Tensor, gradient: Tensor)?]

    init(_ estimator: CurvatureEstimator, _ run: PassRun, blocks: [[NamedParameter]], isWhole: Bool) {
        self.estimator = estimator
        self.run = run
        self.blocks = blocks.filter { !$0.isEmpty }
        self.isWhole = isWhole
        sums = self.blocks.map { _ in nil }
    }

    mutating func add(_ pass: BackwardPass) throws {
        for (k, members) in blocks.enumerated() {
            let rows = try estimator.unitGradients(pass, units: 0..<run.units, of: members)
            let (part, gradient) = (gram(rows) * pass.weight, rows.sum(along: 0))
            try part.check()
            sums[k] = sums[k].map { ($0.sum + part, $0.gradient + gradient) } ?? (part, gradient)
        }
    }

    func finished() throws -> any Summable {
        // The matrix is the square of the weights in size: reading them once more costs nothing beside it.
        let point = try ModelPoint(of: estimator.model)
        let found = zip(blocks, sums).compactMap { members, sums in
            sums.map {
                MatrixSums(
                    paths: members.map(\.path), sum: $0.sum,
                    gradient: run.hasLossGradient ? $0.gradient : nil, point: point)
            }
        }
        guard isWhole else {
            return BlockInformation(
                source: run.source, sums: found.sorted { $0.paths[0] < $1.paths[0] },
                observationCount: run.observationCount)
        }
        guard let matrix = found.first else { throw CurvatureError.noObservations }
        return FullInformation(source: run.source, sums: matrix, observationCount: run.observationCount)
    }
}

extension CurvatureEstimator {
    /// The sets of parameters of layers that share none with others, each in the order of the model.
    var parameterBlocks: [[NamedParameter]] {
        clusters.map { cluster in
            let members = Set(cluster.parameters.map(ObjectIdentifier.init))
            return parameters.filter { members.contains(ObjectIdentifier($0.parameter)) }
        } + Dictionary(grouping: unitwise, by: \.path.parent).sorted { $0.key < $1.key }.map(\.value)
    }

    /// The gradients of some units in some parameters, [units, parameters].
    func unitGradients(_ pass: BackwardPass, units: Range<Int>, of members: [NamedParameter]) throws -> Tensor
    {
        var rows = pass.rows.mapValues {
            $0.narrowed(0, from: units.lowerBound, length: units.count)
        }
        let wanted = Set(members.map { ObjectIdentifier($0.parameter) })
        for cluster in clusters
        where cluster.parameters.contains(where: { wanted.contains(ObjectIdentifier($0)) }) {
            for (parameter, gradient) in zip(
                cluster.parameters, cluster.unitGradients(pass.uses, units: units))
            {
                rows[ObjectIdentifier(parameter)] = gradient
            }
        }
        let columns = members.map { named in
            rows[ObjectIdentifier(named.parameter)]?.flattened(from: 1)
                ?? Tensor.zeros(
                    [units.count, named.parameter.wrappedValue.count],
                    dtype: named.parameter.wrappedValue.dtype.accumulator)
        }
        let joined = Tensor.concatenated(columns, along: 1)
        try joined.check()
        return joined
    }
}
