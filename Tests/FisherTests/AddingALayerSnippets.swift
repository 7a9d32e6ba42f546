import Fisher
import Foundation
import Testing

// AddingALayer.md
/// A scale for each element of the last dimension: y = w x.
public final class Scale: UnaryLayer {
    /// The scales w, shape [width], ones at first.
    @Parameter public var weight: Tensor
    let site = CaptureSite()

    /// Makes the layer for vectors of a width.
    public init(_ width: Int, dtype: DType = .float32) {
        _weight = Parameter(wrappedValue: .ones([width], dtype: dtype))
    }

    /// The scaled input [..., width].
    public func callAsFunction(_ input: Tensor) -> Tensor {
        site.record(input: input, output: input * weight)
    }
}

/// Unit n has the gradient sum over t of s_nt x_nt, for inputs x and output gradients s at its positions t.
extension Scale: InformativeLayer {
    public var informativeParameters: [Parameter] { [$weight] }

    public func unitGradients(of use: LayerActivation) -> [Tensor?] {
        let (units, width) = (use.input.shape[0], weight.count)
        return [(use.outputGradient * use.input).reshaped([units, -1, width]).sum(along: 1)]
    }
}

extension Scale {
    /// The description of a layer in JSON: `{"scale": width}`.
    public struct Description: LayerDescription {
        public static let kind = "scale"
        public static let shortForm = ["width"]
        public static var options: [LayerOption<Self>] { [.required("width", \.width, .size)] }
        var width = 0

        public init() {}

        public func outputShape(for input: TracedShape) throws(LayerDescriptionError) -> TracedShape {
            try input.requiringWidth(width)
        }

        public func makeLayer(dtype: DType, using generator: RandomGenerator) -> any UnaryLayer {
            Scale(width, dtype: dtype)
        }
    }
}

/// Counts of events whose log rate is the output.
private struct Poisson: NamedLikelihood {
    static let name = "poisson"
    let outputs: Tensor

    init(outputs: Tensor) { self.outputs = outputs }

    func observationCount(of targets: Tensor) throws(TorchError) -> Int { outputs.count }

    func sample(using generator: RandomGenerator) -> Tensor { outputs.detached().exp() }

    func perObservationNegativeLogLikelihood(of targets: Tensor) -> Tensor {
        (outputs.exp() - targets * outputs).sum(along: -1)
    }

    func outputFisherProduct(_ v: Tensor) -> Tensor { outputs.detached().exp() * v }

    var outputFisherFactorCount: Int { 1 }

    func outputFisherFactor(_ k: Int) -> Tensor { (outputs.detached() * 0.5).exp() }

    func outputHessianProduct(of targets: Tensor, _ v: Tensor) -> Tensor { outputFisherProduct(v) }

    func divergence(from other: Poisson, observing targets: Tensor?) -> Tensor {
        (outputs.exp() * (outputs - other.outputs) - outputs.exp() + other.outputs.exp()).sum()
    }
}

/// A layer and a likelihood of another package.
@Suite struct AddingALayerSnippets {
    @Test func theLayerIsDescribedAndHasInformation() throws {
        LayerRegistry.register(Scale.Description.self)
        // Registering it again changes nothing.
        LayerRegistry.register(Scale.Description.self)
        LikelihoodRegistry.register(Poisson.self)
        let json = "{\"layers\":[{\"scale\":3},{\"linear\":[3,1]}],\"likelihood\":\"poisson\"}"
        let specification = try NetworkSpecification(json: Data(json.utf8))
        #expect(try specification.outputShape(for: [5, 3]) == [5, 1])
        let again = try JSONEncoder().encode(specification)
        #expect(try NetworkSpecification(json: again) == specification)

        let generator = try RandomGenerator(seed: 3)
        let network = specification.makeNetwork(dtype: .float64, using: generator)
        let batch = SupervisedBatch(
            inputs: .normal([5, 3], dtype: .float64, using: generator),
            targets: Tensor([1, 0, 2, 1, 3] as [Double], shape: [5, 1]))
        let likelihood = try LikelihoodRegistry.likelihood(of: specification)
        let objective = try likelihood.objective(of: network(batch.inputs), observing: batch.targets)
        let slope = try #require(
            try gradients(
                of: objective.loss, withRespectTo: [network.parameters[0].parameter.wrappedValue])[0])

        // The rows of the empirical information add up to the gradient of the sum.
        let estimates = try CurvatureEstimator(of: network).estimate(
            [.diagonal(.minibatch)],
            of: likelihood.objective(of: network(batch.inputs), observing: batch.targets))
        let found = try #require(estimates.diagonal(.minibatch)?.mean[ParameterPath("0.weight")])
        #expect(try (found - slope.squared()).magnitude().largest().item() < 1e-12)
    }

    @Test(arguments: [
        ("{\"scale\":2},{\"linear\":[3,1]}", "layers[1]: linear takes a width of 3, but is given 2"),
        ("\"scale\"", "layers[0]: scale needs options"), ("{\"scael\":2}", "did you mean scale?"),
        ("{\"scale\":0}", "layers[0]: scale needs for width a whole number from 1"),
    ])
    func itsMistakesAreNamed(_ layers: String, _ words: String) {
        LayerRegistry.register(Scale.Description.self)
        let error = #expect(throws: NetworkSpecificationError.self) {
            try NetworkSpecification(
                json: Data("{\"layers\":[\(layers)],\"likelihood\":\"gaussian\"}".utf8))
        }
        #expect(error?.description.contains(words) == true, "\(error?.description ?? "")")
    }

    @Test func aMisspeltLikelihoodIsNamed() {
        let error = #expect(throws: LikelihoodError.self) {
            try LikelihoodRegistry.likelihood(named: "gausian")
        }
        #expect(error?.description == "gausian is no likelihood; did you mean gaussian?")
    }
}
