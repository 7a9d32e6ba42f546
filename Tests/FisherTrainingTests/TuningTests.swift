import Fisher
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

    @Test func reachLiesBetweenTwoEvaluations() throws {
        func entry(_ losses: [Double]) -> OptimizerEntry {
            let curve = losses.enumerated().map { index, loss in
                CurvePoint(
                    step: index * 10, tokens: index * 100, seconds: Double(index), trainingLoss: nil,
                    validationLoss: loss)
            }
            let run = RunRecord(
                seed: 1, status: .completed, curve: curve, finalValidationLoss: losses.last,
                forwardBackwardMilliseconds: 1, optimizerMilliseconds: 1, stateBytes: 0)
            return OptimizerEntry(label: "x", rule: "x", options: [], runs: [run])
        }
        let baseline = entry([4, 3, 2.5, 2])
        let reach = try #require(BaselineReach(of: entry([4, 3, 1]), to: baseline))
        #expect(reach.steps == 15)
        #expect(reach.tokens == 150)
        #expect(reach.seconds == 1.5)
        #expect((reach.reached, reach.count) == (1, 1))
        #expect(BaselineReach(of: entry([4, 3, 2.1]), to: baseline) == nil)
    }
}
