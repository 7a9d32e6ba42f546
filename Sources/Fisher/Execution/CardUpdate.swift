import CKernels
import Torch

/// The fused part of one step, on whichever device: a survey of all gradients that writes nothing, then the moves.
protocol FusedWork: AnyObject {
    /// The jobs, with their reports after `move`.
    var jobs: UnsafeBufferPointer<FusedJob> { get }
    /// Sums the squares of each gradient as it lies in memory; not finite if one of its elements is not. Of a tensor that
    /// several processes share, each has the sums of its own cells until they are ``complete(_:)``.
    func survey(scale: Double?) throws
    /// The sums of the cells of every shared tensor, those of this process's own; of the others 0.
    var sharedSums: [[ck_sums]] { get }
    /// Takes the sums of all cells of the shared tensors.
    func complete(_ sums: [[ck_sums]])
    /// Updates all parameters and states, with the gradients multiplied by `scale`.
    func move(scale: Double) throws
}

extension FusedUpdate: FusedWork {}

/// The fused part of one step on a card: one launch a phase over all tensors.
///
/// The survey waits for the card, because the host decides by its sums; the phases of the move follow each other without
/// it, and what depends on sums over a tensor is resolved there.
final class CardUpdate: FusedWork {
    private let list: UnsafeMutableBufferPointer<FusedJob>
    private var parts: [cc_job]
    private let kernels: CardKernels
    private let update: cc_update

    /// Takes over jobs whose addresses are of one device, with the row and column sums of those with factored information.
    init(
        _ jobs: [(job: FusedJob, factors: CardFactors?)], on device: Device, with kernels: CardKernels
    ) throws(TorchError) {
        parts = jobs.map { Self.part($0.job, $0.factors) }
        self.kernels = kernels
        let number: Int32 = if case .cuda(let number) = device { Int32(number) } else { 0 }
        var made: cc_update?
        if let reason = kernels.table.pointee.begin(parts, Int64(parts.count), number, &made) {
            throw Self.error(reason)
        }
        guard let made else { throw TorchError(message: "the kernels of \(device) began nothing") }
        update = made
        list = .allocate(capacity: jobs.count)
        _ = list.initialize(from: jobs.map(\.job))
    }

    deinit {
        kernels.table.pointee.end(update)
        list.deinitialize()
        list.deallocate()
    }

    var jobs: UnsafeBufferPointer<FusedJob> { UnsafeBufferPointer(list) }

    private static func error(_ reason: UnsafePointer<CChar>) -> TorchError {
        TorchError(message: "fused step: \(String(cString: reason))")
    }

    private static func part(_ job: FusedJob, _ factors: CardFactors?) -> cc_job {
        var part = cc_job()
        part.parameter = job.parameter
        part.gradient = job.gradient
        part.momentum = job.momentum
        part.square = job.square
        part.count = Int64(job.count)
        part.bfloat16 = job.elementByteCount == 2
        part.clips = job.clip != nil
        part.clip = job.clip ?? 0
        part.has_unit_length = job.hasUnitLength
        switch job.loop {
        case .adaptive: part.rule = Int32(CC_ADAPTIVE.rawValue)
        case .metric: part.rule = Int32(CC_METRIC.rawValue)
        case .factored: part.rule = Int32(CC_FACTORED.rawValue)
        case .plain, .divided: preconditionFailure("there are no loops of this rule for cards")
        }
        if let factors {
            (part.row_sums, part.column_sums) = (factors.rowSums, factors.columnSums)
            (part.rows, part.columns) = (Int64(factors.rows), Int64(factors.columns))
            (part.inside, part.outside) = (factors.inside, factors.outside)
        }
        return part
    }

    func survey(scale: Double?) throws {
        if let reason = kernels.table.pointee.survey(update, &parts) { throw Self.error(reason) }
        for (number, part) in parts.enumerated() { list[number].gradientSquares = part.sums.gradient }
    }

    /// The loops for cards move whole tensors.
    var sharedSums: [[ck_sums]] { [] }

    func complete(_ sums: [[ck_sums]]) {}

    func move(scale: Double) throws {
        for number in parts.indices {
            list[number].setScale(scale)
            _ = list[number].setEpsilon(gradientSquares: list[number].gradientSquares * scale * scale)
            switch list[number].loop {
            case .adaptive(let k): parts[number].adaptive = k
            case .metric(let k), .factored(let k): parts[number].metric = k
            case .plain, .divided: break
            }
        }
        if let reason = kernels.table.pointee.move(update, &parts) { throw Self.error(reason) }
        for (number, part) in parts.enumerated() {
            list[number].changeSquares = part.sums.change
            if part.clips, part.count > 0 { list[number].clipFactor = part.clip_factor }
        }
    }
}

/// The row and column sums of a factored information on a card.
struct CardFactors {
    let rows, columns: Int
    let rowSums, columnSums: UnsafeMutablePointer<Float>
    let inside, outside: Double
}
