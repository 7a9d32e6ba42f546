import Torch

/// How far the empirical information is from the true one, with the Monte Carlo error of the draws.
///
/// A mean over draws has a norm that is too large by their noise, so that cosines to it are too small, and by most for a
/// single draw. The squared norm is taken from pairs of different draws, which are independent given the inputs. The jackknife,
/// which leaves out a draw at a time, gives the standard error and removes what bias the quotient has left (Quenouille 1956).
/// For a closed form nothing is drawn and nothing is corrected.
public struct DrawnComparison: Hashable, Sendable, Codable {
    /// The cosine of the angle between the two, corrected for the draws; for a single draw it is not corrected.
    public let cosine: Double
    /// The standard error of the cosine over the draws; 0 for a closed form, nil for fewer than three draws.
    public let standardError: Double?
    /// |empirical - true| / |true|, corrected in the same way.
    public let relativeDistance: Double
    /// The cosine to the mean of the draws as it is.
    public let uncorrectedCosine: Double

    /// The interval of the cosine at 95 %, if there is a standard error.
    public var interval: ClosedRange<Double>? {
        standardError.map { max(-1, cosine - 1.96 * $0)...min(1, max(-1, cosine + 1.96 * $0)) }
    }

    /// Compares by inner products of draws.
    ///
    /// - Parameters:
    ///   - products: <f_d, e> by draw, f the mean over draws as a sum of terms f_d.
    ///   - squares: <f_d, f_d'>, [draws, draws]; of one element for a closed form.
    ///   - empiricalSquare: <e, e>.
    ///   - isDrawn: whether there are draws to correct for.
    init(products: [Double], squares: [[Double]], empiricalSquare: Double, isDrawn: Bool) {
        let draws = Array(products.indices)
        let plain = InformationComparison(
            product: products.reduce(0, +), square: empiricalSquare,
            referenceSquare: squares.reduce(0) { $0 + $1.reduce(0, +) })
        uncorrectedCosine = plain.cosine
        /// The comparison with some of the draws.
        func corrected(_ kept: [Int]) -> InformationComparison? {
            let (all, own) = (Double(draws.count), Double(kept.count))
            guard own > 1 else { return nil }
            var pairs = 0.0
            for d in kept { for other in kept where other != d { pairs += squares[d][other] } }
            guard pairs > 0 else { return nil }
            return InformationComparison(
                product: kept.reduce(0) { $0 + products[$1] } * all / own, square: empiricalSquare,
                referenceSquare: pairs * all * all / (own * (own - 1)))
        }
        guard isDrawn, let found = corrected(draws) else {
            (cosine, relativeDistance) = (plain.cosine, plain.relativeDistance)
            standardError = isDrawn ? nil : 0
            return
        }
        relativeDistance = found.relativeDistance
        let others =
            draws.count > 2 ? draws.compactMap { d in corrected(draws.filter { $0 != d })?.cosine } : []
        guard others.count == draws.count else {
            (cosine, standardError) = (found.cosine, nil)
            return
        }
        let count = Double(others.count)
        let mean = others.reduce(0, +) / count
        cosine = min(1, max(-1, count * found.cosine - (count - 1) * mean))
        standardError =
            ((count - 1) / count * others.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }).squareRoot()
    }
}

extension DrawnComparison {
    /// Compares blocks by the Gram matrices of their rows.
    ///
    /// - Parameters:
    ///   - gram: J J^T of the true rows.
    ///   - cross: J E^T with the empirical rows E.
    ///   - empirical: E E^T.
    ///   - draws: the draw of each true row, and their number; nil for a closed form.
    init(
        gram: Tensor, cross: Tensor, empirical: Tensor, draws: (ofRow: [Int], count: Int)?
    ) throws(TorchError) {
        let group = draws?.ofRow ?? [Int](repeating: 0, count: gram.shape[0])
        let count = draws?.count ?? 1
        let products = groupMarks(group, count: count).matmul(cross.squared().sum(along: 1).unsqueezed(1))
        self.init(
            products: try products.scalars(as: Double.self),
            squares: try Self.rows(groupSums(gram.squared(), group, count: count)),
            empiricalSquare: try empirical.energy(), isDrawn: draws != nil)
    }

    /// Compares diagonals.
    ///
    /// - Parameters:
    ///   - diagonals: the true one as a sum over draws, [draws, parameters]; of one row for a closed form.
    ///   - empirical: the empirical one, [parameters].
    ///   - isDrawn: whether there are draws to correct for.
    init(diagonals: Tensor, empirical: Tensor, isDrawn: Bool) throws(TorchError) {
        self.init(
            products: try diagonals.matmul(empirical.unsqueezed(1)).scalars(as: Double.self),
            squares: try Self.rows(diagonals.matmul(diagonals.transposed())),
            empiricalSquare: try empirical.energy(), isDrawn: isDrawn)
    }

    private static func rows(_ matrix: Tensor) throws(TorchError) -> [[Double]] {
        let (elements, width) = (try matrix.scalars(as: Double.self), matrix.shape[1])
        return (0..<matrix.shape[0]).map { Array(elements[$0 * width..<($0 + 1) * width]) }
    }
}
