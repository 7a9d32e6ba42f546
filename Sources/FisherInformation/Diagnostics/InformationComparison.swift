import NeuralNet
import Torch

/// How far an estimate of the information, or the step that it proposes, is from another.
public struct InformationComparison: Hashable, Sendable, Codable {
    /// The cosine of the angle between the two as vectors of their elements; 0 where one is zero.
    public let cosine: Double
    /// |one - reference| / |reference| (Frobenius norm); infinite where the reference alone is zero.
    public let relativeDistance: Double
    /// |one| / |reference|.
    public let scale: Double

    /// A comparison by inner products.
    ///
    /// - Parameters:
    ///   - product: <one, reference>.
    ///   - square: <one, one>.
    ///   - referenceSquare: <reference, reference>.
    ///   - distanceSquare: |one - reference|^2, where it is known better than as a difference of these.
    package init(product: Double, square: Double, referenceSquare: Double, distanceSquare: Double? = nil) {
        let norms = square.squareRoot() * referenceSquare.squareRoot()
        cosine = norms > 0 ? min(max(product / norms, -1), 1) : 0
        let distance = distanceSquare ?? max(0, square - 2 * product + referenceSquare)
        let quotient = { (value: Double) -> Double in
            referenceSquare > 0 ? (value / referenceSquare).squareRoot() : value > 0 ? .infinity : 0
        }
        relativeDistance = quotient(distance)
        scale = quotient(square)
    }

    /// Compares tensors by parameter: diagonals, or steps. Throws if they are of other parameters or shapes.
    ///
    /// - Parameters:
    ///   - one: what is judged.
    ///   - reference: what it is compared to.
    ///   - paths: the parameters to compare; all where they are missing.
    public init(
        _ one: [ParameterPath: Tensor], to reference: [ParameterPath: Tensor],
        of paths: [ParameterPath]? = nil
    ) throws {
        var (product, square, referenceSquare, distance) = (0.0, 0.0, 0.0, 0.0)
        // A fixed order: sums of doubles depend on it.
        for path in paths ?? Set(one.keys).union(reference.keys).sorted() {
            guard let a = one[path], let b = reference[path], a.shape == b.shape else {
                throw CurvatureError.mismatched(reason: "they are of other parameters")
            }
            let (x, y) = (a.detached().to(dtype: .float64), b.detached().to(dtype: .float64))
            product += try (x * y).sum().item()
            square += try x.squared().sum().item()
            referenceSquare += try y.squared().sum().item()
            distance += try (x - y).squared().sum().item()
        }
        self.init(
            product: product, square: square, referenceSquare: referenceSquare, distanceSquare: distance)
    }
}

extension DiagonalInformation {
    /// Compares the means of two diagonals, of any sources.
    public func compared(
        to reference: DiagonalInformation, of paths: [ParameterPath]? = nil
    ) throws -> InformationComparison {
        try InformationComparison(mean, to: reference.mean, of: paths)
    }
}

extension FullInformation {
    /// Compares the means of two whole matrices, of any sources.
    public func compared(to reference: FullInformation) throws -> InformationComparison {
        guard sums.paths == reference.sums.paths, sums.sum.shape == reference.sums.sum.shape else {
            throw CurvatureError.mismatched(reason: "they are of other parameters")
        }
        return try InformationComparison([.root: mean], to: [.root: reference.mean])
    }
}

extension KroneckerFactors {
    /// Compares A (x) S with another layer's, by <A (x) S, A' (x) S'> = <A, A'> <S, S'>: no product is formed.
    public func compared(to reference: KroneckerFactors) throws -> InformationComparison {
        let (product, square, other) = try inner(reference)
        return InformationComparison(product: product, square: square, referenceSquare: other)
    }

    fileprivate func inner(_ reference: KroneckerFactors) throws -> (Double, Double, Double) {
        guard inputs.shape == reference.inputs.shape, outputs.shape == reference.outputs.shape else {
            throw CurvatureError.mismatched(reason: "the factors have other shapes")
        }
        func dot(_ x: Tensor, _ y: Tensor) throws -> Double {
            try (x.to(dtype: .float64) * y.to(dtype: .float64)).sum().item()
        }
        return (
            try dot(a, reference.a) * dot(s, reference.s), try dot(a, a) * dot(s, s),
            try dot(reference.a, reference.a) * dot(reference.s, reference.s)
        )
    }
}

extension KroneckerInformation {
    /// Compares the block-diagonal matrices of A (x) S, of any sources.
    public func compared(to reference: KroneckerInformation) throws -> InformationComparison {
        var (product, square, other) = (0.0, 0.0, 0.0)
        for path in Set(sums.layers.keys).union(reference.layers.keys).sorted() {
            guard let own = sums.layers[path], let its = reference.layers[path] else {
                throw CurvatureError.mismatched(reason: "they are of other layers")
            }
            let (ab, aa, bb) = try own.inner(its)
            (product, square, other) = (product + ab, square + aa, other + bb)
        }
        return InformationComparison(product: product, square: square, referenceSquare: other)
    }
}
