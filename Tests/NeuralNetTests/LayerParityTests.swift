import Foundation
import NeuralNet
import Testing
import Torch

/// Every layer against PyTorch's in float64, written by Reference/layers.py.
@Suite struct LayerParityTests {
    static let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .appending(path: "Fixtures/layers")

    static let names: [String] =
        ((try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? [])
        .filter { $0.hasSuffix(".safetensors") }.map { String($0.dropLast(12)) }.sorted()

    @Test func everyFixtureIsThere() {
        #expect(Self.names.count == 44)
        for prefix in [
            "conv1d", "conv2d", "group-norm", "batch-norm", "lstm", "max-pool", "average-pool", "graph",
        ] {
            #expect(Self.names.contains { $0.hasPrefix(prefix) }, "\(prefix)")
        }
    }

    @Test(arguments: names)
    func outputGradientsAndBuffers(_ name: String) throws {
        let file = try SafetensorsFile(path: Self.folder.appending(path: "\(name).safetensors").path)
        let layer = try #require(file.metadata["layer"])
        let specification = try NetworkSpecification(
            json: Data("{\"layers\": [\(layer)], \"likelihood\": \"gaussian\"}".utf8))
        var weights: [String: Tensor] = [:]
        for entry in file.tensors where entry.name.hasPrefix("parameters/") {
            weights["0." + entry.name.dropFirst("parameters/".count)] = try file.tensor(named: entry.name)
        }
        let network = try specification.makeNetwork(dtype: .float64, weights: weights)
        network.setTraining(file.metadata["training"] == "true")

        let inputs = try file.tensor(named: "inputs")
        if inputs.dtype == .float64 { try inputs.requiringGradient() }
        let output = network(inputs)
        #expect(try Self.error(output, try file.tensor(named: "output")) < 1e-13)
        #expect(try specification.outputShape(for: inputs.shape) == output.shape)

        let loss = (output * (try file.tensor(named: "projection"))).sum()
        var wanted = network.parameters.filter(\.parameter.isTrainable).map {
            (path: "\($0.path)".dropFirst(2), tensor: $0.parameter.wrappedValue)
        }
        if inputs.requiresGradient { wanted.append(("inputs", inputs)) }
        let written = file.tensors.filter { $0.name.hasPrefix("gradients/") }
        #expect(written.count == wanted.count)
        let found = try gradients(of: loss, withRespectTo: wanted.map(\.tensor))
        for ((path, _), gradient) in zip(wanted, found) {
            let gradient = try #require(gradient)
            let error = try Self.error(gradient, try file.tensor(named: "gradients/\(path)"))
            #expect(error < 1e-12, "\(path)")
        }

        let after = network.weights
        for entry in file.tensors where entry.name.hasPrefix("after/") {
            let tensor = try #require(after["0." + entry.name.dropFirst("after/".count)])
            #expect(try Self.error(tensor, try file.tensor(named: entry.name)) < 1e-13, "\(entry.name)")
        }
    }

    /// The largest difference relative to the largest element.
    static func error(_ a: Tensor, _ b: Tensor) throws -> Double {
        guard a.failure == nil, a.shape == b.shape else { return .infinity }
        let (x, y) = (try a.scalars(as: Double.self), try b.scalars(as: Double.self))
        return zip(x, y).map { abs($0 - $1) }.max()! / max(y.map(abs).max()!, 1e-30)
    }
}
