import Foundation
import Testing

@testable import FisherStudies

@Suite("Statistics of a comparison")
struct ComparisonStatisticsTests {
    /// Values of scipy.stats.t.ppf((1 + p) / 2, n) for p = 0.5, 0.95, 0.99.
    static let quantiles: [(Int, [Double])] = [
        (1, [1.0, 12.706204736174694, 63.656741162871526]),
        (2, [0.8164965809277261, 4.302652729749462, 9.924843200918287]),
        (3, [0.7648923284043444, 3.1824463052837078, 5.840909309733355]),
        (4, [0.7406970841126829, 2.7764451051977934, 4.604094871349992]),
        (5, [0.7266868438004226, 2.5705818356363146, 4.032142983555228]),
        (9, [0.7027221467513264, 2.262157162798205, 3.249835541592126]),
        (10, [0.6998120613124317, 2.228138851986274, 3.16927267261695]),
        (29, [0.6830438608216131, 2.045229642132703, 2.756385903670605]),
        (100, [0.6769510430114717, 1.9839715185235518, 2.6258905214380173]),
        (1000, [0.6747351646070093, 1.9623390808264083, 2.580754698065951]),
    ]

    @Test("Student's t agrees with an independent implementation", arguments: quantiles)
    func studentQuantiles(degrees: Int, expected: [Double]) {
        let distribution = StudentT(degreesOfFreedom: degrees)
        for (probability, value) in zip([0.5, 0.95, 0.99], expected) {
            let half = distribution.halfWidth(probability: probability)
            #expect(abs(half - value) < 1e-11 * value)
            #expect(abs(distribution.centralProbability(within: half) - probability) < 1e-13)
        }
    }

    @Test("Central probabilities agree with an independent implementation")
    func studentProbabilities() {
        let cases = [(7, 2.5, 0.959007781414247), (1, 0.3, 0.18554715815548461), (2, -4, 0.9428090415820634)]
        for (degrees, t, expected) in cases {
            let probability = StudentT(degreesOfFreedom: degrees).centralProbability(within: t)
            #expect(abs(probability - expected) < 1e-14)
        }
    }

    @Test("The spread is the sample standard deviation, and absent for one number")
    func sampleSummary() throws {
        let summary = try #require(SampleSummary([2, 4, 4, 4, 5, 5, 7, 9]))
        #expect(summary.mean == 5)
        #expect(abs(try #require(summary.standardDeviation) - (32.0 / 7).squareRoot()) < 1e-15)
        #expect(summary.range == 2...9)
        #expect(SampleSummary([3])?.standardDeviation == nil)
        #expect(SampleSummary([]) == nil)
    }

    @Test("The median takes the middle, or the mean of the two in the middle")
    func median() {
        #expect(SampleSummary.median([3, 1, 2]) == 2)
        #expect(SampleSummary.median([4, 1, 2, 3]) == 2.5)
        #expect(SampleSummary.median([]) == nil)
    }

    @Test("Differences are paired by seed, and their interval is Student's")
    func pairedDifference() throws {
        var entry = ComparisonFixture.entry("b", [2.0 - 0.034, 3.0 - 0.041, 4.0 - 0.012])
        entry.runs.reverse()
        entry.runs.append(ComparisonFixture.run(seed: 9, loss: 1))
        let reference = ComparisonFixture.entry("a", [2, 3, 4, 5])
        let difference = try #require(PairedDifference(of: entry, to: reference))
        #expect(difference.pairs.map(\.seed) == [0, 1, 2])
        #expect(abs(difference.mean + 0.029) < 1e-12)
        let interval = try #require(difference.interval)
        #expect(abs(interval.lowerBound + 0.06659182489777929) < 1e-9)
        #expect(abs(interval.upperBound - 0.008591824897779283) < 1e-9)
    }

    @Test("One or two seeds are points: no interval, no p-value, no best", arguments: [1, 2])
    func fewerThanThreeSeeds(count: Int) throws {
        let losses = Array([1.9, 1.8].prefix(count))
        let summary = ComparisonSummary(
            of: ComparisonFixture.result([
                ComparisonFixture.entry("a", losses.map { $0 + 0.5 }), ComparisonFixture.entry("b", losses),
            ]))
        #expect(summary.bestIndex == nil)
        let contrast = try #require(summary.rows[1].contrast)
        #expect(contrast.verdict == .points && contrast.interval == nil && contrast.probability == nil)
        #expect(contrast.difference.interval == nil)
        for word in ["lowest", "lower than", "covers zero", " *"] { #expect(!summary.text().contains(word)) }
        #expect(summary.headline.contains("no optimizer is called best"))
    }

    @Test("A single common seed has no interval; none at all has no difference")
    func fewSeeds() throws {
        let one = ComparisonFixture.entry("b", [1.9])
        let reference = ComparisonFixture.entry("a", [2, 2])
        let difference = try #require(PairedDifference(of: one, to: reference))
        #expect(difference.interval == nil)
        let stranger = OptimizerEntry(
            label: "c", rule: "c", options: [], runs: [ComparisonFixture.run(seed: 7, loss: 2)]
        )
        #expect(PairedDifference(of: stranger, to: reference) == nil)
    }

    @Test("Runs that diverged, were interrupted or ended without a number count in no mean")
    func unusableRuns() {
        var entry = ComparisonFixture.entry("a", [2, .nan, .infinity, 2.2, 2.4])
        entry.runs[3].status = .interrupted(step: 50)
        entry.runs[4].status = .diverged(step: 60, reason: "overflow")
        let row = ComparisonSummary(of: ComparisonFixture.result([entry])).rows[0]
        #expect(row.finalLoss?.count == 1)
        #expect(row.finalLoss?.mean == 2)
        #expect(row.runCount == 5)
        #expect(row.completedCount == 1)
        #expect(row.divergedCount == 3)
        #expect(row.interruptedCount == 1)
    }

    @Test("An optimizer with a diverged run is not the best while another has none")
    func survivorsDoNotWin() {
        var lucky = ComparisonFixture.entry("lucky", [1, 1, 1, 1])
        lucky.runs[1].status = .diverged(step: 3, reason: "overflow")
        let steady = ComparisonFixture.entry("steady", [2, 2, 2, 2])
        let summary = ComparisonSummary(of: ComparisonFixture.result([lucky, steady]))
        #expect(summary.bestIndex == 1)
        #expect(
            summary.headline.contains("lucky is lower still, 1.000, over the 3 of 4 runs that completed."))
        #expect(ComparisonSummary(of: ComparisonFixture.result([lucky])).bestIndex == 0)
    }

    @Test("Bits and perplexity follow from nats")
    func units() {
        #expect(abs(ComparisonSummary.bits(fromNats: log(256)) - 8) < 1e-12)
        #expect(abs(ComparisonSummary.perplexity(fromNats: log(256)) - 256) < 1e-9)
    }

    @Test("The best validation loss may lie before the end")
    func bestLoss() {
        var run = ComparisonFixture.run(seed: 0, loss: 2)
        run.curve[5].validationLoss = 1.5
        run.curve[6].validationLoss = .nan
        #expect(run.bestValidationLoss == 1.5)
    }
}
