import Foundation
import Testing

/// `--figure`, `--figure-name` and `--latex`, as a process.
@Suite struct FigureCommandTests {
    /// What cannot be drawn is told before the page is written.
    @Test func figuresAreCheckedFirst() throws {
        try CommandTests.withFolder { root in
            let (run, page, figure) = (root + "/run", root + "/page.html", root + "/figure.svg")
            let trained = try CommandTests.fisher([
                "train", "digits", "--network", "perceptron", "--batch", "8", "--steps", "4", "--threads",
                "1",
                "--output", run,
            ])
            #expect(trained.status == 0)
            func report(_ name: String) throws -> CommandTests.Outcome {
                return try CommandTests.fisher([
                    "report", run, "--output", page, "--title", "Of the command line", "--figure", figure,
                    "--figure-name", name, "--latex", root + "/table.tex",
                ])
            }
            // A comparison has it, a single run does not.
            let wrong = try report("differences")
            #expect(
                wrong.status == 64 && wrong.errors.hasPrefix("fisher: --figure-name differences is no figure")
            )
            #expect(try FileManager.default.contentsOfDirectory(atPath: root) == ["run"])
            let right = try report("accuracy")
            #expect(right.status == 0 && right.output.contains("figure.svg"), "\(right.errors)")
            let source = try String(contentsOfFile: page, encoding: .utf8)
            #expect(source.contains("<h1>Of the command line</h1>"))
            #expect(try String(contentsOfFile: figure, encoding: .utf8).contains("Accuracy by step"))
            let table = try String(contentsOfFile: root + "/table.tex", encoding: .utf8)
            #expect(table.hasPrefix("\\begin{tabular}") && table.contains("validation loss"))
        }
    }
}
