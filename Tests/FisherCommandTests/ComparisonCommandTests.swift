import Foundation
import Testing

@testable import FisherCommand
@testable import FisherStudies
@testable import FisherTraining

/// Comparisons as their users meet them: killed and continued, refused where results are, extended, reported.
@Suite struct ComparisonCommandTests {
    static let run = TrainCommandTests.run

    static func arguments(
        _ output: String, command: String = "compare", steps: Int = 4, seeds: String = "1",
        _ optimizers: String...
    ) -> [String] {
        [
            command, "digits", "--network", "perceptron", "--batch", "16", "--threads", "1", "--steps",
            "\(steps)",
            "--seeds", seeds, "--output", output,
        ] + optimizers.flatMap { ["--optimizer", $0] }
    }

    /// Without --output too, a folder that cannot be used is reported before data are read.
    @Test func theUsualFolderIsCheckedFirst() throws {
        try CommandTests.withFolder { root in
            try Data().write(to: URL(filePath: root + "/runs"))
            let words = ["compare", "images", "--network", "vit", "--images", "nowhere"]
            let said = try CommandTests.fisher(words, in: root)
            #expect(said.status == 73 && said.errors.contains("runs is not a folder"), "\(said)")
        }
    }

    /// Killed at any moment and continued: the same results but for the times, and the same weights.
    @Test func aKilledComparisonEndsInTheSameResults() throws {
        try CommandTests.withFolder { root in
            let more = [
                "--learning-rates", "all=1e-3,2e-3", "--set", "training.evaluate_every=50",
                "--set", "checkpoints.seconds=0", "--tuning-seeds", "1", "--extensions", "0", "--resume",
            ]
            func command(_ name: String) -> [String] {
                Self.arguments(root + "/" + name, steps: 150, seeds: "2", "adamw", "fadam") + more
            }
            let whole = try Self.run(command("whole"))
            #expect(whole.status == 0, "\(whole.errors)")
            for kills in 0... {
                let (process, errors, _) = try TrainCommandTests.start(command("cut"))
                if kills < 4 {
                    usleep(UInt32.random(in: 200_000...900_000))
                    if process.isRunning { kill(process.processIdentifier, SIGKILL) }
                }
                let text = String(decoding: errors.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
                process.waitUntilExit()
                if process.terminationReason == .exit {
                    #expect(process.terminationStatus == 0, "\(text)")
                    break
                }
            }
            #expect(try JobCommandTests.results(root + "/cut") == JobCommandTests.results(root + "/whole"))
            let runs = try RunDirectory.runs(under: root + "/whole")
            #expect(runs.count == 2 * 2 + 2 * 2)
            for run in runs {
                let bytes = try [run.path, root + "/cut" + run.path.dropFirst((root + "/whole").count)].map {
                    path in
                    let newest = try #require(try RunDirectory(path: path).checkpoints.newest()?.checkpoint)
                    return try Data(contentsOf: URL(filePath: newest.modelFile))
                }
                #expect(bytes[0] == bytes[1])
            }
        }
    }

    /// A run of a comparison is repeated by the configuration in its folder, bit for bit, and listed and inspected.
    @Test func aRunOfAComparisonIsRepeatedByItsConfiguration() throws {
        try CommandTests.withFolder { root in
            let made = try Self.run(
                Self.arguments(root + "/out", steps: 6, seeds: "2", "adamw:beta2=0.9", "sgd") + [
                    "--learning-rate", "0.01", "--warm-up", "2", "--clip-gradient-norm", "1",
                ])
            #expect(made.status == 0, "\(made.errors)")
            let folder = root + "/out/runs/adamw-beta2-0-9-gradient-clip-1-0/seed-1"
            let again = try Self.run([
                "train", "digits", "--config", folder + "/config.toml", "--output", root + "/again",
            ])
            #expect(again.status == 0, "\(again.errors)")
            for file in ["model", "optimizer"] {
                let bytes = try [folder, root + "/again"].map {
                    try Data(
                        contentsOf: URL(filePath: "\($0)/checkpoints/step-000000006/\(file).safetensors"))
                }
                #expect(bytes[0] == bytes[1])
            }
            let listed = try Self.run(["runs", root + "/out"])
            // The study, and its runs.
            #expect(listed.output.split(separator: "\n").count == 3 + 2 + 4, "\(listed.output)")
            #expect(try Self.run(["inspect", folder, "--batches", "1"]).status == 0)
        }
    }

    /// What Ctrl-C prints can be pasted and ends in the same results as the file of the comparison; both are listed, named and
    /// told apart.
    @Test func aComparisonIsARun() throws {
        try CommandTests.withFolder { root in
            let output = root + "/it's one"
            let (process, errors, _) = try TrainCommandTests.start(
                Self.arguments(output, steps: 150, seeds: "2", "sgd", "adamw:beta2=0.99") + [
                    "--set", "optimizer.weight_decay=0.01", "--tag", "paper", "--title", "Figure 1",
                ])
            while process.isRunning, try DurableStorage.names(inFolder: output + "/runs") == nil {
                usleep(5000)
            }
            process.interrupt()
            let text = String(decoding: errors.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
            process.waitUntilExit()
            #expect(process.terminationStatus == 75, "\(text)")
            let stopped = try #require(try RunListing(of: [root]).studies.first)
            #expect(stopped.state == "interrupted" && stopped.planned == 4 && stopped.marks.tags == ["paper"])
            try CommandTests.paste(commandIn: text)
            let again = try Self.run([
                "compare", "digits", "--config", output + "/config.toml", "--output", root + "/again",
            ])
            #expect(again.status == 0, "\(again.errors)")
            let results = try [output, root + "/again"].map {
                try StudyFiles(folder: $0).read(OptimizerComparison.self).entries
            }
            #expect(results[0].map(\.finalLosses) == results[1].map(\.finalLosses))
            #expect(results[0].map(\.options) == results[1].map(\.options))
            #expect(
                try String(contentsOfFile: output + "/report.html", encoding: .utf8).contains(
                    "<h1>Figure 1</h1>"))
            let listed = try Self.run(["runs", root, "--filter", "tag=paper"])
            #expect(listed.output.contains("completed") && listed.output.contains("4/4"), "\(listed.output)")
            let difference = try Self.run(["runs", "diff", output, root + "/again"])
            #expect(
                difference.output.hasPrefix("No key of the configuration differs."), "\(difference.output)")
        }
    }

    /// Results are neither replaced nor dropped, and two processes do not work in one folder.
    @Test func resultsAreNeitherReplacedNorDropped() throws {
        try CommandTests.withFolder { root in
            let first = Self.arguments(root + "/out", seeds: "2", "adamw", "fadam")
            #expect(try Self.run(first).status == 0)
            let results = try Data(contentsOf: URL(filePath: root + "/out/results.json"))
            for command in [first, Self.arguments(root + "/out", "sgd")] {
                let refused = try Self.run(command)
                #expect(refused.status == 73)
                #expect(
                    refused.errors
                        == "fisher: \(root)/out already holds results: continue with --resume, or choose another "
                        + "folder with --output\n")
            }
            #expect(try Data(contentsOf: URL(filePath: root + "/out/results.json")) == results)
            let more = try Self.run(Self.arguments(root + "/out", "sgd") + ["--resume"])
            #expect(more.status == 0 && more.errors.contains("stay: adamw (seed 0, 1); fadam (seed 0, 1)"))
            let found = try StudyFiles(folder: root + "/out").read(OptimizerComparison.self)
            #expect(found.entries.map(\.label) == ["adamw", "fadam", "sgd"])
            #expect(found.entries.map(\.runs.count) == [2, 2, 1])
            let longer = try Self.run(Self.arguments(root + "/out", steps: 5, "sgd") + ["--resume"])
            #expect(longer.status == 64 && longer.errors.contains("of another task or length"))

            let (process, _, _) = try TrainCommandTests.start(
                Self.arguments(root + "/busy", steps: 1_000_000, "adamw"))
            let lock = root + "/busy/lock"
            while process.isRunning, (try? Data(contentsOf: URL(filePath: lock)).isEmpty) ?? true {
                usleep(5000)
            }
            let second = try Self.run(Self.arguments(root + "/busy", "sgd") + ["--resume"])
            #expect(second.status == 73)
            #expect(
                second.errors.contains("in use by another process (process \(process.processIdentifier))"))
            kill(process.processIdentifier, SIGKILL)
            process.waitUntilExit()
        }
    }

    @Test func theHierarchyIsNotReplaced() throws {
        try CommandTests.withFolder { root in
            let arguments = [
                "hierarchy", "--optimizer", "sgd", "--training-steps", "1", "--batch", "8", "--turns", "1",
                "--quick", "--output", root + "/out",
            ]
            #expect(try Self.run(arguments).status == 0)
            let again = try Self.run(arguments)
            #expect(again.status == 73)
            #expect(
                again.errors.contains(
                    "holds results: continue with --resume, choose another folder with --output, or remove it"
                ))
            let made = try Self.run(["report", root + "/out", "--output", root + "/page.html"])
            #expect(made.status == 0 && made.output.contains("sgd"), "\(made.errors)")
            // All but the last line, which says where the numbers are.
            func body(_ path: String) throws -> Substring {
                let page = try String(contentsOfFile: root + path, encoding: .utf8)
                return page.split(separator: "<footer>", maxSplits: 1)[0]
            }
            #expect(try body("/page.html") == body("/out/report.html"))
            let page = try String(contentsOfFile: root + "/page.html", encoding: .utf8)
            #expect(page.contains("results.csv in \(root)/out."))
        }
    }

    /// All runs diverged: status 3, with everything written; one that did not: 0.
    @Test func allDivergedIsADivergence() throws {
        try CommandTests.withFolder { root in
            let wild = try Self.run(
                Self.arguments(root + "/out", steps: 8, seeds: "2", "sgd:learning_rate=1e38"))
            #expect(wild.status == 3 && wild.errors.contains("every run diverged"), "\(wild.errors)")
            let found = try StudyFiles(folder: root + "/out").read(OptimizerComparison.self)
            #expect(found.entries[0].runs.count == 2)
            let mixed = try Self.run(Self.arguments(root + "/out", steps: 8, "adamw") + ["--resume"])
            #expect(mixed.status == 0, "\(mixed.errors)")
        }
    }

    /// Numbers that no machine can work off are refused, and so is what would be counted twice.
    @Test func numbersBeyondReasonAreRefused() throws {
        try CommandTests.withFolder { root in
            let most = "18446744073709551615"
            let axes = (0..<64).flatMap { ["--option", "option\($0)=1,2"] }
            for (arguments, text) in [
                (Self.arguments(root, seeds: "4611686018427387904"), "--seeds must be at most 1000000"),
                (
                    Self.arguments(root, seeds: "2") + ["--first-seed", most],
                    "--first-seed \(most) leaves no room for 2 seeds"
                ),
                (
                    Self.arguments(root) + ["--tuning-seeds", "4611686018427387904"],
                    "--tuning-seeds must lie"
                ),
                (Self.arguments(root, "adamw", "adamw"), "adamw is named twice"),
                (
                    Self.arguments(root, command: "ablate", "fadam") + ["--option", "rho=1,1"],
                    "rho is to be tried with 1 twice"
                ),
                (Self.arguments(root, command: "ablate", "fadam") + axes, "more than 1000000 combinations"),
                (["continual", "--first-seed", most, "--output", root], "leaves no room for 3 seeds"),
            ] {
                let run = try Self.run(arguments)
                #expect(run.status == 64, "\(arguments): \(run.status)")
                #expect(run.errors.contains(text), "\(arguments): \(run.errors)")
            }
            #expect(try Self.run(Self.arguments(root + "/last") + ["--first-seed", most]).status == 0)
        }
    }

    /// A pilot has seeds of its own and says how many a difference needs; it is continued as such only.
    @Test func aPilotSaysHowManySeedsADifferenceNeeds() throws {
        try CommandTests.withFolder { root in
            let arguments =
                [
                    "compare", "digits", "--network", "perceptron", "--batch", "16", "--threads", "1",
                    "--steps", "4",
                ]
                + ["adamw", "fadam", "sgd"].flatMap { ["--optimizer", $0] } + ["--output", root + "/out"]
            let pilot = try Self.run(arguments + ["--pilot", "4", "--differences", "0.05", "--power", "0.8"])
            #expect(pilot.status == 0, "\(pilot.errors)")
            #expect(
                pilot.output.contains("4 pilot seeds") && pilot.output.contains("power 80 %"),
                "\(pilot.output)")
            let found = try StudyFiles(folder: root + "/out").read(OptimizerComparison.self)
            #expect(found.entries.map(\.runs.count) == [4] && found.plan?.pilot?.comparisons == 2)
            let seeds = Set(found.entries[0].runs.map(\.seed))
            #expect(seeds.isDisjoint(with: ReservedSeeds.tuning(1000)) && seeds.allSatisfy { $0 > 1 << 60 })
            let shown = try Self.run(["report", root + "/out", "--output", root + "/page.html", "--json"])
            #expect(shown.status == 0 && shown.output.contains("\"cautiousSeeds\""), "\(shown.errors)")
            let mixed = try Self.run(arguments + ["--resume", "--seeds", "1"])
            #expect(mixed.status == 64 && mixed.errors.contains("is of a pilot"), "\(mixed.errors)")
            let both = try Self.run(arguments + ["--pilot", "4", "--seeds", "1"])
            #expect(both.status == 64 && both.errors.contains("--pilot has seeds of its own"))
        }
    }

    /// Target, margin and JSON reach the table; seeds that tune are not those that judge.
    @Test func whatIsToBeDecidedIsShown() throws {
        try CommandTests.withFolder { root in
            let run = try Self.run(
                Self.arguments(root + "/out", steps: 8, seeds: "3", "adamw", "fadam") + [
                    "--evaluate-every", "2", "--target", "2.25", "--margin", "0.5",
                ])
            #expect(run.status == 0, "\(run.errors)")
            for words in [
                "To 2.25 nats:", "seed 2", "margin p", "val. sample", "On the bundled digits: ",
            ] {
                #expect(run.output.contains(words), "\(words): \(run.output)")
            }
            let json = try Self.run([
                "report", root + "/out", "--output", root + "/page.html", "--target", "0.001", "--json",
            ])
            #expect(json.status == 0, "\(json.errors)")
            let summary = try JSONSerialization.jsonObject(with: Data(json.output.utf8)) as? [String: Any]
            #expect((summary?["headline"] as? String)?.contains("On the bundled digits: ") == true)
            let seeds = try Self.run(
                Self.arguments(root + "/shared", "adamw") + [
                    "--first-seed", "18446744073709551615", "--learning-rates", "all=1e-3,2e-3",
                ])
            #expect(seeds.status == 64 && seeds.errors.contains("is one of those that tune"))
        }
    }

    /// AdamW with gradient clipping is among what is compared by default, and the baseline.
    @Test func theUsualBaselineClips() throws {
        #expect(Compare.usualOptimizers.first == "adamw:clip_gradient_norm=1")
        let candidate = try #require(OptimizerSpecification(argument: Compare.usualOptimizers[0]))
            .candidate(sharing: [], clip: nil)
        #expect(candidate.clipGradientNorm == 1 && candidate.label == "adamw + gradient clip 1.0")
        #expect(Set(Compare.usualOptimizers).isSuperset(of: ["adamw", "fadam"]))
    }

    /// Links are not followed, one run is one seed, and a damaged run is named.
    @Test func reportsCountEachRunOnce() throws {
        try CommandTests.withFolder { root in
            let made = try Self.run(Self.arguments(root + "/out", seeds: "2", "adamw"))
            #expect(made.status == 0, "\(made.errors)")
            let runs = root + "/out/runs"
            try FileManager.default.createSymbolicLink(
                atPath: runs + "/adamw/link", withDestinationPath: "seed-0")
            let page = ["--output", root + "/page.html"]
            let report = try Self.run(["report", runs] + page)
            #expect(
                report.status == 0 && report.output.contains("2 seeds are too few"),
                "\(report.errors)")
            for twice in [runs + "/adamw/link", runs + "/adamw/seed-0"] {
                let refused = try Self.run(["report", runs, twice] + page)
                #expect(refused.status == 65 && refused.errors.contains("are the same run twice"))
                #expect(try Self.run(["runs", runs, twice]).status == 65)
            }
            try Data("{".utf8).write(to: URL(filePath: runs + "/adamw/seed-1/run.json"))
            let listed = try Self.run(["runs", runs])
            #expect(
                listed.status == 0 && listed.output.contains("seed-0")
                    && listed.errors.contains("seed-1/run.json"))
            let damaged = try Self.run(["report", runs] + page)
            #expect(damaged.status == 65 && damaged.errors.contains("seed-1/run.json"))
        }
    }
}
