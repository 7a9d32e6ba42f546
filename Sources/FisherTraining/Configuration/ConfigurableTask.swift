import Fisher
import FisherOptions

/// A task that is made from options: declared once, and used by `fisher train`, `compare`, `ablate` and
/// `hierarchy`.
///
///     struct Moons: ConfigurableTask {
///         struct Options: ConfigurableOptions {
///             /// Points in a step.
///             @Configurable("data.batch", .atLeast(1), "points in a step") var batch = 64
///             /// The width of the hidden layer.
///             @Configurable("model.width", .atLeast(1), "width of the hidden layer") var width = 32
///         }
///         static let name = "moons"
///         static let subject = "a small classifier of two moons"
///         ...
///     }
///
/// Every option is a flag of the commands by the last part of its name (`--width 64`), a key of `--set` and of TOML files
/// by its whole name (`model.width`), and a row of `--print-config`.
public protocol ConfigurableTask: TrainingTask, SendableMetatype {
    /// The options of data and model, named `data.` and `model.` and more.
    associatedtype Options: ConfigurableOptions

    /// The task's name on the command line. The name in ``TrainingTask/summary`` is the same, or begins with it and a comma.
    static var name: String { get }
    /// The name in ``TrainingTask/summary`` of a task with these options, known before data are read: a comparison's folder has
    /// it where none is named. By default the task's name.
    static func name(with options: Options) -> String
    /// What is trained, as the object of "train": `a byte-level GPT`.
    static var subject: String { get }
    /// A remark on the data for the commands' help, as a sentence; empty by default.
    static var remark: String { get }
    /// Named sets of values to start from; the first is the default. Empty by default.
    static var presets: [ConfigurationPreset] { get }
    /// The preset with the smallest model, from which `fisher hierarchy` starts; the first preset if there is none. With
    /// a few thousand parameters the study solves with the whole Fisher information, with more by conjugate gradients.
    static var smallestPreset: String? { get }

    /// Reads the data and makes the task.
    init(_ options: Options) throws

    /// The number of examples in a batch, which micro-batches divide.
    var batch: Int { get }

    /// The same task on its training data alone, divided once more: options are tuned on it, so that the held-out data stay
    /// unseen until the comparison.
    func tuningTask() throws -> Self

    /// The comparisons that options ask for, each with a table and a folder of its own: one for each kind of data of a task
    /// that has several. By default the one that the options describe.
    static func comparisons(of options: Options) -> [(name: String, options: Options)]

    /// Writes what a finished run is for into its folder, such as its model in another library's files; returns a line about
    /// each thing for the user. Nothing by default.
    static func conclude(runIn folder: String) throws -> [String]

    /// A line after the results on what can be done with a finished run's folder; nil by default.
    static func afterwards(_ folder: String) -> String?
}

extension ConfigurableTask {
    public static func name(with options: Options) -> String { name }
    public static var remark: String { "" }
    public static var presets: [ConfigurationPreset] { [] }
    public static var smallestPreset: String? { nil }
    public static func conclude(runIn folder: String) throws -> [String] { [] }
    public static func afterwards(_ folder: String) -> String? { nil }
    public static func comparisons(of options: Options) -> [(name: String, options: Options)] {
        [("", options)]
    }

    /// Makes the task that a configuration describes.
    ///
    /// - Throws: `ConfigurationError` if a batch has fewer examples than the slices into which it is to be
    ///   cut, and what the task throws for its options.
    public static func make(_ configuration: RunConfiguration<Options>) throws -> Self {
        let task = try Self(configuration.task)
        let slices = configuration.training.microBatches
        guard slices <= task.batch else {
            throw ConfigurationError(
                "training.micro_batches = \(slices) is more than data.batch = \(task.batch)")
        }
        let steps = configuration.training.steps
        guard !steps.multipliedReportingOverflow(by: max(task.batch, task.examplesPerStep)).overflow else {
            throw ConfigurationError(
                "training.steps = \(steps) steps of data.batch = \(task.batch) are more examples than can be counted"
            )
        }
        return task
    }

    /// The preset of a name, as a layer.
    ///
    /// - Throws: `ConfigurationError` with the nearest name if there is none.
    public static func preset(_ name: String) throws(ConfigurationError) -> ConfigurationLayer {
        guard let preset = presets.first(where: { $0.name == name }) else {
            let names = presets.map(\.name)
            let hint = nearestName(to: name, among: names).map { "; did you mean \($0)?" } ?? ""
            throw ConfigurationError("there is no preset \(name) (\(names.joined(separator: ", ")))\(hint)")
        }
        return preset.layer
    }
}

/// A named set of values to start a configuration from.
public struct ConfigurationPreset: Sendable {
    /// The name.
    public let name: String
    private let values: [(key: String, pieces: [String])]

    /// Names values by their keys, such as `training.steps`.
    public init(_ name: String, _ values: KeyValuePairs<String, String>) {
        self.name = name
        self.values = values.map { ($0.key, [$0.value]) }
    }

    /// The values as the layer of a configuration.
    public var layer: ConfigurationLayer { ConfigurationLayer(.preset(name), values) }
}
