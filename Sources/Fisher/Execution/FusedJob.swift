import CKernels
import FisherInformation

/// One tensor's part of a fused step: numbers and addresses only, so that threads can share it.
///
/// The tensor is cut into cells of about `cellCount` elements, whatever the number of threads, and every sum
/// is one of the cells' sums in their order: results do not depend on the assignment to threads.
struct FusedJob {
    /// Elements in a cell: large enough to hide the cost of scheduling it, small enough to distribute evenly.
    static let cellCount = 32768
    /// Tensors of up to this many elements stay in a core's own cache between the two passes over them.
    static let wholeCount = 65536
    /// Larger ones do not stay in the cache that the cores share: they are measured together with the survey.
    static let sharedCount = 1_000_000

    /// The loops of a step and their constants.
    enum Loop {
        case plain(ck_plain)
        case adaptive(ck_adaptive)
        case metric(ck_metric)
        case factored(ck_metric)
        case divided(ck_divided)
    }

    /// Factors of the rows and columns of a matrix that holds the tensor's elements.
    struct Divisor {
        let rows: UnsafePointer<Float>
        let columns: UnsafePointer<Float>
        let rowCount: Int
        let columnCount: Int
    }

    let loops: UnsafePointer<ck_table>
    let elementByteCount: Int
    let count: Int
    let parameter: UnsafeMutableRawPointer
    let gradient: UnsafeRawPointer
    var loop: Loop
    var momentum: UnsafeMutablePointer<Float>?
    /// v or f; nil for SGD and for a factored f.
    var square: UnsafeMutablePointer<Float>?
    var factors: FactorMemory?
    var divisor: Divisor?
    /// Power rho of a metric's information.
    var power = 0.5
    /// epsilon-hat of a metric's step.
    var epsilonHat: Float = 0
    /// epsilon2, where epsilon-hat is at most epsilon2 RMS(g).
    var epsilonFraction: Double?
    var reportsEpsilon = false
    var clip: Double?
    /// Whether the divided gradient is scaled to RMS 1 before its clip.
    var hasUnitLength = false
    /// Where this job's cells begin in the list of sums, and its tiles in the list of theirs.
    var firstSum = 0
    var firstTileSum = 0

    /// The sum of the squares of the gradient as it lies in memory, from the survey.
    var gradientSquares = 0.0
    /// Whether the survey has measured this tensor already.
    var isMeasured = false
    /// Whether no cache holds this tensor between the two passes of a metric's step.
    var isLarge: Bool {
        guard case .metric = loop else { return false }
        return measures && count > Self.sharedCount
    }

    /// Whether one thread makes both passes of a metric's step, with the tensor in its cache.
    var isWhole: Bool {
        guard case .metric = loop else { return false }
        return measures && count <= Self.wholeCount
    }

    /// The cells that this process moves, where several share the tensor: the states' memory holds theirs alone, and
    /// its addresses are those of the whole tensor's first element, had it memory there. Nil for all cells.
    var ownCells: Range<Int>?
    /// The cells that are worked on here.
    var workedCells: Range<Int> { ownCells ?? 0..<cells.count }
    /// Whether other processes have cells of this tensor.
    var isShared: Bool { ownCells != nil }

    /// The clip factor for the report.
    var clipFactor: Double?
    var changeSquares = 0.0

    /// A matrix's cells are pieces of rows, so that each has one row's root or a few.
    var cells: CellGrid {
        if let factors { return CellGrid(rows: factors.rows, columns: factors.columns, cell: Self.cellCount) }
        if let divisor {
            return CellGrid(rows: divisor.rowCount, columns: divisor.columnCount, cell: Self.cellCount)
        }
        return CellGrid(rows: 1, columns: count, cell: Self.cellCount)
    }

    /// Whether the step needs sums over the tensor before it can move it.
    var measures: Bool {
        switch loop {
        case .plain, .adaptive, .divided: false
        case .metric, .factored: clip != nil || hasUnitLength
        }
    }

    /// sums.gradient of a cell, of the gradient as it lies in memory.
    func survey(_ cell: Int, _ sums: inout ck_sums) {
        // A matrix may have more cells than the line of its elements.
        let start = min(count, cell * Self.cellCount)
        loops.pointee.square_sum(
            gradient + start * elementByteCount, Int64(min(Self.cellCount, count - start)), &sums)
    }

    /// The sums of a cell that `resolve` needs; nothing is written, but for 1 / d of the tensor's elements if there is
    /// memory for them.
    func measure(_ cell: Int, _ sums: inout ck_sums, inverses: UnsafeMutablePointer<Float>? = nil) {
        switch loop {
        case .plain, .adaptive, .divided: break
        case .metric(var k):
            let start = cell * Self.cellCount
            sums = ck_sums()
            loops.pointee.metric_survey(
                &k, parameter + start * elementByteCount, gradient + start * elementByteCount,
                square! + start, inverses.map { $0 + start }, Int64(min(Self.cellCount, count - start)), &sums
            )
        case .factored(var k):
            let (start, row, column, tile) = cells.tile(cell)
            sums = ck_sums()
            loops.pointee.factored_survey(
                &k, tile, parameter + start * elementByteCount, gradient + start * elementByteCount,
                factors!.rowPowers + row, factors!.columnPowers + column, &sums)
        }
    }

    /// Moves a cell, by the inverses that `measure` left if there is memory for them.
    func move(_ cell: Int, _ sums: inout ck_sums, inverses: UnsafeMutablePointer<Float>? = nil) {
        if case .factored(var k) = loop {
            let (start, row, column, tile) = cells.tile(cell)
            loops.pointee.factored_apply(
                &k, tile, parameter + start * elementByteCount, gradient + start * elementByteCount,
                momentum! + start, factors!.rowPowers + row, factors!.columnPowers + column, &sums)
            return
        }
        if case .divided(var k) = loop, let divisor {
            let (start, row, column, tile) = cells.tile(cell)
            loops.pointee.divided(
                &k, tile, parameter + start * elementByteCount, gradient + start * elementByteCount,
                momentum! + start, divisor.rows + row, divisor.columns + column, &sums)
            return
        }
        let start = cell * Self.cellCount
        let length = Int64(min(Self.cellCount, count - start))
        let (p, g) = (parameter + start * elementByteCount, gradient + start * elementByteCount)
        switch loop {
        case .plain(var k): loops.pointee.plain(&k, p, g, momentum.map { $0 + start }, length, &sums)
        case .adaptive(var k):
            loops.pointee.adaptive(&k, p, g, momentum.map { $0 + start }, square! + start, length, &sums)
        case .metric(var k):
            loops.pointee.metric_apply(
                &k, p, g, momentum! + start, square! + start, inverses.map { UnsafePointer($0 + start) },
                length,
                &sums)
        case .factored, .divided: break
        }
    }
}

/// A matrix cut into cells of at most a given number of elements: whole rows, or pieces of one row.
struct CellGrid {
    let rows, columns: Int
    let rowsPerCell, columnsPerCell: Int
    let columnBlocks: Int
    let count: Int

    init(rows: Int, columns: Int, cell: Int) {
        self.rows = rows
        self.columns = columns
        columnsPerCell = max(1, min(columns, cell))
        rowsPerCell = max(1, min(rows, cell / columnsPerCell))
        columnBlocks = Self.blocks(columns, columnsPerCell)
        count = columnBlocks * Self.blocks(rows, rowsPerCell)
    }

    /// The number of blocks of a size that cover a length.
    static func blocks(_ length: Int, _ size: Int) -> Int { (length + size - 1) / size }

    /// A cell's first element, its first row and column, and its size.
    func tile(_ cell: Int) -> (start: Int, row: Int, column: Int, tile: ck_tile) {
        let row = cell / columnBlocks * rowsPerCell
        let column = cell % columnBlocks * columnsPerCell
        let tile = ck_tile(
            rows: Int64(min(rowsPerCell, rows - row)), columns: Int64(min(columnsPerCell, columns - column)),
            stride: Int64(columns))
        return (row * columns + column, row, column, tile)
    }
}
