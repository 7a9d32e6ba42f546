import Fisher
import FisherTraining

/// Optimizers bound to the same synthetic parameters and gradients, to be timed in turns.
public final class OptimizerBenchmark: InterleavedBenchmark {
    private let shapes: ParameterSet
    private let count: Int
    private let execution: Execution
    private let labels: [String]
    private let optimizers: [Optimizer]
    private let gradients: [ParameterPath: Tensor]

    /// Draws weights from N(0, 0.02^2) and gradients from N(0, 0.001^2), binds every optimizer to them and makes its
    /// first step. The states of all are in memory.
    ///
    /// - Throws: `TorchError` where parameters and gradients do not fit into the memory, `OptimizerError` where an optimizer
    ///   cannot be bound to gradients alone, and what its step throws.
    public init(
        _ candidates: [OptimizerCandidate], on shapes: ParameterSet, execution: Execution = .automatic
    ) throws {
        try shapes.requireRoom()
        self.shapes = shapes
        count = shapes.count
        self.execution = execution
        labels = candidates.map(\.label)
        let generator = try RandomGenerator(seed: 1)
        var gradients: [ParameterPath: Tensor] = [:]
        let parameters = shapes.shapes.enumerated().map { number, shape in
            let path = ParameterPath("p\(number)")
            gradients[path] = Tensor.normal(shape, using: generator) * 1e-3
            return NamedParameter(
                path: path, parameter: Parameter(wrappedValue: .normal(shape, using: generator) * 0.02))
        }
        self.gradients = gradients
        optimizers = try candidates.map { candidate in
            let optimizer = try Optimizer(
                parameters: parameters, groups: [ParameterGroup(.rest, candidate.rule)],
                clipGradientNorm: candidate.clipGradientNorm, clipFisherNorm: candidate.clipFisherNorm,
                execution: execution)
            try optimizer.update(with: gradients)
            return optimizer
        }
    }

    /// The number of optimizers.
    public var candidateCount: Int { optimizers.count }

    /// The number of elements of the shared parameters.
    public var parameterCount: Int { count }

    /// Steps over about 20 million elements in all.
    public var repetitions: Int { max(1, 20_000_000 / count) }

    /// The mean seconds of a step.
    public func measure(_ position: Int, repetitions: Int) throws -> Double {
        try elapsedSeconds {
            for _ in 0..<repetitions { try optimizers[position].update(with: gradients) }
        } / Double(repetitions)
    }

    /// Gathers the times, and measures memory and the machine's bandwidth.
    public func result(
        of times: InterleavedTimes<Double>, on machine: EnvironmentSummary
    ) throws -> OptimizerTimings {
        let device = Device.current
        // Of a card the bandwidth is that of a copy, where it can be measured.
        let copy = CardKernels.copyBandwidth(of: device)
        let bandwidth = device == .cpu ? MemoryBandwidth.triad() : copy ?? .nan
        let scale = 1e9 / Double(count)
        let results = try optimizers.enumerated().map { position, optimizer in
            let spread = times.spread(of: position)
            // The minimum traffic of a step: parameters and state read and written, gradients read.
            let traffic = Double(12 * count + 2 * optimizer.stateByteCount) / spread.median
            return OptimizerTimings.Result(
                optimizer: labels[position], nanosecondsAParameter: spread.median * scale,
                fastest: spread.lowest * scale, slowest: spread.highest * scale,
                gigabytesASecond: traffic / 1e9, fractionOfTriad: traffic / bandwidth,
                stateBytes: optimizer.stateByteCount,
                temporaryBytes: try ResidentMemory.rise { try optimizer.update(with: gradients) })
        }
        return OptimizerTimings(
            parameters: shapes.name, count: count, threads: machine.threads,
            execution: execution.rawValue, processor: machine.processorName, engine: machine.engineVersion,
            triadGigabytesASecond: bandwidth / 1e9, results: results, card: Self.card(copy), load: times.load)
    }
}

extension OptimizerBenchmark {
    /// What is said of fused steps on cards.
    private static func card(_ copy: Double?) -> String {
        let device = Device.current
        if let copy {
            return "\(device), \(device.hardwareName ?? "unknown"): a copy reads and writes "
                + "\(NumberText.plain.fixed(copy / 1e9, decimals: 0)) GB/s, of which a fused step is to reach 90 %"
        }
        let reason =
            Device.cudaObstacle ?? (device == .cpu ? "--device cuda measures them" : CardKernels.statement)
        return "not measurable here (\(reason))"
    }
}

/// The time and memory of optimizer steps on the same synthetic parameters.
public struct OptimizerTimings: StudyDocument {
    /// One optimizer.
    public struct Result: Codable, Sendable {
        /// The optimizer's label.
        public let optimizer: String
        /// The median time of a step for each parameter, in nanoseconds.
        public let nanosecondsAParameter: Double
        /// The same in the fastest turn.
        public let fastest: Double
        /// The same in the slowest turn.
        public let slowest: Double
        /// The minimum traffic of a step, in 10^9 bytes per second.
        public let gigabytesASecond: Double
        /// The same relative to the bandwidth of STREAM's triad on this machine.
        public let fractionOfTriad: Double
        /// The bytes of the state.
        public let stateBytes: Int
        /// The temporary memory of a step, in bytes; nil if the system does not report it.
        public let temporaryBytes: Int?
    }

    /// The name of the parameter set.
    public let parameters: String
    /// The number of its elements.
    public let count: Int
    /// The number of threads that computed.
    public let threads: Int
    /// Which execution of the rules was timed.
    public let execution: String
    /// The processor as the system names it.
    public let processor: String
    /// The version of libtorch.
    public let engine: String
    /// The bandwidth of STREAM's triad on this machine, in 10^9 bytes per second.
    public let triadGigabytesASecond: Double
    /// One result per candidate.
    public let results: [Result]
    /// What is said of fused steps on cards; nil in files of former versions.
    public var card: String?
    /// What else the machine did meanwhile; nil where it is not known, and in files of former versions.
    public var load: MachineLoad?

    /// The name of the document in messages.
    public static let kind = "a result of fisher bench optimizers"
    /// The version of the JSON layout that this package writes and reads.
    public static let currentFormatVersion = 1

    /// The timed subject and the machine.
    public var title: String {
        "\(parameters): \(count) parameters, \(threads) threads, \(execution) execution, triad "
            + NumberText.plain.fixed(triadGigabytesASecond, decimals: 1) + " GB/s"
    }

    /// One row per optimizer.
    public var overview: StudyTable {
        StudyTable(
            results,
            [
                StudyColumn(["optimizer"], key: "optimizer", .left) { .init($0.optimizer) },
                .number(["ns/parameter"], key: "ns_parameter", decimals: 3, \.nanosecondsAParameter),
                .number(["fastest"], key: "fastest", decimals: 3, \.fastest),
                .number(["slowest"], key: "slowest", decimals: 3, \.slowest),
                .number(["GB/s"], key: "gigabytes_second", decimals: 1, \.gigabytesASecond),
                .number(["of triad"], key: "of_triad", decimals: 2, \.fractionOfTriad),
                .number(["state, bytes/p"], key: "state_bytes_parameter", decimals: 2) {
                    Double($0.stateBytes) / Double(count)
                },
                StudyColumn(
                    ["temporary"], key: "temporary_bytes", field: { $0.temporaryBytes.map { "\($0)" } ?? "" }
                ) {
                    .init(
                        $0.temporaryBytes.map {
                            NumberText.plain.fixed(100 * Double($0) / Double(4 * count), decimals: 2) + " %"
                        } ?? "-")
                },
            ])
    }

    /// The meaning of the columns.
    public var legend: String {
        "Times are medians over the turns, with the fastest and the slowest. GB/s counts the traffic that a step "
            + "cannot avoid; temporary is additional memory, relative to the parameters." + load.remark
            + (card.map { " Fused steps on cards: \($0)." } ?? "")
    }
}
