import Foundation
import Testing
import Torch

@testable import NeuralNet

/// Weights are compared with their network before it is drawn, and numbers that are not finite are named.
@Suite struct WeightCheckTests {
    /// The declared shapes are those of the layers that are made.
    @Test(arguments: NetworkSpecificationTests.networks)
    func declaredShapesAreTheLayers(_ text: String) throws {
        let generator = try RandomGenerator(seed: 0)
        for layer in try NetworkSpecificationTests.read(text).layers {
            guard let declared = layer.parameterShapes else { continue }
            let made = layer.makeLayer(dtype: .float32, using: generator).parameters
            #expect(declared.map(\.name) == made.map { "\($0.path)" })
            #expect(declared.map(\.shape) == made.map { $0.parameter.wrappedValue.shape })
        }
    }

    /// Every layer with parameters declares their shapes.
    @Test func everyLayerDeclares() throws {
        let generator = try RandomGenerator(seed: 0)
        let layers = try NetworkSpecificationTests.networks.flatMap {
            try NetworkSpecificationTests.read($0).layers
        }
        for layer in layers where layer.parameterShapes == nil {
            #expect(
                layer.makeLayer(dtype: .float32, using: generator).parameters.isEmpty,
                "\(type(of: layer).kind)")
        }
    }

    /// 5.4 GB and more were drawn before the weights were looked at.
    @Test(arguments: [
        "{\"layer_norm\":2147483647}", "{\"linear\":[1000000,1000000]}", "{\"batch_norm\":2147483647}",
        "{\"lstm\":[100000,100000]}", "{\"embedding\":[2147483647,64]}",
    ])
    func shapesAreCheckedBeforeANetworkIsDrawn(_ text: String) throws {
        let specification = try NetworkSpecificationTests.read(text)
        let duration = ContinuousClock().measure {
            #expect(throws: WeightError.self) {
                try specification.makeNetwork(weights: ["0.weight": .ones([3]), "0.bias": .zeros([3])])
            }
        }
        #expect(duration < .seconds(1))
    }

    @Test func memoryIsAskedForFirst() throws {
        let specification = try NetworkSpecificationTests.read("{\"linear\":[1000000,1000000]}")
        let error = #expect(throws: TorchError.self) { try specification.requireMemory() }
        #expect(error?.kind == .outOfMemory)
        #expect(error?.message.contains("4000004000000 bytes (4.0 TB)") == true)
    }

    @Test(arguments: [Double.nan, .infinity, -.infinity])
    func weightsThatAreNotFiniteAreNamed(_ value: Double) throws {
        let specification = try NetworkSpecificationTests.read("{\"linear\":[2,2]}")
        let network = specification.makeNetwork(using: try RandomGenerator(seed: 0))
        let before = try network.weights.mapValues { try $0.scalars(as: Double.self) }
        let weights = ["0.weight": Tensor([1, 2, 3, value], shape: [2, 2]), "0.bias": .zeros([2])]
        let expected = "the weight 0.weight holds \(value.isNaN ? "NaN" : "an infinite number") at element 3"
        #expect(#expect(throws: WeightError.self) { try network.load(weights) }?.description == expected)
        #expect(try network.weights.mapValues { try $0.scalars(as: Double.self) } == before)
        let error = #expect(throws: WeightError.self) { try specification.makeNetwork(weights: weights) }
        #expect(error?.description == expected)
    }

    /// Infinities of what is not trained may mean something.
    @Test func masksAreLoaded() throws {
        final class Masked: Module {
            @Parameter(isTrainable: false) var mask: Tensor = .zeros([2])
        }
        let module = Masked()
        try module.load(["mask": Tensor([0, -Double.infinity])])
        #expect(try module.mask.scalars(as: Float.self) == [0, -.infinity])
    }

    @Test func impossibleTransformersAreDescribed() throws {
        var sizes = GPT.Configuration(context: 8, width: 10, layers: 1, heads: 4)
        #expect(sizes.complaint == "4 heads do not divide the width 10")
        sizes.width = Int.max
        #expect(sizes.complaint?.hasPrefix("width 9223372036854775807 must lie between") == true)
        sizes = GPT.Configuration(context: 1 << 20, width: 1 << 20, layers: 1 << 20, heads: 1)
        #expect(sizes.complaint == nil)
        #expect(sizes.parameterCount > 1e19)
        #expect(throws: TorchError.self) { try sizes.requireMemory(batch: 1) }
        sizes = GPT.Configuration(context: 1 << 20, width: 8, layers: 1, heads: 1)
        #expect(throws: TorchError.self) { try sizes.requireMemory(batch: .max) }
        sizes = GPT.Configuration(context: 8, width: 12, layers: 2, heads: 4)
        let made = GPT(sizes, using: try RandomGenerator(seed: 0))
        #expect(Double(made.parameterCount) == sizes.parameterCount)
    }
}
