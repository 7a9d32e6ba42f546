import Foundation
import NeuralNet
import Testing
import Torch

/// Networks for images against the same networks in PyTorch, written by Reference/networks.py.
@Suite struct ImageNetworkTests {
    struct Case: CustomTestStringConvertible, Sendable {
        let name: String
        let layers: @Sendable () -> [any LayerDescription]
        let input: [Int]
        var testDescription: String { name }
    }

    static let cases = [
        Case(
            name: "resnet18-cifar",
            layers: { ResNet(depth: .eighteen, stem: .cifar, width: 4, classes: 5).layers },
            input: [4, 3, 16, 16]),
        Case(
            name: "resnet18-evaluated",
            layers: { ResNet(depth: .eighteen, stem: .cifar, width: 4, classes: 5).layers },
            input: [4, 3, 16, 16]),
        Case(
            name: "resnet18-group",
            layers: {
                ResNet(depth: .eighteen, stem: .imageNet, width: 4, norm: .group, channels: 1, classes: 3)
                    .layers
            }, input: [4, 1, 32, 32]),
        Case(
            name: "resnet50-imagenet",
            layers: { ResNet(depth: .fifty, stem: .imageNet, width: 4, classes: 5).layers },
            input: [4, 3, 48, 48]),
        Case(
            name: "vit-mean",
            layers: {
                VisionTransformer(side: 8, patch: 2, width: 12, layers: 2, heads: 3, classes: 5).layers
            },
            input: [4, 3, 8, 8]),
        Case(
            name: "vit-token",
            layers: {
                VisionTransformer(side: 8, patch: 4, width: 8, layers: 2, heads: 2, pool: .token, classes: 5)
                    .layers
            }, input: [4, 3, 8, 8]),
    ]

    /// `formula` of the script.
    static func formula(_ k: Int, _ shape: [Int]) -> Tensor {
        let count = shape.reduce(1, *)
        let values = (0..<count).map { position -> Double in
            let p = Double(position)
            return sin(1.7 * p + 0.9 * Double(k) + (0.3 * p * p).truncatingRemainder(dividingBy: 7))
        }
        return Tensor(values, shape: shape)
    }

    /// The script's order: a class token comes after the positions there too, and running averages with their layer.
    static func fill(_ network: Sequential) throws {
        for (k, named) in network.parameters.enumerated() {
            let shape = named.parameter.wrappedValue.shape
            let fan = shape.count > 1 ? Double(shape.dropFirst().reduce(1, *)) : 1
            let values = formula(k, shape)
            let isVariance = named.path.components.last == "runningVariance"
            let magnitudes = isVariance ? values.squared().squareRoot() + 0.5 : values / fan.squareRoot()
            try named.parameter.assign(magnitudes)
        }
    }

    @Test(arguments: cases)
    func logitsGradientsAndRunningAverages(_ found: Case) throws {
        let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        let file = try SafetensorsFile(
            path: folder.appending(path: "Fixtures/networks/\(found.name).safetensors").path)
        let specification = try NetworkSpecification(layers: found.layers(), likelihood: "categorical")
        let network = specification.makeNetwork(dtype: .float64, using: try RandomGenerator(seed: 0))
        try Self.fill(network)
        network.setTraining(file.metadata["training"] == "true")
        #expect(try specification.outputShape(for: found.input) == file.tensor(named: "logits").shape)

        let logits = network(Self.formula(500, found.input))
        #expect(try Self.error(logits, file.tensor(named: "logits")) < 1e-11)
        let classes = logits.shape[1]
        let targets = Tensor((0..<4).map { Int64($0 % classes) }, shape: [4])
        let loss = logits.crossEntropySum(targets: targets)
        let trained = network.parameters.map(\.parameter).filter(\.isTrainable).map(\.wrappedValue)
        let slopes = try gradients(of: loss, withRespectTo: trained).map { try #require($0) }
        let norms = try slopes.map { try $0.squared().sum().item().squareRoot() }
        let sums = try slopes.enumerated().map {
            try ($1 * Self.formula(1000 + $0, $1.shape)).sum().item()
        }
        let (wantedNorms, wantedSums): ([Double], [Double]) = (
            try file.tensor(named: "norms").scalars(), try file.tensor(named: "sums").scalars()
        )
        #expect(norms.count == wantedNorms.count)
        for k in norms.indices {
            let scale = max(wantedNorms[k], 1e-9)
            #expect(abs(norms[k] - wantedNorms[k]) < 1e-9 * scale + 1e-12, "\(k)")
            #expect(abs(sums[k] - wantedSums[k]) < 1e-8 * scale + 1e-12, "\(k)")
        }
        let after = try network.parameters.filter { "\($0.path)".contains("running") }
            .map { try $0.parameter.wrappedValue.sum().item() }
        let wantedAfter: [Double] = try file.tensor(named: "after").scalars()
        for (mine, theirs) in zip(after, wantedAfter) {
            #expect(abs(mine - theirs) < 1e-10 * (1 + abs(theirs)))
        }
    }

    private static func error(_ a: Tensor, _ b: Tensor) throws -> Double {
        let scale = try b.squared().mean().item().squareRoot()
        return try (a - b).squared().max().item().squareRoot() / max(scale, 1e-30)
    }

    /// The numbers of parameters in the literature (torchvision's documentation).
    @Test(arguments: [
        (ResNet.Depth.eighteen, 11_689_512), (.thirtyFour, 21_797_672), (.fifty, 25_557_032),
    ])
    func parametersAreThePublishedNumbers(depth: ResNet.Depth, count: Int) throws {
        let layers = ResNet(depth: depth, stem: .imageNet, classes: 1000).layers
        let specification = try NetworkSpecification(layers: layers, likelihood: "categorical")
        let shapes = Sequential.Description(specification.layers).parameterShapes ?? []
        let trained = shapes.filter { !$0.name.contains("running") }
        #expect(trained.reduce(0) { $0 + $1.shape.reduce(1, *) } == count)
        #expect(try specification.outputShape(for: [2, 3, 224, 224]) == [2, 1000])
    }

    @Test func aDescriptionSurvivesItsText() throws {
        for found in Self.cases {
            let specification = try NetworkSpecification(layers: found.layers(), likelihood: "categorical")
            let text = try JSONEncoder().encode(specification)
            #expect(try NetworkSpecification(json: text) == specification)
        }
    }

    @Test(arguments: [(ResNet.Norm.group, 1, 1), (.group, 48, 24), (.group, 64, 32), (.batch, 64, 0)])
    func groupsDivideTheChannels(norm: ResNet.Norm, width: Int, groups: Int) throws {
        let layers = ResNet(depth: .eighteen, stem: .cifar, width: width, norm: norm, classes: 2).layers
        let made = layers[1].makeLayer(dtype: .float32, using: try RandomGenerator(seed: 0))
        #expect((made as? GroupNorm)?.groups ?? 0 == groups)
    }
}
