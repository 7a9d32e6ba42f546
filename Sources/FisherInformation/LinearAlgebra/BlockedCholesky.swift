import Torch

/// The factorization M = L D L^T of a symmetric, positive definite matrix in blocks of columns, which are asked for one
/// after another: no more than the lower triangle is ever held.
///
/// Cholesky's factorization with blocks in place of numbers: D is block diagonal, L has unit blocks. Nearly all of the
/// n^3 / 3 multiplications are in products of matrices.
package struct BlockedCholesky {
    /// A block of columns.
    private struct Panel {
        let rows: Range<Int>
        /// The inverse of D's block.
        let inverse: Tensor
        /// L below the block; nil for the last.
        let below: Tensor?
    }

    private let panels: [Panel]

    /// Factorizes M + damping I; nil if it is not positive definite in the numbers' precision.
    ///
    /// - Parameters:
    ///   - size: the number n of rows.
    ///   - width: the number of columns of a block.
    ///   - damping: what is added to the diagonal.
    ///   - columns: M's columns of a range from the row of the first one on, [n - lower bound, columns]; changed.
    package init?(
        size: Int, width: Int, damping: Double, columns: (Range<Int>) throws -> Tensor
    ) throws {
        var (panels, scaled): ([Panel], [Tensor]) = ([], [])
        for first in stride(from: 0, to: size, by: width) {
            let rows = first..<min(first + width, size)
            let column = try columns(rows)
            try column.check()
            for (panel, factor) in zip(panels, scaled) {
                guard let below = panel.below else { continue }
                let start = first - panel.rows.upperBound
                // M - L D L^T of the columns before, with L D in `scaled`.
                try column.assignSum(
                    column, keeping: 1,
                    addingProduct: factor.narrowed(0, from: start, length: size - first),
                    below.narrowed(0, from: start, length: rows.count).transposed(0, 1), scale: -1)
            }
            let block = column.narrowed(0, from: 0, length: rows.count).addingDiagonal(damping)
            let inverse = SafeCholesky.blockwiseInverse(block)
            if inverse.failure != nil { return nil }
            var below: Tensor?
            if rows.upperBound < size {
                let rest = column.narrowed(0, from: rows.count, length: size - rows.upperBound)
                scaled.append(rest)
                below = rest.matmul(inverse)
            }
            panels.append(Panel(rows: rows, inverse: inverse, below: below))
        }
        self.panels = panels
    }

    /// x of (M + damping I) x = b, for a vector b.
    package func solving(_ b: Tensor) throws(TorchError) -> Tensor {
        let left = b.copy()
        var parts: [Tensor] = []
        for panel in panels {
            let own = left.narrowed(0, from: panel.rows.lowerBound, length: panel.rows.count)
            parts.append(panel.inverse.matmul(own))
            guard let below = panel.below else { continue }
            try left.narrowed(0, from: panel.rows.upperBound, length: below.shape[0])
                .add(below.matmul(own), scale: -1)
        }
        let x = Tensor.concatenated(parts)
        for panel in panels.reversed() {
            guard let below = panel.below else { continue }
            let found = x.narrowed(0, from: panel.rows.upperBound, length: below.shape[0])
            try x.narrowed(0, from: panel.rows.lowerBound, length: panel.rows.count)
                .add(found.unsqueezed(0).matmul(below).flattened(), scale: -1)
        }
        return x
    }
}
