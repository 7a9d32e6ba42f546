import FisherCommand
import Foundation
import Testing

/// Every command that the README and the articles show is run, at a reduced size and in the order of its article.
@Suite("Documented commands") struct DocumentedCommandTests {
    /// An article with a command of `fisher`, and how it is run.
    struct Article: Sendable, CustomTestStringConvertible {
        let path: String
        let commands: [DocumentedCommand]
        var testDescription: String { path }
    }

    /// Articles whose commands other tests run: `DataCommandTests`, `ConvertCommandTests` and
    /// `InitCommandTests`.
    static let testedElsewhere = [
        "TrainingOnYourOwnData", "FromAndToPyTorch", "YourDataYourModelYourRule",
    ]

    static let articles: [Article] = {
        let all = (try? DocumentedCommand.all(of: ["fisher"])) ?? []
        let others = all.filter { command in
            testedElsewhere.contains { command.article.hasSuffix("/\($0).md") }
        }
        // The README repeats some of them.
        let commands = all.filter { command in !others.contains { $0.words == command.words } }
        return Dictionary(grouping: commands) { $0.article }
            .map { Article(path: $0.key, commands: $0.value) }.sorted { $0.path < $1.path }
    }()

    /// What a command is given besides, so that it takes about a second: later options replace earlier ones.
    static let reductions: [(command: String, options: String)] = [
        (
            "train language --from",
            "--steps 1 --context 8 --batch 1 --validation-bytes 64 --threads 1 --warm-up 0"
        ),
        ("train language", language),
        ("compare language", language + " --extensions 0 --tuning-seeds 1 --seeds 1"),
        ("train digits", "--steps 1 --threads 1 --batch 4"),
        ("compare digits", "--steps 1 --threads 1 --batch 4 --seeds 1 --tuning-seeds 1 --extensions 0"),
        ("train images", "--steps 1 --threads 1 --batch 2 --width 2 --warm-up 0"),
        ("compare images", "--steps 1 --threads 1 --batch 2 --width 2 --warm-up 0 --seeds 1"),
        ("train vq", vectorQuantized), ("compare vq", vectorQuantized + " --seeds 1"),
        ("train codes", "--steps 1 --threads 1 --batch 2 --width 8 --heads 1 --images 4"),
        ("train speech", speech), ("compare speech", speech + " --seeds 1"),
        (
            "hierarchy",
            "--quick --no-sizes --training-steps 1 --seeds 1 --batches 1 --dampings 1e-1 --turns 1 --batch 4 --threads 1 --samples 2"
        ),
        (
            "continual",
            "--steps 1 --tasks 2 --seeds 1 --width 4 --batch 4 --strengths 1 --tuning-seeds 1 --threads 1"
        ),
        (
            "landscape",
            "--batches 1 --lanczos-steps 2 --probes 1 --eigenvalues 1 --points 3 --lines 1 --plane 0 --threads 1"
        ),
        ("inspect", "--batches 1 --rows 200"),
        ("ablate digits", "--steps 1 --threads 1 --batch 4 --seeds 1"),
        ("bench step", "--turns 1 --steps 1 --batch 4"),
    ]

    static let language =
        "--steps 1 --width 8 --layers 1 --heads 1 --context 8 --batch 2 --validation-bytes 64 --threads 1 --warm-up 0"
    static let vectorQuantized = "--steps 1 --threads 1 --batch 2 --width 4 --validation-images 4"
    static let speech =
        "--steps 1 --threads 1 --batch 2 --utterances 12 --size nano --beam 1 --warm-up 0"

    /// Commands that write into a folder.
    static let withFolders: Set<String> = [
        "train", "compare", "ablate", "continual", "landscape", "hierarchy",
    ]

    /// Commands whose reduced form would still take minutes, or which end with Ctrl-C: they are understood, as the next test
    /// shows, and what they do is tested elsewhere.
    static let long: [[String]] = [["reproduce"], ["watch"]]

    /// The first value of a list to tune over, `rule=v1,v2,...`.
    static func shortened(_ word: String) -> String {
        guard let sign = word.firstIndex(of: "="), !word.contains(":"),
            let comma = word[sign...].firstIndex(of: ",")
        else {
            return word
        }
        return String(word[..<comma])
    }

    @Test func theArticlesAreFound() { #expect(Self.articles.count >= 14) }

    /// The flags exist and their values are accepted.
    @Test(arguments: (try? DocumentedCommand.all(of: ["fisher"])) ?? [])
    func isUnderstood(_ command: DocumentedCommand) throws {
        _ = try FisherTool.parseAsRoot(Array(command.words.dropFirst()))
    }

    @Test(arguments: articles)
    func runs(_ article: Article) throws {
        try CommandTests.withFolder { root in
            let folder = DocumentedFiles(root: root)
            // What commands would have made that this machine lacks a program for.
            var missing: Set<String> = []
            for command in article.commands {
                guard missing.isDisjoint(with: command.words), try folder.prepare(for: command) else {
                    if let place = command.words.firstIndex(of: "--output") {
                        missing.insert(command.words[place + 1])
                    }
                    continue
                }
                let arguments = command.words.dropFirst().map(Self.shortened)
                if Self.long.contains(where: { arguments.starts(with: $0) }) { continue }
                let options =
                    Self.reductions.first {
                        arguments.starts(with: $0.command.split(separator: " ").map(String.init))
                    }?.options ?? ""
                var reduction = options.split(separator: " ").map(String.init)
                if arguments.contains("--pilot"), let place = reduction.firstIndex(of: "--seeds") {
                    reduction.replaceSubrange(place...place + 1, with: ["--pilot", "2"])
                }
                // Alternatives that an article shows side by side would use the same default folder.
                if Self.withFolders.contains(arguments[0]), !arguments.contains("--output") {
                    reduction += ["--output", "runs/of-line-\(command.line)"]
                }
                let run = try CommandTests.fisher(arguments + reduction, in: root)
                #expect(run.status == 0, "\(command.testDescription)\n\(run.errors)")
            }
        }
    }
}
