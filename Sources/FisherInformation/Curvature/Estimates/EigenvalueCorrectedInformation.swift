import NeuralNet
import Torch

extension KroneckerEigenbasis {
    /// The eigenbases of a layer's factors, eigenvalues ascending. Costs the cube of each factor's size.
    ///
    /// Where a factor lacks rank its null space has the basis of the eigenvectors of N D N, eigenvalues ascending, with
    /// the projector N onto it and D = diag(2 - k/n), k = 0, 1, ...: the diagonal of the information there does not
    /// depend on the library that decomposed the factor.
    public init(of factors: KroneckerFactors) throws(TorchError) {
        self.init(
            inputs: try SafeEigen(factors.a).canonicalVectors,
            outputs: try SafeEigen(factors.s).canonicalVectors)
    }
}

/// One layer's information in the eigenbasis of its Kronecker factors (George et al. 2018): F ~ Q diag(s) Q^T with
/// Q = Q_A (x) Q_S and s = (1/N) sum_n (Q_S^T G_n Q_A)^2, the best diagonal in this basis.
public struct EigenvalueCorrectedFactors: Summable {
    /// Q_A and Q_S.
    public let basis: KroneckerEigenbasis
    /// sum over units of (Q_S^T G_n Q_A)^2, [outputs, inputs (+ 1)].
    public let squares: Tensor
    /// The number N of observations.
    public let observationCount: Int
    /// sum over units of Q_S^T G_n Q_A, of this process alone, if the labels are the data's and the sum came with the
    /// squares: the gradient in the basis, which is otherwise two more products.
    package var gradient: Tensor?

    /// Gathers sums.
    public init(basis: KroneckerEigenbasis, squares: Tensor, observationCount: Int) {
        self.basis = basis
        self.squares = squares
        self.observationCount = observationCount
    }

    /// s, on the scale of the mean loss.
    public var mean: Tensor { squares / Double(max(observationCount, 1)) }

    /// Q_S [(Q_S^T V Q_A) / (s + damping)] Q_A^T: the damped inverse times V [outputs, inputs (+ 1)].
    public func solving(_ direction: Tensor, damping: Double) -> Tensor {
        basis.solving(direction, eigenvalues: mean, damping: damping)
    }

    /// The sums of both, which must have been made in the same basis. Throws `mismatched` if they were not.
    public func adding(_ other: EigenvalueCorrectedFactors) throws(CurvatureError)
        -> EigenvalueCorrectedFactors
    {
        guard basis.isEqual(to: other.basis) else {
            throw .mismatched(reason: "the eigenvalues are in other bases")
        }
        var sum = EigenvalueCorrectedFactors(
            basis: basis, squares: try squares.adding(other.squares),
            observationCount: observationCount + other.observationCount)
        sum.gradient = try gradient.adding(other.gradient)
        return sum
    }

    /// The sum of what all processes have in this basis, which is the same everywhere; their gradients are not sent again.
    public func summed(by sum: ProcessSum) throws -> EigenvalueCorrectedFactors {
        EigenvalueCorrectedFactors(
            basis: basis, squares: try sum(squares), observationCount: sum(observationCount))
    }
}

/// The information of a model's layers in the eigenbases of their Kronecker factors.
///
/// Estimates in the same bases add up; those in the bases of each batch's own factors do not.
public typealias EigenvalueCorrectedInformation = Counted<EigenvalueSums>

/// The eigenvalues of layers that are linear in parameters of their own.
public struct EigenvalueSums: Summable {
    /// The layers by path.
    public let layers: [ParameterPath: EigenvalueCorrectedFactors]
    /// Trainable parameters that no such layer has.
    public let uncovered: [ParameterPath]

    /// Gathers layers.
    public init(layers: [ParameterPath: EigenvalueCorrectedFactors], uncovered: [ParameterPath]) {
        self.layers = layers
        self.uncovered = uncovered
    }

    /// The sums of both. Throws `mismatched` if layers or bases differ.
    public func adding(_ other: EigenvalueSums) throws(CurvatureError) -> EigenvalueSums {
        guard uncovered == other.uncovered else { throw .mismatched(reason: "they are of other layers") }
        return EigenvalueSums(layers: try layers.adding(other.layers), uncovered: uncovered)
    }

    public func summed(by sum: ProcessSum) throws -> EigenvalueSums {
        EigenvalueSums(layers: try layers.summed(by: sum), uncovered: uncovered)
    }
}

/// Computes the factors in a first traversal of the passes, and the eigenvalues in their bases in a second
/// one.
struct EigenvalueAccumulator: CurvatureAccumulator {
    private let estimator: CurvatureEstimator
    private var factors: KroneckerAccumulator
    private var run: PassRun

    init(_ estimator: CurvatureEstimator, _ run: PassRun, _ sharing: WeightSharing) {
        self.estimator = estimator
        factors = KroneckerAccumulator(estimator, run, sharing, isDiagonal: false)
        self.run = run
    }

    mutating func add(_ pass: BackwardPass) throws {
        try factors.add(pass)
        run.keep(pass)
    }

    func finished() throws -> any Summable {
        var bases: [ParameterPath: KroneckerEigenbasis] = [:]
        for (path, layer) in try factors.information().layers {
            bases[path] = try KroneckerEigenbasis(of: layer)
        }
        return try CapturedActivations(run, by: estimator).eigenvalues(in: bases)
    }
}
