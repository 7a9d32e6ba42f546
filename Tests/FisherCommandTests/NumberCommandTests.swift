import Foundation
import Testing
import Torch

/// Numbers and sizes from outside, as the command answers them: a sentence, an exit status, and no file.
@Suite struct NumberCommandTests {
    private static func files(_ root: String, scale: Double = 1) throws -> [String] {
        try Data(
            #"{"layers": [{"linear": [3, 4]}, "tanh", {"linear": [4, 2]}], "likelihood": "categorical"}"#.utf8
        ).write(to: URL(filePath: root + "/model"))
        let generator = try RandomGenerator(seed: 1)
        let weights = [("0.weight", [4, 3]), ("0.bias", [4]), ("2.weight", [2, 4]), ("2.bias", [2])].map {
            ($0, Tensor.uniform($1, from: -1, to: 1, using: generator) * scale)
        }
        try CommandTests.write(Dictionary(uniqueKeysWithValues: weights), to: root + "/weights")
        try CommandTests.write(
            [
                "inputs": .normal([6, 3], using: generator),
                "targets": Tensor([0, 1, 0, 1, 0, 1] as [Int64]),
            ],
            to: root + "/batch")
        return ["--model", root + "/model", "--weights", root + "/weights"]
    }

    private static func tensors(_ root: String) throws -> [String] {
        try CommandTests.write(["a": Tensor([1.0, 2]), "a/b": Tensor([3.0])], to: root + "/p")
        try CommandTests.write(["a": Tensor([0.1, 1]), "a/b": Tensor([0.5])], to: root + "/g")
        return ["--parameters", root + "/p", "--gradients", root + "/g"]
    }

    private static func step(
        _ arguments: [String], _ root: String, rule: String = "adamw", output: String = "/out"
    ) throws -> (status: Int32, errors: String, wrote: Bool) {
        let run = try TrainCommandTests.run(
            ["step", "--optimizer", rule, "--output", root + output] + arguments)
        return (run.status, run.errors, FileManager.default.fileExists(atPath: root + "/out"))
    }

    @Test func anUpdateThatIsNotFiniteWritesNothing() throws {
        try CommandTests.withFolder { root in
            try CommandTests.write(["w": Tensor([1, 2] as [Float])], to: root + "/p")
            try CommandTests.write(["w": Tensor([1, 2] as [Float])], to: root + "/g")
            let run = try Self.step(
                [
                    "--parameters", root + "/p", "--gradients", root + "/g", "--set", "lr=1e300",
                    "--save-state", root + "/state",
                ], root)
            #expect(run.status == 3 && !run.wrote)
            #expect(
                run.errors.contains("the update of w is not finite at update 1; the weights are unchanged"))
            #expect(!FileManager.default.fileExists(atPath: root + "/state"))
        }
    }

    @Test func outputsAndInputsAreKeptApart() throws {
        try CommandTests.withFolder { root in
            let arguments = try Self.tensors(root)
            for path in ["/out", "/./out", "/p", "/g"] {
                let run = try Self.step(arguments + ["--save-state", root + path], root)
                #expect(run.status == 64 && !run.wrote, "\(path) \(run.errors)")
            }
            #expect(try Self.step(arguments, root, output: "/g").status == 64)
            try FileManager.default.createSymbolicLink(atPath: root + "/link", withDestinationPath: root)
            #expect(try Self.step(arguments, root, output: "/link/g").status == 64)
            // Parameters may be replaced by what they become.
            #expect(try Self.step(arguments, root, output: "/p").status == 0)
        }
    }

    @Test func namesThatBeginAlikeAreRestored() throws {
        try CommandTests.withFolder { root in
            let arguments = try Self.tensors(root)
            let first = try Self.step(arguments + ["--save-state", root + "/state"], root)
            #expect(first.status == 0, "\(first.errors)")
            let second = try Self.step(arguments + ["--state", root + "/state"], root)
            #expect(second.status == 0, "\(second.errors)")
        }
    }

    @Test func numbersThatAreNotFiniteAreNamed() throws {
        try CommandTests.withFolder { root in
            _ = try Self.tensors(root)
            try CommandTests.write(["a": Tensor([1.0, .nan]), "a/b": Tensor([3.0])], to: root + "/n")
            let run = try Self.step(["--parameters", root + "/n", "--gradients", root + "/g"], root)
            #expect(run.status == 65 && run.errors.contains("\"a\": holds NaN at element 1"), "\(run.errors)")
        }
    }

    @Test(arguments: ["kfac", "ekfac"])
    func logitsThatOverflowAreNoFailureOfTheProgram(_ rule: String) throws {
        try CommandTests.withFolder { root in
            let arguments = try Self.files(root, scale: 3e38) + ["--batches", root + "/batch"]
            let run = try Self.step(arguments, root, rule: rule)
            #expect(run.status == 3 && run.errors.contains("the loss is not finite"), "\(run.errors)")
        }
    }

    static let sizes: [(arguments: [String], status: Int32)] = [
        (["train", "language", "--set", "model.width=1048576", "--set", "model.heads=1"], 71),
        (["train", "language", "--set", "model.width=10", "--set", "model.heads=4"], 64),
        (["bench", "step", "--network", "mlp", "--batch", "9000000000000000000"], 71),
        (["continual", "--width", "9000000000000", "--tasks", "2", "--steps", "1"], 71),
    ]

    @Test(arguments: sizes)
    func sizesAreRefusedBeforehand(_ arguments: [String], _ status: Int32) throws {
        try CommandTests.withFolder { root in
            try Data(repeating: 97, count: 4000).write(to: URL(filePath: root + "/text"))
            let isBench = arguments[0] == "bench"
            let text = arguments[1] == "language" ? ["--text", root + "/text"] : []
            let run = try TrainCommandTests.run(
                arguments + text + (isBench ? [] : ["--output", root + "/run"]))
            #expect(run.status == status, "\(run.errors)")
            if status == 71 { #expect(run.errors.contains(" bytes ("), "\(run.errors)") }
        }
    }
}
