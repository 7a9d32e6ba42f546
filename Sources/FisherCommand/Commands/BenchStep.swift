import ArgumentParser
import Fisher
import FisherBenchmarks
import FisherTasks
import FisherTraining

/// `fisher bench step`.
struct BenchStep: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "step",
        abstract: "Time whole training steps by part: data, passes, statistics, optimizer.",
        discussion: """
            All optimizers take turns, each on a copy of the network of its own; a turn is --steps steps, so \
            that what happens every so many steps has its share. A ratio is the median over the turns of the \
            ratio to the first optimizer within a turn.

            With --processes every batch is shared: the passes include the exchange of sums, and the state is that of one \
            process. Give --threads 1 where as many processes as processors take part.
            """)

    @Option(help: ArgumentHelp("\(StepNetwork.help)."))
    var network = NetworkArgument.usual
    @Option(help: "A task on its own data instead: language, digits, or one that was registered.")
    var task: String?
    @Option(
        name: .customLong("set"), parsing: .singleValue,
        help: ArgumentHelp("An option of the task by its key, repeatable.", valueName: "key=value"))
    var settings: [SettingArgument] = []
    @Option(
        help: ArgumentHelp("Units per batch; by default \(StepNetwork.usualBatches)."))
    var batch: Int?
    @Option(
        name: .customLong("optimizer"), parsing: .singleValue,
        help: "An optimizer with options, as kfac:labels=empirical,inverse_interval=10; repeat it.")
    var optimizers: [OptimizerSpecification] = []
    @OptionGroup var arguments: BenchArguments
    @Option(help: "Steps per turn.")
    var steps = 10
    @OptionGroup(title: "Processes") var sharing: ProcessArguments
    @Option(help: "automatic: the fused path where there is one; formula: tensor operations.")
    var execution: Execution = .automatic
    @Option(
        name: .customLong("precision"), parsing: .singleValue,
        help: ArgumentHelp(
            "The precision of matrix products, float32 or bfloat16; repeat it to time every optimizer in both. (default: float32)"
        ))
    var precisions: [ComputePrecision] = []

    /// A network by its name.
    struct NetworkArgument: ExpressibleByArgument {
        static let usual = NetworkArgument(network: StepNetwork.language(.tiny))
        static var allValueStrings: [String] { StepNetwork.all.map(\.name) }

        let network: StepNetwork

        init(network: StepNetwork) { self.network = network }

        init?(argument: String) {
            guard let network = StepNetwork.all.first(where: { $0.name == argument }) else { return nil }
            self.network = network
        }

        var defaultValueDescription: String { network.name }
    }

    func validate() throws {
        try requirePositive(["steps": steps, "batch": batch ?? 1])
        if arguments.onRequest, sharing.processes ?? 1 > 1 {
            throw ValidationError("--on-request is for one process: leave --processes out.")
        }
    }

    func run() throws {
        let named =
            optimizers.isEmpty
            ? ["sgd", "adamw"].compactMap { OptimizerSpecification(argument: $0) } : optimizers
        let candidates = try named.map { try $0.candidate(sharing: [], clip: nil) }
        if try sharing.launches {
            Interruption.install()
            return try LocalProcesses(sharing.processes ?? 1, savesOnSignals: false)()
        }
        let processes = try withDevice(arguments.place.chosen) {
            try sharing.join(threads: arguments.threads.threads ?? 0)
        }
        if let task { return try run(try TaskRegistry.task(named: task), candidates, processes) }
        try arguments.run(with: processes) {
            try StepBenchmark(
                candidates, on: network.network, batch: batch, execution: execution,
                precisions: chosenPrecisions, steps: steps, sharedBy: processes)
        }
    }

    private func run<Task: ConfigurableTask>(
        _: Task.Type, _ candidates: [OptimizerCandidate], _ processes: ProcessGroup?
    ) throws {
        var values = settings.map { ($0.name, [$0.value]) }
        if let batch { values.append(("data.batch", ["\(batch)"])) }
        let layers = Task.presets.prefix(1).map(\.layer) + [ConfigurationLayer(.commandLine, values)]
        let task = try withDevice(arguments.place.chosen) {
            try Task(try ResolvedConfiguration<Task.Options>(layers).value.task)
        }
        try arguments.run(with: processes) {
            try StepBenchmark(
                candidates, on: task, named: Task.name, batch: task.batch,
                of: task.summary.exampleUnit ?? "example",
                execution: execution, precisions: chosenPrecisions, steps: steps, sharedBy: processes)
        }
    }

    private var chosenPrecisions: [ComputePrecision] { precisions.isEmpty ? [.float32] : precisions }
}

extension ComputePrecision: ExpressibleByArgument {}
