import FisherData
import FisherMedia
import Foundation
import Testing
import Torch

/// The commands on data of the user's own: those of the article, on small files.
@Suite struct DataCommandTests {
    private static let fixtures = URL(filePath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().appending(path: "Fixtures").path

    private static let hasImages = (try? MediaLibraryName.images.find()) != nil

    /// Runs the command in a folder.
    static func run(_ arguments: [String], in folder: String) throws -> CommandTests.Outcome {
        let process = Process()
        let (output, errors) = (Pipe(), Pipe())
        process.executableURL = CommandTests.executable
        process.currentDirectoryURL = URL(filePath: folder)
        process.arguments = arguments
        (process.standardOutput, process.standardError) = (output, errors)
        try process.run()
        let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        let trouble = String(decoding: errors.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        return .init(status: process.terminationStatus, output: text, errors: trouble)
    }

    private static func npy(_ type: String, _ shape: String, _ bytes: [UInt8]) -> Data {
        let text = "{'descr': '\(type)', 'fortran_order': False, 'shape': \(shape), }\n"
        var file: [UInt8] = [0x93]
        file += Array("NUMPY".utf8)
        file += [1, 0, UInt8(text.utf8.count), 0]
        file += Array(text.utf8)
        return Data(file + bytes)
    }

    /// The files that the article names.
    private static func writeFiles(in root: String) throws {
        func write(_ data: Data, _ name: String) throws {
            try data.write(to: URL(filePath: root + "/" + name))
        }
        let rows = (0..<60).map { row in
            let age = row % 7 == 3 ? "" : "\(20 + row * 13 % 40)"
            return
                "\(row),\(age),\(["city", "sea"][row % 2]),\(100 + row * 17 % 50),\(row % 3 == 0 ? "yes" : "no")"
        }
        let table = "id,age,place,price,bought\n" + rows.joined(separator: "\n") + "\n"
        try write(Data(table.utf8), "customers.csv")
        func idx(_ shape: [Int], _ bytes: [UInt8]) -> Data {
            Data([0, 0, 8, UInt8(shape.count)] + shape.flatMap { [0, 0, 0, UInt8($0)] } + bytes)
        }
        let pixels: [UInt8] = (0..<3072).map { number in
            let level = number * 37 + number / 64 * 11
            return UInt8(truncatingIfNeeded: level)
        }
        try write(idx([48, 8, 8], pixels), "train-images-idx3-ubyte")
        try write(idx([48], (0..<48).map { UInt8($0 % 3) }), "train-labels-idx1-ubyte")
        let values: [Float] = (0..<288).map { number in
            let level = number * 29 % 53
            return Float(level) / 10
        }
        try write(npy("<f4", "(48, 6)", values.withUnsafeBytes { Array($0) }), "x.npy")
        let targets = (0..<48).map { Double($0 % 5) }
        try write(npy("<f8", "(48,)", targets.withUnsafeBytes { Array($0) }), "y.npy")
        try write(
            Data(
                #"{"layers": [{"linear": [6, 8]}, "tanh", {"linear": [8, 1]}], "likelihood": "gaussian"}"#
                    .utf8),
            "net.json")
        let generator = try RandomGenerator(seed: 2)
        try CommandTests.write(
            [
                "0.weight": .normal([8, 6], using: generator), "0.bias": .zeros([8]),
                "2.weight": .normal([1, 8], using: generator), "2.bias": .zeros([1]),
            ], to: root + "/mlp.safetensors")
        for (name, file) in [("dogs", "color.png"), ("cats", "color.jpg")] {
            let folder = root + "/pictures/" + name
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
            for number in 0..<6 {
                let end = file.split(separator: ".").last ?? ""
                try FileManager.default.copyItem(
                    atPath: fixtures + "/images/" + file, toPath: "\(folder)/\(number).\(end)")
            }
        }
    }

    /// Every command of the article runs, with fewer steps.
    @Test func theArticlesCommandsRun() throws {
        let article = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
            .appending(path: "Sources/FisherData/FisherData.docc/TrainingOnYourOwnData.md")
        let text = try String(contentsOf: article, encoding: .utf8).replacing("\\\n", with: " ")
        let commands = text.split(separator: "\n").filter { $0.hasPrefix("fisher ") }
        #expect(commands.count >= 9)
        // Those of the README are among them.
        let readme = try String(
            contentsOf: DocumentedCommand.checkout.appending(path: "README.md"), encoding: .utf8)
        let shown = readme.split(separator: "\n").filter { $0.hasPrefix("    fisher compare data ") }
        #expect(shown.count == 5)
        for line in shown {
            let command = line.prefix { $0 != "#" }.trimmingCharacters(in: .whitespaces)
            #expect(commands.contains { $0 == command }, "\(command)")
        }
        try CommandTests.withFolder { root in
            try Self.writeFiles(in: root)
            for command in commands {
                // What is in quotation marks is one word.
                var words = command.split(separator: "\"", omittingEmptySubsequences: false).enumerated()
                    .flatMap { $0 % 2 == 1 ? [String($1)] : $1.split(separator: " ").map(String.init) }
                words.removeFirst()
                if words.contains("pictures"), !Self.hasImages { continue }
                if ["train", "compare"].contains(words[0]) {
                    words = words.filter { $0 != "--resume" }
                    words += ["--steps", "2", "--threads", "1", "--batch", "4"]
                }
                // Two of the four optimizers.
                if words[0] == "compare" { words += ["--optimizer", "adamw", "--optimizer", "sgd"] }
                let outcome = try Self.run(words, in: root)
                #expect(outcome.status == 0, "\(command)\n\(outcome.errors)")
                if words[0] == "compare" {
                    #expect(outcome.output.contains("adamw") && outcome.output.contains("report: "))
                }
            }
            let predictions = try String(contentsOfFile: root + "/predictions.csv", encoding: .utf8)
            #expect(predictions.hasPrefix("sample,class,p(no),p(yes)\n0,"))
            #expect(predictions.split(separator: "\n").count == 61)
        }
    }

    /// A run whose rows are read from the file goes on to the bit, like one from memory.
    @Test func aStreamedRunResumesToTheBit() throws {
        try CommandTests.withFolder { root in
            try Self.writeFiles(in: root)
            let arguments = [
                "train", "data", "--inputs", "x.npy", "--targets", "y.npy", "--schedule", "constant",
                "--threads", "1", "--batch", "7", "--evaluate-every", "3",
            ]
            func train(_ name: String, _ more: [String]) throws {
                let outcome = try Self.run(arguments + more + ["--output", name], in: root)
                #expect(outcome.status == 0, "\(outcome.errors)")
            }
            try train("whole", ["--steps", "6"])
            try train("half", ["--steps", "3", "--memory", "0.0001"])
            let document = try String(contentsOfFile: root + "/half/run.json", encoding: .utf8)
            #expect(document.contains("read from the file batch by batch"))
            let rest = try Self.run(
                [
                    "train", "data", "--resume", "--output", "half", "--set", "training.steps=6",
                    "--change-schedule", "--memory", "0.0002",
                ],
                in: root)
            #expect(rest.status == 0 && rest.output.contains("RMSE"), "\(rest.errors)")
            for name in ["model", "optimizer"] {
                let ends = try ["whole", "half"].map { run in
                    let file = try SafetensorsFile(
                        path: "\(root)/\(run)/checkpoints/step-000000006/\(name).safetensors")
                    return try file.tensors.map { try file.readBytes(of: $0.name) }
                }
                #expect(ends[0] == ends[1])
            }
            // Other data are refused.
            let other = (0..<48).map { Double($0 % 4) }
            try Self.npy("<f8", "(48,)", other.withUnsafeBytes { Array($0) }).write(
                to: URL(filePath: root + "/y.npy"))
            let refused = try Self.run(
                [
                    "train", "data", "--resume", "--output", "half", "--set", "training.steps=9",
                    "--change-schedule",
                ],
                in: root)
            #expect(refused.status != 0 && refused.errors.contains("data"), "\(refused.errors)")
        }
    }

    @Test func mistakesAreOneSentence() throws {
        try CommandTests.withFolder { root in
            try Self.writeFiles(in: root)
            let train = ["train", "data", "--output", "run"]
            let cases: [([String], Int32, String)] = [
                (train, 64, "data.inputs is not set"),
                (train + ["--inputs", "none.csv"], 66, "none.csv cannot be opened"),
                (train + ["--inputs", "customers.csv"], 65, "name the column to predict with --target"),
                (train + ["--inputs", "customers.csv", "--target", "bough"], 65, "has no column \"bough\""),
                (
                    train + ["--inputs", "customers.csv", "--target", "bought"], 65,
                    "customers.csv, line 5, has no value"
                ),
                (train + ["--inputs", "x.npy"], 65, "name the file of the targets with --targets"),
                (
                    train + ["--inputs", "x.npy", "--targets", "y.npy", "--likelihood", "categorical"], 65,
                    "needs numbers of classes"
                ),
                (
                    train + ["--inputs", "x.npy", "--targets", "y.npy", "--model", "x.npy"], 65,
                    "is a NumPy array (.npy), not the description of a network"
                ),
                (train + ["--inputs", "net.json", "--targets", "y.npy"], 65, "is JSON"),
                (
                    train + ["--inputs", "x.npy", "--targets", "y.npy", "--batch", "900"], 64,
                    "is more than the"
                ),
                (
                    [
                        "information", "--model", "net.json", "--weights", "x.npy", "--inputs", "x.npy",
                        "--targets", "y.npy",
                        "--output", "f",
                    ], 65, "it is a NumPy array (.npy), not a safetensors file"
                ),
            ]
            for (arguments, status, words) in cases {
                let outcome = try Self.run(arguments, in: root)
                #expect(outcome.status == status, "\(arguments): \(outcome.errors)")
                #expect(outcome.errors.contains(words), "\(arguments): \(outcome.errors)")
                #expect(outcome.errors.split(separator: "\n").count == 1, "\(outcome.errors)")
            }
        }
    }
}
