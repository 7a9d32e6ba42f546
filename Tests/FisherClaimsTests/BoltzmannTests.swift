import Foundation
import Testing
import Torch

@testable import FisherClaims

/// Restricted Boltzmann machines against brute force over visible and hidden states (`Reference/boltzmann.py`), and chains
/// against exact probabilities.
@Suite struct BoltzmannTests {
    struct Fixture: Decodable {
        struct Case: Decodable {
            let visible, hidden: Int
            let parameters, data, logProbabilities, information, empirical, gradient: [Double]
            let negativeLogLikelihood: Double

            var machine: BoltzmannMachine {
                BoltzmannMachine(
                    .init(visible: visible, hidden: hidden),
                    parameters: Tensor(parameters, shape: [parameters.count]))
            }
        }
        let cases: [Case]

        static func load() throws -> Fixture {
            let path = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
                .appending(path: "Fixtures/claims/boltzmann.json")
            return try JSONDecoder().decode(Fixture.self, from: Data(contentsOf: path))
        }
    }

    private func largest(_ tensor: Tensor, minus values: [Double]) throws -> Double {
        zip(try tensor.flattened().scalars(as: Double.self), values).map { abs($0 - $1) }.max() ?? .infinity
    }

    @Test(arguments: [0, 1]) func informationIsThatOfBruteForce(number: Int) throws {
        let expected = try Fixture.load().cases[number]
        let machine = expected.machine
        let enumerated = try EnumeratedMachine(machine, states: machine.size.states())
        let data = Tensor(expected.data, shape: [expected.data.count])
        #expect(try largest(enumerated.logProbabilities, minus: expected.logProbabilities) < 1e-12)
        #expect(try largest(enumerated.information, minus: expected.information) < 1e-12)
        #expect(try largest(enumerated.information(weights: data), minus: expected.empirical) < 1e-12)
        #expect(try largest(enumerated.gradient(of: data), minus: expected.gradient) < 1e-12)
        let loss = try enumerated.negativeLogLikelihood(of: data)
        #expect(abs(loss - expected.negativeLogLikelihood) < 1e-12)
        // The score's mean is zero, and the divergence is the loss less the data's entropy.
        let mean = enumerated.probabilities.unsqueezed(0).matmul(enumerated.scores)
        #expect(try mean.largestMagnitude() < 1e-12)
        let entropy = -expected.data.reduce(0) { $1 > 0 ? $0 + $1 * log($1) : $0 }
        #expect(abs(try enumerated.divergence(of: data) - (loss - entropy)) < 1e-12)
    }

    @Test func scoresAreTheGradientsOfAutogradAndSlopesThoseInTheState() throws {
        let machine = try Fixture.load().cases[0].machine
        let states = machine.size.states()
        let enumerated = try EnumeratedMachine(machine, states: states)
        for number in [0, 5, 15] {
            let leaf = try machine.parameters.copy().requiringGradient()
            let live = BoltzmannMachine(machine.size, parameters: leaf)
            let logs = live.logWeights(states).logSoftmax(along: 0)
            let gradient = try #require(
                try gradients(of: logs.narrowed(0, from: number, length: 1).sum(), withRespectTo: [leaf])[0])
            let error = try (gradient - enumerated.scores.selecting(0, number)).largestMagnitude()
            #expect(error < 1e-12)
        }
        let place = try Tensor([0.3, 0.8, 0.5, 0.1], shape: [1, 4]).requiringGradient()
        let slope = try #require(
            try gradients(of: machine.logWeights(place).sum(), withRespectTo: [place])[0])
        #expect(try (slope - machine.logWeightSlopes(place)).largestMagnitude() < 1e-12)
    }

    /// Sampled informations lie within their Monte Carlo error: over the parameters the root mean square of the errors of the
    /// diagonal is one standard error, and whole matrices are as far off as as many independent draws as count.
    @Test(arguments: [BoltzmannSampler.gibbs, .langevin(step: 1), .langevin(step: 0.5)], [UInt64(1), 2])
    func chainsReproduceTheExactProbabilities(sampler: BoltzmannSampler, seed: UInt64) throws {
        let machine = try Fixture.load().cases[0].machine
        let enumerated = try EnumeratedMachine(machine, states: machine.size.states())
        let generator = try RandomGenerator(seed: seed)
        var chains = BoltzmannChains(sampler, machine.size, count: 256, using: generator)
        let drawn = try BoltzmannDraws(
            from: enumerated, chains: &chains, burnIn: 40, thinning: 2, draws: 40, using: generator)
        #expect(drawn.count == 256 * 40)
        #expect(
            drawn.effectiveCount > 0.2 * Double(drawn.count)
                && drawn.effectiveCount < 1.5 * Double(drawn.count))
        #expect(drawn.acceptance > 0.3 && drawn.acceptance <= 1)
        // 19 correlated errors of about normal distribution.
        #expect(drawn.standardizedErrors.allSatisfy { abs($0) < 4.5 })
        let worst = try (drawn.shares - enumerated.probabilities).largestMagnitude()
        #expect(worst < 5 * 0.5 / drawn.effectiveCount.squareRoot())
        let exact = enumerated.information
        let error =
            try ((enumerated.information(weights: drawn.shares) - exact).norm().item() / exact.norm().item())
        #expect(error < 2.5 * (try enumerated.expectedError(draws: drawn.effectiveCount)))
    }

    /// The root mean square error over many training sets is the one that is expected of independent draws.
    @Test func theErrorOfIndependentDrawsIsTheExpectedOne() throws {
        let problem = try BoltzmannProblem.drawn(visible: 4, hidden: 3, samples: 1, seed: 1)
        let teacher = try #require(problem.teacher)
        let enumerated = try EnumeratedMachine(teacher, states: problem.states)
        let exact = enumerated.information
        let squares = try (0..<60).map { seed in
            let data = try BoltzmannProblem.drawn(visible: 4, hidden: 3, samples: 50, seed: UInt64(seed)).data
            let difference = enumerated.information(weights: data) - exact
            return try difference.squared().sum().item() / exact.squared().sum().item()
        }
        let expected = try enumerated.expectedError(draws: 50)
        let ratio = (squares.reduce(0, +) / 60).squareRoot() / expected
        #expect(ratio > 0.85 && ratio < 1.15)
    }

    @Test func barsAndStripesAreFourteenPatterns() throws {
        let problem = BoltzmannProblem.barsAndStripes()
        let shares = try problem.data.scalars(as: Double.self)
        #expect(shares.count { $0 > 0 } == 14 && abs(shares.reduce(0, +) - 1) < 1e-12)
        // All white, all black, the first row, the first column.
        #expect([0, 511, 0b111000000, 0b100100100].allSatisfy { shares[$0] > 0 } && shares[1] == 0)
    }

    @Test func completionLeavesTheErrorOfFrequenciesOnly() throws {
        let problem = try BoltzmannProblem.drawn(samples: 30, seed: 3)
        let enumerated = try EnumeratedMachine(try #require(problem.teacher), states: problem.states)
        let completed = try enumerated.completed(problem.data)
        #expect(abs(try completed.sum().item() - 1) < 1e-12)
        let missing = try enumerated.missing(in: problem.data)
        #expect(missing.probability > 0.05 && missing.traceShare > missing.probability)
        // Exact frequencies of what is there leave nothing.
        let p = enumerated.probabilities
        let seen = p * (1 - enumerated.unseen(in: problem.data))
        let whole = try enumerated.completed(seen / seen.sum().item())
        #expect(try (whole - p).largestMagnitude() < 1e-12)
    }

    @Test(arguments: BoltzmannTraining.Arm.allCases) func armsDescend(arm: BoltzmannTraining.Arm) throws {
        let problem = try BoltzmannProblem.drawn(visible: 4, hidden: 3, samples: 50, seed: 1)
        let training = BoltzmannTraining(problem, steps: 12, chains: 64, sweeps: 2)
        let rate = arm == .sgd ? 1.0 : 0.1
        let run = try training.run(arm, rate: rate, damping: 0.01, seed: 4)
        #expect(run.curve.count == 13 && run.curve[12] < 0.9 * run.curve[0])
        #expect(try training.run(arm, rate: rate, damping: 0.01, seed: 4).curve == run.curve)
    }

    @Test func aStepTooLongIsAnInfiniteDivergence() throws {
        let problem = try BoltzmannProblem.drawn(visible: 4, hidden: 3, samples: 50, seed: 1)
        let run = try BoltzmannTraining(problem, steps: 5).run(.sgd, rate: 1e6, damping: 0, seed: 4)
        #expect(run.curve.count == 6 && run.curve[5] == .infinity && run.curve[0] < 1)
    }

    @Test func theTunedRateIsBetterThanItsNeighbors() throws {
        let problem = try BoltzmannProblem.drawn(visible: 3, hidden: 2, samples: 20, seed: 1)
        let training = BoltzmannTraining(problem, steps: 4)
        let tuning = try BoltzmannTuning(.sgd, of: training, seeds: [1])
        #expect(tuning.isInterior && tuning.damping == 0 && tuning.trialCount >= 4)
        let best = try #require(try training.run(.sgd, rate: tuning.rate, damping: 0, seed: 1).curve.last)
        for factor in [0.1, 10].map({ $0.squareRoot() }) {
            let other = try training.run(.sgd, rate: tuning.rate * factor, damping: 0, seed: 1).curve
            #expect(try #require(other.last) > best)
        }
    }

    /// The claim needs five seeds, and its parts are both problems' missing states and draws.
    @Test func theClaimIsDecidedByTheStepsOfBothProblems() throws {
        let points = try [UInt64(1), 2].flatMap { seed in
            try BoltzmannStudy.problems(seed: seed).map {
                try BoltzmannStudy.point($0, seed: seed, chains: 32, draws: 4)
            }
        }
        let study = BoltzmannStudy(points: points, sizes: [], chains: [], arms: [])
        let finding = study.finding(seeds: [1, 2])
        #expect(finding.verdict == .undecided && finding.contrasts.count == 4)
        #expect(
            finding.contrasts.allSatisfy { $0.seeds == [1, 2] && $0.quantity.hasPrefix("decades") })
        let first = try #require(points.first)
        #expect(first.estimate(BoltzmannStudy.exact)?.stepError == 0)
        #expect(first.estimates.map(\.eigenvalues.count).allSatisfy { $0 == 34 })
        #expect(first.missingTrace > first.missingProbability)
    }
}
