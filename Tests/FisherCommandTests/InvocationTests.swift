import Foundation
import Testing

@testable import FisherCommand
@testable import FisherStudies
@testable import FisherTraining

/// Printed command lines can be pasted, and a command that only asks to go on needs something to go on with.
@Suite struct InvocationTests {
    @Test func printedCommandsAreQuoted() {
        let words = ["train", "digits", "--set", "optimizer.learning_rate=cosine(0.1, steps=9)"]
        #expect(
            Invocation.resuming(["train", "digits"], in: "my runs/it's").hasSuffix(
                #" train digits --resume --output 'my runs/it'\''s'"#))
        #expect(Invocation.resuming(["train"], in: "-x").hasSuffix(" --output ./-x"))
        #expect(
            Invocation.repeated(words, with: "--resume").hasSuffix(
                " --set 'optimizer.learning_rate=cosine(0.1, steps=9)' --resume"))
        #expect(Invocation.repeated(["--resume"], with: "--resume").hasSuffix(" --resume"))
        #expect(!Invocation.repeated(["--resume"], with: "--resume").contains("--resume --resume"))
    }

    @Test(arguments: [
        ("continual --resume", true), ("continual --resume --output x", true),
        ("continual --resume --output=x --threads 2 --json", true), ("hierarchy digits -o x --resume", true),
        ("continual --resume --steps 3", false), ("continual --resume -o x --tasks 2", false),
    ])
    func whatOnlyResumesIsRecognized(_ line: String, _ expected: Bool) {
        #expect(Invocation.onlyResumes(line.split(separator: " ").map(String.init)) == expected)
    }

    /// Commands in this process, up to the error that ends them before anything is trained.
    private func failure(_ words: [String]) throws -> any Error {
        var found: (any Error)?
        do {
            var command = try FisherTool.parseAsRoot(words)
            try command.run()
        } catch { found = error }
        return try #require(found, "\(words)")
    }

    /// A misspelt folder with nothing but --resume is an input that is missing, not a fresh start.
    @Test func aMisspeltFolderIsNotBegun() throws {
        try CommandTests.withFolder { root in
            for words in [
                ["train", "digits"], ["compare", "digits"], ["compare", "language"], ["ablate", "digits"],
            ] {
                let error = try failure(words + ["--resume", "--output", root + "/none"])
                #expect(ExitStatus(of: error) == .inputMissing, "\(words): \(error)")
            }
            #expect(try DurableStorage.names(inFolder: root) == [])
        }
    }

    /// A dry run refuses what the run refuses, and makes no folder.
    @Test(arguments: [
        "train language --set rule=fadam", "train language --set steps=10",
        "train language --set learning_rate=cosine(nan,steps=10)", "train digits --set bta2=0.9",
        "train digits --set optimizer.bta2=0.9",
        "compare digits --set steps=10", "compare digits --set optimizer.rule=lion",
        "compare digits --set comparison.seeds=0", "compare digits --optimizer fadma",
        "compare digits --optimizer adamw --learning-rates fadam=1,2",
        "compare digits --learning-rates adamw=1e-3,2e-3", "ablate digits --optimizer fadam",
        "ablate digits --option rho=1,2", "ablate digits --optimizer sgd --option rho=1,2",
    ])
    func aDryRunRefusesWhatTheRunRefuses(_ line: String) throws {
        try CommandTests.withFolder { root in
            let words = line.split(separator: " ").map(String.init) + ["--output", root + "/new"]
            let real = try failure(words)
            #expect((ExitStatus(of: real) ?? .usage) == .usage, "\(real)")
            #expect("\(try failure(words + ["--dry-run"]))" == "\(real)")
            #expect(try DurableStorage.names(inFolder: root) == [])
        }
    }

    /// A dry run refuses the folder that the run would refuse.
    @Test func aDryRunChecksItsFolder() throws {
        try CommandTests.withFolder { root in
            try Data("x".utf8).write(to: URL(filePath: root + "/file"))
            try Data("x".utf8).write(to: URL(filePath: root + "/config.toml"))
            for words in [["train", "digits"], ["compare", "digits"]] {
                for folder in ["/file", "/file/below", ""] {
                    for more in [[], ["--dry-run"]] {
                        let error = try failure(words + ["--steps", "1", "--output", root + folder] + more)
                        #expect(ExitStatus(of: error) == .cannotCreate, "\(words) \(folder): \(error)")
                    }
                }
            }
        }
    }
}
