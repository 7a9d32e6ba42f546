import Fisher
import FisherOptions
import Foundation
import Torch

/// The most steps of a run: sums and products of a few such counts fit into an `Int`.
let mostSteps = 1_000_000_000_000

extension AllowedValues where Value == String {
    /// Names of devices.
    package static var device: AllowedValues {
        AllowedValues("must be cpu, cuda or cuda:N") { text in
            Device(text) == nil ? "is no device: cpu, cuda (the first card), cuda:1, ..." : nil
        }
    }
}

extension AllowedValues where Value == Int {
    /// Counts of steps, batches or files, up to ``mostSteps``.
    static func count(from least: Int) -> AllowedValues {
        let bound = least == 0 ? "must be zero or more" : "must be at least \(least)"
        return AllowedValues(bound) { value in
            if value < least { return bound }
            return value > mostSteps ? "must be at most \(mostSteps)" : nil
        }
    }
}

extension ComputePrecision: OptionValue {}

extension Device {
    /// A device that an option names: `cuda` is the card of this process's place on its machine, by `LOCAL_RANK`.
    package init(named text: String, environment: [String: String]) {
        let place = environment["LOCAL_RANK"].flatMap { Int($0) }
        self = text == "cuda" ? .cuda(max(0, place ?? 0)) : Device(text) ?? .cpu
    }
}

/// The `[training]`, `[checkpoints]` and `[log]` sections: what every task's run has.
public struct TrainingConfiguration: ConfigurableOptions {
    /// The number of steps.
    @Configurable("training.steps", .count(from: 1), "steps of a run")
    public var steps = 1000
    /// The number of slices into which a batch is cut to save memory.
    @Configurable("training.micro_batches", .count(from: 1), "slices of a batch, to save memory")
    public var microBatches = 1
    /// The precision of matrix products, convolutions and attention, in steps and in the loss on held-out data.
    @Configurable(
        "training.precision",
        "matrix products of the network; weights, norms, losses, statistics and rules keep float32")
    public var precision = ComputePrecision.float32
    /// The seed of the first weights and of the batches.
    @Configurable("training.seed", .nonNegative, "seed of the first weights and of the batches")
    public var seed: UInt64 = 0
    /// Threads to compute with, at most as many as the machine's processors; 0 for a number that commands choose by the times
    /// of the first steps.
    @Configurable(
        "training.threads", .between(0, 4096), "threads to compute with; 0: chosen by their steps' times")
    public var threads = 0
    /// Where to compute: `cpu`, `cuda` for the first card (of processes that share a run, each its own), `cuda:1`.
    @Configurable("training.device", .device, "where to compute: cpu, cuda (the first card), cuda:1, ...")
    public var device = "cpu"
    /// Whether several processes divide the optimizer's state and its work; if not, each keeps and makes all of it.
    @Configurable(
        "training.divided_state", "processes divide the optimizer's state; false: each keeps all of it")
    public var dividesState = true
    /// Steps between evaluations; 0 for ten evaluations in a run.
    @Configurable("training.evaluate_every", .count(from: 0), "steps between evaluations; 0: ten times a run")
    public var evaluateEvery = 0
    /// Evaluations without a new best before the run ends early; 0 for never.
    @Configurable(
        "training.patience", .count(from: 0), "evaluations without a best before a run ends; 0: never")
    public var patience = 0
    /// Steps between checkpoints; 0 for one with every evaluation.
    @Configurable(
        "checkpoints.every", .count(from: 0), "steps between checkpoints; 0: one with every evaluation")
    public var checkpointEvery = 0
    /// How many of the newest checkpoints are kept, besides the best.
    @Configurable("checkpoints.keep", .count(from: 1), "newest checkpoints kept, besides the best")
    public var keep = 3
    /// The least number of seconds between checkpoints; the one after the last step is always written.
    ///
    /// With more than 0 the best checkpoint is the best of those that were written.
    @Configurable(
        "checkpoints.seconds", .count(from: 0),
        "least seconds between checkpoints, the last apart; 0: no least")
    public var checkpointSeconds = 0
    /// Steps between lines of the log.
    @Configurable("log.every", .count(from: 1), "steps between lines of metrics.jsonl")
    public var logEvery = 1
    /// Whether event files for TensorBoard are written.
    @Configurable("log.tensorboard", "write event files for TensorBoard")
    public var tensorBoard = true
    /// Whether they hold histograms of weights, updates and information, with every evaluation.
    @Configurable("log.histograms", "with histograms of weights, updates and information")
    public var histograms = true
    /// Steps between looks at the true Fisher information of a fixed batch; 0 for none. A look does not change the run.
    @Configurable(
        "log.information", .count(from: 0), "steps between looks at the Fisher information; 0: none")
    public var information = 0

    /// The defaults.
    public init() {}

    /// The device that ``device`` names. Where a launcher has started several processes on a machine, `cuda` is for each
    /// the card of its place there.
    public var chosenDevice: Device {
        Device(named: device, environment: ProcessInfo.processInfo.environment)
    }

    /// The length of the run and the interval of evaluations.
    public var length: RunLength {
        RunLength(
            steps: steps, evaluateEvery: evaluateEvery > 0 ? evaluateEvery : max(1, steps / 10),
            microBatches: microBatches, patience: patience > 0 ? patience : nil)
    }

    /// The most checkpoints that lie on the disk at one time: the newest, the best, the last one with finite losses, and the
    /// one being written.
    package var mostCheckpoints: Int {
        // At every evaluation that is a best, and at the regular ones.
        let regular = checkpointEvery > 0 ? steps / checkpointEvery : 0
        return min(keep, regular + steps / length.evaluateEvery + 1) + 3
    }

    /// The options that may be set anew when a run is resumed, because they do not change the course of a step.
    package static let freeOptions = [
        "training.steps", "training.evaluate_every", "training.patience", "training.threads",
        "training.device", "training.divided_state",
        "checkpoints.*",
        "log.*", "data.memory",
    ]

    /// Whether an option of this key determines the course of a run with these values. Where a schedule falls on plateaus of
    /// the loss, the steps at which it is measured do.
    package static func determinesCourse(_ key: String, in values: [String: String]) -> Bool {
        if values.values.contains(where: { $0.contains("plateau(") }) {
            if key == "training.evaluate_every" { return true }
            if key == "training.steps" { return values["training.evaluate_every"] ?? "0" == "0" }
        }
        return !freeOptions.contains { free in
            free.hasSuffix("*") ? key.hasPrefix(free.dropLast()) : key == free
        }
    }

    /// Those of a run's values that determine its course, but for the precision, which checkpoints hold themselves: those of
    /// former versions know no such key.
    static func course(of values: [String: String]) -> [String: String] {
        values.filter { determinesCourse($0.key, in: values) && $0.key != "training.precision" }
    }
}
