import Fisher
import FisherData
import FisherTraining
import Foundation
import TestSupport
import Testing

@testable import FisherTasks

/// Networks of PyTorch as the model of data of one's own: what they are, and which weights a run begins with.
@Suite struct DataStartTests {
    /// A `state_dict` of an `nn.Sequential(Linear(2, 3), Tanh(), Linear(3, outputs))`, with samples of two numbers whose targets
    /// are a sum and one of two classes.
    private static func write(in root: String) throws -> [String: Tensor] {
        let generator = try RandomGenerator(seed: 4)
        let state = [
            "net.0.weight": Tensor.normal([3, 2], using: generator),
            "net.0.bias": Tensor.normal([3], using: generator),
            "net.2.weight": Tensor.normal([1, 3], using: generator),
            "net.2.bias": Tensor.normal([1], using: generator),
        ]
        func save(_ tensors: [String: Tensor], _ name: String) throws {
            try SafetensorsWriter().write(
                tensors.map { try SafetensorsSource(name: $0, tensor: $1) }, to: root + "/" + name)
        }
        try save(state, "state")
        let inputs = Tensor.normal([20, 2], using: generator)
        try save(["inputs": inputs], "x")
        try save(["targets": inputs.sum(along: 1)], "y")
        try save(["targets": Tensor((0..<20).map { Int64($0 % 2) })], "classes")
        return state
    }

    private static func options(
        _ root: String, targets: String = "y", _ change: (inout DataOptions) -> Void = { _ in }
    ) -> DataOptions {
        var options = DataOptions()
        (options.inputs, options.targets, options.batch) = (root + "/x", root + "/" + targets, 4)
        (options.model, options.activation) = (root + "/state", "tanh")
        change(&options)
        return options
    }

    private static func first(_ task: DataTask, _ name: String, seed: UInt64) throws -> [Float] {
        let weight = try #require(try task.makeModel(seed: seed).weights[name])
        return try weight.scalars(as: Float.self)
    }

    /// The weights are PyTorch's for every seed, the likelihood is decided by the targets, and outputs are PyTorch's formula.
    @Test func aStateDictionaryIsTheModelAndTheStart() throws {
        try TemporaryFolder.with { root in
            let state = try Self.write(in: root)
            let task = try DataTask(Self.options(root))
            #expect(task.specification.likelihood == "gaussian")
            #expect(task.specification.layersText == "linear(in=2, out=3) tanh linear(in=3, out=1)")
            for seed in [UInt64(1), 2] {
                let expected = try #require(state["net.2.weight"])
                #expect(try Self.first(task, "2.weight", seed: seed) == expected.scalars(as: Float.self))
            }
            let x = Tensor([1.0, -2], shape: [1, 2]).to(dtype: .float32)
            func tensor(_ name: String) throws -> Tensor { try #require(state[name]) }
            let hidden = try (x.matmul(tensor("net.0.weight").transposed()) + tensor("net.0.bias")).tanh()
            let expected = try hidden.matmul(tensor("net.2.weight").transposed()) + tensor("net.2.bias")
            let model = try task.makeModel(seed: 0)
            model.setTraining(false)
            #expect(try abs((model(x) - expected).item()) < 1e-6)
            let settings = task.summary.settings.map { "\($0.name): \($0.value)" }
            #expect(
                settings.contains {
                    $0.hasPrefix("first weights: the weights of \(root)/state for every seed")
                })
        }
    }

    /// Drawn weights differ by seed; of a body only those of the last layer do, which fits the targets.
    @Test func startsAreDrawnWhereAsked() throws {
        try TemporaryFolder.with { root in
            let state = try Self.write(in: root)
            let kept = try #require(state["net.0.weight"]).scalars(as: Float.self)
            let drawn = try DataTask(Self.options(root) { $0.start = .drawn })
            #expect(try Self.first(drawn, "0.weight", seed: 1) != Self.first(drawn, "0.weight", seed: 2))
            #expect(try Self.first(drawn, "0.weight", seed: 1) != kept)
            let body = try DataTask(Self.options(root, targets: "classes") { $0.start = .body })
            #expect(body.specification.likelihood == "categorical")
            #expect(try Self.first(body, "2.weight", seed: 1).count == 6)
            #expect(try Self.first(body, "2.weight", seed: 1) != Self.first(body, "2.weight", seed: 2))
            for seed in [UInt64(1), 2] { #expect(try Self.first(body, "0.weight", seed: seed) == kept) }
            #expect(Set([drawn, body].map(\.dataFingerprint)).count == 2)
        }
    }

    @Test(arguments: [
        (
            ["activation": ""], "y",
            "does not say which layers without weights are at 1: give --structure \"linear ? linear\""
        ),
        (["activation": "tan"], "y", "--activation: tan is no layer; did you mean tanh?"),
        (["structure": "linear tanh linear"], "y", "--structure and --activation say the same thing"),
        (
            ["structure": "linear tanh", "activation": ""], "y",
            "the tensor net.2.bias is none that this model has"
        ),
        (["start": "drawn", "weights": "w"], "y", "model.start = drawn leaves the weights of w out"),
        ([:], "classes", "need 2: --start body draws a last layer of that size anew"),
        (
            ["model": ""], "y",
            "model.activation = tanh is for a state_dict of PyTorch: name its file with --model"
        ),
        (["model": "", "activation": "", "start": "body"], "y", "model.start = body is for a model"),
    ])
    func whatIsNotSaidIsAsked(_ values: [String: String], _ targets: String, _ reason: String) throws {
        try TemporaryFolder.with { root in
            _ = try Self.write(in: root)
            var found = ""
            do {
                var options = Self.options(root, targets: targets)
                for (name, value) in values { try options.setOption("model." + name, to: value) }
                _ = try DataTask(options)
            } catch { found = "\(error)" }
            #expect(found.contains(reason), "\(found)")
        }
    }

    /// A description's likelihood that there is none of is a mistake of its file.
    @Test func anUnknownLikelihoodNamesItsFile() throws {
        try TemporaryFolder.with { root in
            _ = try Self.write(in: root)
            try DataTaskTests.write(
                #"{"layers": [{"linear": [2, 1]}], "likelihood": "gausian"}"#, to: root + "/net.json")
            let error = #expect(throws: StorageError.self) {
                try DataTask(Self.options(root) { ($0.model, $0.activation) = (root + "/net.json", "") })
            }
            let text = "\(error!)"
            #expect(text.contains("\(root)/net.json") && text.contains("did you mean gaussian?"), "\(text)")
        }
    }

    /// A program is no table.
    @Test(arguments: ["import os\nx = [1, 2, 3]\nprint(x)\n", "import os\nx = 1\nprint(x)\n"])
    func aProgramIsNoTable(_ program: String) throws {
        try TemporaryFolder.with { root in
            try DataTaskTests.write(program, to: root + "/s.py")
            var options = DataOptions()
            options.inputs = root + "/s.py"
            let error = #expect(throws: DataError.self) { try DataTask(options) }
            #expect(
                "\(error!)".contains("\(root)/s.py is text") && "\(error!)".contains("import os"), "\(error!)"
            )
        }
    }
}
