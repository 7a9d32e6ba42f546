import Fisher
import FisherStudies
import FisherTasks
import FisherTraining
import Foundation
import Synchronization
import Testing

@testable import FisherClaims

/// The claims that compare arms, judged on invented runs: which outcome gives which verdict.
@Suite struct OptimizerClaimTests {
    /// Every claim but the one that trains by itself.
    static let compared = Claim.optimizers.filter { $0.name != "loss-scale" }

    /// A run with a loss and the measures that tasks take.
    static func run(
        _ seed: UInt64, loss: Double, distance: Double = 30, bits: Double = 1, perplexity: Double = 20
    )
        -> RunRecord
    {
        var record = RunRecord(
            seed: seed, status: .completed, curve: [], finalValidationLoss: loss,
            forwardBackwardMilliseconds: 1, optimizerMilliseconds: 1, stateBytes: 8)
        record.curve = [1, 2].map { step in
            CurvePoint(
                step: step, tokens: step, seconds: 1, trainingLoss: loss, validationLoss: loss,
                measure: StepMeasure(
                    updateToWeight: 0.01, gradientNorm: 1, clipFactor: 1, decayShare: 0.5))
        }
        record.measures = [
            TaskMeasure("bits a dimension", bits, better: .lower),
            TaskMeasure("Frechet distance of reconstructions", distance, better: .lower),
            TaskMeasure("codebook perplexity", perplexity, better: .higher),
            TaskMeasure("codes in use", perplexity, better: .higher),
            TaskMeasure("word error rate", 100 * loss, unit: "%", better: .lower),
        ]
        return record
    }

    /// What a seed does to every arm alike, and a little that it does not.
    static func noise(_ arm: Arm, _ seed: UInt64) -> Double {
        0.1 * Double(seed % 3) + 1e-5 * Double((arm.optimizer.utf8.count + 3 * Int(seed)) % 7)
    }

    static func finding(
        _ claim: Claim, _ run: @escaping (Arm, Problem, UInt64) -> RunRecord, seeds: [UInt64]? = nil
    ) throws -> ClaimFinding {
        try claim.decide(
            ClaimContext(
                .short, seeds: seeds, evidence: claim.evidence, runs: RunLibrary(inventing: run), folder: "",
                progress: ProgressDisplay(
                    output: ProgressOutput(
                        isTerminal: false, usesColor: false, width: { 80 }, write: { _ in }))))
    }

    @Test(arguments: compared.map(\.name))
    func whatMakesNoDifferenceNeverHoldsAsBetter(name: String) throws {
        let claim = try #require(ClaimRegistry.claim(named: name))
        let found = try Self.finding(claim) { arm, _, seed in
            Self.run(seed, loss: 2 + Self.noise(arm, seed))
        }
        #expect(!found.contrasts.isEmpty && !found.answer.isEmpty)
        // Claims of a gain are refuted by equal runs; those of no loss hold.
        let claimsNoLoss = ["epsilon", "epsilon2", "epsilon-places", "square-root", "decoupled-decay"]
        #expect(found.verdict == (claimsNoLoss.contains(name) ? .holds : .doesNotHold))
        guard case .table(let table) = try #require(found.exhibits.first) else {
            Issue.record("no table of arms")
            return
        }
        #expect(table.rows.count >= 2)
    }

    @Test(arguments: compared.map(\.name))
    func fourSeedsDecideNothing(name: String) throws {
        let claim = try #require(ClaimRegistry.claim(named: name))
        let found = try Self.finding(
            claim, { arm, _, seed in Self.run(seed, loss: 2 + Self.noise(arm, seed)) }, seeds: [0, 1, 2, 3])
        #expect(found.verdict == .undecided)
    }

    @Test func clippedAdamWIsAmongTheArms() throws {
        for claim in Self.compared {
            let seen = Mutex<Set<String>>([])
            _ = try Self.finding(claim) { arm, _, seed in
                _ = seen.withLock { $0.insert(arm.optimizer) }
                return Self.run(seed, loss: 2)
            }
            let arms = seen.withLock { $0 }
            #expect(
                arms.contains { $0.hasPrefix("adamw:clip_gradient_norm=1") },
                "\(claim.name): \(arms.sorted())")
        }
    }

    /// An advantage of some arms makes a claim hold, and its opposite refutes it.
    @Test(arguments: [
        ("warm-up", "adamw"), ("bias-correction", "corrects_momentum_bias=true"), ("drop-in", "adamw"),
        ("fadafactor", "adafactor:"), ("speech", "adamw"), ("clipping", "adamw:beta2"),
        ("momentum-order", "momentum_order=raw"), ("vq", "adamw"), ("codebook", "adamw"),
        ("auxiliary-losses", "auxiliary=in_gradient"), ("weight-decay", "beta2=0.99,weight_decay=0.0"),
    ])
    func whatIsWorseDecides(name: String, worse: String) throws {
        let claim = try #require(ClaimRegistry.claim(named: name))
        for (sign, verdict) in [(1.0, ClaimVerdict.holds), (-1, .doesNotHold)] {
            let found = try Self.finding(claim) { arm, problem, seed in
                // Warm-ups help only what is worse without.
                let omits = problem.settings.contains { $0.name == "optimizer.warm_up" && $0.value == "0" }
                let suffers = arm.optimizer.hasPrefix(worse) || arm.optimizer.hasSuffix(worse)
                let isWorse = suffers && (name != "warm-up" || omits)
                let shift = isWorse ? sign : 0
                return Self.run(
                    seed, loss: 5 + 3 * shift + Self.noise(arm, seed),
                    distance: 30 + 10 * shift + Self.noise(arm, seed),
                    bits: 3 + shift + Self.noise(arm, seed),
                    perplexity: 20 - 5 * shift + Self.noise(arm, seed))
            }
            #expect(found.verdict == verdict, "\(sign): \(found.answer)")
        }
    }

    @Test(arguments: [(0.0, ClaimVerdict.holds), (0.05, .doesNotHold)])
    func theExponentIsJudgedAgainstEveryOther(gainOfSixTenths: Double, verdict: ClaimVerdict) throws {
        let found = try Self.finding(.exponent) { arm, _, seed in
            let loss = arm.optimizer.contains("rho=0.3") ? 2.5 : 2.0
            let gain = arm.optimizer.contains("rho=0.6") ? gainOfSixTenths : 0
            return Self.run(seed, loss: loss - gain + Self.noise(arm, seed))
        }
        #expect(found.verdict == verdict)
    }

    /// The processor seconds of a run of the short form with a release build, one thread: measured by `fisher train` with
    /// the options of the problem on a busy server, start and evaluations included.
    static func seconds(_ arm: Arm, _ problem: Problem) -> Double {
        let ownInformation = ["empirical", "sampled", "exact"].contains {
            arm.optimizer.contains("source=\($0)")
        }
        switch problem.task {
        case "language": return ownInformation ? 8.5 : 4.3
        case "vq": return ownInformation ? 6 : 2.7
        case "speech": return 14
        case "digits" where problem.preset == "autoencoder": return 0.7
        case "digits" where problem.preset == "cnn": return ownInformation ? 4 : 0.9
        default:
            let steps =
                problem.settings.first { $0.name == "training.steps" }.flatMap { Double($0.value) } ?? 0
            return 0.2 + 0.0005 * steps * (ownInformation ? 3 : 1)
        }
    }

    @Test func declaredCostsAreThoseOfTheRuns() throws {
        struct Work: Hashable {
            var arm: Arm
            var problem: Problem
        }
        func seconds(_ works: Set<Work>) -> Double {
            works.reduce(0) { sum, work in
                let trials = work.arm.rates.count > 1 ? work.arm.rates.count * work.problem.tuningSeeds : 0
                return sum
                    + Double(trials + ClaimDocument.usualSeedCount) * Self.seconds(work.arm, work.problem)
            }
        }
        var all: Set<Work> = []
        for claim in Self.compared {
            let works = Mutex<Set<Work>>([])
            _ = try Self.finding(claim) { arm, problem, seed in
                let unnamed = Arm(arm.optimizer, rates: arm.rates)
                _ = works.withLock { $0.insert(Work(arm: unnamed, problem: problem)) }
                return Self.run(seed, loss: 2)
            }
            let own = works.withLock { $0 }
            all.formUnion(own)
            let measured = seconds(own)
            #expect(
                (0.75 * measured...1.35 * measured).contains(claim.cost.short),
                "\(claim.name) declares \(claim.cost.short) s; its runs take \(measured) s")
        }
        // Three quarters of the two hours of two cores, for what tuning adds at the edges of grids and for the other claims.
        #expect(seconds(all) < 5500, "all: \(seconds(all)) s in \(all.count) arms")
    }

    @Test func aFactorOnTheLossMovesFixedEpsilonsOnly() throws {
        var options = DigitsOptions()
        options.network = .perceptron
        options.batch = 16
        let task = try DigitsTask(options)
        func loss(_ rule: String, times factor: Double) throws -> Double {
            var made = try RuleRegistry.rule(named: rule)
            made.learningRate = .constant(0.01)
            let session = try TrainingSession(
                ScaledLossTask(task: task, factor: factor), OptimizerCandidate(label: rule, rule: made),
                seed: 1)
            for _ in 0..<40 { _ = try session.advance() }
            return try withoutGradients { try task.validationLoss(of: session.model) }
        }
        let start = log(10.0)
        let (plain, scaled) = (try loss("fadam", times: 1), try loss("fadam", times: 1e-12))
        #expect(plain < start - 0.3)
        #expect(abs(plain - scaled) < OptimizerMargin.classifier)
        #expect(try loss("adamw", times: 1e-12) > plain + 0.3)
    }
}
