import NeuralNet
import Torch

/// The eigenbases of a layer's Kronecker factors.
public struct KroneckerEigenbasis {
    /// Q_A: A's eigenvectors as columns, [inputs (+ 1), inputs (+ 1)].
    public let inputs: Tensor
    /// Q_S: S's eigenvectors as columns, [outputs, outputs].
    public let outputs: Tensor

    /// Takes bases; their columns are orthonormal.
    public init(inputs: Tensor, outputs: Tensor) {
        self.inputs = inputs
        self.outputs = outputs
    }

    /// The eigenbases of factors, eigenvalues ascending. Costs the cube of each factor's size.
    public init(of factors: KroneckerFactors) throws(TorchError) {
        inputs = factors.a.symmetricEigen().vectors
        outputs = factors.s.symmetricEigen().vectors
        try inputs.check()
        try outputs.check()
    }
}

/// One layer's information in the eigenbasis of its Kronecker factors (George et al. 2018): F ~ Q diag(s) Q^T with
/// Q = Q_A (x) Q_S and s = (1/N) sum_n (Q_S^T G_n Q_A)^2, the best diagonal in this basis.
public struct EigenvalueCorrectedFactors {
    /// Q_A and Q_S.
    public let basis: KroneckerEigenbasis
    /// sum over units of (Q_S^T G_n Q_A)^2, [outputs, inputs (+ 1)].
    public private(set) var squares: Tensor
    /// N: the number of observations.
    public private(set) var observationCount: Int

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
        let turned = basis.outputs.transposed().matmul(direction).matmul(basis.inputs)
        return basis.outputs.matmul(turned / (mean + damping)).matmul(basis.inputs.transposed())
    }

    /// Adds the sums of independent data, made in the same basis; throws where the shapes differ.
    public mutating func add(_ other: EigenvalueCorrectedFactors) throws(CurvatureError) {
        guard squares.shape == other.squares.shape else {
            throw .mismatched(reason: "the factors have other shapes")
        }
        squares = squares + other.squares
        observationCount += other.observationCount
    }
}

/// The information of a model's layers in the eigenbases of their Kronecker factors.
public struct EigenvalueCorrectedInformation {
    /// Where it came from.
    public let source: CurvatureSource
    /// The layers by path.
    public let layers: [ParameterPath: EigenvalueCorrectedFactors]
    /// Trainable parameters that no such layer has.
    public let uncovered: [ParameterPath]

    /// Gathers layers.
    public init(
        source: CurvatureSource, layers: [ParameterPath: EigenvalueCorrectedFactors],
        uncovered: [ParameterPath]
    ) {
        self.source = source
        self.layers = layers
        self.uncovered = uncovered
    }
}
