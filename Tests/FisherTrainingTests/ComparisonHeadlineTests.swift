import Testing

@testable import FisherStudies

@Suite("The headline of a comparison")
struct ComparisonHeadlineTests {
    private func headline(_ entries: [OptimizerEntry]) -> String {
        ComparisonSummary(of: ComparisonFixture.result(entries)).headline
    }

    @Test("It says by how much the best is ahead of the first, and that zero is excluded")
    func clearWinner() {
        let entries = [
            ComparisonFixture.entry("adamw", [2.30, 2.32, 2.34]),
            ComparisonFixture.entry("fadam", [2.20, 2.221, 2.239]),
        ]
        let text = headline(entries)
        #expect(
            text.hasPrefix(
                "fadam has the lowest mean final validation loss, 2.220 ± 0.020 nats/byte over 3 seeds"))
        #expect(text.contains("0.100 lower than adamw"))
        #expect(text.contains("which excludes zero"))
    }

    @Test("It says that an interval over zero separates nothing")
    func openRace() {
        let text = headline([
            ComparisonFixture.entry("adamw", [2.30, 2.32, 2.31]),
            ComparisonFixture.entry("fadam", [2.29, 2.32, 2.31]),
        ])
        #expect(text.contains("covers zero: these seeds do not separate the two"))
        #expect(!text.contains("excludes zero"))
    }

    @Test("It calls a single seed what it is")
    func singleSeed() {
        let text = headline([ComparisonFixture.entry("a", [2.3]), ComparisonFixture.entry("b", [2.2])])
        #expect(text.hasPrefix("1 seed is too few for an interval, so that no optimizer is called best"))
        #expect(text.contains("a 2.300, b 2.200"))
    }

    @Test("It says on which data")
    func data() {
        var result = ComparisonFixture.three
        result.task.data = "the docstrings"
        #expect(ComparisonSummary(of: result).headline.hasPrefix("On the docstrings: fadam has the lowest"))
    }

    @Test("It compares a best first optimizer with the next")
    func firstIsBest() {
        let text = headline([
            ComparisonFixture.entry("a", [2.1, 2.11, 2.09]), ComparisonFixture.entry("b", [2.4, 2.5, 2.4]),
            ComparisonFixture.entry("c", [2.2, 2.2, 2.2]),
        ])
        #expect(text.contains("The next, c, is 0.100 higher"))
    }

    @Test("It names the next where that is neither the best nor the first")
    func runnerUp() {
        let text = headline([
            ComparisonFixture.entry("a", [2.5, 2.5, 2.51]), ComparisonFixture.entry("b", [2.0, 2.1, 2.1]),
            ComparisonFixture.entry("c", [2.1, 2.0, 2.1]),
        ])
        #expect(text.contains("The next, c, is equal (not separated from it by these seeds"))
    }

    @Test("It calls equal runs equal")
    func equalRuns() {
        let text = headline([
            ComparisonFixture.entry("a", [2, 3, 4]), ComparisonFixture.entry("b", [2, 3, 4]),
        ])
        #expect(text.contains("no optimizer is shown to differ from a"))
        #expect(text.contains("equal (every common seed ended alike)."))
    }

    @Test("It tells of runs that diverged or did not finish")
    func failures() {
        #expect(
            ComparisonSummary(of: ComparisonFixture.typical).headline
                .contains("1 of 2 runs of kfac diverged and counts in no mean.")
        )
        var entry = ComparisonFixture.entry("a", [2, 2])
        entry.runs[1].status = .interrupted(step: 4)
        #expect(headline([entry]).contains("1 run did not finish: this comparison is incomplete."))
    }

    @Test("It has an answer where nothing completed")
    func nothing() {
        #expect(headline([]) == "Nothing was compared.")
        var entry = ComparisonFixture.entry("a", [2])
        entry.runs[0].status = .diverged(step: 1, reason: "overflow")
        #expect(headline([entry]) == "No run completed. 1 of 1 run of a diverged and counts in no mean.")
    }

    @Test("Decimals suffice to tell small differences apart")
    func smallDifferences() {
        let text = headline([
            ComparisonFixture.entry("a", [0.0125, 0.0125, 0.01251]),
            ComparisonFixture.entry("b", [0.0121, 0.0121, 0.0121]),
        ])
        #expect(text.contains("0.01210"))
        #expect(text.contains("0.000403 lower"))
    }
}
