import CKernels
import FisherInformation
import Synchronization
import Torch

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// The fused part of one step: a survey of all gradients that writes nothing, then the moves.
///
/// Both are one parallel loop each over a list of pieces, which the threads take in order. For a rule that
/// needs sums over a tensor, a small tensor is processed as a whole by one thread, both passes while it is in
/// that core's cache; the others are measured and moved one after another, so that the second pass finds in
/// the shared cache what the first one read. A piece that needs another's result only ever waits for one
/// before it in the list, which some thread is then processing.
final class FusedUpdate {
    /// The task of a piece on its cells.
    private enum Task: UInt8 {
        case survey, surveyTiles, measureAhead, prepare, measure, move, whole
    }

    private struct Piece {
        let job: Int32
        let task: Task
        let first: Int32
        let end: Int32
        /// The stage that the job must have reached.
        var goal: Int32 = 0
    }

    /// The data shared by the threads. Every cell's sums and every job have one writer at a time.
    private struct Shared {
        let jobs: UnsafeMutablePointer<FusedJob>
        let sums: UnsafeMutablePointer<ck_sums>
        let tileSums: UnsafeMutablePointer<ck_sums>
        /// For each job, the cells that are not yet measured.
        let unmeasured: UnsafeMutablePointer<Atomic<Int>>
        /// For each job, 1 once it is prepared and 2 once it is resolved.
        let stage: UnsafeMutablePointer<Atomic<Int>>
        /// For each thread, room for the inverses 1 / d of a tensor that it processes as a whole.
        let inverses: UnsafeMutablePointer<Float>
    }

    private let shared: Shared
    private let jobCount: Int

    /// Takes over the jobs.
    ///
    /// - Parameters:
    ///   - list: the jobs.
    ///   - threadLimit: for tests.
    ///   - exchange: completes the sums of the cells of every shared tensor, of which each process has its own.
    init(
        _ list: [FusedJob], threadLimit: Int? = nil,
        exchange: (([[ck_sums]]) throws -> [[ck_sums]])? = nil
    ) {
        self.exchange = exchange
        self.threadLimit = min(threadLimit ?? .max, max(1, Engine.threadCount))
        jobCount = list.count
        let jobs = UnsafeMutablePointer<FusedJob>.allocate(capacity: max(1, jobCount))
        var (cells, tiles) = (0, 0)
        let unmeasured = UnsafeMutablePointer<Atomic<Int>>.allocate(capacity: max(1, jobCount))
        let stage = UnsafeMutablePointer<Atomic<Int>>.allocate(capacity: max(1, jobCount))
        for (number, job) in list.enumerated() {
            (jobs + number).initialize(to: job)
            jobs[number].firstSum = cells
            jobs[number].firstTileSum = tiles
            (unmeasured + number).initialize(to: Atomic(job.workedCells.count))
            (stage + number).initialize(to: Atomic(0))
            cells += job.cells.count
            tiles += job.factors?.tileCount ?? 0
        }
        let sums = UnsafeMutablePointer<ck_sums>.allocate(capacity: max(1, cells))
        sums.initialize(repeating: ck_sums(), count: max(1, cells))
        let tileSums = UnsafeMutablePointer<ck_sums>.allocate(capacity: max(1, tiles))
        tileSums.initialize(repeating: ck_sums(), count: max(1, tiles))
        let inverseCount = list.contains(where: \.isWhole) ? self.threadLimit * FusedJob.wholeCount : 0
        let inverses = UnsafeMutablePointer<Float>.allocate(capacity: inverseCount)
        shared = Shared(
            jobs: jobs, sums: sums, tileSums: tileSums, unmeasured: unmeasured, stage: stage,
            inverses: inverses)
        (cellCount, tileCount) = (cells, tiles)
    }

    private let exchange: (([[ck_sums]]) throws -> [[ck_sums]])?
    private let threadLimit: Int
    private let cellCount: Int
    private let tileCount: Int
    /// The gradients' scale in the survey, if it was known.
    private var surveyedScale: Double?

    deinit {
        for number in 0..<jobCount { shared.jobs[number].factors?.deallocate() }
        shared.jobs.deinitialize(count: jobCount).deallocate()
        shared.unmeasured.deinitialize(count: jobCount).deallocate()
        shared.stage.deinitialize(count: jobCount).deallocate()
        shared.sums.deallocate()
        shared.tileSums.deallocate()
        shared.inverses.deallocate()
    }

    /// The jobs, with their reports after `move`.
    var jobs: UnsafeBufferPointer<FusedJob> { UnsafeBufferPointer(start: shared.jobs, count: jobCount) }

    /// Finds the sum of the squares of each gradient as it lies in memory; not finite if one of its elements is not.
    ///
    /// Where the gradients' scale is known already, tensors too large for any cache are measured as well.
    func survey(scale: Double?) {
        var pieces: [Piece] = []
        pieces.reserveCapacity(jobCount + cellCount / 2 + tileCount)
        for number in 0..<jobCount {
            if let factors = shared.jobs[number].factors {
                append(number, .surveyTiles, cells: 0..<factors.tileCount, by: 1, to: &pieces)
            } else if let scale, shared.jobs[number].isLarge {
                shared.jobs[number].setScale(scale)
                append(number, .measureAhead, cells: shared.jobs[number].workedCells, by: 1, to: &pieces)
            } else {
                append(number, .survey, cells: shared.jobs[number].workedCells, by: 2, to: &pieces)
            }
        }
        run(pieces)
        surveyedScale = scale
        for number in 0..<jobCount {
            shared.jobs[number].isMeasured = scale != nil && shared.jobs[number].isLarge
            if !shared.jobs[number].isShared { noteSquares(number) }
        }
    }

    var sharedSums: [[ck_sums]] {
        jobs.filter(\.isShared).map { job in
            var sums = [ck_sums](repeating: ck_sums(), count: job.cells.count)
            for cell in job.workedCells { sums[cell] = shared.sums[job.firstSum + cell] }
            return sums
        }
    }

    /// The sums of the cells of a job's gradient, after the survey.
    func cellSums(of number: Int) -> [ck_sums] {
        let job = shared.jobs[number]
        return (0..<job.cells.count).map { shared.sums[job.firstSum + $0] }
    }

    func complete(_ sums: [[ck_sums]]) {
        replaceShared(sums)
        for number in 0..<jobCount where shared.jobs[number].isShared { noteSquares(number) }
    }

    private func replaceShared(_ sums: [[ck_sums]]) {
        for (job, sums) in zip(jobs.filter(\.isShared), sums) {
            for (cell, sums) in sums.enumerated() { shared.sums[job.firstSum + cell] = sums }
        }
    }

    /// Notes the sum of the squares of a gradient, whose cells are all known.
    private func noteSquares(_ number: Int) {
        let job = shared.jobs + number
        let squares = gradientSquares(number)
        let scale = job.pointee.isMeasured ? surveyedScale : nil
        job.pointee.gradientSquares = scale.map { squares / ($0 * $0) } ?? squares
    }

    private func gradientSquares(_ number: Int) -> Double {
        let job = shared.jobs[number]
        var total = 0.0
        if let tiles = job.factors?.tileCount {
            for tile in 0..<tiles { total += shared.tileSums[job.firstTileSum + tile].gradient }
        } else {
            for cell in 0..<job.cells.count { total += shared.sums[job.firstSum + cell].gradient }
        }
        return total
    }

    /// Updates all parameters and states, with the gradients multiplied by `scale`. Throws what the exchange with other
    /// processes throws; nothing is written then.
    func move(scale: Double) throws {
        try measureShared(scale: scale)
        var pieces: [Piece] = []
        pieces.reserveCapacity(2 * jobCount + 2 * cellCount)
        var wholes: [(number: Int, count: Int)] = []
        // From the last to the first: of the gradients, those that were surveyed last may still be in cache.
        for number in (0..<jobCount).reversed() {
            let job = shared.jobs[number]
            let cells = job.workedCells
            if job.isShared {
                // Measured, if it had to be.
                append(number, .move, cells: cells, by: 1, to: &pieces)
                continue
            }
            if cells.isEmpty {
                // A matrix without rows still has columns.
                shared.jobs[number].setScale(scale)
                shared.jobs[number].prepare()
                continue
            }
            if !job.isMeasured { shared.jobs[number].setScale(scale) }
            let isUsual = shared.jobs[number].setEpsilon(gradientSquares: job.gradientSquares * scale * scale)
            if job.isMeasured && isUsual {
                shared.jobs[number].resolve(shared.sums + job.firstSum)
                append(number, .move, cells: cells, by: 1, to: &pieces)
                continue
            }
            for cell in cells { shared.sums[job.firstSum + cell] = ck_sums() }
            if job.isWhole {
                wholes.append((number, job.count))
                continue
            }
            if case .factored = job.loop {
                if job.count <= FusedJob.wholeCount {
                    wholes.append((number, job.count))
                    continue
                }
                pieces.append(Piece(job: Int32(number), task: .prepare, first: 0, end: 1))
            }
            let prepared: Int32 = job.factors == nil ? 0 : 1
            if job.measures { append(number, .measure, cells: cells, by: 1, after: prepared, to: &pieces) }
            append(
                number, .move, cells: cells, by: 1, after: job.measures ? 2 : prepared, to: &pieces,
                backwards: job.measures)
        }
        // The largest first, so that the threads end together.
        for whole in wholes.sorted(by: { $0.count > $1.count }) {
            pieces.append(Piece(job: Int32(whole.number), task: .whole, first: 0, end: 1))
        }
        run(pieces)
        for number in 0..<jobCount {
            let first = shared.jobs[number].firstSum
            for cell in shared.jobs[number].workedCells {
                shared.jobs[number].changeSquares += shared.sums[first + cell].change
            }
        }
    }

    private func append(
        _ job: Int, _ task: Task, cells: Range<Int>, by step: Int, after goal: Int32 = 0,
        to pieces: inout [Piece], backwards: Bool = false
    ) {
        let count = stride(from: cells.lowerBound, to: cells.upperBound, by: step).underestimatedCount
        for position in 0..<count {
            let first = cells.lowerBound + step * (backwards ? count - 1 - position : position)
            pieces.append(
                Piece(
                    job: Int32(job), task: task, first: Int32(first),
                    end: Int32(min(cells.upperBound, first + step)), goal: goal))
        }
    }

    /// Sets the scale of the tensors that several processes share, and finds the sums that their steps depend on. All
    /// processes exchange equally often: what they do depends on numbers that all have.
    private func measureShared(scale: Double) throws {
        guard exchange != nil else { return }
        var open: [Int] = []
        for number in 0..<jobCount where shared.jobs[number].isShared {
            let job = shared.jobs + number
            if !job.pointee.isMeasured { job.pointee.setScale(scale) }
            let isUsual = job.pointee.setEpsilon(
                gradientSquares: job.pointee.gradientSquares * scale * scale)
            if !(job.pointee.isMeasured && isUsual), job.pointee.measures { open.append(number) }
        }
        if !open.isEmpty { try measure(open) }
        var repeated: [Int] = []
        for number in 0..<jobCount where shared.jobs[number].isShared && shared.jobs[number].measures {
            let job = shared.jobs + number
            if job.pointee.needsRepetition(job.pointee.totalOfCells(shared.sums + job.pointee.firstSum)) {
                repeated.append(number)
            }
        }
        if !repeated.isEmpty { try measure(repeated) }
        for number in 0..<jobCount where shared.jobs[number].isShared && shared.jobs[number].measures {
            let job = shared.jobs + number
            job.pointee.settle(job.pointee.totalOfCells(shared.sums + job.pointee.firstSum))
        }
        for number in 0..<jobCount where shared.jobs[number].isShared {
            for cell in shared.jobs[number].workedCells {
                shared.sums[shared.jobs[number].firstSum + cell].change = 0
            }
        }
    }

    /// Measures this process's cells of some shared tensors, and completes their sums.
    private func measure(_ numbers: [Int]) throws {
        var pieces: [Piece] = []
        for number in numbers {
            let cells = shared.jobs[number].workedCells
            for cell in cells { shared.sums[shared.jobs[number].firstSum + cell] = ck_sums() }
            append(number, .measureAhead, cells: cells, by: 1, to: &pieces)
        }
        run(pieces)
        if let exchange { replaceShared(try exchange(sharedSums)) }
    }

    /// Runs the pieces on as many threads as there are, or on this one if there is little to do.
    private func run(_ pieces: [Piece]) {
        let threads = min(threadLimit, pieces.count)
        if threads == 0 { return }
        let next = Atomic(0)
        pieces.withUnsafeBufferPointer { pieces in
            // Addresses of memory that outlives the loop; the list's order makes the threads' use of it safe.
            nonisolated(unsafe) let (pieces, shared) = (pieces, shared)
            Engine.parallelFor(count: threads, grain: 1) { threads, _ in
                let inverses = shared.inverses + threads.lowerBound * FusedJob.wholeCount
                while true {
                    let position = next.add(1, ordering: .relaxed).oldValue
                    if position >= pieces.count { return }
                    FusedUpdate.run(pieces[position], shared, inverses)
                }
            }
        }
    }

    private static func run(_ piece: Piece, _ shared: Shared, _ inverses: UnsafeMutablePointer<Float>) {
        let number = Int(piece.job)
        let job = shared.jobs + number
        let sums = shared.sums + job.pointee.firstSum
        let tileSums = shared.tileSums + job.pointee.firstTileSum
        let cells = Int(piece.first)..<Int(piece.end)
        if piece.goal > 0 { wait(for: shared.stage + number, toReach: Int(piece.goal)) }
        switch piece.task {
        case .survey: for cell in cells { job.pointee.survey(cell, &sums[cell]) }
        case .measureAhead: for cell in cells { job.pointee.measure(cell, &sums[cell]) }
        case .surveyTiles:
            for tile in cells { job.pointee.factors?.survey(tile, of: job.pointee, &tileSums[tile]) }
        case .prepare:
            job.pointee.prepare()
            shared.stage[number].store(1, ordering: .releasing)
        case .measure:
            for cell in cells { job.pointee.measure(cell, &sums[cell]) }
            if shared.unmeasured[number].subtract(cells.count, ordering: .acquiringAndReleasing).newValue == 0
            {
                job.pointee.resolve(sums)
                shared.stage[number].store(2, ordering: .releasing)
            }
        case .move:
            for cell in cells { job.pointee.move(cell, &sums[cell]) }
        case .whole:
            job.pointee.prepare()
            let all = 0..<job.pointee.cells.count
            if job.pointee.measures {
                for cell in all { job.pointee.measure(cell, &sums[cell], inverses: inverses) }
                job.pointee.resolve(sums, inverses: inverses)
            }
            for cell in all {
                job.pointee.move(cell, &sums[cell], inverses: job.pointee.measures ? inverses : nil)
            }
        }
    }

    private static func wait(for stage: UnsafeMutablePointer<Atomic<Int>>, toReach goal: Int) {
        var turns = 0
        while stage.pointee.load(ordering: .acquiring) < goal {
            turns += 1
            if turns % 4096 == 0 { sched_yield() } else { ck_pause() }
        }
    }
}

extension FusedJob {
    /// Moves the row and column sums by what the survey found, if there are any.
    fileprivate mutating func prepare() {
        guard case .factored(var k) = loop else { return }
        factors?.prepare(k)
        k.guarded = k.epsilon + (factors?.leastPower ?? 0) < leastUnguardedDivisor
        loop = .factored(k)
    }
}
