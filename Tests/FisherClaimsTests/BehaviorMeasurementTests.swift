import Fisher
import FisherStudies
import FisherTasks
import Testing

@testable import FisherClaims

/// The measurements behind the claims on behavior, in forms that take a fraction of a second.
@Suite struct BehaviorMeasurementTests {
    @Test func discretePathsFollowPenalizedFlows() throws {
        let found = try TracePenalty(rates: [0.1, 0.05, 0.025], time: 0.4)
        #expect(TracePenalty.verdict(found.powers) == .holds, "\(found.powers)")
        #expect(abs(found.traces[0] / found.traces[1] - 1) < 1e-10)
    }

    @Test func logisticRegressionReachesItsBound() throws {
        let found = try CramerRao(sizes: [200], replicates: 60)
        let means = found.fits.map { SampleSummary($0.squares)?.mean ?? .nan }
        // The mean of 60 chi-squares of four degrees over four has a standard deviation of 0.09.
        #expect(abs(means[0] - 1) < 0.4)
        #expect(means[1] > 3)
        #expect(found.fits[0].separated == 0)
    }

    @Test func factorsAreMeasuredAlongTraining() throws {
        let perceptron = try #require(FactorShares.networks.first)
        let found = try perceptron.measure(0, 2) { _ in }
        #expect(found.map(\.phase) == ["start", "early", "end"])
        for factor in found.flatMap(\.factors) {
            #expect((0...1).contains(factor.raw) && (0...1).contains(factor.centred), "\(factor)")
        }
        // Rectified activations share a mean; that of the pixels is known to carry most of the energy.
        let inputs = try #require(found.last?.factors.first { $0.size == 65 })
        #expect(inputs.centred > inputs.raw)
    }

    @Test func diagonalsCaptureAPartOfABlock() throws {
        let task = try PhasedTraining.digits(.perceptron, .relu)
        let found = try CapturedInformation(
            of: try task.makeModel(seed: 0), "perceptron", "start", seed: 0, units: 6)
        #expect(found.product.count == 2)
        for (product, diagonal) in zip(found.product, found.diagonal) {
            #expect(0 < product && product <= diagonal && diagonal <= 1)
        }
    }

    @Test func divisorsAreReadFromAState() throws {
        let state: [String: Tensor] = [
            "parameter/0.weight/inputs": Tensor([0, 1, 2] as [Double], shape: [3]),
            "parameter/0.weight/outputs": Tensor([0, 1] as [Double], shape: [2]),
            "parameter/0.weight/fisher": Tensor([0.1, 0.3] as [Double], shape: [1, 2]),
            "parameter/0.weight/step": Tensor([1] as [Int64], shape: []),
        ]
        let published = try InformationSpread(
            state, of: try AdaFisher(learningRate: 1) { ($0.damping, $0.normalization) = (0.5, .minMax) })
        // Products of {0, 1} and {0, 1/2, 1} on a damping of 1/2.
        #expect(abs(published.mean - 0.75) < 1e-5)
        let coded = try InformationSpread(
            state,
            of: try AdaFisher(learningRate: 1) { ($0.damping, $0.compatibility) = (0.5, .officialCode) })
        #expect(abs(coded.mean - 1) < 1e-12)
        let adam = try InformationSpread(state, of: try Adam(learningRate: 1) { $0.beta2 = 0.9 })
        #expect(abs(adam.mean - 2) < 1e-9)
        #expect(abs(adam.variation - 0.5) < 1e-9)
    }

    @Test func earlyTraceIsMeasuredToItsEnd() throws {
        let training = EarlyTrace.Training(
            rates: [0.5], most: 12, commonLoss: 2.2, penalties: [0.1], testShare: 0.9)
        let runs = try training(seed: 3)
        #expect(runs.map(\.penalty) == [0, 0.1])
        for run in runs {
            #expect(run.peak > 0 && run.heldOutLoss.isFinite)
            #expect(run.arrived || run.steps == 12)
        }
        #expect(runs[0].heldOutLoss != runs[1].heldOutLoss)
    }

    @Test func movementIsRankedByInformation() throws {
        let found = try ConsolidatedMovement(seed: 0, steps: 12, strength: 1e3)
        #expect(found.consolidated < found.free)
        #expect((-1...1).contains(found.free))
        #expect(found.freeTenths.allSatisfy { $0 > 0 })
    }
}

@Suite struct RankCorrelationTests {
    @Test func ranksShareTies() {
        #expect(RankCorrelation.spearman([1, 2, 3, 4], [1, 10, 100, 1000]) == 1)
        #expect(RankCorrelation.spearman([1, 2, 3], [3, 2, 1]) == -1)
        // Ranks 1, 2.5, 2.5, 4 and 1, 2, 3, 4: 4.5 / sqrt(4.5 * 5).
        let tied = RankCorrelation.spearman([1, 2, 2, 3], [1, 2, 3, 4]) ?? .nan
        #expect(abs(tied - 4.5 / (4.5 * 5.0).squareRoot()) < 1e-15)
        #expect(RankCorrelation.spearman([1, 1], [1, 2]) == nil)
        #expect(RankCorrelation.spearman([1, .nan], [1, 2]) == nil)
    }
}
