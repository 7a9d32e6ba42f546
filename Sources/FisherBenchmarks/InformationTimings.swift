import Fisher
import FisherTraining

extension InformationBenchmark: InterleavedBenchmark {
    /// The number of tasks.
    public var candidateCount: Int { tasks.count }

    /// One run per turn.
    public var repetitions: Int { 1 }

    /// The mean seconds of a run of a task.
    public func measure(_ position: Int, repetitions: Int) throws -> Double {
        try elapsedSeconds { for _ in 0..<repetitions { try run(tasks[position]) } } / Double(repetitions)
    }

    /// Gathers the times, and measures memory.
    public func result(
        of times: InterleavedTimes<Double>, on machine: EnvironmentSummary
    ) throws -> InformationTimings {
        let results = try tasks.enumerated().map { position, task in
            let ratio = times.ratios(of: position)
            return InformationTimings.Result(
                task: task.rawValue, milliseconds: 1e3 * times.spread(of: position).median,
                ratio: ratio.median, lowestRatio: ratio.lowest, highestRatio: ratio.highest,
                peakBytes: try ResidentMemory.rise { try run(task) })
        }
        return InformationTimings(
            network: name, parameters: parameterCount, batch: batch, threads: machine.threads,
            processor: machine.processorName, engine: machine.engineVersion,
            capturedBytes: try capturedBytes(), results: results, load: times.load)
    }
}

/// The time and memory of estimates of one network's information.
public struct InformationTimings: StudyDocument {
    /// One task; ratios are to the first one, within a turn.
    public struct Result: Codable, Sendable {
        /// The task's name.
        public let task: String
        /// The median time, in milliseconds.
        public let milliseconds: Double
        /// The median ratio.
        public let ratio: Double
        /// The lowest ratio of a turn.
        public let lowestRatio: Double
        /// The highest ratio of a turn.
        public let highestRatio: Double
        /// The peak memory in bytes; nil if the system does not report it.
        public let peakBytes: Int?
    }

    /// The network's name.
    public let network: String
    /// The number of its parameters.
    public let parameters: Int
    /// The number of samples or sequences.
    public let batch: Int
    /// The number of threads that computed.
    public let threads: Int
    /// The processor as the system names it.
    public let processor: String
    /// The version of libtorch.
    public let engine: String
    /// The bytes of the layers' inputs and of the gradients of their outputs.
    public let capturedBytes: Int
    /// One result per task.
    public let results: [Result]
    /// What else the machine did meanwhile; nil where it is not known, and in files of former versions.
    public var load: MachineLoad?

    /// The name of the document in messages.
    public static let kind = "a result of fisher bench information"
    /// The version of the JSON layout that this package writes and reads.
    public static let currentFormatVersion = 1

    /// The timed subject and the machine.
    public var title: String {
        "\(network): \(parameters) parameters, batch \(batch), \(threads) threads, inputs and output gradients "
            + NumberText.mebibytes(capturedBytes)
    }

    /// One row per task.
    public var overview: StudyTable {
        StudyTable(
            results,
            [
                StudyColumn(["task"], key: "task", .left) { .init($0.task) },
                .number(["ms"] + load.marks, key: "ms", decimals: 2, \.milliseconds),
                .number(["ratio"], key: "ratio", decimals: 2, \.ratio),
                .number(["lowest"], key: "lowest_ratio", decimals: 2, \.lowestRatio),
                .number(["highest"], key: "highest_ratio", decimals: 2, \.highestRatio),
                StudyColumn(
                    ["peak memory"], key: "peak_bytes", field: { $0.peakBytes.map { "\($0)" } ?? "" }
                ) { .init($0.peakBytes.map(NumberText.mebibytes) ?? "-") },
            ])
    }

    /// The meaning of the columns.
    public var legend: String {
        "A ratio is the median over the turns of that to the first task within a turn." + load.remark
    }
}
