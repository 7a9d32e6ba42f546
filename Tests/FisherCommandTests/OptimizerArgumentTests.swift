import Testing

@testable import FisherCommand

/// Optimizers and grids on the command line.
@Suite struct OptimizerArgumentTests {
    /// A key without a name ended the process.
    @Test(arguments: [".=1", "..=1", "fadam.=1", ".beta2=1", "=1", "fadam=", "fadam", "fadam.beta2=,"])
    func gridsWithoutNameOptionOrValuesAreRefused(text: String) {
        #expect(GridArgument(argument: text) == nil)
    }

    @Test func gridsAreOfAllOptimizersOrOfOne() throws {
        let all = try #require(GridArgument(argument: "learning_rate=0.1,0.3"))
        #expect(all.name == "learning_rate" && all.option == nil && all.values == ["0.1", "0.3"])
        let one = try #require(GridArgument(argument: "FAdam.beta2=0.9"))
        #expect(one.name == "fadam" && one.option == "beta2" && one.values == ["0.9"])
    }
}
