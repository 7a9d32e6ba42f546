import Fisher
import FisherBenchmarks
import FisherTraining
import Foundation
import Testing

@testable import FisherCommand

/// The networks of `fisher bench step`; how fast they are is not tested.
@Suite struct StepNetworkTests {
    /// Networks whose step takes too long for a test.
    static let large = ["base"]

    @Test(arguments: StepNetwork.all.map(\.name).filter { !large.contains($0) })
    func makesSteps(_ name: String) throws {
        let network = try #require(StepNetwork.all.first { $0.name == name })
        let candidate = try #require(OptimizerSpecification(argument: "adamw")).candidate(
            sharing: [], clip: nil)
        let benchmark = try StepBenchmark([candidate], on: network, batch: 2, steps: 1)
        #expect(benchmark.parameterCount > 0)
        let timings = try benchmark(turns: 1, on: .current())
        #expect(timings.title.contains("\(name): batch 2 \(network.unit)s"))
        let result = try #require(timings.results.first)
        // Of one turn the median of the sum is the sum of the medians.
        let rule = try #require(result.ruleMilliseconds)
        #expect(abs(rule - result.statisticsMilliseconds - result.updateMilliseconds) < 1e-9)
        #expect(result.ruleFastest == rule && result.ruleSlowest == rule)
    }

    /// A row for each optimizer and precision, and one that says so where the processor lacks the instructions.
    @Test func bothPrecisionsHaveRows() throws {
        let network = try #require(StepNetwork.all.first { $0.name == "gpt" })
        let candidate = try #require(OptimizerSpecification(argument: "adamw")).candidate(
            sharing: [], clip: nil)
        let benchmark = try StepBenchmark(
            [candidate], on: network, batch: 1, precisions: ComputePrecision.allCases, steps: 1)
        var timings = try benchmark(turns: 1, on: .current())
        let isMeasurable = !Bfloat16Instructions.found.isEmpty
        #expect(timings.results.map(\.optimizer) == ["adamw"] + (isMeasurable ? ["adamw, bfloat16"] : []))
        #expect(timings.unmeasured == (isMeasurable ? nil : ["adamw, bfloat16"]))
        #expect(timings.text(width: nil, usesColor: false).contains("tokens/s"))
        timings.unmeasured = ["fadam, bfloat16"]
        let text = timings.text(width: nil, usesColor: false)
        let row = try #require(text.split(separator: "\n").first { $0.hasPrefix("fadam, bfloat16") })
        #expect(row.contains("not measurable here"))
        #expect(text.contains("the processor has no instructions for"))
        #expect(timings.overview.csv().contains("\n\"fadam, bfloat16\",,"))
    }

    /// Every network has a peer of its name in PyTorch.
    @Test func networksHaveTwins() throws {
        let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appending(path: "Benchmarks/twins")
        let twins = try FileManager.default.contentsOfDirectory(atPath: folder.path)
            .filter { $0.hasSuffix(".py") }
            .map { try String(contentsOf: folder.appending(path: $0), encoding: .utf8) }
            .joined()
        for network in StepNetwork.all { #expect(twins.contains("\"\(network.name)\""), "\(network.name)") }
        #expect(Set(StepNetwork.all.map(\.name)).count == StepNetwork.all.count)
    }
}
