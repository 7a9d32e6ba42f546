import FisherTraining
import Foundation
import Testing

/// `fisher reproduce exponent-study` on results that are there.
@Suite struct ExponentCommandTests {
    @Test func resultsAreWrittenWithoutTraining() throws {
        try CommandTests.withFolder { root in
            let command = ["reproduce", "exponent-study", "--results-only", "--output", root + "/s"]
            let missing = try TrainCommandTests.run(command)
            #expect(missing.status == 66 && missing.errors.contains("exponent-study/results.json"))

            let arm = ExponentArm.fadam(power: 0.6, clip: nil, beta2: 0.99)
            let result = ExponentResult(
                problem: "one", arm: arm, rate: 0.004, isInterior: false,
                trials: [.init(rate: 0.002, loss: .infinity), .init(rate: 0.004, loss: 2.5)],
                runs: [.init(seed: 0, loss: 2.25, seconds: 3), .init(seed: 1, loss: nil, seconds: 1)])
            try StudyFiles(folder: root + "/s/exponent-study").write(
                ExponentStudy(
                    environment: .current(), screening: [result], screeningArmCount: 2, finals: [],
                    problems: [.init(name: "one", command: "fisher train digits")]))
            let (article, data) = (root + "/Exponent.md", root + "/exponent.csv")
            let found = try TrainCommandTests.run(command + ["--article", article, "--data", data])
            #expect(found.status == 0 && found.output.contains("FAdam 0.6, no clip, b2 0.99"))
            let text = try String(contentsOfFile: article, encoding: .utf8)
            #expect(text.contains("1 of 2 arms are finished") && text.contains("`\(data)`"))
            #expect(text.contains("| FAdam 0.6, no clip, b2 0.99 | 0.004* | diverged | 2.2500, diverged |"))
            let rows = try String(contentsOfFile: data, encoding: .utf8).split(separator: "\n")
            #expect(rows.count == 5 && rows[1].contains(",trial,0.002,,inf,"))
            let unwritable = try TrainCommandTests.run(command + ["--article", root + "/none/x.md"])
            #expect(unwritable.status != 0 && !unwritable.errors.isEmpty)
        }
    }
}
