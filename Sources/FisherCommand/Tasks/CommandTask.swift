import ArgumentParser
import FisherTraining

/// A task that the commands know. A new one is a file beside this one and a line in `all`.
protocol CommandTask {
    /// What `compare` and `ablate` ask for.
    associatedtype Compared: ComparedTask
    /// What `train` asks for.
    associatedtype Trained: TrainedTask
}

/// The tasks, each of which is a subcommand of `compare`, `ablate` and `train`.
enum CommandTasks {
    static var all: [any CommandTask.Type] { [LanguageCommands.self, DigitsCommands.self] }
}

extension CommandTask {
    static var compare: any ParsableCommand.Type { CompareTask<Compared>.self }
    static var ablate: any ParsableCommand.Type { AblateTask<Compared>.self }
    static var train: any ParsableCommand.Type { TrainTask<Trained>.self }
}

/// A task as `compare` and `ablate` take it: options of its own, its data, and where the shared options start.
protocol ComparedTask: ParsableArguments {
    associatedtype Task: TrainingTask
    associatedtype Source

    /// The name on the command line.
    static var name: String { get }
    /// What is trained, after "on": a byte-level GPT.
    static var model: String { get }
    /// What a reader of the help should know of the data.
    static var remark: String { get }
    /// Where the shared options start.
    static var defaults: ComparisonDefaults { get }

    /// Reads the data.
    func source() throws -> Source
    /// The data's training side alone, divided once more: options are tuned on it.
    func tuningSplit(of source: Source) throws -> Source
    /// The task.
    func task(on source: Source, batch: Int, settings: [Setting]) throws -> Task
    /// Where results go that no `--output` names, after `compare-` or `ablate-`.
    var folder: String { get }
}

extension ComparedTask {
    var folder: String { Self.name }
}

/// Where the options that all tasks share start.
struct ComparisonDefaults {
    var steps: Int
    var batch: Int
    /// What a batch is made of: windows, images.
    var examples: String
    var learningRate: Double
}

/// A task as `train` takes it: its configuration, and options that stand for some of it.
protocol TrainedTask: ParsableArguments {
    associatedtype Configuration: TaskConfiguration

    /// The name on the command line.
    static var name: String { get }
    /// What is trained: a byte-level GPT.
    static var model: String { get }
    /// A command to begin with, without `--output`.
    static var example: String { get }

    /// What its own options set.
    var values: [(key: String, pieces: [String])] { get }
    /// A line on what can be done with a run's folder; nothing where there is none.
    static func afterwards(_ folder: String) -> String?
}
