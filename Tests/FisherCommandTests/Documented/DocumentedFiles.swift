import Foundation
import Testing
import Torch

@testable import FisherMedia

/// Makes the files and runs that documented commands name, small ones, in a folder of a test.
struct DocumentedFiles {
    /// The folder in which the commands run.
    let root: String

    /// Makes what a command names and nothing made before; false if this machine lacks what the command needs.
    func prepare(for command: DocumentedCommand) throws -> Bool {
        if command.words.contains("speech"), !command.words.contains("--speech"), !hasProgram("espeak-ng") {
            return false
        }
        for word in command.words.dropFirst() where !exists(word) {
            switch word {
            case "mtcars.csv":
                try FileManager.default.copyItem(
                    at: DocumentedCommand.checkout.appending(path: "Tests/Fixtures/inference/mtcars.csv"),
                    to: URL(filePath: root + "/" + word))
            case "a.csv": try write("x,y\n1,0\n2,1\n3,0\n4,1\n5,1\n6,0\n", to: word)
            case "b.csv": try write("x,y\n1.5,1\n2.5,0\n3.5,0\n4.5,1\n5.5,1\n", to: word)
            case "net.json":
                try write(#"{"layers": [{"linear": [3, 2]}], "likelihood": "categorical"}"#, to: word)
            case "w.safetensors", "net.safetensors":
                try write(
                    [
                        "0.weight": Tensor([0.1, -0.2, 0.3, 0.2, 0.1, -0.1], shape: [2, 3]),
                        "0.bias": Tensor([0.0, 0.1]),
                    ],
                    to: word)
            case "x.safetensors", "x1.safetensors", "x2.safetensors":
                let part = word.contains("2") ? 5 : 0
                let values = (0..<48).map { place -> Double in
                    let mixed: Int = place * 37 + part * 11 + (place * place % 17) * 5
                    return Double(mixed % 29) * 0.1 - 1.4
                }
                try write(["inputs": Tensor(values, shape: [16, 3])], to: word)
            case "y.safetensors", "y1.safetensors", "y2.safetensors":
                try write(
                    ["targets": Tensor([0, 1, 1, 0, 0, 1, 0, 1, 1, 1, 0, 0, 1, 0, 1, 0] as [Int64])], to: word
                )
            case "f2.safetensors":
                guard
                    try prepare(
                        for: DocumentedCommand(
                            article: "", line: 0, words: ["", "x2.safetensors", "y2.safetensors"]))
                else { return false }
                try run([
                    "information", "--model", "net.json", "--weights", "net.safetensors", "--inputs",
                    "x2.safetensors",
                    "--targets", "y2.safetensors", "--structure", "kronecker", "--output", word,
                ])
            case "cifar-10-batches-bin":
                try makeFolder(word)
                for name in ["data_batch_1", "test_batch"] {
                    let records = (0..<20).flatMap { image -> [UInt8] in
                        let pixels = (0..<3072).map { pixel in UInt8(truncatingIfNeeded: pixel * (image + 3))
                        }
                        return [UInt8(image % 10)] + pixels
                    }
                    try Data(records).write(to: URL(filePath: "\(root)/\(word)/\(name).bin"))
                }
            case "fashion-mnist": try writeIDX(to: word)
            case "photographs":
                guard (try? ImageDecoder.shared(neededBy: "")) != nil else { return false }
                for (kind, image) in [("cats", "color.png"), ("dogs", "large.png")] {
                    try makeFolder("\(word)/\(kind)")
                    for number in 0..<4 {
                        try FileManager.default.copyItem(
                            at: DocumentedCommand.checkout.appending(path: "Tests/Fixtures/images/\(image)"),
                            to: URL(filePath: "\(root)/\(word)/\(kind)/\(number).png"))
                    }
                }
            case "gpt2":
                try FileManager.default.copyItem(
                    at: DocumentedCommand.checkout.appending(path: "Tests/Fixtures/language/model"),
                    to: URL(filePath: root + "/" + word))
            case "notes/", "old/", "final/new/", "final/old/":
                try makeFolder(word)
                try write(
                    (0..<60).map { "Line \($0 * 7 % 60) of the \(word) is a line.\n" }.joined(),
                    to: word + "text.txt")
            case "FILE.wav": try Data(tone(0)).write(to: URL(filePath: root + "/" + word))
            case "recordings.tsv":
                for number in 0..<12 {
                    try Data(tone(number)).write(to: URL(filePath: "\(root)/\(number).wav"))
                }
                try write((0..<12).map { "\($0).wav\t\($0 % 2 == 0 ? "one" : "two")\n" }.joined(), to: word)
            case let folder where folder.hasPrefix("LibriSpeech/"):
                let speaker = folder.hasSuffix("clean-100") ? 1 : 2
                let chapter = "\(folder)/\(speaker)/1"
                try makeFolder(chapter)
                for number in 0..<4 {
                    try Data(tone(number)).write(
                        to: URL(filePath: "\(root)/\(chapter)/\(speaker)-1-\(number).wav"))
                }
                try write(
                    (0..<4).map { "\(speaker)-1-\($0) \($0 % 2 == 0 ? "ONE" : "TWO")\n" }.joined(),
                    to: "\(chapter)/\(speaker)-1.trans.txt")
            case let run
            where run.hasPrefix("runs/") && ["inspect", "landscape", "report"].contains(command.words[1]):
                let isComparison = run.contains("compare")
                try self.run(
                    (isComparison
                        ? [
                            "compare", "digits", "--optimizer", "sgd", "--optimizer", "adamw", "--seeds", "2",
                            "--learning-rates", "all=0.01,0.1", "--tuning-seeds", "1", "--extensions", "0",
                        ]
                        : ["train", "digits"])
                        + [
                            "--preset", "perceptron", "--steps", "1", "--batch", "4", "--threads", "1",
                            "--output", run,
                        ])
            default: break
            }
        }
        return true
    }

    private func exists(_ path: String) -> Bool { FileManager.default.fileExists(atPath: root + "/" + path) }

    private func hasProgram(_ name: String) -> Bool {
        (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":").contains {
            FileManager.default.isExecutableFile(atPath: "\($0)/\(name)")
        }
    }

    private func run(_ arguments: [String]) throws {
        let outcome = try CommandTests.fisher(arguments, in: root)
        try #require(outcome.status == 0, "\(arguments)\n\(outcome.errors)")
    }

    private func makeFolder(_ path: String) throws {
        try FileManager.default.createDirectory(atPath: root + "/" + path, withIntermediateDirectories: true)
    }

    private func write(_ text: String, to path: String) throws {
        try text.write(toFile: root + "/" + path, atomically: false, encoding: .utf8)
    }

    private func write(_ tensors: [String: Tensor], to path: String) throws {
        try CommandTests.write(tensors, to: root + "/" + path)
    }

    /// Images of 28 by 28 in two classes, and their labels, in the format of MNIST.
    private func writeIDX(to folder: String) throws {
        try makeFolder(folder)
        for (name, count) in [("train", 12), ("t10k", 6)] {
            func write(_ shape: [Int], _ bytes: [UInt8], _ kind: String) throws {
                let head: [UInt8] = [0, 0, 8, UInt8(shape.count)] + shape.flatMap { [0, 0, 0, UInt8($0)] }
                try Data(head + bytes).write(to: URL(filePath: "\(root)/\(folder)/\(name)-\(kind)"))
            }
            try write(
                [count, 28, 28], (0..<count * 784).map { UInt8($0 * 31 % 256) }, "images-idx3-ubyte")
            try write([count], (0..<count).map { UInt8($0 % 2) }, "labels-idx1-ubyte")
        }
    }

    /// A second of a tone at 8 kHz, of a pitch of its own.
    private func tone(_ number: Int) -> [UInt8] {
        Sound(
            samples: (0..<8000).map { Float(0.3 * sin((0.1 + 0.05 * Double(number)) * Double($0))) },
            rate: 8000
        )
        .waveFile
    }
}
