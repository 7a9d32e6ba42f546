import FisherStudies

/// A task with its options and length, on which optimizers are compared: what `fisher train TASK --set ...` describes.
public struct Problem: Sendable, Hashable {
    /// The name for readers, such as `language-nano`. Runs are kept by what a problem is, not by its name.
    public let name: String
    /// The task's name in the registry.
    public let task: String
    /// The preset to start from; nil for the task's first.
    public let preset: String?
    /// Options by their whole keys, such as `training.steps`, `optimizer.warm_up`.
    public let settings: [Setting]
    /// The number of seeds with which each learning rate is tried, in the short form.
    public let tuningSeeds: Int

    /// Describes a problem.
    ///
    /// - Parameters:
    ///   - name: the name for readers.
    ///   - task: the task's name in the registry.
    ///   - preset: the preset to start from; nil for the task's first.
    ///   - tuningSeeds: the number of seeds with which each learning rate is tried in the short form: two where a run takes
    ///     seconds and seeds differ much.
    ///   - settings: options by their whole keys; those of lists with commas.
    public init(
        _ name: String, task: String, preset: String? = nil, tuningSeeds: Int = 1,
        _ settings: KeyValuePairs<String, String>
    ) {
        self.tuningSeeds = tuningSeeds
        self.name = name
        self.task = task
        self.preset = preset
        self.settings = settings.map { Setting($0.key, $0.value) }
    }
}

/// An optimizer of a comparison, and the learning rates among which its own is chosen.
public struct Arm: Sendable, Hashable {
    /// The optimizer as it is named on the command line: `adamw:clip_gradient_norm=1,beta2=0.99`.
    public let optimizer: String
    /// The rates to try first, a ladder; a grid whose best lies at its edge grows. One rate means no tuning.
    public let rates: [Double]
    /// A name for readers; nil for the optimizer's own.
    public let label: String?

    /// Describes an arm.
    public init(_ optimizer: String, rates: [Double], label: String? = nil) {
        self.optimizer = optimizer
        self.rates = rates
        self.label = label
    }
}
