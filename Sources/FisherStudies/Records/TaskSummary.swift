/// A name and a value, as they are shown to a reader.
public struct Setting: Codable, Sendable, Hashable {
    /// The name, for example `learning rate`.
    public var name: String
    /// Its value as text, for example `0.002`.
    public var value: String

    /// Pairs a name with its value.
    public init(_ name: String, _ value: String) {
        self.name = name
        self.value = value
    }
}

/// The task on which every optimizer of a comparison was trained.
public struct TaskSummary: Codable, Sendable, Hashable {
    /// A short name, used as the report's title.
    public var name: String
    /// One line: the model, its size and its data.
    public var description: String
    /// The number of trained parameters.
    public var parameterCount: Int
    /// The unit of a loss: a `byte`, a `token`, an `example`. Losses are nats for each of these.
    public var lossUnit: String
    /// What a step's examples are: an `utterance`, an `image`; nil if they are the units of the loss, and in files of
    /// former versions.
    public var exampleUnit: String?
    /// Steps, batch, context, schedule and whatever else all optimizers shared, in reading order.
    public var settings: [Setting]
    /// What it is trained on, for conclusions that hold on these data alone: `libtorch's C++ headers`; nil if the name
    /// says it, and in files of former versions.
    public var data: String?

    /// Describes a task.
    public init(
        name: String, description: String, parameterCount: Int, lossUnit: String = "byte",
        exampleUnit: String? = nil, settings: [Setting],
        data: String? = nil
    ) {
        self.name = name
        self.description = description
        self.parameterCount = parameterCount
        self.lossUnit = lossUnit
        self.exampleUnit = exampleUnit
        self.settings = settings
        self.data = data
    }

    /// What a step's examples are, in the plural: `images`.
    package var examples: String { (exampleUnit ?? lossUnit) + "s" }
}

/// The software and hardware of a comparison, as far as they can change the numbers or the times.
public struct EnvironmentSummary: Codable, Sendable, Hashable {
    /// This package's version.
    public var packageVersion: String
    /// The version of libtorch.
    public var engineVersion: String
    /// The number of threads that computed.
    public var threads: Int
    /// The number of processes that shared every batch, each with so many threads; nil for one.
    public var processes: Int?
    /// The times by which that number was chosen; nil if it was given, if nothing was measured, and in files of former
    /// versions.
    public var threadChoice: String?
    /// Where it was computed: `cpu`, or a card with its name; nil in files of former versions, which is the CPU.
    public var device: String?
    /// The library that multiplied large float32 matrices, `engine` or `onednn`; nil in files of former versions, which is
    /// the engine.
    public var products: String?
    /// The instruction set that the kernels chose, for example `AVX2`.
    public var instructionSet: String
    /// The processor's name as the system gives it.
    public var processorName: String
    /// When the comparison began, in ISO 8601.
    public var date: String
    /// The command line that repeats it.
    public var command: String

    /// Describes an environment.
    public init(
        packageVersion: String, engineVersion: String, threads: Int, instructionSet: String,
        processorName: String, date: String, command: String
    ) {
        self.packageVersion = packageVersion
        self.engineVersion = engineVersion
        self.threads = threads
        self.instructionSet = instructionSet
        self.processorName = processorName
        self.date = date
        self.command = command
    }
}
