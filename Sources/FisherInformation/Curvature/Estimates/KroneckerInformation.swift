import NeuralNet
import Torch

/// The Kronecker factors of one layer's information as sums with counts: F ~ A (x) S.
///
/// A = (sum of a a^T) / `inputCount`, with a trailing 1 in a if the layer has a bias; S = (sum of s s^T) /
/// `observationCount`, so that A (x) S is on the scale of the mean loss: with N samples of R positions and a
/// loss averaged over samples the product is 1 / (N^2 R) times that of the sums (`expand`).
///
/// Whole factors are matrices; if only their diagonals were requested they are vectors, and neither factor is
/// formed.
public struct KroneckerFactors: Summable {
    /// sum of a a^T, [inputs (+ 1), inputs (+ 1)], or its diagonal, [inputs (+ 1)]; made when it is first read.
    public var inputs: Tensor { inputSum.tensor }
    /// sum of s s^T, [outputs, outputs], or its diagonal, [outputs]; made when it is first read.
    public var outputs: Tensor { outputSum.tensor }
    /// What `inputs` and `outputs` are made of.
    package let inputSum, outputSum: RowSum
    /// The number of terms in `inputs`: positions (`expand`) or units (`reduce`), without padding.
    public let inputCount: Int
    /// The number N of observations.
    public let observationCount: Int

    /// Gathers sums.
    public init(inputs: Tensor, outputs: Tensor, inputCount: Int, observationCount: Int) {
        self.init(
            inputs: RowSum(inputs), outputs: RowSum(outputs), inputCount: inputCount,
            observationCount: observationCount)
    }

    init(inputs: RowSum, outputs: RowSum, inputCount: Int, observationCount: Int) {
        inputSum = inputs
        outputSum = outputs
        self.inputCount = inputCount
        self.observationCount = observationCount
    }

    /// A, or its diagonal.
    public var a: Tensor { inputs / Double(max(inputCount, 1)) }
    /// S, or its diagonal.
    public var s: Tensor { outputs / Double(max(observationCount, 1)) }
    /// diag S (diag A)^T: the approximate diagonal of the layer's information, [outputs, inputs (+ 1)].
    public var diagonal: Tensor {
        func diagonal(_ factor: Tensor) -> Tensor {
            factor.failure == nil && factor.rank == 2 ? factor.diagonal() : factor
        }
        return diagonal(s).unsqueezed(1) * diagonal(a).unsqueezed(0)
    }

    /// The sums of both. Throws `mismatched` if the shapes differ.
    public func adding(_ other: KroneckerFactors) throws(CurvatureError) -> KroneckerFactors {
        KroneckerFactors(
            inputs: try inputs.adding(other.inputs), outputs: try outputs.adding(other.outputs),
            inputCount: inputCount + other.inputCount,
            observationCount: observationCount + other.observationCount)
    }

    public func summed(by sum: ProcessSum) throws -> KroneckerFactors {
        KroneckerFactors(
            inputs: try sum(inputs), outputs: try sum(outputs), inputCount: sum(inputCount),
            observationCount: sum(observationCount))
    }
}

/// The Kronecker factors of a model's layers, or their diagonals (AdaFisher's approximation).
public typealias KroneckerInformation = Counted<KroneckerSums>

/// The factors of layers that are linear in parameters of their own, and the diagonal of the other
/// parameters.
public struct KroneckerSums: Summable {
    /// How shared weights entered.
    public let sharing: WeightSharing
    /// The factors by the path of the layer.
    public let layers: [ParameterPath: KroneckerFactors]
    /// Trainable parameters that no layer with factors has: embeddings, norms, grouped convolutions, tied weights.
    public let uncovered: [ParameterPath]
    /// The diagonal of those, if the diagonals of the factors were requested.
    public let others: DiagonalInformation?

    /// Gathers factors.
    public init(
        sharing: WeightSharing, layers: [ParameterPath: KroneckerFactors], uncovered: [ParameterPath],
        others: DiagonalInformation? = nil
    ) {
        self.sharing = sharing
        self.layers = layers
        self.uncovered = uncovered
        self.others = others
    }

    /// The sums of both. Throws `mismatched` if conventions or layers differ.
    public func adding(_ other: KroneckerSums) throws(CurvatureError) -> KroneckerSums {
        guard sharing == other.sharing, uncovered == other.uncovered else {
            throw .mismatched(reason: "they are of other conventions or layers")
        }
        return KroneckerSums(
            sharing: sharing, layers: try layers.adding(other.layers), uncovered: uncovered,
            others: try others.adding(other.others))
    }

    public func summed(by sum: ProcessSum) throws -> KroneckerSums {
        KroneckerSums(
            sharing: sharing, layers: try layers.summed(by: sum), uncovered: uncovered,
            others: try others?.summed(by: sum))
    }
}

/// Sums the factors of layers, or their diagonals, over passes and units.
struct KroneckerAccumulator: CurvatureAccumulator {
    /// The sums of a layer so far.
    private struct Sums {
        var inputs: RowSum?
        var outputs: RowSum?
        var count = 0

        mutating func add(inputs more: RowSum?, outputs others: RowSum, count number: Int) {
            if let more { inputs = inputs.map { $0.adding(more) } ?? more }
            outputs = outputs.map { $0.adding(others) } ?? others
            count += number
        }
    }

    private let estimator: CurvatureEstimator
    private let run: PassRun
    private let sharing: WeightSharing
    private let isDiagonal: Bool
    private var sums: [ParameterPath: Sums] = [:]
    private var others: DiagonalAccumulator?
    private var isFirst = true

    init(_ estimator: CurvatureEstimator, _ run: PassRun, _ sharing: WeightSharing, isDiagonal: Bool) {
        self.estimator = estimator
        self.run = run
        self.sharing = sharing
        self.isDiagonal = isDiagonal
        others =
            isDiagonal
            ? DiagonalAccumulator(estimator, run, of: estimator.parametersWithoutFactors) : nil
    }

    mutating func add(_ pass: BackwardPass) throws {
        for (path, layer) in estimator.kroneckerLayers {
            for use in pass.uses[path] ?? [] { try add(use, of: layer, path, weight: pass.weight) }
        }
        others?.add(pass)
        isFirst = false
    }

    /// The inputs are the same in every pass, and are summed in the first; where they depend on labels, those of the first
    /// draw stand for all.
    private mutating func add(
        _ use: LayerActivation, of layer: any KroneckerLayer, _ path: ParameterPath, weight: Double
    ) throws {
        if isDiagonal, sharing == .expand, use.participants == nil,
            let quick = layer.factorDiagonals(of: use)
        {
            sums[path, default: Sums()].add(
                inputs: isFirst ? RowSum(quick.inputs) : nil, outputs: RowSum(quick.outputs * weight),
                count: isFirst ? quick.count : 0)
            return
        }
        for rows in estimator.rows(layer, use, units: run.units) {
            let (a, s) = rows.shared(by: sharing)
            func sum(_ x: Tensor, _ withOnes: Bool, _ weight: Double) -> RowSum {
                isDiagonal
                    ? RowSum(squaredLengths(x, withOnes: withOnes) * weight)
                    : RowSum(of: x, withOnes: withOnes, weight: weight)
            }
            sums[path, default: Sums()].add(
                inputs: isFirst ? sum(a, rows.hasBias, 1) : nil, outputs: sum(s, false, weight),
                count: isFirst ? a.shape[0] : 0)
        }
    }

    func finished() throws -> any Summable { try information() }

    /// The factors from all passes.
    func information() throws -> KroneckerInformation {
        KroneckerInformation(
            source: run.source,
            sums: KroneckerSums(
                sharing: sharing,
                layers: try sums.compactMapValues { sum in
                    guard let inputs = sum.inputs, let outputs = sum.outputs else { return nil }
                    try inputs.check()
                    try outputs.check()
                    return KroneckerFactors(
                        inputs: inputs, outputs: outputs, inputCount: sum.count,
                        observationCount: run.observationCount)
                },
                uncovered: estimator.parametersWithoutFactors.map(\.path),
                others: try others?.information()),
            observationCount: run.observationCount)
    }
}

extension CurvatureEstimator {
    /// The rows of a layer's use in runs of units that need little memory at a time.
    func rows(
        _ layer: any KroneckerLayer, _ use: LayerActivation, units: Int
    ) -> some Sequence<KroneckerRows> {
        Self.chunks(units, unitByteCount: layer.workingByteCount(of: use)).lazy.map { range in
            let part = range.count == units ? use : use.narrowed(range)
            var rows = layer.kroneckerRows(of: part)
            rows.participants = part.participants
            return rows
        }
    }
}

/// The diagonal of `gram`.
private func squaredLengths(_ rows: Tensor, withOnes: Bool) -> Tensor {
    if rows.failure != nil { return rows }
    let squares = UnitSums.columns(rows, depth: 1)?.squares ?? rows.squared().sum(along: 0)
    guard withOnes else { return squares }
    return .concatenated([
        squares, .full([1], Double(rows.shape[0]), dtype: squares.dtype, device: squares.device),
    ])
}
