import Fisher
import FisherTasks
import Foundation
import Testing

/// `fisher convert` through files; the numbers are tested in NeuralNetTests.
@Suite struct ConvertCommandTests {
    static let fixtures = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .appending(path: "Fixtures").path

    private func convert(_ arguments: [String]) throws -> TrainCommandTests.Outcome {
        try TrainCommandTests.run(["convert"] + arguments)
    }

    private func state(_ name: String) -> String { "\(Self.fixtures)/convert/\(name)/state.safetensors" }

    private static let cnn =
        "conv2d(padding=1) batch_norm relu max_pool2d(2) conv2d(stride=[1,2], groups=2) "
        + "group_norm(groups=3) silu flatten linear"

    /// From PyTorch to a folder that other commands read, and back to the same tensors.
    @Test func sequencesThereAndBack() throws {
        try CommandTests.withFolder { root in
            let asked = try convert([state("cnn")])
            #expect(asked.status == 0 && asked.errors.isEmpty)
            #expect(asked.output.contains("layers: conv2d batch_norm ? ? conv2d ? ? ? linear\n"))
            #expect(
                asked.output.contains("the file does not say which layers without weights are at 2, 3, 6, 7"))
            #expect(asked.output.contains("which likelihood its outputs are the parameters of"))

            let arguments = [
                state("cnn"), "--layers", Self.cnn, "--likelihood", "categorical", "--output", root + "/cnn",
            ]
            let made = try convert(arguments)
            #expect(made.status == 0, "\(made.errors)")
            #expect(made.output.contains("note: epsilon is PyTorch's default, 1e-05"))
            let plain = try PlainNetwork(model: root + "/cnn", weights: root + "/cnn")
            let answers = try SafetensorsFile(path: "\(Self.fixtures)/convert/cnn/answers.safetensors")
            let (ours, theirs) = (
                plain.network(try answers.tensor(named: "inputs")), try answers.tensor(named: "outputs")
            )
            #expect(try (ours - theirs).magnitude().largest().item() < 1e-5)

            let twice = try convert(arguments)
            #expect(
                twice.status == 73 && twice.errors.contains("is already there: --force replaces its files"))
            #expect(try convert(arguments + ["--force"]).status == 0)

            let back = try convert([root + "/cnn", "--to-pytorch", root + "/back.safetensors"])
            #expect(back.status == 0, "\(back.errors)")
            let names = try SafetensorsFile(path: root + "/back.safetensors").tensors.map(\.name)
            #expect(Set(names) == Set(try SafetensorsFile(path: state("cnn")).tensors.map(\.name)))
            let described = try convert([root + "/cnn/network.json"])
            #expect(described.output.hasPrefix("network: conv2d("), "\(described.errors)")
        }
    }

    /// A residual network's weights start a run on images, whose network goes back under torchvision's names.
    @Test func residualNetworksTrainAndGoBack() throws {
        try CommandTests.withFolder { root in
            let made = try convert([state("resnet18"), "--output", root + "/net"])
            #expect(made.status == 0, "\(made.errors)")
            #expect(made.output.contains("network: resnet18, cifar stem, width 2, 3 classes"))
            #expect(made.output.contains("note: the likelihood is taken to be categorical"))
            let train = [
                "train", "images", "--steps", "1", "--set", "data.test_share=0.9", "--set", "model.width=2",
                "--set", "training.evaluate_every=1",
            ]
            let refused = try TrainCommandTests.run(
                train + ["--set", "model.weights=\(root)/net", "--output", root + "/run"])
            #expect(refused.status == 65, "\(refused.errors)")
            #expect(
                refused.errors.contains(
                    "are not of the network that the other options describe: 0.weight has shape [2, 1, 3, 3]")
            )
        }
    }

    /// A PyTorch Sequential goes from its file to a comparison of three seeds: the weights begin all of its runs.
    @Test func sequencesAreCompared() throws {
        try CommandTests.withFolder { root in
            let made = try convert([
                try mlp(root), "--activation", "tanh", "--likelihood", "gaussian", "--output", root + "/net",
            ])
            #expect(made.status == 0, "\(made.errors)")
            let generator = try RandomGenerator(seed: 1)
            let inputs = Tensor.normal([40, 2], using: generator)
            try CommandTests.write(["inputs": inputs], to: root + "/x")
            try CommandTests.write(["targets": inputs.sum(along: 1).unsqueezed(1)], to: root + "/y")
            let found = try TrainCommandTests.run([
                "compare", "data", "--model", root + "/net", "--inputs", root + "/x", "--targets",
                root + "/y",
                "--steps", "2", "--seeds", "3", "--batch", "8", "--threads", "1", "--optimizer", "adamw",
                "--optimizer", "sgd", "--output", root + "/compared",
            ])
            #expect(found.status == 0, "\(found.errors)")
            #expect(found.output.contains("adamw") && found.output.contains("sgd"))
        }
    }

    /// What starts from weights starts at them.
    @Test func imagesStartFromWeights() throws {
        try CommandTests.withFolder { root in
            var options = ImagesOptions()
            (options.width, options.network) = (2, .cnn)
            let drawn = try ImagesTask(options).makeModel(seed: 5)
            try drawn.save(to: root + "/weights.safetensors")
            options.weights = root
            let task = try ImagesTask(options)
            for seed in [UInt64(1), 2] {
                let made = try task.makeModel(seed: seed)
                for (path, tensor) in made.weights {
                    let expected = try #require(drawn.weights[path])
                    #expect(try tensor.scalars(as: Float.self) == expected.scalars(as: Float.self))
                }
            }
        }
    }

    @Test func foldersOfTransformersThereAndBack() throws {
        try CommandTests.withFolder { root in
            let made = try convert(["\(Self.fixtures)/gpt2/sharded", "--output", root + "/gpt"])
            #expect(made.status == 0, "\(made.errors)")
            #expect(made.output.contains("a GPT-2 of width 12, 2 layers, 3 heads, context 9, 37 tokens"))
            let back = try convert([root + "/gpt", "--to-pytorch", root + "/back"])
            #expect(back.status == 0, "\(back.errors)")
            let (a, b) = (
                try GPT2Folder(path: "\(Self.fixtures)/gpt2/sharded"), try GPT2Folder(path: root + "/back")
            )
            #expect(a.configuration == b.configuration)
            let generator = try RandomGenerator(seed: 0)
            let (x, y) = (try a.makeModel(using: generator), try b.makeModel(using: generator))
            for (path, tensor) in x.weights {
                #expect(try tensor.scalars(as: Float.self) == y.weights[path]?.scalars(as: Float.self))
            }
        }
    }

    /// The commands of the article, in the order in which they stand, with the files that it names.
    @Test func theArticlesCommandsRun() throws {
        let article = URL(filePath: Self.fixtures).deletingLastPathComponent().deletingLastPathComponent()
            .appending(path: "Sources/FisherCommand/FisherCommand.docc/FromAndToPyTorch.md")
        let text = try String(contentsOf: article, encoding: .utf8)
        let commands = text.components(separatedBy: "```sh\n").dropFirst()
            .flatMap { ($0.components(separatedBy: "```").first ?? "").split(separator: "\n") }
        #expect(commands.count == 10)
        try CommandTests.withFolder { root in
            for (fixture, name) in [("cnn", "cnn"), ("named", "net"), ("resnet18", "resnet18")] {
                try FileManager.default.copyItem(
                    atPath: state(fixture), toPath: "\(root)/\(name).safetensors")
            }
            _ = try mlp(root, "mlp.safetensors")
            try FileManager.default.copyItem(
                atPath: "\(Self.fixtures)/gpt2/plain", toPath: root + "/gpt2")
            let answers = try SafetensorsFile(path: "\(Self.fixtures)/convert/cnn/answers.safetensors")
            try CommandTests.write(
                ["inputs": try answers.tensor(named: "inputs")], to: root + "/x.safetensors")
            try CommandTests.write(["targets": Tensor([0, 2] as [Int64])], to: root + "/y.safetensors")
            for command in commands {
                // Words, those in quotation marks being one; paths are in the folder.
                let words = command.split(separator: "\"", omittingEmptySubsequences: false).enumerated()
                    .flatMap { $0 % 2 == 1 ? [String($1)] : $1.split(separator: " ").map(String.init) }
                var isPath = true
                let arguments = words.dropFirst().enumerated().map { index, word in
                    defer {
                        isPath =
                            word.hasPrefix("--")
                            && !["--layers", "--likelihood", "--activation"].contains(word)
                    }
                    let isFile =
                        index == 1 ? !word.hasPrefix("--") : isPath && !word.hasPrefix("--") && index > 0
                    return isFile ? "\(root)/\(word)" : word
                }
                let found = try TrainCommandTests.run(arguments)
                #expect(found.status == 0, "\(command): \(found.errors)")
            }
        }
    }

    @Test func mistakesAreNamed() throws {
        try CommandTests.withFolder { root in
            func expect(_ status: Int32, _ sentence: String, _ arguments: String...) throws {
                let found = try convert(arguments)
                #expect(found.status == status && found.errors.contains(sentence), "\(found)")
                #expect(found.errors.split(separator: "\n").count == 1 || status == 64)
            }
            // The beginning of what torch.save writes.
            let name = Array("archive/data.pkl".utf8)
            let zip: [UInt8] =
                [0x50, 0x4b, 3, 4] + Array(repeating: 0, count: 22) + [UInt8(name.count), 0, 0, 0] + name
            try Data(zip + Array(repeating: 0, count: 64)).write(to: URL(filePath: root + "/model.pt"))
            try Data("GGUF\u{3}\0\0\0".utf8).write(to: URL(filePath: root + "/model.gguf"))
            try expect(65, "safetensors.torch.save_file({k: v.contiguous()", root + "/model.pt")
            try expect(65, "is a GGUF file", root + "/model.gguf")
            try expect(66, "is not there", root + "/none")
            try expect(64, "linear ? linear", try mlp(root), "--output", root + "/o")
            try expect(
                64, "layers without weights are at 1", mlp(root), "--likelihood", "gaussian", "--output",
                root + "/o")
            try expect(64, "liner is no layer; did you mean linear?", try mlp(root), "--layers", "liner")
            try expect(
                65, "gausian is no likelihood", try mlp(root), "--activation", "relu", "--likelihood",
                "gausian")
            try expect(64, "opposite ways", try mlp(root), "--output", "a", "--to-pytorch", "b")
            try expect(64, "holds no network of this program", try mlp(root), "--to-pytorch", root + "/o")
            #expect(!FileManager.default.fileExists(atPath: root + "/o"))
        }
    }

    /// A small MLP's file.
    private func mlp(_ root: String, _ name: String = "mlp") throws -> String {
        try CommandTests.write(
            [
                "0.weight": .zeros([3, 2]), "0.bias": .zeros([3]), "2.weight": .zeros([1, 3]),
                "2.bias": .zeros([1]),
            ], to: "\(root)/\(name)")
        return "\(root)/\(name)"
    }
}
