import CKernels
import Synchronization

/// Products x^T y by the package's own loops, which make half of those that are symmetric, and add what else is in the sum.
///
/// Results do not depend on the number of threads.
enum MatrixProductLoops {
    /// The terms that are copied at a time.
    private static let mostTerms = 2048

    /// keeping added + scale x^T y for x [terms, rows] and y [terms, columns], or nil for tensors that the loops do not
    /// support.
    ///
    /// - Parameters:
    ///   - isSymmetric: whether the product is known to be symmetric, and `added` is; then half of it is made.
    ///   - border: rows and columns that the result and `added` have besides, and that are not written.
    static func product(
        _ x: Tensor, _ y: Tensor, scale: Double = 1, keeping: Double = 1, added: Tensor? = nil,
        isSymmetric: Bool = false, border: Int = 0, with set: InstructionSet = .fastest
    ) -> Tensor? {
        let factors = [x, y] + (added.map { [$0] } ?? [])
        guard
            factors.allSatisfy({
                $0.failure == nil && $0.device == .cpu && $0.rank == 2 && $0.dtype == x.dtype && $0.count > 0
            }), x.dtype == .float32 || x.dtype == .float64, x.shape[0] == y.shape[0],
            !isSymmetric || x.shape[1] == y.shape[1]
        else { return nil }
        let (terms, rows, columns) = (x.shape[0], x.shape[1], y.shape[1])
        if let added, added.shape != [rows + border, columns + border] { return nil }
        let result = Tensor.uninitialized([rows + border, columns + border], dtype: x.dtype)
        let (left, right, sum) = (Factor(x), Factor(y), added?.contiguous())
        if let failure = LoopSupport.firstFailure([result, left.lying, right.lying, sum]) {
            return Tensor(failed: failure)
        }
        let table = set.productLoops(float64: x.dtype == .float64)
        let (groupRows, panelColumns) = (Int(table.pointee.rows), Int(table.pointee.columns))
        let (groups, panels) = (
            (rows + groupRows - 1) / groupRows, (columns + panelColumns - 1) / panelColumns
        )
        let size = x.dtype == .float64 ? 8 : 4
        let room = min(terms, mostTerms) * (groups * groupRows + panels * panelColumns) * size
        LoopSupport.withScratch(room) { packed in
            for first in stride(from: 0, to: terms, by: mostTerms) {
                let count = min(mostTerms, terms - first)
                let former = first == 0 ? sum : result
                let job = ck_product(
                    x: left.lying.address + first * left.row * size,
                    y: right.lying.address + first * right.row * size, x_row: Int64(left.row),
                    x_column: Int64(left.column), y_row: Int64(right.row), y_column: Int64(right.column),
                    terms: Int64(count), rows: Int64(rows), columns: Int64(columns), scale: scale,
                    kept: first == 0 ? keeping : 1, added: former.map { UnsafeRawPointer($0.address) },
                    result: result.address, stride: Int64(columns + border), symmetric: isSymmetric,
                    packed: packed)
                run(job, table, groups: groups, panels: panels)
            }
        }
        withExtendedLifetime((left, right, sum)) {}
        return result
    }

    private static func run(
        _ job: ck_product, _ table: UnsafePointer<ck_product_table>, groups: Int, panels: Int
    ) {
        nonisolated(unsafe) let (job, table) = (job, table)
        let numbers = Int(job.terms) * (Int(job.rows) + Int(job.columns))
        Engine.parallelFor(
            count: groups + panels, grain: max(1, LoopSupport.leastWork * (groups + panels) / max(numbers, 1))
        ) { range, _ in
            withUnsafePointer(to: job) { job in
                for part in range { table.pointee.pack(job, Int64(part)) }
            }
        }
        // A symmetric product's panels grow to the right: each thread takes the largest that is left.
        let work = Int(job.terms) * Int(job.rows) * Int(job.columns) / (job.symmetric ? 2 : 1)
        let next = Atomic(0)
        Engine.parallelFor(
            count: min(panels, max(1, work / LoopSupport.leastWork), Engine.threadCount), grain: 1
        ) { _, _ in
            withUnsafePointer(to: job) { job in
                while true {
                    let taken = next.add(1, ordering: .relaxed).oldValue
                    if taken >= panels { return }
                    table.pointee.product(job, Int64(panels - 1 - taken))
                }
            }
        }
    }

    /// A matrix whose numbers lie one after another, by rows or by columns, and their distances in a column and in a row.
    private struct Factor {
        let lying: Tensor
        let row, column: Int

        init(_ matrix: Tensor) {
            let turned = matrix.transposed()
            let isByColumns = !matrix.isContiguous && turned.failure == nil && turned.isContiguous
            lying = isByColumns ? turned : matrix.contiguous()
            (row, column) = isByColumns ? (1, matrix.shape[0]) : (matrix.shape[1], 1)
        }
    }
}

/// keeping added + scale x^T y of matrices with as many rows, by the package's own loops where they support them, else by the
/// engine.
package func transposedProduct(
    _ x: Tensor, _ y: Tensor, scale: Double = 1, keeping: Double = 1, added: Tensor? = nil
) -> Tensor {
    let made = MatrixProductLoops.product(x, y, scale: scale, keeping: keeping, added: added)
    return made ?? engineProduct(x, y, scale: scale, keeping: keeping, added: added)
}

/// keeping added + scale x^T y where the product is known to be symmetric, and `added` is: half of it is made.
package func symmetricProduct(
    _ x: Tensor, _ y: Tensor, scale: Double = 1, keeping: Double = 1, added: Tensor? = nil
) -> Tensor {
    let made = MatrixProductLoops.product(
        x, y, scale: scale, keeping: keeping, added: added, isSymmetric: true)
    return made ?? engineProduct(x, y, scale: scale, keeping: keeping, added: added)
}

private func engineProduct(
    _ x: Tensor, _ y: Tensor, scale: Double, keeping: Double, added: Tensor?
) -> Tensor {
    let product = x.transposed(0, 1).matmul(y)
    let scaled = scale == 1 ? product : product * scale
    return added.map { $0 * keeping + scaled } ?? scaled
}

/// keeping added + scale times the sum over rows of x x^T, optionally with a trailing 1 in x, for a symmetric `added`.
package func gram(
    _ rows: Tensor, withOnes: Bool = false, scale: Double = 1, keeping: Double = 1, added: Tensor? = nil,
    with set: InstructionSet = .fastest
) -> Tensor {
    if rows.failure != nil { return rows }
    let made = MatrixProductLoops.product(
        rows, rows, scale: scale, keeping: keeping, added: added, isSymmetric: true, border: withOnes ? 1 : 0,
        with: set)
    if let made {
        if !withOnes || made.failure != nil { return made }
        return bordered(made, by: rows, scale: scale, keeping: keeping, added: added)
    }
    var x = rows
    if withOnes {
        x = .concatenated([x, .ones([x.shape[0], 1], dtype: x.dtype, device: x.device)], along: 1)
    }
    return engineProduct(x, x, scale: scale, keeping: keeping, added: added)
}

/// The sum of squares with its last row and column: the sums of the rows, and their number.
private func bordered(
    _ sum: Tensor, by rows: Tensor, scale: Double, keeping: Double, added: Tensor?
) -> Tensor {
    let width = rows.shape[1]
    let count = Tensor.full([1], Double(rows.shape[0]), dtype: rows.dtype)
    var last = Tensor.concatenated([rows.sum(along: 0), count]).unsqueezed(0)
    if scale != 1 { last = last * scale }
    if let added { last = last + added.narrowed(0, from: width, length: 1) * keeping }
    do {
        try sum.narrowed(0, from: width, length: 1).assign(last)
        try sum.narrowed(1, from: width, length: 1).assign(last.transposed(0, 1))
    } catch { return Tensor(failed: error) }
    return sum
}
