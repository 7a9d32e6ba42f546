import CKernels
import FisherInformation

/// The row and column sums of a factored metric, and memory for what a step computes from them.
///
/// The sums of the squares are computed by tiles of at most 256 rows by 1024 columns: every tile has a row
/// and a column of partial sums of its own, less than one in a hundred of the matrix for all but small ones.
/// The powers of f's factors then replace the first partial sums.
struct FactorMemory {
    static let tileRows = 256
    static let tileColumns = 1024

    let rows, columns: Int
    /// R and C, the rule's state.
    let rowSums: UnsafeMutablePointer<Float>
    let columnSums: UnsafeMutablePointer<Float>
    let inside, outside: Double
    /// Partial row sums, `rows` for each column of tiles, then partial column sums, `columns` for each row.
    let partials: UnsafeMutablePointer<Float>
    /// The smallest divisor that the powers can make.
    var leastPower: Float = 0

    init(
        rows: Int, columns: Int, rowSums: UnsafeMutablePointer<Float>,
        columnSums: UnsafeMutablePointer<Float>, inside: Double, outside: Double
    ) {
        self.rows = rows
        self.columns = columns
        self.rowSums = rowSums
        self.columnSums = columnSums
        self.inside = inside
        self.outside = outside
        let blocks = CellGrid.blocks(rows, Self.tileRows)
        let columnBlocks = CellGrid.blocks(columns, Self.tileColumns)
        // An empty matrix needs memory for the powers too.
        partials = .allocate(capacity: 1 + max(1, columnBlocks) * rows + max(1, blocks) * columns)
    }

    func deallocate() { partials.deallocate() }

    var columnBlocks: Int { CellGrid.blocks(columns, Self.tileColumns) }
    var rowBlocks: Int { CellGrid.blocks(rows, Self.tileRows) }
    var tileCount: Int { columnBlocks * rowBlocks }
    var rowPowers: UnsafeMutablePointer<Float> { partials }
    var columnPowers: UnsafeMutablePointer<Float> { partials + max(1, columnBlocks) * rows }

    /// Sums up one tile's squares.
    func survey(_ number: Int, of job: FusedJob, _ sums: inout ck_sums) {
        let (rowBlock, columnBlock) = (number / columnBlocks, number % columnBlocks)
        let (row, column) = (rowBlock * Self.tileRows, columnBlock * Self.tileColumns)
        let tile = ck_tile(
            rows: Int64(min(Self.tileRows, rows - row)),
            columns: Int64(min(Self.tileColumns, columns - column)), stride: Int64(columns))
        let rowPartials = partials + columnBlock * rows + row
        let columnPartials = columnPowers + rowBlock * columns + column
        rowPartials.update(repeating: 0, count: Int(tile.rows))
        columnPartials.update(repeating: 0, count: Int(tile.columns))
        job.loops.pointee.factor_sums(
            .greatestFiniteMagnitude / 2 / Float(max(1, rows * columns)), tile,
            job.gradient + (row * columns + column) * job.elementByteCount, rowPartials, columnPartials, &sums
        )
    }

    /// Moves R and C by the partial sums, and leaves the powers of the factors of f = R C / sum(R) in their place.
    ///
    /// The power of a product is the product of the powers, which does not underflow for small sums.
    mutating func prepare(_ k: ck_metric) {
        let scale = Double(k.scale) * Double(k.scale)
        let (keep, take) = (Double(k.keep_f), Double(k.take_f))
        func moved(_ sum: Float, _ squares: Double, _ others: Int) -> Float {
            let bound = Double(Float.greatestFiniteMagnitude / 2)
            let square = min(squares * scale, bound) + inside * Double(others)
            return Float(min(keep * Double(sum) + take * square + outside * Double(others), bound))
        }
        var total = 0.0
        for row in 0..<rows {
            var squares = 0.0
            for block in 0..<columnBlocks { squares += Double(partials[block * rows + row]) }
            rowSums[row] = moved(rowSums[row], squares, columns)
            total += Double(rowSums[row])
        }
        var leastRow = Float.infinity
        for row in 0..<rows {
            rowPowers[row] = k.power(of: Double(rowSums[row]))
            leastRow = min(leastRow, rowPowers[row])
        }
        var leastColumn = Float.infinity
        let columnPartials = columnPowers
        for column in 0..<columns {
            var squares = 0.0
            for block in 0..<rowBlocks { squares += Double(columnPartials[block * columns + column]) }
            columnSums[column] = moved(columnSums[column], squares, rows)
        }
        for column in 0..<columns {
            let share = total > 0 ? Double(columnSums[column]) / total : 0
            columnPowers[column] = k.power(of: share)
            leastColumn = min(leastColumn, columnPowers[column])
        }
        leastPower = leastRow * leastColumn
    }
}
