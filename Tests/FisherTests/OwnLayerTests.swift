import Fisher
import Foundation
import Testing

/// y = w x by element, written as a package outside would write it.
private final class Scale: UnaryLayer {
    @Parameter var weight: Tensor
    let site = CaptureSite()

    init(_ width: Int, dtype: DType) { _weight = Parameter(wrappedValue: .full([width], 2, dtype: dtype)) }

    func callAsFunction(_ input: Tensor) -> Tensor { site.record(input: input, output: input * weight) }

    struct Description: LayerDescription {
        static let kind = "scale"
        static let shortForm = ["width"]
        static var options: [LayerOption<Self>] { [.required("width", \.width, .size)] }
        var width = 0

        func outputShape(for input: TracedShape) throws(LayerDescriptionError) -> TracedShape {
            try input.requiringWidth(width)
        }

        func makeLayer(dtype: DType, using generator: RandomGenerator) -> any UnaryLayer {
            Scale(width, dtype: dtype)
        }
    }
}

extension Scale: InformativeLayer {
    var informativeParameters: [Parameter] { [$weight] }

    func unitGradients(of use: LayerActivation) -> [Tensor?] { [use.outputGradient * use.input] }
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

/// A layer and a likelihood of somebody else's.
@Suite struct OwnLayerTests {
    @Test func aLayerOfOnesOwnIsDescribedAndHasInformation() throws {
        LayerRegistry.register(Scale.Description.self)
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
        let likelihood = try LikelihoodRegistry.likelihood(named: specification.likelihood)
        let objective = try Objective(likelihood, of: network(batch.inputs), observing: batch.targets)
        let slope = try #require(
            try gradients(
                of: objective.loss, withRespectTo: [network.parameters[0].parameter.wrappedValue])[0])

        // The rows of the empirical information add up to the gradient of the sum.
        let estimates = try CurvatureEstimator(of: network).estimate(
            [.diagonal(.minibatch)],
            of: Objective(likelihood, of: network(batch.inputs), observing: batch.targets))
        let found = try #require(estimates.diagonal(.minibatch)?.mean[ParameterPath("0.weight")])
        #expect(try (found - slope.squared()).magnitude().largest().item() < 1e-12)
    }

    @Test(arguments: [
        ("{\"scale\":2},{\"linear\":[3,1]}", "layers[1]: linear takes a width of 3, but is given 2"),
        ("\"scale\"", "layers[0]: scale needs options"), ("{\"scael\":2}", "did you mean scale?"),
        ("{\"scale\":0}", "layers[0]: scale needs for width a whole number from 1"),
    ])
    func itsMistakesAreNamedLikeThoseOfOurs(_ layers: String, _ words: String) {
        LayerRegistry.register(Scale.Description.self)
        let error = #expect(throws: NetworkSpecificationError.self) {
            try NetworkSpecification(
                json: Data("{\"layers\":[\(layers)],\"likelihood\":\"gaussian\"}".utf8))
        }
        #expect(error?.description.contains(words) == true, "\(error?.description ?? "")")
    }

    @Test func aLikelihoodThatIsNoneIsNamed() {
        let error = #expect(throws: LikelihoodError.self) {
            try LikelihoodRegistry.likelihood(named: "gausian")
        }
        #expect(error?.description == "gausian is no likelihood; did you mean gaussian?")
    }
}
