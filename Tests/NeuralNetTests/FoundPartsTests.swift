import NeuralNet
import Testing
import Torch

/// What is to be trained and is not found, by the property that holds it.
@Suite struct FoundPartsTests {
    struct Pair {
        let first: Linear
        let scale: Double
    }
    enum Choice { case none, some(Linear) }
    final class Box {
        let layer: Linear
        init(_ layer: Linear) { self.layer = layer }
    }
    final class Holder: Module {
        let inner = ReLU()
        var property: Any
        init(_ property: Any) { self.property = property }
    }
    final class Tower: ModuleContainer {
        let children: [any Module]
        let extra: Linear
        init(_ extra: Linear) { (children, self.extra) = ([ReLU()], extra) }
    }
    final class Nested: Module {
        let blocks: [Holder]
        init(_ property: Any) { blocks = [Holder(1), Holder(property)] }
    }

    static func layer() throws -> Linear { Linear(2, 3, using: try RandomGenerator(seed: 0)) }

    static let lost: [@Sendable () throws -> (model: any Module, start: String)] = [
        {
            (
                Holder(Pair(first: try layer(), scale: 1)),
                "property.first holds the layer Linear inside the struct Pair"
            )
        },
        { (Holder(Choice.some(try layer())), "property.some holds the layer Linear inside the enum Choice") },
        {
            (
                Holder(Box(try layer())),
                "property.layer holds the layer Linear inside the class Box, which is no Module"
            )
        },
        {
            (
                Holder([1, try layer()] as [Any]),
                "property.1 holds the layer Linear inside a list of mixed types"
            )
        },
        { (Holder([[Box(try layer())]]), "property.0.0.layer holds the layer Linear inside the class Box") },
        {
            (
                Holder(["a": Pair(first: try layer(), scale: 1)]),
                "property.a.first holds the layer Linear inside the struct"
            )
        },
        {
            (
                Holder((1, try Tensor.ones([2]).requiringGradient())),
                "property.1 is a bare Tensor that requires gradients"
            )
        },
        {
            (
                Holder(["w": try Tensor.ones([2]).requiringGradient()]),
                "property.w is a bare Tensor that requires gradients"
            )
        },
        { (Tower(try layer()), "extra holds the layer Linear inside a ModuleContainer beside its children") },
        { (Nested(Box(try layer())), "blocks.1.property.layer holds the layer Linear inside the class Box") },
    ]

    @Test(arguments: lost) func lostPartsAreNamed(
        _ make: @Sendable () throws -> (model: any Module, start: String)
    ) throws {
        let (model, start) = try make()
        let error = #expect(throws: ModuleError.self) { try model.requireFound() }
        #expect(error?.description.hasPrefix(start) == true, "\(error?.description ?? "")")
        #expect(throws: ModuleError.self) { try model.load([:]) }
        #expect(throws: ModuleError.self) { try model.save(to: "/nowhere") }
    }

    @Test func whatIsFoundFrozenOrPlainIsAllowed() throws {
        let still = try Self.layer()
        try still.freeze(matching: "")
        let known = try Self.layer()
        for property in [
            try Self.layer(), [[try Self.layer()]], (try Self.layer(), 2),
            ["a": [try Self.layer()]] as [String: [Linear]],
            Tensor.ones([3]), [Tensor.zeros([2])], Box(still), [Double](repeating: 0, count: 2_000_000),
            try Tensor.ones([2]).requiringGradient() * 2, Optional<Linear>.none as Any,
        ] as [Any] {
            try Holder(property).requireFound()
        }
        // A second reference to a layer that is found elsewhere.
        final class Twice: Module {
            let layer: Linear
            let box: Box
            init(_ layer: Linear) { (self.layer, box) = (layer, Box(layer)) }
        }
        try Twice(known).requireFound()
    }
}
