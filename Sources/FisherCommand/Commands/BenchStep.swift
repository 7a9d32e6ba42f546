import ArgumentParser
import Fisher
import FisherBenchmarks
import FisherTasks
import FisherTraining

/// `fisher bench step`.
struct BenchStep: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "step",
        abstract: "Time whole training steps, taken apart: data, passes, statistics, optimizer.",
        discussion: """
            All optimizers take turns, each on a copy of the network of its own; a turn is --steps steps, so \
            that what happens every so many steps has its share. A ratio is the median over the turns of the \
            ratio to the first optimizer within a turn.
            """)

    @Option(
        help: """
            mlp (784-512-512-10), cnn (3x32x32, channels 32, 64, 128), gpt (width 128, 4 blocks, 64 positions), or \
            the byte-level GPT of `train language`: tiny, small, base.
            """)
    var network: Network = .tiny
    @Option(help: "A task on its own data instead: language, digits, or one that was registered.")
    var task: String?
    @Option(
        name: .customLong("set"), parsing: .singleValue,
        help: ArgumentHelp("An option of the task by its key, repeatable.", valueName: "key=value"))
    var settings: [SettingArgument] = []
    @Option(
        help: "Units a batch; by default 16 windows for a byte-level GPT, 32 sequences for gpt, else 128.")
    var batch: Int?
    @Option(
        name: .customLong("optimizer"), parsing: .singleValue,
        help: "An optimizer with options, as kfac:labels=empirical,inverse_interval=10; repeat it.")
    var optimizers: [OptimizerSpecification] = []
    @OptionGroup var arguments: BenchArguments
    @Option(help: "Steps a turn.")
    var steps = 10
    @Option(help: "automatic: the fused path where there is one; formula: tensor operations.")
    var execution: Execution = .automatic

    enum Network: String, CaseIterable, ExpressibleByArgument {
        case mlp, cnn, gpt, tiny, small, base

        /// What it is made of.
        var kind: Kind {
            if let usual = ReferenceNetwork(rawValue: rawValue) { return .usual(usual) }
            guard let size = LanguageTask.Size(rawValue: rawValue) else {
                preconditionFailure("\(rawValue) is neither a network nor a size")
            }
            return .language(size)
        }

        var usualBatch: Int { if case .usual(let network) = kind { network.usualBatch } else { 16 } }
    }

    enum Kind {
        case usual(ReferenceNetwork)
        case language(LanguageTask.Size)
    }

    func validate() throws {
        try requirePositive(["steps": steps, "batch": batch ?? 1])
    }

    func run() throws {
        let named =
            optimizers.isEmpty
            ? ["sgd", "adamw"].compactMap { OptimizerSpecification(argument: $0) } : optimizers
        let candidates = try named.map { try $0.candidate(sharing: [], clip: nil) }
        if let task { return try run(try TaskRegistry.task(named: task), candidates) }
        let units = batch ?? network.usualBatch
        try arguments.run {
            switch network.kind {
            case .usual(let network):
                return try StepBenchmark(
                    candidates, on: network, batch: units, execution: execution, steps: steps)
            case .language(let size):
                let task = try LanguageTask(
                    size.configuration, corpus: .noise(byteCount: 1 << 20), batch: units)
                return try StepBenchmark(
                    candidates, on: task, named: network.rawValue, batch: units, execution: execution,
                    steps: steps)
            }
        }
    }

    private func run<Task: ConfigurableTask>(_: Task.Type, _ candidates: [OptimizerCandidate]) throws {
        var values = settings.map { ($0.name, [$0.value]) }
        if let batch { values.append(("data.batch", ["\(batch)"])) }
        let layers = Task.presets.prefix(1).map(\.layer) + [ConfigurationLayer(.commandLine, values)]
        let task = try Task(try ResolvedConfiguration<Task.Options>(layers).value.task)
        try arguments.run {
            try StepBenchmark(
                candidates, on: task, named: Task.name, batch: task.batch, execution: execution, steps: steps)
        }
    }
}
