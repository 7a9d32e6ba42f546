import Fisher
import FisherTraining
import Foundation
import Testing

@testable import FisherClaims
@testable import FisherStudies

/// What the study of the exponent makes of its runs: finalists, contrasts, the decision; from planted losses.
@Suite struct ExponentStudyTests {
    private static func result(
        _ arm: ExponentArm, _ losses: [Double?], on problem: String = "screening", isInterior: Bool = true
    ) -> ExponentResult {
        ExponentResult(
            problem: problem, arm: arm, rate: 4e-3, isInterior: isInterior,
            trials: [.init(rate: 2e-3, loss: 3), .init(rate: 4e-3, loss: 2.9)],
            runs: losses.enumerated().map { .init(seed: UInt64($0), loss: $1, seconds: 2) })
    }

    /// One arm of each part, two of some.
    private static let arms: [(arm: ExponentArm, losses: [Double?])] = [
        (.fadam(power: 0.5, beta2: 0.99), [2.72, 2.73]),
        (.fadam(power: 0.5, beta2: 0.95), [2.71, 2.72]),
        (.fadam(power: 0.5, clip: nil, beta2: 0.95), [2.60, 2.60]),
        (.fadam(power: 0.6, beta2: 0.99), [2.70, 2.70]),
        (.fadam(power: 0.7, beta2: 0.99), [2.69, 2.69]),
        (.fadam(power: 0.6, clip: nil, beta2: 0.99), [2.5, nil]),
        (.fadam(power: 0.6, length: "square_root", beta2: 0.99), [2.71, 2.71]),
        (.fadam(power: 0.5, length: "unit", beta2: 0.99), [2.70, 2.72]),
        (.fadam(power: 0.6, length: "unit", beta2: 0.99), [2.4, 2.4]),
        (.adamw(beta2: 0.99), [2.8, 2.8]),
        (.adamw(length: "unit", beta2: 0.99), [2.79, 2.79]),
        (.adamw(beta2: 0.99, gradientPower: 1.2), [2.78, 2.78]),
    ]

    private static let screening = arms.map { result($0.arm, $0.losses) }

    /// Finals on two problems: differences to 1/2 by role, each with a scatter of 0.002 over ten seeds.
    private static func study(
        _ differences: [ExponentRole: [Double]], edge: ExponentRole? = nil, seeds: Int = 10
    ) -> ExponentStudy {
        let finalists = ExponentFinalist.all(of: screening)
        let problems = ["one", "two"]
        let finals = problems.enumerated().flatMap { index, problem in
            finalists.map { finalist in
                let shift = differences[finalist.role]?[index] ?? 0
                let losses = (0..<seeds).map { seed -> Double? in
                    let common = 2.7 + 0.1 * sin(Double(seed))
                    let own = finalist.role == .reference ? 0 : 0.002 * cos(Double(7 * seed))
                    return common + own + shift
                }
                return result(
                    finalist.arm, losses, on: problem, isInterior: finalist.role != edge)
            }
        }
        return ExponentStudy(
            environment: .current(), screening: screening, screeningArmCount: screening.count,
            finals: finals, problems: problems.map { .init(name: $0, command: "fisher train \($0)") })
    }

    @Test func finalistsAreTheBestOfTheirParts() {
        let chosen = ExponentFinalist.all(of: Self.screening)
        #expect(chosen.map(\.role) == ExponentRole.allCases)
        #expect(
            chosen.map(\.arm) == [
                .fadam(power: 0.5, beta2: 0.95), .fadam(power: 0.7, beta2: 0.99),
                .fadam(power: 0.6, length: "square_root", beta2: 0.99),
                .fadam(power: 0.5, length: "unit", beta2: 0.99), .adamw(beta2: 0.99),
                .adamw(beta2: 0.99, gradientPower: 1.2),
            ])
    }

    @Test func anUnfinishedScreeningHasNoFinalists() {
        var study = Self.study([:])
        study.screeningArmCount += 1
        #expect(study.finalists.isEmpty && !study.isComplete && study.betterEverywhere.isEmpty)
        #expect(study.conclusion.contains("nothing is decided"))
    }

    @Test func effectsCompareWithinContexts() throws {
        let effects = ExponentEffect.all(of: Self.screening, power: 0.6)
        func effect(_ name: String) throws -> ExponentEffect {
            try #require(effects.first { $0.name == name })
        }
        let whole = try effect("0.6 in place of 1/2, clipped")
        #expect(whole.differences.count == 1 && abs(whole.differences[0] + 0.025) < 1e-12)
        let direction = try effect("0.6 in place of 1/2, with the length of 1/2, clipped")
        #expect(abs(direction.differences[0] + 0.015) < 1e-12)
        let length = try effect("1/2 with length 1 in place of its own, clipped")
        #expect(abs(length.differences[0] + 0.015) < 1e-12 && length.betterCount == 1)
        // At b2 = 0.99 there is no unclipped 1/2, and at 0.95 no other arm.
        #expect(!effects.contains { $0.name == "0.6 in place of 1/2, not clipped" })
    }

    @Test func theIntervalsHoldTogether() throws {
        let study = Self.study([.power: [-0.01, -0.01]])
        let contrast = try #require(study.contrasts.first { $0.finalist.role == .power })
        let difference = try #require(contrast.difference)
        let half =
            try #require(difference.summary.standardError)
            * BaselineTest(comparisons: 5, seeds: 10).halfWidth
        let interval = try #require(contrast.interval)
        #expect(abs(interval.lowerBound - (difference.mean - half)) < 1e-12)
        #expect(abs(interval.upperBound - (difference.mean + half)) < 1e-12)
        // Wider than that of one difference alone.
        let alone = try #require(difference.interval)
        #expect(interval.lowerBound < alone.lowerBound && alone.upperBound < interval.upperBound)
    }

    /// The parts of a difference are those that were planted, and are shown only for arms that differ by nothing else.
    @Test func directionAndLengthAddUp() throws {
        let half = ExponentArm.fadam(power: 0.5, beta2: 0.95)
        let higher = ExponentArm.fadam(power: 0.7, beta2: 0.95)
        let matched = ExponentArm.fadam(power: 0.7, length: "square_root", beta2: 0.95)
        let base: [Double?] = [2.7, 2.8, 2.9]
        let finals = [
            Self.result(half, base, on: "one"),
            Self.result(higher, base.map { $0.map { $0 - 0.05 } }, on: "one"),
            Self.result(matched, base.map { $0.map { $0 - 0.04 } }, on: "one"),
        ]
        let finalists = zip([ExponentRole.reference, .power, .matched], [half, higher, matched]).map {
            ExponentFinalist(role: $0, arm: $1)
        }
        let parts = try #require(ExponentDecomposition.all(of: finals, finalists).first)
        #expect(abs(parts.whole.mean + 0.05) < 1e-12 && abs(parts.direction.mean + 0.04) < 1e-12)
        #expect(abs(parts.length.mean + 0.01) < 1e-12)
        var other = finalists
        other[2] = ExponentFinalist(
            role: .matched, arm: .fadam(power: 0.6, length: "square_root", beta2: 0.95))
        #expect(ExponentDecomposition.all(of: finals, other).isEmpty)
    }

    @Test func whatIsBetterEverywhereCouldBecomeTheDefault() {
        let study = Self.study([.power: [-0.01, -0.01], .matched: [-0.01, 0], .adamw: [-0.01, -0.01]])
        #expect(study.isComplete)
        #expect(study.betterEverywhere.map(\.role) == [.power])
        #expect(study.conclusion.contains("Better on all: FAdam 0.7"))
        let matched = study.contrasts.filter { $0.finalist.role == .matched }.map(\.outcome)
        #expect(matched == [.better, .open])
    }

    @Test(arguments: [0, 1])
    func oneProblemThatDoesNotShowItKeepsTheDefault(_ which: Int) {
        var shifts = [-0.01, -0.01]
        shifts[which] = 0.01
        let study = Self.study([.power: shifts])
        #expect(study.betterEverywhere.isEmpty)
        #expect(study.conclusion.contains("the default stays"))
        #expect(study.contrasts.filter { $0.finalist.role == .power }.map(\.outcome).contains(.worse))
    }

    @Test func anEdgeOrTooFewSeedsLeaveItOpen() {
        let edge = Self.study([.power: [-0.01, -0.01]], edge: .power)
        #expect(edge.contrasts.filter { $0.finalist.role == .power }.allSatisfy { $0.outcome == .open })
        let base = Self.study([.power: [-0.01, -0.01]], edge: .reference)
        #expect(base.contrasts.allSatisfy { $0.outcome == .open })
        let few = Self.study([.power: [-0.01, -0.01]], seeds: 9)
        #expect(!few.isComplete && few.contrasts.allSatisfy { $0.outcome == .open })
    }

    @Test func theDocumentIsReadAsItWasWritten() throws {
        let study = Self.study([.power: [-0.01, 0.01]])
        #expect(try ExponentStudy(json: study.json(), path: "x") == study)
        let rows = study.csv().split(separator: "\n")
        #expect(rows.count == 1 + Self.screening.count * 4 + 12 * 12)
        let article = study.article(data: "data.csv", powers: [0.6, 0.7])
        let words = [ExponentStudy.rule, study.conclusion].map(ExponentStudy.wrapped)
        for part in words + [study.finalsTable.markdown(), "data.csv"] { #expect(article.contains(part)) }
    }

    /// The article in the repository states the rule and the problems of this plan.
    @Test func theArticleIsOfThisPlan() throws {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let article = try String(
            contentsOf: root.appending(path: "Documentation/Exponent.md"), encoding: .utf8)
        #expect(article.contains(ExponentStudy.wrapped(ExponentStudy.rule)))
        #expect(article.contains("\(ExponentPlan.screening.count) arms"))
        for problem in ExponentPlan.finalProblems {
            #expect(article.contains("| \(problem.name) | `\(problem.command)` |"))
        }
    }

    /// The plan's arms are distinct, each names a rule with options that it has, and its problems are trainable tasks.
    @Test func thePlanCanBeRun() throws {
        let arms = ExponentPlan.screening
        #expect(Set(arms.map(\.optimizer)).count == arms.count && Set(arms.map(\.label)).count == arms.count)
        for role in ExponentRole.allCases { #expect(arms.contains(where: role.admits)) }
        for arm in arms {
            #expect(ExponentRole.allCases.count { $0.admits(arm) } <= 1)
            let parts = arm.optimizer.split(separator: ":")
            var rule = try RuleRegistry.rule(named: String(parts[0]))
            for option in parts[1].split(separator: ",") {
                let pair = option.split(separator: "=").map(String.init)
                if pair[0] != "clip_gradient_norm" { try rule.set(pair[0], to: pair[1]) }
            }
        }
        let names = ExponentPlan.finalProblems.map(\.name)
        #expect(Set(names).count == names.count)
        #expect(Set(ExponentPlan.screeningSeeds).isDisjoint(with: ExponentPlan.finalSeeds))
    }
}
