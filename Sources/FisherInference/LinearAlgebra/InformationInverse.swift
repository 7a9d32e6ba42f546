import Torch

/// The inverse of an information matrix on its range, and the directions it says nothing about.
package struct InformationInverse: Sendable {
    /// Eigenvalues of the matrix, scaled to a diagonal of ones, up to this times the largest count as zero.
    package static let singularity = 1e-10

    /// The Moore-Penrose inverse in the scaled coordinates; the inverse where the rank is full.
    package let inverse: DenseMatrix
    /// The number of determined directions.
    package let rank: Int
    /// A basis of the null space, one direction a row, reduced so that each has a leading 1 on a last column.
    package let nullDirections: [[Double]]

    /// Inverts a symmetric matrix.
    package init(of matrix: DenseMatrix, singularity: Double = Self.singularity) throws(TorchError) {
        let size = matrix.rowCount
        // A pivot is at least the smallest eigenvalue, so that a small one needs eigenvalues to be judged by.
        if let cholesky = matrix.scaledCholesky(tolerance: 1e-6) {
            (inverse, rank, nullDirections) = (cholesky.inverse(), size, [])
            return
        }
        let scale = matrix.diagonal.map { $0 > 0 ? 1 / $0.squareRoot() : 1 }
        var scaled = matrix
        for i in 0..<size { for j in 0..<size { scaled[i, j] *= scale[i] * scale[j] } }
        let (values, vectors) = try scaled.symmetricEigen()
        let limit = singularity * max(values.last ?? 0, 0)
        var result = DenseMatrix(size, size)
        var null: [[Double]] = []
        for (k, value) in values.enumerated() {
            let vector = (0..<size).map { vectors[$0, k] * scale[$0] }
            // Observed information away from the maximum may be indefinite; such directions are no null directions.
            if abs(value) <= limit {
                null.append(vector)
                continue
            }
            for i in 0..<size { for j in 0..<size { result[i, j] += vector[i] * vector[j] / value } }
        }
        inverse = result
        rank = size - null.count
        nullDirections = Self.reduced(null)
    }

    /// Gauss-Jordan elimination of the rows, the last columns first: each row gets a 1 where the others have 0.
    package static func reduced(_ rows: [[Double]]) -> [[Double]] {
        var rows = rows
        var done = 0
        guard let width = rows.first?.count else { return [] }
        for column in (0..<width).reversed() where done < rows.count {
            let largest = rows[done...].indices.max { abs(rows[$0][column]) < abs(rows[$1][column]) } ?? done
            let size = rows[largest].map(abs).max() ?? 0
            guard abs(rows[largest][column]) > 1e-6 * size, size > 0 else { continue }
            rows.swapAt(done, largest)
            let pivot = rows[done][column]
            rows[done] = rows[done].map { $0 / pivot }
            for other in rows.indices where other != done {
                rows[other] = sum(rows[other], rows[done], times: -rows[other][column])
            }
            done += 1
        }
        return rows.map { row in
            let size = row.map(abs).max() ?? 0
            return row.map { abs($0) <= 1e-8 * size ? 0 : $0 }
        }
    }

    /// Whether a linear function of the parameters is the same along every null direction.
    package func determines(_ function: [Double]) -> Bool {
        nullDirections.allSatisfy { direction in
            let size = zip(direction, function).map { abs($0 * $1) }.max() ?? 0
            let scale = (direction.map(abs).max() ?? 0) * (function.map(abs).max() ?? 0)
            return abs(dot(direction, function)) <= 1e-7 * max(size, 1e-7 * scale)
        }
    }
}
