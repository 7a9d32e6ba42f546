import FisherInformation
import Torch

/// A small matrix in the process's own memory, row-major.
///
/// The information of a table's model has a few dozen rows; at that size a call of libtorch costs more than the
/// arithmetic, so that only the eigenvalues are taken from there.
package struct DenseMatrix: Hashable, Codable, Sendable {
    package let rowCount: Int
    package let columnCount: Int
    package var values: [Double]

    package init(_ rowCount: Int, _ columnCount: Int) {
        (self.rowCount, self.columnCount) = (rowCount, columnCount)
        values = Array(repeating: 0, count: rowCount * columnCount)
    }

    package init(rows: [[Double]], columnCount: Int) {
        self.init(rows.count, columnCount)
        values = rows.flatMap(\.self)
        precondition(values.count == rowCount * columnCount, "rows of one length make a matrix")
    }

    package static func identity(_ size: Int) -> DenseMatrix {
        var matrix = DenseMatrix(size, size)
        for i in 0..<size { matrix[i, i] = 1 }
        return matrix
    }

    package subscript(row: Int, column: Int) -> Double {
        get { values[row * columnCount + column] }
        set { values[row * columnCount + column] = newValue }
    }

    package func row(_ index: Int) -> [Double] {
        Array(values[index * columnCount..<(index + 1) * columnCount])
    }

    package var diagonal: [Double] { (0..<min(rowCount, columnCount)).map { self[$0, $0] } }
    package var trace: Double { diagonal.reduce(0, +) }

    package var transposed: DenseMatrix {
        var result = DenseMatrix(columnCount, rowCount)
        for i in 0..<rowCount { for j in 0..<columnCount { result[j, i] = self[i, j] } }
        return result
    }

    /// Copies the lower triangle to the upper one, for sums that were made of the lower one only.
    package mutating func mirrorLowerTriangle() {
        for i in 0..<rowCount { for j in 0..<i { self[j, i] = self[i, j] } }
    }

    package static func + (a: DenseMatrix, b: DenseMatrix) -> DenseMatrix {
        var sum = a
        for i in sum.values.indices { sum.values[i] += b.values[i] }
        return sum
    }

    package static func * (a: DenseMatrix, scale: Double) -> DenseMatrix {
        var product = a
        for i in product.values.indices { product.values[i] *= scale }
        return product
    }

    package static func * (a: DenseMatrix, b: DenseMatrix) -> DenseMatrix {
        precondition(a.columnCount == b.rowCount, "matrices of these sizes have no product")
        var product = DenseMatrix(a.rowCount, b.columnCount)
        let (n, m, p) = (a.rowCount, a.columnCount, b.columnCount)
        product.values.withUnsafeMutableBufferPointer { out in
            a.values.withUnsafeBufferPointer { left in
                b.values.withUnsafeBufferPointer { right in
                    for i in 0..<n {
                        for k in 0..<m where left[i * m + k] != 0 {
                            let factor = left[i * m + k]
                            for j in 0..<p { out[i * p + j] += factor * right[k * p + j] }
                        }
                    }
                }
            }
        }
        return product
    }

    package static func * (a: DenseMatrix, v: [Double]) -> [Double] {
        precondition(a.columnCount == v.count, "a matrix and a vector of these sizes have no product")
        return (0..<a.rowCount).map { i in
            var sum = 0.0
            for j in 0..<v.count { sum += a[i, j] * v[j] }
            return sum
        }
    }

    /// a^T M b.
    package func form(_ a: [Double], _ b: [Double]) -> Double { dot(a, self * b) }

    /// B M B^T.
    package func congruent(by b: DenseMatrix) -> DenseMatrix { b * self * b.transposed }

    /// The rows and columns of these indices.
    package func block(_ indices: [Int]) -> DenseMatrix {
        DenseMatrix(
            rows: indices.map { i in indices.map { self[i, $0] } }, columnCount: indices.count)
    }

    /// The lower L with L L^T = D M D, D the inverse roots of the diagonal; nil where M is not positive definite by
    /// more than the tolerance, relative to the scaled diagonal of ones.
    package func scaledCholesky(tolerance: Double) -> ScaledCholesky? {
        let n = rowCount
        var scale = [Double](repeating: 1, count: n)
        for i in 0..<n {
            guard self[i, i] > 0, self[i, i].isFinite else { return nil }
            scale[i] = 1 / self[i, i].squareRoot()
        }
        var factor = values
        let isDefinite = factor.withUnsafeMutableBufferPointer { l in
            for i in 0..<n { for j in 0...i { l[i * n + j] *= scale[i] * scale[j] } }
            for j in 0..<n {
                for k in 0..<j { l[j * n + j] -= l[j * n + k] * l[j * n + k] }
                guard l[j * n + j] > tolerance else { return false }
                let pivot = l[j * n + j].squareRoot()
                l[j * n + j] = pivot
                for i in (j + 1)..<max(n, j + 1) {
                    var sum = l[i * n + j]
                    for k in 0..<j { sum -= l[i * n + k] * l[j * n + k] }
                    l[i * n + j] = sum / pivot
                }
            }
            return true
        }
        return isDefinite ? ScaledCholesky(size: n, factor: factor, scale: scale) : nil
    }

    /// Eigenvalues, ascending, and the eigenvectors as columns, of a symmetric matrix.
    package func symmetricEigen() throws(TorchError) -> (values: [Double], vectors: DenseMatrix) {
        if rowCount == 0 { return ([], self) }
        let (found, vectors) = Tensor(values, shape: [rowCount, rowCount]).symmetricEigen()
        var columns = DenseMatrix(rowCount, rowCount)
        columns.values = try vectors.scalars(as: Double.self)
        return (try found.scalars(as: Double.self), columns)
    }
}

/// A Cholesky factor of a matrix that was scaled to a diagonal of ones.
package struct ScaledCholesky: Sendable {
    let size: Int
    let factor: [Double]
    let scale: [Double]

    /// L^-1 D v.
    package func whitened(_ v: [Double]) -> [Double] {
        var x = v
        for i in 0..<size {
            x[i] *= scale[i]
            for k in 0..<i { x[i] -= factor[i * size + k] * x[k] }
            x[i] /= factor[i * size + i]
        }
        return x
    }

    /// M^-1 v.
    package func solution(_ v: [Double]) -> [Double] {
        var x = whitened(v)
        for i in (0..<size).reversed() {
            for k in (i + 1)..<max(size, i + 1) { x[i] -= factor[k * size + i] * x[k] }
            x[i] /= factor[i * size + i]
        }
        for i in 0..<size { x[i] *= scale[i] }
        return x
    }

    /// M^-1.
    package func inverse() -> DenseMatrix {
        var result = DenseMatrix(size, size)
        for j in 0..<size {
            var unit = [Double](repeating: 0, count: size)
            unit[j] = 1
            let column = solution(unit)
            for i in 0..<size { result[i, j] = column[i] }
        }
        for i in 0..<size {
            for j in 0..<i {
                let mean = (result[i, j] + result[j, i]) / 2
                (result[i, j], result[j, i]) = (mean, mean)
            }
        }
        return result
    }

    /// W^T J W with W W^T = M^-1.
    package func whitened(_ matrix: DenseMatrix) -> DenseMatrix {
        let half = DenseMatrix(
            rows: (0..<size).map { i in whitened(matrix.row(i)) }, columnCount: size
        ).transposed
        return DenseMatrix(rows: (0..<size).map { i in whitened(half.row(i)) }, columnCount: size)
    }
}

/// The scalar product.
package func dot(_ a: [Double], _ b: [Double]) -> Double {
    precondition(a.count == b.count, "vectors of one length have a scalar product")
    var sum = 0.0
    for i in a.indices { sum += a[i] * b[i] }
    return sum
}

/// a + scale * b.
package func sum(_ a: [Double], _ b: [Double], times scale: Double = 1) -> [Double] {
    zip(a, b).map { $0 + scale * $1 }
}
