/// An affine subspace of the parameters: origin + directions^T c.
package struct Subspace: Sendable {
    package let origin: [Double]
    /// A basis, one direction a row; nil for all directions.
    package let directions: DenseMatrix?

    /// All parameters are free.
    package static func all(from start: [Double]) -> Subspace { Subspace(origin: start, directions: nil) }

    private init(origin: [Double], directions: DenseMatrix?) {
        (self.origin, self.directions) = (origin, directions)
    }

    /// Some parameters are zero.
    package init(zero fixed: [Int], from start: [Double]) {
        let set = Set(fixed)
        origin = start.enumerated().map { set.contains($0) ? 0 : $1 }
        directions = DenseMatrix(
            rows: start.indices.filter { !set.contains($0) }.map { free in
                start.indices.map { $0 == free ? 1 : 0 }
            }, columnCount: start.count)
    }

    /// The points where f^T theta = value, from the one near `start` along `direction` (f^T direction is not 0).
    package init(_ function: [Double], equals value: Double, from start: [Double], along direction: [Double])
    {
        let shift = (value - dot(function, start)) / dot(function, direction)
        origin = sum(start, direction, times: shift)
        let pivot = function.indices.max { abs(function[$0]) < abs(function[$1]) } ?? 0
        directions = DenseMatrix(
            rows: start.indices.filter { $0 != pivot }.map { free in
                start.indices.map { $0 == free ? 1 : $0 == pivot ? -function[free] / function[pivot] : 0 }
            }, columnCount: start.count)
    }

    func restricted(_ score: [Double]) -> [Double] { directions.map { $0 * score } ?? score }
    func restricted(_ matrix: DenseMatrix) -> DenseMatrix {
        directions.map { matrix.congruent(by: $0) } ?? matrix
    }
    func extended(_ step: [Double]) -> [Double] { directions.map { $0.transposed * step } ?? step }
}
