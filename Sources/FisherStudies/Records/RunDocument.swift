/// All information about a run: `run.json`.
public struct RunDocument: Codable, Sendable, Hashable {
    /// The version of the layout.
    public var formatVersion = 1
    /// The task.
    public var task: TaskSummary
    /// The hash of the data.
    public var dataFingerprint: String
    /// The software and hardware of the first start.
    public var environment: EnvironmentSummary
    /// The optimizer's name shown to readers.
    public var label: String
    /// The rule's name.
    public var rule: String
    /// Its options.
    public var options: [Setting]
    /// The resolved configuration by key.
    public var configuration: [String: String]
    /// The types of numbers in which its parts are computed; nil in files of former versions.
    public var precisions: RunPrecisions?
    /// The number of steps that the run is to make.
    public var steps: Int
    /// When and at which step the run was resumed.
    public var resumes: [Resume]
    /// The step of the newest checkpoint that was saved; nil before the first.
    public var savedStep: Int?
    /// The step of the newest checkpoint whose losses are known to be finite; it is kept until there is a newer one.
    public var finiteStep: Int?
    /// How it ended, or `running`.
    public var phase: Phase
    /// The curve and what it came to.
    public var record: RunRecord

    /// A start after the first.
    public struct Resume: Codable, Sendable, Hashable {
        /// When, in ISO 8601.
        public var date: String
        /// The step from which it resumed.
        public var step: Int
        /// Where it went on computing, as in ``EnvironmentSummary/device``; nil in files of former versions.
        public var device: String?

        /// Records a start.
        public init(date: String, step: Int, device: String? = nil) {
            self.date = date
            self.step = step
            self.device = device
        }
    }

    /// The phase of a run.
    public enum Phase: String, Codable, Sendable {
        /// Running, or killed.
        case running
        /// It made all its steps.
        case completed
        /// It was stopped after its patience was exhausted.
        case stoppedEarly = "stopped_early"
        /// A loss or gradient was not finite.
        case diverged
        /// A signal stopped it; it can be resumed.
        case interrupted
    }

    /// Describes a run before its first step.
    public init(
        task: TaskSummary, dataFingerprint: String, environment: EnvironmentSummary,
        label: String, rule: String,
        options: [Setting], configuration: [String: String], steps: Int, record: RunRecord
    ) {
        self.task = task
        self.dataFingerprint = dataFingerprint
        self.environment = environment
        self.label = label
        self.rule = rule
        self.options = options
        self.configuration = configuration
        self.steps = steps
        resumes = []
        phase = .running
        self.record = record
    }
}

extension RunDocument {
    /// The name of the task, without what follows it in the title: `digits` of `digits, cnn`.
    package var taskName: String { String(task.name.prefix { $0 != "," }) }

    /// A value of the configuration as text, without the quotes that TOML needs; nil if there is no such key.
    package func configurationText(_ key: String) -> String? {
        configuration[key].map { toml in
            toml.count > 1 && toml.hasPrefix("\"") && toml.hasSuffix("\"")
                ? String(toml.dropFirst().dropLast()) : toml
        }
    }
}
