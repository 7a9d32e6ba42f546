import Foundation
import Torch

/// What the Gram matrix of the units' gradients says of a block of the information: of F = J^T J, whose eigenvalues that
/// are not zero are those of J J^T.
///
/// Nothing in it is of a surrogate. It is the information of the units given, and estimates that of their distribution:
/// with fewer rows than parameters it is singular, and its large eigenvalues are too large. ``halves`` and ``shrinkage``
/// say by how much.
public struct TrueBlock: Hashable, Sendable {
    /// The number of parameters p.
    public let parameterCount: Int
    /// The number of units n.
    public let unitCount: Int
    /// The number of rows of J: units times draws, or times factors of the closed form and positions.
    public let rowCount: Int
    /// tr F.
    public let trace: Double
    /// The eigenvalues that rows and parameters allow, min(rows, p) of them; the others are zero.
    public let spectrum: Spectrum
    /// |F|^2 = tr F^2.
    public let squaredNorm: Double
    /// |F|^2 from pairs of different units, which the noise of a finite sample does not enlarge; nil for a single unit.
    public let unbiasedSquaredNorm: Double?
    /// Eigenvalues below this times the largest are rounding.
    public let cutoff: Double
    /// The spectrum on two halves of the units; nil for a single unit.
    public let halves: SplitSpectrum?
    /// F moved toward a multiple of the identity by as much as its noise asks for.
    public let shrinkage: Shrinkage

    /// |F|.
    public var norm: Double { squaredNorm.squareRoot() }
    /// The number of eigenvalues above rounding.
    public var rank: Int { spectrum.values.prefix { $0 > cutoff * (spectrum.values.first ?? 0) }.count }
    /// exp of the entropy of the eigenvalues as shares of the trace.
    public var effectiveRank: Double { spectrum.effectiveRank }
    /// The largest eigenvalue over the smallest of all p; infinite where the rank is less than p.
    public var conditionNumber: Double { rank < parameterCount ? .infinity : rangeConditionNumber }
    /// The largest eigenvalue over the smallest that is not rounding; infinite for a block of zeros.
    public var rangeConditionNumber: Double {
        rank > 0 ? spectrum.values[0] / spectrum.values[rank - 1] : .infinity
    }
    /// The part of |F|^2 that is the noise of a finite sample, as the two norms give it; nil for a single unit.
    public var noiseShare: Double? {
        unbiasedSquaredNorm.flatMap { squaredNorm > 0 ? 1 - $0 / squaredNorm : nil }
    }

    /// tr[F (F + damping)^-1], the number of parameters that the data determine against a damping.
    public func effectiveParameters(damping: Double) -> Double {
        spectrum.values.prefix(rank).reduce(0) { $0 + $1 / ($1 + damping) }
    }

    /// Analyzes a Gram matrix. Costs an eigendecomposition of the smaller of rows and parameters, and two of half the rows.
    ///
    /// - Parameters:
    ///   - gram: J J^T, [rows, rows], float64.
    ///   - rows: J, if it is at hand.
    ///   - units: the unit of each row.
    ///   - unitCount: how many units there are.
    ///   - parameterCount: p.
    ///   - cutoff: what is rounding, relative to the largest eigenvalue.
    init(
        gram: Tensor, rows: Tensor?, units: [Int], unitCount: Int, parameterCount: Int, cutoff: Double
    ) throws(TorchError) {
        self.parameterCount = parameterCount
        self.unitCount = unitCount
        self.cutoff = cutoff
        rowCount = units.count
        let small = rows.flatMap { $0.shape[1] < $0.shape[0] ? $0 : nil }
        spectrum = try Spectrum(of: small.map { $0.transposed().matmul($0) } ?? gram)
        trace = try gram.diagonalScalars().reduce(0, +)
        let squares = groupSums(gram.squared(), units, count: unitCount)
        squaredNorm = try squares.sum().item()
        let within = try squares.diagonalScalars().reduce(0, +)
        let n = Double(unitCount)
        unbiasedSquaredNorm = unitCount > 1 ? (squaredNorm - within) * n / (n - 1) : nil
        halves = unitCount > 1 ? try SplitSpectrum(gram, rows: rows, units: units, cutoff: cutoff) : nil
        shrinkage = Shrinkage(
            spectrum: spectrum, trace: trace, squaredNorm: squaredNorm, within: within, unitCount: n,
            parameterCount: parameterCount)
    }
}

/// Ledoit and Wolf's (2004) estimate (1 - w) F + w (tr F / p) 1, with the weight w that minimizes the expected distance
/// from the information of the units' distribution.
public struct Shrinkage: Hashable, Sendable {
    /// The weight w of the target, from 0 to 1.
    public let weight: Double
    /// The eigenvalue of the target, tr F / p.
    public let target: Double
    /// The largest eigenvalue of the estimate.
    public let topEigenvalue: Double
    /// The largest over the smallest; infinite where the weight is zero and F singular.
    public let conditionNumber: Double
    /// exp of the entropy of the eigenvalues' shares.
    public let effectiveRank: Double

    /// The estimate by the spectrum alone.
    ///
    /// - Parameters:
    ///   - within: the sum over units of |F_n|^2, each F_n with the weight 1 / n that it has in F.
    fileprivate init(
        spectrum: Spectrum, trace: Double, squaredNorm: Double, within: Double, unitCount: Double,
        parameterCount: Int
    ) {
        let p = Double(parameterCount)
        let distance = max(0, squaredNorm - trace * trace / p)
        let noise = max(0, within - squaredNorm / unitCount)
        let weight = distance > 0 ? min(1, noise / distance) : 0
        let target = trace / p
        self.weight = weight
        self.target = target
        let moved = spectrum.values.map { (1 - weight) * $0 + weight * target }
        let others = parameterCount - moved.count
        let smallest = others > 0 ? weight * target : moved.last ?? 0
        topEigenvalue = moved.first ?? 0
        conditionNumber = smallest > 0 ? topEigenvalue / smallest : .infinity
        func entropy(_ value: Double) -> Double {
            value > 0 && trace > 0 ? -value / trace * log(value / trace) : 0
        }
        effectiveRank =
            trace > 0
            ? exp(moved.reduce(0) { $0 + entropy($1) } + Double(others) * entropy(weight * target)) : 0
    }
}

/// The spectra of two halves of the units, even and odd ones, each tested on the other: how far a spectrum depends on the
/// number of units.
///
/// An eigenvalue of a half is too large for the distribution's, and what its eigenvector has on the other half, v^T F' v,
/// is on average at most the distribution's largest: the truth lies between.
public struct SplitSpectrum: Hashable, Sendable {
    /// The most eigenvectors that are tested.
    static let most = 64

    /// The largest eigenvalues of a half, the mean of both.
    public let eigenvalues: [Double]
    /// What their eigenvectors have on the other half, the mean of both.
    public let heldOut: [Double]
    /// The effective rank of a half, the mean of both.
    public let effectiveRank: Double

    /// 2 l(n) - l(n / 2): the largest eigenvalue l of all units without its bias of the order 1 / n.
    public func extrapolated(_ whole: Double) -> Double { 2 * whole - (eigenvalues.first ?? whole) }

    fileprivate init(_ gram: Tensor, rows: Tensor?, units: [Int], cutoff: Double) throws(TorchError) {
        let sides = [0, 1].map { side in units.indices.filter { units[$0] % 2 == side } }
        let counts = sides.map { Double(Set($0.map { units[$0] }).count) }
        let total = counts[0] + counts[1]
        var found: [(own: [Double], other: [Double], rank: Double)] = []
        for side in 0..<2 {
            let (own, other) = (sides[side], sides[1 - side])
            let (scale, itsScale) = (total / counts[side], total / counts[1 - side])
            let small = rows.flatMap { $0.shape[1] < own.count ? $0 : nil }
            func part(_ chosen: [Int]) -> Tensor? {
                small.map { $0.gathering(Tensor(chosen.map(Int64.init)), along: 0) }
            }
            let matrix = part(own).map { $0.transposed().matmul($0) } ?? gram.submatrix(own, own)
            let (ascending, vectors) = matrix.symmetricEigen()
            let values = try ascending.scalars(as: Double.self).reversed().map { max($0, 0) }
            let kept = values.prefix(Self.most).prefix { $0 > cutoff * (values.first ?? 0) }.count
            let top = vectors.narrowed(1, from: values.count - kept, length: kept).reversed(along: 1)
            let energies: [Double]
            if kept == 0 {
                energies = []
            } else if let its = part(other) {
                energies = try its.matmul(top).squared().sum(along: 0).scalars(as: Double.self)
            } else {
                let turned = gram.submatrix(other, own).matmul(top).squared().sum(along: 0)
                energies = try zip(turned.scalars(as: Double.self), values).map { $0 / $1 }
            }
            found.append(
                (
                    values.prefix(kept).map { $0 * scale }, energies.map { $0 * itsScale },
                    Spectrum(values: values).effectiveRank
                ))
        }
        let common = min(found[0].own.count, found[1].own.count)
        eigenvalues = (0..<common).map { (found[0].own[$0] + found[1].own[$0]) / 2 }
        heldOut = (0..<common).map { (found[0].other[$0] + found[1].other[$0]) / 2 }
        effectiveRank = (found[0].rank + found[1].rank) / 2
    }
}
