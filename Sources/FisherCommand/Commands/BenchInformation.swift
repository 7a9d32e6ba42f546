import ArgumentParser
import Fisher
import FisherBenchmarks
import FisherTraining
import Foundation

/// `fisher bench information`: what estimates cost on top of a gradient.
struct BenchInformation: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "information",
        abstract: "Time estimates of the Fisher information against one forward and backward pass.",
        discussion: """
            The network is a file as for `fisher information`, or {"gpt": {"vocabulary": 256, "context": 64, \
            "width": 128, "layers": 4, "heads": 4}}. In every turn each task runs once, so that other load on \
            the machine affects all of them; a ratio is the median over the turns of the ratio within a turn.
            """)

    @Argument(help: "The network's description, JSON.")
    var network: String
    @Option(help: "The shape of a sample of a plain network, as 3,32,32.")
    var input: String = ""
    @Option(help: "The number of samples or sequences.")
    var batch = 128
    @Option(
        name: .customLong("task"), parsing: .singleValue,
        help:
            "plain, diagonal, kronecker, sampled_kronecker, diagonal_kronecker or ekfac; repeat it. By default all."
    )
    var tasks: [InformationTask] = []
    @OptionGroup var arguments: BenchArguments

    func validate() throws {
        try requirePositive(["batch": batch])
        let sizes = input.split(separator: ",", omittingEmptySubsequences: !input.isEmpty ? false : true)
        guard sizes.allSatisfy({ Int($0).map { $0 > 0 } ?? false }) else {
            throw ValidationError("--input must be sizes separated by commas, not \(input).")
        }
    }

    func run() throws {
        if try DurableStorage.kind(of: network, followingLinks: true) == nil,
            StepNetwork.all.contains(where: { $0.name == network })
        {
            throw StorageError(
                .notFound, path: network,
                reason: "is not there: give a file with the description of a network, JSON "
                    + "(fisher bench step --network \(network) times the built-in one)")
        }
        let data = try DurableStorage.readFile(at: network)
        let named = tasks.isEmpty ? InformationTask.allCases : tasks
        // Requests count positions among the named; otherwise ratios are to the plain gradient.
        let timed = arguments.onRequest ? named : [.plain] + named.filter { $0 != .plain }
        try arguments.run(turns: 15) {
            try InformationBenchmark(
                BenchmarkNetwork(
                    json: data, input: input.split(separator: ",").compactMap { Int($0) }, units: batch),
                named: network, tasks: timed)
        }
    }
}

extension InformationTask: ExpressibleByArgument {}
