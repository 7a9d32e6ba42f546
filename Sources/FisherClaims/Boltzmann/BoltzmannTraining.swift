import Fisher
import Foundation

/// Descent on the exact negative log-likelihood of a small machine: the gradient is a sum over all states, so that arms
/// differ in nothing but what they divide it by.
package struct BoltzmannTraining {
    /// What moves the parameters.
    package enum Arm: String, CaseIterable, Codable, Sendable {
        case sgd = "SGD"
        case adamW = "AdamW"
        case exact = "natural gradient, exact"
        case gibbs = "natural gradient, Gibbs draws"
        case langevin = "natural gradient, Langevin draws"
        case empirical = "natural gradient, empirical"

        /// Whether it solves with an information, so that it has a damping.
        package var isDamped: Bool { self != .sgd && self != .adamW }

        fileprivate var sampler: BoltzmannSampler? {
            switch self {
            case .gibbs: .gibbs
            case .langevin: .langevin(step: BoltzmannTraining.langevinStep)
            case .sgd, .adamW, .exact, .empirical: nil
            }
        }
    }

    /// The step size alpha of Langevin proposals.
    package static let langevinStep = 1.0

    /// What is learned.
    package let problem: BoltzmannProblem
    /// The number of steps.
    package let steps: Int
    /// The number of persistent chains, a draw of each at a step.
    package let chains: Int
    /// The sweeps of each chain between two steps.
    package let sweeps: Int

    package init(_ problem: BoltzmannProblem, steps: Int, chains: Int = 256, sweeps: Int = 5) {
        self.problem = problem
        self.steps = steps
        self.chains = chains
        self.sweeps = sweeps
    }

    /// The divergence KL(data || p) before each step and at the end, and the machine at the end. From the step on at which it
    /// is not finite or above 100 nats the curve is infinite and the machine stays.
    ///
    /// Natural gradients solve as the rule ``NaturalGradient`` does: by Cholesky's factorization in float64, with the
    /// damping added to every eigenvalue.
    package func run(
        _ arm: Arm, rate: Double, damping: Double, seed: UInt64
    ) throws -> (curve: [Double], machine: BoltzmannMachine) {
        var machine = try problem.start(seed: seed)
        let generator = try RandomGenerator(seed: seed &+ 1_000_003)
        var chains = arm.sampler.map {
            BoltzmannChains($0, problem.size, count: self.chains, using: generator)
        }
        let descent: VectorDescent? =
            switch arm {
            case .sgd: try VectorDescent(SGD(learningRate: .constant(rate)), from: machine.parameters)
            case .adamW: try VectorDescent(AdamW(learningRate: .constant(rate)), from: machine.parameters)
            case .exact, .gibbs, .langevin, .empirical: nil
            }
        var curve: [Double] = []
        for step in 0...steps {
            let enumerated = try EnumeratedMachine(machine, states: problem.states)
            let divergence = try enumerated.divergence(of: problem.data)
            guard divergence < 100 else {
                curve += [Double](repeating: .infinity, count: steps + 1 - step)
                break
            }
            curve.append(divergence)
            if step == steps { break }
            let gradient = enumerated.gradient(of: problem.data)
            if let descent {
                try descent.step(gradient)
                machine = BoltzmannMachine(problem.size, parameters: descent.vector)
                continue
            }
            var information =
                arm == .empirical ? enumerated.information(weights: problem.data) : enumerated.information
            if chains != nil {
                try chains?.advance(machine, sweeps: sweeps, using: generator)
                if let states = chains?.states {
                    information = enumerated.information(weights: problem.size.shares(of: states))
                }
            }
            let found = try DampedSolution(information, damping: damping, gradient)
            machine = BoltzmannMachine(
                problem.size, parameters: machine.parameters - found.solution * rate)
        }
        return (curve, machine)
    }
}

/// A learning rate and a damping, chosen on a grid that grows until the best lies inside.
package struct BoltzmannTuning: Codable, Sendable {
    package let arm: BoltzmannTraining.Arm
    package let rate: Double
    /// 0 for arms without one.
    package let damping: Double
    /// Whether larger and smaller values of both were tried, which is not so if the grid grew to its limit.
    package let isInterior: Bool
    /// The number of pairs that were tried.
    package let trialCount: Int

    /// Half powers of ten.
    private static func value(_ rung: Int) -> Double { pow(10, Double(rung) / 2) }
    /// How many rungs a grid may grow by on each side.
    private static let growth = 4

    /// Tries rates, and dampings if the arm has one, by the mean final divergence over seeds.
    package init(_ arm: BoltzmannTraining.Arm, of training: BoltzmannTraining, seeds: [UInt64]) throws {
        var rates = arm == .adamW ? -3...0 : arm == .sgd ? -1...2 : -2...0
        var dampings = arm.isDamped ? -6 ... -2 : 0...0
        let (firstRates, firstDampings) = (rates, dampings)
        var found: [SIMD2<Int>: Double] = [:]
        var best = SIMD2(rates.lowerBound, dampings.lowerBound)
        while true {
            for rate in rates {
                for damping in dampings where found[SIMD2(rate, damping)] == nil {
                    let finals = try seeds.map { seed in
                        try training.run(
                            arm, rate: Self.value(rate), damping: arm.isDamped ? Self.value(damping) : 0,
                            seed: seed
                        ).curve.last ?? .infinity
                    }
                    found[SIMD2(rate, damping)] = finals.reduce(0, +) / Double(seeds.count)
                }
            }
            for rate in rates {
                for damping in dampings {
                    let pair = SIMD2(rate, damping)
                    if found[pair, default: .infinity] < found[best, default: .infinity] { best = pair }
                }
            }
            let (before, other) = (rates, dampings)
            rates = Self.grown(rates, around: best.x, first: firstRates)
            if arm.isDamped { dampings = Self.grown(dampings, around: best.y, first: firstDampings) }
            if rates == before, dampings == other { break }
        }
        func isInside(_ range: ClosedRange<Int>, _ rung: Int) -> Bool {
            range.lowerBound < rung && rung < range.upperBound
        }
        self.arm = arm
        rate = Self.value(best.x)
        damping = arm.isDamped ? Self.value(best.y) : 0
        isInterior = isInside(rates, best.x) && (!arm.isDamped || isInside(dampings, best.y))
        trialCount = found.count
    }

    private static func grown(
        _ range: ClosedRange<Int>, around best: Int, first: ClosedRange<Int>
    ) -> ClosedRange<Int> {
        let (low, high) = (range.lowerBound, range.upperBound)
        if best == low, low > first.lowerBound - growth { return (low - 1)...high }
        if best == high, high < first.upperBound + growth { return low...(high + 1) }
        return range
    }
}
