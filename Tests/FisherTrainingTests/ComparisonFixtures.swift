@testable import FisherStudies

/// Small comparisons with numbers that can be checked by hand.
enum ComparisonFixture {
    static func run(
        seed: UInt64, loss: Double?, status: RunStatus = .completed, start: Double = 5.5, points: Int = 11
    ) -> RunRecord {
        let end = loss ?? 3
        let curve = (0..<points).map { index in
            let share = Double(index) / Double(points - 1)
            let value = end + (start - end) * (1 - share) * (1 - share)
            return CurvePoint(
                step: index * 10, tokens: index * 10_240, seconds: Double(index) * 1.5,
                trainingLoss: index == 0 ? nil : value - 0.05, validationLoss: value
            )
        }
        return RunRecord(
            seed: seed, status: status, curve: curve, finalValidationLoss: loss,
            forwardBackwardMilliseconds: 88 + Double(seed), optimizerMilliseconds: 2, stateBytes: 8_000
        )
    }

    static func entry(_ label: String, _ losses: [Double]) -> OptimizerEntry {
        let runs = losses.enumerated().map { run(seed: UInt64($0), loss: $1) }
        return OptimizerEntry(
            label: label, rule: label, options: [Setting("learning rate", "0.1")], runs: runs)
    }

    static func result(_ entries: [OptimizerEntry]) -> OptimizerComparison {
        OptimizerComparison(
            task: TaskSummary(
                name: "Language", description: "a small model", parameterCount: 1_000,
                settings: [Setting("steps", "100")]
            ),
            environment: .example,
            entries: entries
        )
    }

    /// A baseline, a better one and an equal one, from three seeds.
    static var three: OptimizerComparison {
        result([
            entry("adamw", [2.30, 2.32, 2.34]), entry("fadam", [2.20, 2.221, 2.239]),
            entry("adam", [2.31, 2.31, 2.345]),
        ])
    }

    /// A first optimizer, a better one, and one with a diverged run.
    static var typical: OptimizerComparison {
        var third = entry("kfac", [2.25, 2.5])
        third.runs[1] = run(
            seed: 1, loss: nil, status: .diverged(step: 70, reason: "the loss is not a number"))
        third.runs[1].curve[7].validationLoss = .nan
        third.runs[1].curve[8].trainingLoss = .infinity
        third.runs[1].curve[9].trainingLoss = -.infinity
        return result([entry("adamw", [2.30, 2.32]), entry("fadam", [2.20, 2.24]), third])
    }
}

extension EnvironmentSummary {
    /// An environment of nowhere.
    static let example = EnvironmentSummary(
        packageVersion: "1.2.3", engineVersion: "2.13.0", threads: 4, instructionSet: "AVX2",
        processorName: "A processor", date: "2025-11-21T02:41:07Z", command: "fisher compare language"
    )
}
