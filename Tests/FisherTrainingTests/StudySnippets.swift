import Fisher
import FisherBenchmarks
import FisherReports
import FisherStudies
import FisherTraining
import Testing

/// The examples of the landing pages, as they stand there, and what they must do.
@Suite struct StudySnippets {
    /// FisherStudies.md
    @Test func studies() throws {
        struct Damping: Codable {
            var damping: Double
            var loss: Double
        }

        struct DampingStudy: StudyDocument {
            var formatVersion = 1
            var found: [Damping]

            static let kind = "a study of dampings"
            static let currentFormatVersion = 1

            var overview: StudyTable {
                StudyTable(
                    found,
                    [
                        .number(["damping"], key: "damping", decimals: 4, \.damping),
                        .number(["final loss"], unit: ["nats"], key: "loss", decimals: 3, \.loss),
                    ])
            }

            var legend: String { "The final loss is that after the last step." }
        }

        let found = [Damping(damping: 0.001, loss: 0.25), Damping(damping: 0.01, loss: 0.125)]
        let study = DampingStudy(found: found)
        print(study.text())
        print(study.markdown())

        #expect(study.csv() == "damping,loss\n0.001,0.25\n0.01,0.125\n")
        #expect(
            study.markdown() == """
                | damping | final loss nats |
                | --: | --: |
                | 0.0010 | 0.250 |
                | 0.0100 | 0.125 |

                The final loss is that after the last step.

                """)
        #expect(
            study.text() == """
                         final loss
                damping        nats
                -------------------
                 0.0010       0.250
                 0.0100       0.125

                The final loss is that after the last step.

                """)
        let again = try DampingStudy(json: study.json(), path: "x")
        #expect(again.json() == study.json())
        #expect(throws: StudyFileError.unknownVersion(path: "x", version: 2, current: 1)) {
            var later = study
            later.formatVersion = 2
            _ = try DampingStudy(json: later.json(), path: "x")
        }
    }

    /// FisherReports.md
    @Test func reports() throws {
        func show(_ result: OptimizerComparison, in folder: String) throws {
            try StudyFiles(folder: folder).writeWithReport(result)
        }

        try ToyTask.withFolder { root in
            try show(ComparisonFixture.typical, in: root + "/new")
            #expect(try StudyFiles(folder: root + "/new").read(OptimizerComparison.self).entries.count == 3)
        }
    }

    /// FisherBenchmarks.md
    @Test func benchmarks() throws {
        let candidates = [
            OptimizerCandidate(label: "adamw", rule: AdamW()),
            OptimizerCandidate(label: "fadam", rule: FAdam()),
        ]
        let benchmark = try OptimizerBenchmark(candidates, on: .gpt1M)
        print(benchmark.candidateCount, benchmark.parameterCount)

        #expect(benchmark.candidateCount == 2 && benchmark.parameterCount == 875_264)
    }
}

/// Tables of studies and times in turns.
@Suite struct StudyTests {
    @Test func tablesAreWrittenInEveryForm() {
        let table = StudyTable(
            [("a, \"b\"", 1.5), ("c|d", -.infinity)],
            [
                StudyColumn(["name"], key: "name", .left) { .init($0.0) },
                .field("value", number: { $0.1 }), .detail { "about \($0.0)" },
            ])
        #expect(table.csv() == "name,value\n\"a, \"\"b\"\"\",1.5\nc|d,-inf\n")
        #expect(table.markdown() == "| name |\n| :-- |\n| a, \"b\" |\n| c\\|d |\n")
        #expect(table.lines() == ["name", "------", "a, \"b\"", "c|d"])
    }

    @Test func turnsAlternateAndTheFirstDoesNotCount() {
        var calls: [Int] = []
        let times = InterleavedTimes(candidates: 2, turns: 3) { position in
            calls.append(position)
            return Double(calls.count)
        }
        #expect(calls == [0, 1, 0, 1, 0, 1, 0, 1])
        #expect(times.samples == [[3, 5, 7], [4, 6, 8]])
        let spread = times.spread(of: 1)
        #expect(spread.median == 6 && spread.lowest == 4 && spread.highest == 8)
        #expect(times.ratios(of: 1).median == 6.0 / 5)
    }

    @Test func parametersOfAnySize() throws {
        #expect(ParameterSet.all.map(\.count).prefix(3) == [875_264, 3_356_160, 124_439_808])
        for set in ParameterSet.all { #expect(try ParameterSet(named: set.name).shapes == set.shapes) }
        let same = try ParameterSet(named: "gpt:width=128,layers=4")
        #expect(same.shapes == ParameterSet.gpt1M.shapes && same.name == "gpt:width=128,layers=4")
        // 28 blocks of 12 W^2 + 13 W, the embeddings of bytes and positions, the last norm and the head.
        let large = try ParameterSet(named: "gpt:layers=28,width=1024,context=64,vocabulary=128")
        #expect(large.count == 28 * (12 * 1024 + 13) * 1024 + (2 * 128 + 64 + 2) * 1024)
        for name in ["gpt", "gpt:width=64", "gpt:width=64,layers=-1", "gpt:width=64,layers=2,", "2M"] {
            #expect(throws: ConfigurationError.self, "\(name)") { try ParameterSet(named: name) }
        }
    }

    @Test func requestsAreAnswered() throws {
        let benchmark = try OptimizerBenchmark(
            [OptimizerCandidate(label: "sgd", rule: SGD())], on: .gpt1M)
        var requests = ["0 1", "1 1"]
        var answers: [String] = []
        #expect(throws: ConfigurationError.self) {
            try benchmark.answer({ requests.isEmpty ? nil : requests.removeFirst() }) { answers.append($0) }
        }
        #expect(answers.count == 2 && answers[0] == "ready 875264")
        #expect(Double(answers[1]).map { $0 > 0 } == true)
    }

    /// What the second optimizer takes of the first one's, by policy; and how many runs that makes.
    @Test func policiesChooseTheFinalists() throws {
        let first = OptimizerCandidate(
            label: "adamw", rule: try AdamW(learningRate: 0.5) { $0.beta1 = 0.7 }, clipGradientNorm: 2)
        let second = OptimizerCandidate(label: "sgd", rule: SGD())
        #expect(try HyperparameterPolicy.own.finalists([first, second]).map(\.label) == ["adamw", "sgd"])
        let both = try HyperparameterPolicy.both.finalists([first, second])
        #expect(both.map(\.label) == ["adamw", "sgd", "sgd (drop-in)"])
        #expect(both[2].clipGradientNorm == 2)
        #expect(both[2].options.contains(Setting("learning_rate", "0.5")))

        let grid = OptionGrid([.init(option: "learning_rate", values: ["0.1", "0.2", "0.3"])])
        func comparison(_ policy: HyperparameterPolicy) -> TunedComparison {
            TunedComparison(
                [.init(first, grid: grid), .init(second, grid: grid)], policy: policy,
                runs: StudyRuns(TrainingConfiguration()), seeds: [0, 1], tuningSeeds: 2)
        }
        #expect(comparison(.own).runCount == 2 * 3 * 2 + 2 * 2)
        #expect(comparison(.dropIn).runCount == 3 * 2 + 2 * 2)
        #expect(comparison(.both).runCount == 2 * 3 * 2 + 3 * 2)
        #expect(comparison(.dropIn).budgets.map(\.label) == ["adamw"])
    }
}
