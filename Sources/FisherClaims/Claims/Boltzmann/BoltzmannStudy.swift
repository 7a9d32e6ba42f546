import FisherStudies
import Foundation
import Torch

/// What the claim on the empirical Fisher information of a Boltzmann machine rests on, as numbers that can be kept.
struct BoltzmannStudy: Codable {
    /// A machine at which the informations of one seed were compared.
    struct Point: Codable {
        let problem: String
        let seed: UInt64
        let missingProbability: Double
        let missingTrace: Double
        /// Exact, Gibbs, Langevin, empirical, empirical completed.
        let estimates: [BoltzmannEstimate]
        /// By sampler: draws, draws that count, the share accepted, the root mean square of standardized errors.
        let samplers: [Sampler]
        /// The expected error of as many independent draws as count.
        let expectedErrors: [Double]

        func estimate(_ name: String) -> BoltzmannEstimate? { estimates.first { $0.name == name } }
    }

    struct Sampler: Codable {
        let name: String
        let count: Int
        let effectiveCount: Double
        let acceptance: Double
        let standardizedError: Double
    }

    /// Medians over training sets of one size.
    struct SetSize: Codable {
        let count: Int
        let distinct: Double
        let missingProbability: Double
        let missingTrace: Double
        let error: Double
        let lower: Double
        let upper: Double
        let completedError: Double
        let expectedError: Double
        let angle: Double
    }

    /// The errors of chains by their number of draws.
    struct Chain: Codable {
        let sampler: String
        let count: Int
        let error: Double
    }

    /// An arm on a problem: what tuning chose, and the curves by seed.
    struct ArmRuns: Codable {
        let problem: String
        let tuning: BoltzmannTuning
        let curves: [[Double]]
    }

    var points: [Point]
    var sizes: [SetSize]
    var chains: [Chain]
    var arms: [ArmRuns]

    static let exact = "exact"
    static let empirical = "empirical"
    static let completed = "empirical, completed"
    /// The damping of compared natural gradients.
    static let damping = 1e-3
    /// The size of a training set that is drawn.
    static let sampleCount = 100
    static let samplers: [BoltzmannSampler] = [.gibbs, .langevin(step: BoltzmannTraining.langevinStep)]

    /// Compares the informations at a seed's machine: the teacher itself where there is one, else a machine in the middle of
    /// its training.
    static func point(_ problem: BoltzmannProblem, seed: UInt64, chains: Int, draws: Int) throws -> Point {
        let machine =
            try problem.teacher
            ?? BoltzmannTraining(problem, steps: 10).run(.exact, rate: 0.3, damping: 0.01, seed: seed).machine
        let enumerated = try EnumeratedMachine(machine, states: problem.states)
        let gradient = enumerated.gradient(of: problem.data)
        func estimate(_ name: String, _ weights: Tensor) throws -> BoltzmannEstimate {
            try BoltzmannEstimate(
                name, weights: weights, of: enumerated, gradient: gradient, damping: damping)
        }
        var estimates = [try estimate(exact, enumerated.probabilities)]
        var found: [Sampler] = []
        let generator = try RandomGenerator(seed: seed)
        for sampler in samplers {
            var walkers = BoltzmannChains(sampler, problem.size, count: chains, using: generator)
            let drawn = try BoltzmannDraws(
                from: enumerated, chains: &walkers, burnIn: 100, thinning: 2, draws: draws, using: generator)
            estimates.append(try estimate(sampler.name, drawn.shares))
            let square = drawn.standardizedErrors.reduce(0) { $0 + $1 * $1 }
            found.append(
                Sampler(
                    name: sampler.name, count: drawn.count, effectiveCount: drawn.effectiveCount,
                    acceptance: drawn.acceptance,
                    standardizedError: (square / Double(drawn.standardizedErrors.count)).squareRoot()))
        }
        estimates.append(try estimate(empirical, problem.data))
        estimates.append(try estimate(completed, try enumerated.completed(problem.data)))
        let missing = try enumerated.missing(in: problem.data)
        return Point(
            problem: problem.name, seed: seed, missingProbability: missing.probability,
            missingTrace: missing.traceShare, estimates: estimates, samplers: found,
            expectedErrors: try found.map { try enumerated.expectedError(draws: $0.effectiveCount) })
    }

    /// Training sets of one size, drawn from the machine of a problem with a teacher.
    static func sets(of count: Int, repetitions: Int) throws -> SetSize {
        var (distinct, probability, trace, error, completedError, expected, angle) = (
            [Double](), [Double](), [Double](), [Double](), [Double](), [Double](), [Double]()
        )
        for repetition in 0..<repetitions {
            let problem = try BoltzmannProblem.drawn(samples: count, seed: 1000 + UInt64(repetition))
            guard let teacher = problem.teacher else { preconditionFailure("drawn problems have a teacher") }
            let enumerated = try EnumeratedMachine(teacher, states: problem.states)
            let gradient = enumerated.gradient(of: problem.data)
            let missing = try enumerated.missing(in: problem.data)
            distinct.append(try (1 - enumerated.unseen(in: problem.data)).sum().item())
            probability.append(missing.probability)
            trace.append(missing.traceShare)
            let found = try BoltzmannEstimate(
                empirical, weights: problem.data, of: enumerated, gradient: gradient, damping: damping)
            error.append(found.error)
            angle.append(found.angle)
            let whole = try BoltzmannEstimate(
                completed, weights: try enumerated.completed(problem.data), of: enumerated,
                gradient: gradient,
                damping: damping)
            completedError.append(whole.error)
            expected.append(try enumerated.expectedError(draws: Double(count)))
        }
        func median(_ values: [Double]) -> Double { SampleSummary.median(values) ?? .nan }
        return SetSize(
            count: count, distinct: median(distinct), missingProbability: median(probability),
            missingTrace: median(trace), error: median(error), lower: error.min() ?? .nan,
            upper: error.max() ?? .nan, completedError: median(completedError),
            expectedError: median(expected),
            angle: median(angle))
    }

    /// The errors of chains of growing length at the teacher.
    static func lengths(chains: Int, draws: [Int]) throws -> [Chain] {
        let problem = try BoltzmannProblem.drawn(samples: 1, seed: 0)
        guard let teacher = problem.teacher else { preconditionFailure("drawn problems have a teacher") }
        let enumerated = try EnumeratedMachine(teacher, states: problem.states)
        let exact = enumerated.information
        let size = try exact.norm().item()
        return try samplers.flatMap { sampler in
            try draws.map { count in
                let errors = try (0..<5).map { repetition in
                    let generator = try RandomGenerator(seed: 2000 + UInt64(repetition))
                    var walkers = BoltzmannChains(sampler, problem.size, count: chains, using: generator)
                    let drawn = try BoltzmannDraws(
                        from: enumerated, chains: &walkers, burnIn: 100, thinning: 2, draws: count,
                        using: generator)
                    return try (enumerated.information(weights: drawn.shares) - exact).norm().item() / size
                }
                return Chain(
                    sampler: sampler.name, count: chains * count, error: SampleSummary.median(errors) ?? .nan)
            }
        }
    }
}
