import FisherTraining
import Foundation
import Testing
import Torch

/// `fisher inspect` on what other commands leave behind, and on files of the user's own.
@Suite struct InspectCommandTests {
    private static func document(_ text: String) throws -> InspectionDocument {
        let decoder = JSONDecoder()
        decoder.nonConformingFloatDecodingStrategy = .convertFromString(
            positiveInfinity: "Infinity", negativeInfinity: "-Infinity", nan: "NaN")
        return try decoder.decode(InspectionDocument.self, from: Data(text.utf8))
    }

    /// A run, its checkpoint and the file in it are the same model on the same text.
    @Test func runsAndCheckpointsAreInspected() throws {
        try TrainCommandTests.withText { root in
            let trained = try TrainCommandTests.run(TrainCommandTests.training(root, "run", steps: 6))
            #expect(trained.status == 0, "\(trained.errors)")
            let step = root + "/run/checkpoints/step-000000006"
            var found: [InspectionDocument] = []
            for place in [root + "/run", step, step + "/model.safetensors"] {
                let run = try TrainCommandTests.run(["inspect", place, "--batches", "2", "--json"])
                #expect(run.status == 0 && run.errors.isEmpty, "\(run.errors)")
                found.append(try Self.document(run.output))
            }
            #expect(found[0].layers == found[1].layers && found[1].layers == found[2].layers)
            let layers = found[0].layers
            #expect(found[0].observations == 2 * 2 * 16 && found[0].source == "sampled(16)")
            #expect(
                layers.filter { $0.surrogate == nil }.map(\.path) == [
                    "tokenEmbedding", "positionEmbedding", "blocks.0.attentionNorm",
                    "blocks.0.feedForwardNorm",
                    "finalNorm",
                ])
            #expect(layers.allSatisfy { $0.trace > 0 && $0.block.effectiveRank >= 1 })
            #expect(
                layers.reduce(0) { $0 + $1.parameters } == found[0].leastInformed.reduce(0) { $0 + $1.count })

            let page = root + "/page.html"
            let table = try TrainCommandTests.run([
                "inspect", root + "/run", "--batches", "2", "--report", page,
            ])
            #expect(table.status == 0, "\(table.errors)")
            for layer in layers { #expect(table.output.contains("\n\(layer.path) ")) }
            #expect(table.output.contains("True blocks (sampled(16)) of 4 units, 64 rows of gradients:"))
            let html = try String(contentsOfFile: page, encoding: .utf8)
            #expect(
                html.contains("blocks.0.attention.output (Linear): true block")
                    && html.contains("class=\"heat\""))
            #expect(!html.contains("src=") && !html.contains("href=\"http"))
            // A run whose document cannot be read is not inspected as something else, on other data.
            let document = root + "/run/run.json"
            let whole = try Data(contentsOf: URL(filePath: document))
            try Data("{".utf8).write(to: URL(filePath: document))
            let torn = try TrainCommandTests.run(["inspect", root + "/run", "--json"])
            #expect(torn.status == 65 && torn.errors.contains("run.json is not a run's document"))
            try whole.write(to: URL(filePath: document))
            // Other draws, other numbers; the same draws, the same.
            let other = try TrainCommandTests.run(["inspect", root + "/run", "--seed", "1", "--json"])
            #expect(try Self.document(other.output).layers != layers)
        }
    }

    private static func inspected(_ arguments: [String]) throws -> InspectionDocument {
        let run = try TrainCommandTests.run(
            ["inspect"] + arguments + ["--batches", "1", "--rows", "64", "--json"])
        #expect(run.status == 0 && run.errors.isEmpty, "\(arguments): \(run.errors)")
        return try document(run.output)
    }

    /// Runs of digits of every network; the file of weights alone says which network it is of, but has no data.
    @Test(arguments: ["autoencoder", "cnn", "perceptron"])
    func runsOfDigitsAreInspected(_ network: String) throws {
        try CommandTests.withFolder { root in
            let run = root + "/run"
            let made = try TrainCommandTests.run([
                "train", "digits", "--preset", network, "--steps", "2", "--output", run,
            ])
            #expect(made.status == 0, "\(made.errors)")
            let found = try Self.inspected([run])
            #expect(found.source == (network == "autoencoder" ? "sampled(16)" : "exact"))
            #expect(found.layers.allSatisfy { $0.errors.count == 3 && $0.block.rank <= 64 })
            guard network == "perceptron" else { return }
            let copy = root + "/copy.safetensors"
            try FileManager.default.copyItem(
                atPath: run + "/checkpoints/step-000000002/model.safetensors", toPath: copy)
            let alone = try TrainCommandTests.run(["inspect", copy])
            #expect(
                alone.status == 64 && alone.errors.contains("--inputs and --targets"), "\(alone.errors)")
            try CommandTests.write(["inputs": .zeros([6, 64])], to: root + "/inputs")
            try CommandTests.write(["targets": Tensor([0, 1, 2, 3, 4, 5] as [Int64])], to: root + "/targets")
            let own = try Self.inspected([
                copy, "--inputs", root + "/inputs", "--targets", root + "/targets",
            ])
            #expect(own.units == 6 && own.rows == 54)
        }
    }

    /// Runs of comparisons and of sequences of tasks, tuning's among them; a study's folder names one of its runs.
    @Test(arguments: ["compare", "continual"])
    func runsOfStudiesAreInspected(_ study: String) throws {
        try CommandTests.withFolder { root in
            let options =
                study == "compare"
                ? ["digits", "--preset", "perceptron", "--steps", "2", "--seeds", "1"]
                : [
                    "--tasks", "2", "--steps", "4", "--width", "8", "--batch", "16", "--seeds", "1",
                    "--strengths", "0.1,1", "--methods", "exact",
                ]
            let made = try TrainCommandTests.run([study] + options + ["--output", root + "/study"])
            #expect(made.status == 0, "\(made.errors)")
            let runs = try RunDirectory.runs(under: root + "/study")
            for run in [try #require(runs.first), try #require(runs.last)] {
                #expect(try Self.inspected([run.path]).layers.count >= 2)
            }
            let whole = try TrainCommandTests.run(["inspect", root + "/study"])
            #expect(whole.status == 66 && whole.errors.contains("inspect one of them"), "\(whole.errors)")
        }
    }

    /// The trace of a plain network in closed form is that of the estimate in `fisher information`'s fixture.
    @Test(arguments: InformationCommandTests.names)
    func plainNetworksAreInspected(_ name: String) throws {
        try CommandTests.withFolder { root in
            let fixture = try SafetensorsFile(
                path: InformationCommandTests.folder.path + "/\(name).safetensors")
            _ = try InformationCommandTests.files(fixture, root)
            let arguments = [
                "inspect", root + "/weights", "--model", root + "/spec.json", "--inputs", root + "/inputs",
                "--targets", root + "/targets", "--json",
            ]
            for batches in ["1", "3"] {
                let run = try TrainCommandTests.run(arguments + ["--samples", "0", "--batches", batches])
                #expect(run.status == 0, "\(run.errors)")
                let found = try Self.document(run.output)
                #expect(found.source == "exact")
                let full = try fixture.tensor(named: "exact/full")
                let elements = try full.scalars(as: Double.self)
                let trace = (0..<full.shape[0]).reduce(0) { $0 + elements[$1 * (full.shape[0] + 1)] }
                let sum = found.layers.reduce(0) { $0 + $1.trace }
                #expect(abs(sum - trace) <= 1e-9 * trace)
            }
        }
    }

    @Test func mistakesHaveTheirStatus() throws {
        try CommandTests.withFolder { root in
            let fixture = try SafetensorsFile(
                path: InformationCommandTests.folder.path + "/mlp-categorical.safetensors")
            _ = try InformationCommandTests.files(fixture, root)
            let network = ["--model", root + "/spec.json", "--inputs", root + "/inputs"]
            let data = network + ["--targets", root + "/targets"]
            for (arguments, status, text) in [
                ([root + "/none"], 66, "/none"), ([root], 66, "neither a checkpoint nor a run"),
                ([root + "/weights"], 65, "which GPT"),
                ([root + "/weights"] + network, 64, "belong together"),
                ([root + "/weights"] + data + ["--rows", "100000"], 64, "--rows"),
                ([root + "/inputs"] + data, 65, "0.weight"),
                ([root + "/weights"] + data + ["--batches", "0"], 64, "--batches"),
                ([root + "/weights"] + data + ["--report", root + "/no/page.html"], 73, "/no"),
                ([root + "/weights"] + data + ["--text", root], 64, "--text"),
            ] as [([String], Int32, String)] {
                let run = try TrainCommandTests.run(["inspect"] + arguments)
                #expect(run.status == status, "\(arguments): \(run.errors)")
                #expect(run.errors.contains(text), "\(run.errors)")
            }
            try CommandTests.write(["targets": .zeros([3], dtype: .int64)], to: root + "/targets")
            let short = try TrainCommandTests.run(["inspect", root + "/weights"] + data)
            #expect(short.status == 65 && short.errors.contains("has shape [3], where "), "\(short.errors)")
        }
    }
}
