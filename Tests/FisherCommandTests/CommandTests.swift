import Foundation
import TestSupport
import Testing
import Torch

/// The command as its users meet it: a process with arguments, output and an exit status.
@Suite struct CommandTests {
    struct Outcome {
        let status: Int32
        let output: String
        let errors: String
    }

    /// The command that was built beside these tests.
    static var executable: URL {
        URL(filePath: CommandLine.arguments[0]).deletingLastPathComponent().appending(path: "fisher")
    }

    static func fisher(_ arguments: String...) throws -> Outcome { try fisher(arguments) }

    static func fisher(_ arguments: [String], in folder: String? = nil) throws -> Outcome {
        let process = Process()
        let (output, errors) = (Pipe(), Pipe())
        process.executableURL = executable
        process.arguments = arguments
        if let folder { process.currentDirectoryURL = URL(filePath: folder) }
        (process.standardOutput, process.standardError) = (output, errors)
        try process.run()
        let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        let trouble = String(decoding: errors.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        return Outcome(status: process.terminationStatus, output: text, errors: trouble)
    }

    /// Runs the command that a stopped one printed, as a user who pastes it into a shell; it must succeed.
    static func paste(commandIn text: String) throws {
        let command = try #require(text.components(separatedBy: "continue with: ").last)
        let pasted = Process()
        pasted.executableURL = URL(filePath: "/bin/sh")
        pasted.arguments = ["-c", command]
        (pasted.standardOutput, pasted.standardError) = (FileHandle.nullDevice, FileHandle.nullDevice)
        try pasted.run()
        pasted.waitUntilExit()
        #expect(pasted.terminationStatus == 0, "\(command)")
    }

    static func withFolder(_ body: (String) throws -> Void) throws {
        try TemporaryFolder.with(body)
    }

    static func write(_ tensors: [String: Tensor], to path: String) throws {
        try SafetensorsWriter().write(
            try tensors.map { try SafetensorsSource(name: $0.key, tensor: $0.value) }, to: path)
    }

    @Test func optimizersAndDoctorTell() throws {
        let table = try Self.fisher("optimizers")
        #expect(table.status == 0)
        for name in ["sgd", "adagrad", "rmsprop", "adam", "adamw", "adafactor", "fadam", "fadafactor"] {
            #expect(table.output.contains("\n\(name) "))
        }
        let doctor = try Self.fisher("doctor")
        #expect(doctor.status == 0)
        #expect(doctor.output.contains("libtorch 2.13.0"))
        #expect(doctor.output.contains("\nlibsndfile ") && doctor.output.contains("\nlibvips "))
    }

    /// theta = 1, g = 2, lr = 0.5: one step of SGD is exactly 0.
    @Test func stepMovesTensors() throws {
        try Self.withFolder { root in
            try Self.write(["w": Tensor([1.0, 2]), "../x": Tensor([1.0], shape: [])], to: root + "/p")
            try Self.write(["w": Tensor([2.0, 4]), "../x": Tensor([0.5], shape: [])], to: root + "/g")
            let run = try Self.fisher(
                "step", "--optimizer", "sgd", "--set", "lr=0.5", "--parameters", root + "/p", "--gradients",
                root + "/g", "--output", root + "/o", "--save-state", root + "/s")
            #expect(run.status == 0, "\(run.errors)")
            let moved = try SafetensorsFile(path: root + "/o")
            #expect(try moved.tensor(named: "w").scalars(as: Double.self) == [0, 0])
            #expect(try moved.tensor(named: "../x").item() == 0.75)
            #expect(
                try FileManager.default.contentsOfDirectory(atPath: root).sorted() == ["g", "o", "p", "s"])
        }
    }

    /// Three steps at once are one step and two more from the saved state, to the bit.
    @Test func stepGoesOnFromItsState() throws {
        try Self.withFolder { root in
            try Self.write(["w": Tensor([1.0, 2, 3])], to: root + "/p")
            for k in 1...3 {
                try Self.write(["w": Tensor([0.1 * Double(k), -0.2, 0.3])], to: root + "/g\(k)")
            }
            func step(_ parameters: String, _ gradients: [String], _ output: String, _ more: [String]) throws
            {
                let process = Process()
                process.executableURL = Self.executable
                process.arguments =
                    [
                        "step", "--optimizer", "fadam", "--set", "rho=0.7", "--set", "clip=2",
                        "--parameters", root + parameters, "--gradients",
                    ] + gradients.map { root + $0 }
                    + ["--output", root + output] + more
                try process.run()
                process.waitUntilExit()
                #expect(process.terminationStatus == 0)
            }
            try step("/p", ["/g1", "/g2", "/g3"], "/whole", [])
            try step("/p", ["/g1"], "/first", ["--save-state", root + "/s"])
            try step("/first", ["/g2", "/g3"], "/rest", ["--state", root + "/s"])
            let (a, b) = (
                try SafetensorsFile(path: root + "/whole"), try SafetensorsFile(path: root + "/rest")
            )
            #expect(try a.readBytes(of: "w") == b.readBytes(of: "w"))
        }
    }

    @Test func mistakesHaveTheirExitStatus() throws {
        try Self.withFolder { root in
            try Self.write(["w": Tensor([1.0])], to: root + "/p")
            try Self.write(["v": Tensor([1.0])], to: root + "/other")
            try Self.write(["w": Tensor([Double.nan])], to: root + "/nan")
            try Self.write(["w": Tensor([1.0, 2])], to: root + "/long")
            try Data("junk".utf8).write(to: URL(filePath: root + "/junk"))
            for (gradient, option, status, text) in [
                ("/p", "rho=0.5", 64, "rho"), ("/p", "lr=-1", 64, "learning_rate = -1 "),
                ("/none", "lr=1", 66, "/none"),
                ("/junk", "lr=1", 65, "/junk"), ("/other", "lr=1", 65, "w"),
                ("/nan", "lr=1", 3, "the gradient of w"),
                ("/long", "lr=1", 65, "has shape [2]"),
            ] as [(String, String, Int32, String)] {
                let run = try Self.fisher(
                    "step", "--optimizer", "sgd", "--set", option, "--parameters", root + "/p", "--gradients",
                    root + gradient, "--output", root + "/o")
                #expect(run.status == status, "\(gradient) \(option): \(run.errors)")
                #expect(run.errors.contains(text), "\(run.errors)")
                #expect(run.errors.split(separator: "\n").count == 1)
                #expect(!FileManager.default.fileExists(atPath: root + "/o"))
            }
            #expect(try Self.fisher("step", "--bogus").status == 64)
            #expect(try Self.fisher("compare", "language", "--text", root + "/none").status == 66)
            #expect(try Self.fisher("compare", "language", "--steps", "0").status == 64)
        }
    }

    /// A misspelled command or task is named, with the nearest one, whatever follows it.
    @Test func aNameThatIsNoSubcommandIsNamed() throws {
        let misspelled = [
            (try Self.fisher("trian"), "trian is no subcommand of fisher; did you mean train?"),
            (
                try Self.fisher("train", "digit", "--steps", "3"),
                "digit is no subcommand of fisher train; did you mean digits?"
            ),
        ]
        for (run, text) in misspelled {
            #expect(run.status == 64)
            #expect(run.errors.hasPrefix("fisher: \(text)\nSee 'fisher"), "\(run.errors)")
        }
        let other = try Self.fisher("compare", "planets")
        #expect(other.errors.hasPrefix("fisher: planets is no subcommand of fisher compare; there are "))
        let extra = try Self.fisher("train", "digits", "extra")
        #expect(
            extra.status == 64
                && extra.errors.contains("fisher train digits does not take the argument extra"))
        #expect(try Self.fisher("help", "train").status == 0)
    }

    @Test func compareWritesItsFilesAndSurvivesADivergence() throws {
        try Self.withFolder { root in
            let text = (0..<3000).map { "line \($0 * $0 % 97)\n" }.joined()
            try Data(text.utf8).write(to: URL(filePath: root + "/text"))
            let run = try Self.fisher(
                "compare", "language", "--text", root + "/text", "--context", "16", "--steps", "4", "--batch",
                "2",
                "--seeds", "2", "--optimizer", "adamw", "--optimizer", "sgd:learning_rate=1e30",
                "--optimizer",
                "fadam", "--output", root + "/out", "--threads", "1")
            #expect(run.status == 0, "\(run.errors)")
            #expect(run.output.contains("fadam") && run.output.contains("report.html"))
            #expect(!run.errors.contains("\r"))
            let json = try String(contentsOfFile: root + "/out/results.json", encoding: .utf8)
            #expect(json.contains("\"diverged\"") && json.contains("\"completed\""))
            let csv = try String(contentsOfFile: root + "/out/results.csv", encoding: .utf8)
            #expect(csv.hasPrefix("optimizer,seed,step"))
            let html = try String(contentsOfFile: root + "/out/report.html", encoding: .utf8)
            #expect(html.contains("<svg") && !html.contains("href=\"http") && !html.contains("src="))
        }
    }
}
