import Fisher
import FisherReports
import Foundation
import Testing

@testable import FisherStudies
@testable import FisherTraining

/// Grids, their edges, equal trials, and what it takes to reach the baseline.
@Suite struct TuningTests {
    private let grid = OptionGrid([
        .init(option: "learning_rate", values: ["0.001", "0.05", "0.2"]),
        .init(option: "beta2", values: ["0.9", "0.99"]),
    ])

    @Test func gridsGiveEveryCombinationAndKnowTheirEdges() {
        #expect(grid.count == 6)
        #expect(grid.combinations.count == 6)
        #expect(Set(grid.combinations).count == 6)
        #expect(OptionGrid().combinations == [[]])
        let middle = [Setting("learning_rate", "0.05"), Setting("beta2", "0.9")]
        #expect(grid.edges(of: middle) == [Setting("beta2", "0.9")])
        let words = OptionGrid([.init(option: "decay", values: ["natural", "none"])])
        #expect(words.edges(of: [Setting("decay", "none")]).isEmpty)
    }

    @Test func settingKeepsTheCourseOfTheLearningRate() throws {
        let candidate = try ToyTask.candidate("adam")
        let changed = try candidate.setting([Setting("learning_rate", "0.5"), Setting("beta1", "0.5")])
        #expect(changed.rule.learningRate == .cosine(0.5, steps: 30, warmUp: 3))
        #expect(try candidate.setting([Setting("clip_gradient_norm", "none")]).clipGradientNorm == nil)
        #expect(throws: HyperparameterError.self) { try candidate.setting([Setting("epsilon3", "0.5")]) }
    }

    /// The clip in the norm of the rule's information is named, kept and refused like the Euclidean one; where there
    /// is none, none is written, so that former files are the same.
    @Test func theFisherNormsClipIsAnOption() throws {
        let specification = try #require(
            OptimizerSpecification(argument: "adam:clip_fisher_norm=20,beta1=0.8"))
        let candidate = try specification.candidate(sharing: [], clip: 1)
        #expect(candidate.clipFisherNorm == 20 && candidate.clipGradientNorm == 1)
        #expect(candidate.label == "adam + beta1 0.8 + gradient clip 1.0 + Fisher norm clip 20.0")
        #expect(candidate.options.last == Setting("clip_fisher_norm", "20.0"))
        #expect(candidate.hasOptions(candidate.options) && candidate.hasOption("clip_fisher_norm"))
        #expect(!OptimizerCandidate(label: "sgd", rule: SGD()).hasOption("clip_fisher_norm"))
        let without = try candidate.setting([Setting("clip_fisher_norm", "none")])
        #expect(without.clipFisherNorm == nil && without.clipGradientNorm == 1)
        #expect(!without.options.contains { $0.name == "clip_fisher_norm" })
        #expect(!without.hasOptions(candidate.options) && !candidate.hasOptions(without.options))
        let error = #expect(throws: HyperparameterError.self) {
            try candidate.setting([Setting("clip_fisher_norm", "-1")])
        }
        #expect(error?.option == "clip_fisher_norm")
        let session = try TrainingSession(ToyTask(), candidate, seed: 0)
        #expect(try session.advance().fisherNorm == nil)
        #expect(try #require(try session.advance().fisherNorm) > 0)
    }

    /// Files of former versions call some options otherwise.
    @Test func optionsOfFormerFilesAreRecognized() throws {
        let candidate = OptimizerCandidate(
            label: "fadam", rule: try FAdam { $0.momentumOrder = .raw }, clipGradientNorm: 1)
        let former = candidate.options.map { setting in
            let names = [
                "momentum_order": "momentum", "decay_metric": "decay", "epsilon_policy": "epsilon_rule",
            ]
            return Setting(names[setting.name] ?? setting.name, setting.value)
        }
        #expect(former != candidate.options && candidate.hasOptions(former))
        #expect(!OptimizerCandidate(label: "fadam", rule: FAdam(), clipGradientNorm: 1).hasOptions(former))
        #expect(!candidate.hasOptions(former + [Setting("unknown", "1")]))
        let layers = OptimizerCandidate(label: "ekfac", rule: EKFAC())
        #expect(layers.hasOptions(layers.options + [Setting("uses_trace_ratio", "true")]))
    }

    /// The chosen trial is the one of lowest mean loss, and trials that were made are not made again.
    @Test func theLowestMeanLossIsChosen() throws {
        try ToyTask.withFolder { root in
            let folder = try StudyDirectory(path: root, resuming: false)
            let tuner = Tuner(ToyTask(), runs: StudyCase.runs(steps: 15), seeds: [1, 2], in: folder)
            var calls = 0
            let record = try tuner(try ToyTask.candidate("adam"), over: grid, progress: StudyCase.silent) {
                _ in
                calls += 1
            }
            #expect(calls == 6)
            let losses = record.trials.compactMap(\.meanLoss)
            #expect(losses.count == 6)
            #expect(record.best?.meanLoss == losses.min())
            #expect(record.trials.allSatisfy { $0.runs.map(\.seed) == [1, 2] })
            #expect(try RunDirectory.runs(under: root + "/tuning/adam").count == 12)
            let again = try tuner(
                try ToyTask.candidate("adam"), over: grid, earlier: [record], progress: StudyCase.silent
            ) { _ in calls += 1 }
            #expect(calls == 6)
            #expect(again == record)
            // A wider grid, whose old trials are read from their folders; other options are other trials.
            var wider = grid
            wider.axes[1] = .init(option: "beta2", values: ["0.9", "0.99", "0.999"])
            let more = try tuner(try ToyTask.candidate("adam"), over: wider, progress: StudyCase.silent) {
                _ in
            }
            #expect(more.includes(record) && !record.includes(more))
            let other = try ToyTask.candidate("adam").setting([Setting("epsilon", "1e-3")])
            _ = try tuner(other, over: grid, earlier: [record], progress: StudyCase.silent) { _ in calls += 1
            }
            #expect(calls == 12)
        }
    }

    /// An entry whose runs, from seeds 0, 1, ..., evaluate these losses every ten steps.
    private func entry(_ curves: [[Double]]) -> OptimizerEntry {
        let runs = curves.enumerated().map { seed, losses in
            let curve = losses.enumerated().map { index, loss in
                CurvePoint(
                    step: index * 10, tokens: index * 100, seconds: Double(index), trainingLoss: nil,
                    validationLoss: loss)
            }
            return RunRecord(
                seed: UInt64(seed), status: .completed, curve: curve, finalValidationLoss: losses.last,
                forwardBackwardMilliseconds: 1, optimizerMilliseconds: 1, stateBytes: 0)
        }
        return OptimizerEntry(label: "x", rule: "x", options: [], runs: runs)
    }

    @Test func reachLiesBetweenTwoEvaluations() throws {
        let reach = try #require(LossReach(of: entry([[4, 3, 1]])) { _ in 2 })
        #expect(reach.steps.mean?.mean == 15)
        #expect(reach.tokens.median == 150)
        #expect(reach.seconds.median == 1.5)
        #expect((reach.steps.reached, reach.steps.count) == (1, 1))
        let never = try #require(LossReach(of: entry([[4, 3, 2.1]])) { _ in 2 })
        #expect(never.steps.median == nil && never.steps.reached == 0 && never.runs[0].length == 20)
        #expect(LossReach(of: entry([[4, 3, 2.1]])) { _ in nil } == nil)
    }

    /// A run that never reaches the target is later than all others: it lowers no mean, and no ratio is made of the rest.
    @Test func runsThatNeverReachTheTargetAreCensored() throws {
        func result(_ curves: [[Double]]) -> OptimizerComparison {
            var second = entry(curves)
            second.label = "y"
            let first = entry([[4, 3, 2], [4, 3, 1], [4, 2, 1]])
            var plan = ComparisonPlan()
            plan.target = 2
            return OptimizerComparison(
                task: ToyTask().summary, environment: .current(), entries: [first, second], plan: plan)
        }
        let censored = ComparisonSummary(of: result([[4, 1, 1], [4, 3, 2.5], [4, 2, 1]]))
        let row = censored.rows[1]
        #expect(row.target?.steps.reached == 2 && row.target?.steps.count == 3)
        #expect(row.target?.steps.mean == nil && row.target?.steps.median == 10)
        #expect(row.targetSteps == nil)
        #expect(censored.text().contains("not within 20") && censored.text().contains("censored"))
        let all = ComparisonSummary(of: result([[4, 2, 1], [4, 2, 1], [4, 2, 1]]))
        // 10 steps each, against 20, 15 and 10.
        let ratio = try #require(all.rows[1].targetSteps)
        #expect(abs(ratio.value - pow(10 * 10 * 10 / (20 * 15 * 10.0), 1 / 3.0)) < 1e-12)
        #expect(ratio.interval?.contains(1) == true)
        #expect(all.rows[1].target?.steps.meanInterval == 10...10)
    }

    /// The best rate of a grid that is too low is found by growing it; a grid whose best lies inside stays.
    @Test func gridsGrowUntilTheBestIsInterior() throws {
        try ToyTask.withFolder { root in
            func tuned(_ values: [String], most: Int, in name: String) throws -> TuningRecord {
                let folder = try StudyDirectory(path: root + "/" + name, resuming: false)
                let tuner = Tuner(
                    ToyTask(), runs: StudyCase.runs(steps: 15), seeds: [1], mostExtensions: most, in: folder)
                let grid = OptionGrid([.init(option: "learning_rate", values: values)])
                return try tuner(try ToyTask.candidate("adam"), over: grid, progress: StudyCase.silent) { _ in
                }
            }
            let low = try tuned(["1e-4", "2e-4"], most: 0, in: "low")
            #expect(low.edges == [Setting("learning_rate", "2e-4")] && low.extensions == 0)
            let grown = try tuned(["1e-4", "1e-3"], most: 8, in: "grown")
            #expect(grown.edges.isEmpty, "\(grown.grid)")
            #expect(grown.extensions == grown.trials.count - 2 && grown.trials.count > 3)
            #expect(Array(grown.grid.axes[0].values.prefix(4)) == ["1e-4", "1e-3", "0.01", "0.1"])
            let bounded = try tuned(["1e-5", "2e-5"], most: 2, in: "bounded")
            #expect(bounded.grid.axes[0].values == ["1e-5", "2e-5", "4e-05", "8e-05"])
            #expect(bounded.edges == [Setting("learning_rate", "8e-05")])
            // The table says so in its first line, on a terminal and on the page.
            var result = ComparisonFixture.typical
            result.tuning = [bounded]
            #expect(
                ComparisonSummary(of: result).text().hasPrefix(
                    "Not interior: the best learning_rate of adam, 8e-05, lies at the edge"))
            #expect(result.report().contains("Not interior: the best learning_rate of adam"))
        }
    }

    /// A second group whose rate was left alone while the first one's was tuned is named.
    @Test func aSecondGroupThatWasNotTunedIsNamed() throws {
        let muon = OptimizerCandidate(label: "muon", rule: Muon())
        let rates = OptionGrid.Axis(option: "learning_rate", values: ["0.01", "0.02"])
        let second = OptionGrid.Axis(option: "fallback_learning_rate", values: ["0.001", "0.002"])
        var result = ComparisonFixture.three
        result.tuning = [TuningRecord(label: "muon", options: muon.options, grid: OptionGrid([rates]))]
        #expect(result.warnings.contains { $0.contains("muon's second group was not tuned") })
        result.tuning = [
            TuningRecord(label: "muon", options: muon.options, grid: OptionGrid([rates, second]))
        ]
        #expect(!result.warnings.contains { $0.contains("second group") })
        // It is no part of the equal budgets, since the others have none.
        let comparison = TunedComparison(
            [.init(muon, grid: OptionGrid([rates, second])), .init(muon, grid: OptionGrid([rates]))],
            runs: StudyRuns(TrainingConfiguration()), seeds: [0])
        #expect(comparison.budgets.map(\.trials) == [2, 2])
    }

    /// The next value of a ladder, on either side; averages' decay rates walk towards 1; words and zero have no next.
    @Test(arguments: [
        (["0.001", "0.002", "0.005"], "0.005", "0.0125"), (["0.001", "0.002"], "0.001", "0.0005"),
        (["0.9", "0.99"], "0.99", "0.999"), (["0.99", "0.999"], "0.99", "0.9"),
        (["0", "0.01", "0.1"], "0", nil), (["0", "0.01", "0.1"], "0.1", "1"),
        (["true", "false"], "true", nil),
        (["3", "5"], "5", "8"),
    ])
    func laddersHaveANextValue(_ values: [String], _ best: String, _ expected: String?) {
        let axis = OptionGrid.Axis(option: "x", values: values)
        let next = axis.edge(at: best).flatMap { axis.next(on: $0) }
        #expect(next.flatMap(Double.init) == expected.flatMap(Double.init))
    }
}
