import Fisher
import FisherTraining

/// The tasks of the commands, by name.
public enum TaskRegistry {
    // A new task of this package adds one line here.
    private static let own: [any ConfigurableTask.Type] = [
        LanguageTask.self,
        DigitsTask.self,
        ImagesTask.self,
        VectorQuantizedTask.self,
        CodesTask.self,
        SpeechTask.self,
        GraphsTask.self,
        DataTask.self,
    ]

    private static let registry = NameRegistry(own, name: { $0.name }, type: { ObjectIdentifier($0) })

    /// Registers a task under its name; call it before commands are parsed.
    ///
    /// Registering a type twice changes nothing; it traps if another type has the same name.
    public static func register<Task: ConfigurableTask>(_ task: Task.Type) {
        registry.register(task, named: task.name, type: ObjectIdentifier(task))
    }

    /// All tasks: those of this package in their order, then those that were registered.
    public static var tasks: [any ConfigurableTask.Type] { registry.entries }

    /// The task of a name.
    ///
    /// - Throws: `ConfigurationError` with the nearest name if there is none.
    public static func task(named name: String) throws(ConfigurationError) -> any ConfigurableTask.Type {
        guard let task = registry[name] else {
            throw ConfigurationError(unknownName(name, called: "task", among: registry.names))
        }
        return task
    }
}
