import Foundation
import Testing
import Torch

/// `fisher step` on a model and batches from files, against PyTorch (`Reference/natural_rules.py`).
@Suite struct StepOnModelTests {
    static let folder = InformationCommandTests.folder.deletingLastPathComponent()

    @Test(arguments: [
        "natural/mlp-ief", "natural/cnn-natural-exact", "natural/sequence-fadam-improved",
        "natural/regression-gauss-newton", "curvature/cnn-adahessian", "curvature/mlp-ivon-draws",
        "curvature/regression-newton-region",
    ])
    func movesAsPyTorchDoes(_ name: String) throws {
        try CommandTests.withFolder { root in
            let fixture = try SafetensorsFile(path: Self.folder.path + "/\(name).safetensors")
            let tensors = try fixture.allTensors()
            func part(_ prefix: String) -> [String: Tensor] {
                let found = tensors.filter { $0.key.hasPrefix(prefix) }.map {
                    (String($0.key.dropFirst(prefix.count)), $0.value)
                }
                return Dictionary(uniqueKeysWithValues: found)
            }
            try Data(try #require(fixture.metadata["specification"]).utf8).write(
                to: URL(filePath: root + "/spec.json"))
            try CommandTests.write(part("weights/"), to: root + "/weights")
            let options = try JSONSerialization.jsonObject(
                with: Data(try #require(fixture.metadata["options"]).utf8))
            var arguments = ["step", "--optimizer", try #require(fixture.metadata["rule"])]
            for (option, value) in try #require(options as? [String: Any]) {
                arguments += ["--set", "\(option)=\(value)"]
            }
            arguments += ["--model", root + "/spec.json", "--weights", root + "/weights", "--batches"]
            for step in 1...4 {
                let draws = part("draws/\(step)/").map { ("draws/" + $0.key, $0.value) }
                try CommandTests.write(
                    [
                        "inputs": try #require(tensors["inputs/\(step)"]),
                        "targets": try #require(tensors["targets/\(step)"]),
                    ].merging(draws) { own, _ in own }, to: root + "/batch\(step)")
                arguments.append(root + "/batch\(step)")
            }
            let run = try TrainCommandTests.run(arguments + ["--output", root + "/out"])
            #expect(run.status == 0, "\(run.errors)")
            let moved = try SafetensorsFile(path: root + "/out")
            for (path, expected) in part("expected/") {
                let before = try #require(tensors["weights/\(path)"])
                let error = try (moved.tensor(named: path) - expected).norm().item()
                #expect(try error <= 1e-9 * (expected - before).norm().item(), "\(path)")
            }
        }
    }

    /// A batch in an archive of NumPy moves the weights as the same batch in safetensors does.
    @Test func batchesMayBeArchivesOfNumPy() throws {
        let files = Self.folder.path + "/mistakes/files"
        try CommandTests.withFolder { root in
            var moved: [[UInt8]] = []
            for batch in ["batch", "batch.npz"] {
                let run = try TrainCommandTests.run([
                    "step", "--optimizer", "adamw", "--model", files + "/network.json", "--weights",
                    files + "/weights",
                    "--batches", "\(files)/\(batch)", "--output", "\(root)/out-\(batch)",
                ])
                #expect(run.status == 0, "\(run.errors)")
                let file = try SafetensorsFile(path: "\(root)/out-\(batch)")
                moved.append(try file.tensors.flatMap { try file.readBytes(of: $0.name) })
            }
            #expect(moved[0] == moved[1])
        }
    }

    @Test func gradientsAloneAreNotEnough() throws {
        try CommandTests.withFolder { root in
            let run = try TrainCommandTests.run([
                "step", "--optimizer", "kfac", "--parameters", root + "/p", "--gradients", root + "/g",
                "--output", root + "/o",
            ])
            #expect(run.status == 64 && run.errors.contains("give --model, --weights and --batches"))
        }
    }
}
