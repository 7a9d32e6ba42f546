import ArgumentParser
import Fisher
import FisherBenchmarks
import FisherTraining

/// `fisher bench optimizers`.
struct BenchOptimizers: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "optimizers",
        abstract: "Time the step of every optimizer on parameters of a real model's shapes.",
        discussion: """
            All optimizers take turns, so that other load on the machine affects all of them. Times are \
            medians over the turns. They share weights and gradients; the states of all are in memory, up to 1 GB \
            each for GPT-2.
            """)

    @Option(
        help: """
            The shapes: 1M, 3M, 124M, resnet50, conformer, or those of a GPT of these sizes, as gpt:width=512,layers=8; \
            vocabulary (256) and context (128) may follow.
            """)
    var parameters: ParameterSet = .gpt1M
    @Option(
        name: .customLong("optimizer"), parsing: .singleValue,
        help: "An optimizer with options, as fadam:beta2=0.99; repeat it. By default all.")
    var optimizers: [OptimizerSpecification] = []
    @OptionGroup var arguments: BenchArguments
    @Option(help: "automatic: the fused path where there is one; formula: tensor operations.")
    var execution: Execution = .automatic

    func run() throws {
        let named =
            optimizers.isEmpty
            ? RuleRegistry.gradientRules.compactMap { OptimizerSpecification(argument: $0.summary.name) }
            : optimizers
        let candidates = try named.map { try $0.candidate(sharing: [], clip: nil) }
        try arguments.run { try OptimizerBenchmark(candidates, on: parameters, execution: execution) }
    }
}

extension ParameterSet: DescribedArgument {
    /// Reads a set as it is named on the command line; nil where a name is none.
    public init?(argument: String) {
        guard let set = try? Self(named: argument) else { return nil }
        self = set
    }

    /// The sets that have a name of their own.
    public static var allValueStrings: [String] { all.map(\.name) }

    /// The name.
    public var defaultValueDescription: String { name }

    static func complaint(about text: String, of option: String, in command: String) -> String {
        do throws(ConfigurationError) {
            _ = try Self(named: text)
            return "cannot be read"
        } catch {
            return error.description
        }
    }
}
