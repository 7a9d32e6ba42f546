import Fisher
import Foundation
import Testing

/// Likelihoods in the description of a network.
@Suite struct LikelihoodDescriptionTests {
    static func read(_ json: String) throws -> any LikelihoodDescription {
        try LikelihoodRegistry.likelihood(
            of: NetworkSpecification(json: Data("{\"layers\":[\"tanh\"],\"likelihood\":\(json)}".utf8)))
    }

    /// A likelihood by its description is the one of its initializer; the text without defaults reads as the same one.
    @Test(arguments: [
        ("\"categorical\"", "\"categorical\""), ("{\"gaussian\":{\"variance\":1}}", "\"gaussian\""),
        ("{\"gaussian\":0.25}", "{\"gaussian\": {\"variance\": 0.25}}"), ("\"bernoulli\"", "\"bernoulli\""),
        ("\"gaussian_learned_variance\"", "\"gaussian_learned_variance\""),
        ("{\"two_hot\":{\"bins\":[-1,0,2]}}", "{\"two_hot\": {\"bins\": [-1.0, 0.0, 2.0]}}"),
        ("\"logit_laplace\"", "\"logit_laplace\""),
        ("{\"categorical_pixels\":256}", "\"categorical_pixels\""),
        ("{\"categorical_pixels\":{\"levels\":3}}", "{\"categorical_pixels\": {\"levels\": 3}}"),
    ])
    func descriptionsHaveOneText(_ json: String, _ text: String) throws {
        let found = try Self.read(json)
        #expect(found.text == text)
        #expect(try Self.read(found.text).text == text)
    }

    @Test func descriptionsMakeTheirLikelihoods() throws {
        let generator = try RandomGenerator(seed: 1)
        let outputs = Tensor.normal([3, 4], dtype: .float64, using: generator)
        let numbers = Tensor.normal([3, 4], dtype: .float64, using: generator)
        func loss(_ json: String, _ outputs: Tensor, _ targets: Tensor) throws -> Double {
            try Self.read(json).objective(of: outputs, observing: targets).negativeLogLikelihood.item()
        }
        func expect<Model: Likelihood>(
            _ found: Double, _ likelihood: Model, _ observed: Model.Observation
        ) throws { #expect(try found == likelihood.negativeLogLikelihood(of: observed).item()) }
        try expect(
            loss("{\"gaussian\":{\"variance\":0.3}}", outputs, numbers),
            Gaussian(mean: outputs, variance: 0.3),
            numbers)
        let half = numbers.narrowed(1, from: 0, length: 2)
        try expect(
            loss("\"gaussian_learned_variance\"", outputs, half), Gaussian(meanAndLogVariance: outputs), half)
        try expect(
            loss("\"logit_laplace\"", outputs, half.sigmoid()), LogitLaplace(locationAndLogScale: outputs),
            half.sigmoid())
        let twoHot = try TwoHot(logits: outputs, bins: [-1, 0, 1, 2])
        let (values, bins) = (Tensor([0.5, -1, 1.25]), Tensor([0, 3, 1] as [Int64]))
        let json = "{\"two_hot\":[-1,0,1,2]}"
        try expect(loss(json, outputs, values), twoHot, .values(values))
        try expect(loss(json, outputs, bins), twoHot, .bins(bins))
        let description = try Self.read(json)
        #expect(description.targetDType(forOutputs: .float32, given: .float32) == .float64)
        #expect(description.targetDType(forOutputs: .float32, given: .int32) == .int64)
        let images = Tensor.normal([2, 6, 2, 2], dtype: .float64, using: generator)
        let levels = Tensor((0..<16).map { Int64($0 % 3) }, shape: [2, 2, 2, 2])
        try expect(
            loss("{\"categorical_pixels\":3}", images, levels), Categorical(pixelLogits: images, levels: 3),
            levels)
    }

    @Test(arguments: [
        ("\"gausian\"", "gausian is no likelihood; did you mean gaussian?"),
        ("{\"gaussian\":{\"varaince\":1}}", "gaussian has no option varaince; did you mean variance?"),
        ("{\"gaussian\":0}", "gaussian needs for variance a number above 0, not 0"),
        ("\"two_hot\"", "two_hot needs options"), ("{\"two_hot\":[1]}", "a list of at least 2 numbers"),
        ("{\"two_hot\":[1,0]}", "two_hot has bins that must ascend; 0.0 follows 1.0"),
        ("{\"bernoulli\":1}", "bernoulli has no options"),
        ("{\"categorical_pixels\":1}", "levels a whole number from 2"),
    ])
    func mistakesAreNamed(_ json: String, _ words: String) {
        let error = #expect(throws: LikelihoodError.self) { try Self.read(json) }
        #expect(error?.description.contains(words) == true, "\(error?.description ?? "")")
    }

    /// A new likelihood must get a name: every one of the sources is in the registry.
    @Test func everyLikelihoodHasAName() throws {
        let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appending(path: "Sources/FisherInformation/Likelihood")
        let files = try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)
        let texts = try files.map { try String(contentsOf: $0, encoding: .utf8) }
        let registry = try String(
            contentsOf: folder.appending(path: "LikelihoodRegistry.swift"), encoding: .utf8)
        let names = texts.flatMap { text in
            text.matches(of: /public struct (\w+): Likelihood \{/).map { String($0.1) }
        }
        // Label sequences, which have no closed form, are no targets of a network that is described as text.
        .filter { name in texts.contains { $0.contains("extension \(name): ClosedFormFisher") } }
        #expect(names.count >= 5)
        for name in names {
            #expect(
                registry.contains("<\(name)>.self") || registry.contains("\(name).Description.self"),
                "\(name)")
        }
        // So does every other way to create one from outputs.
        let kinds = texts.flatMap { text in
            text.matches(of: /struct (\w+): LikelihoodDescription \{\n *public static let kind/).map {
                String($0.1)
            }
        }
        for kind in kinds { #expect(registry.contains(".\(kind).self"), "\(kind)") }
        #expect(kinds.count >= 4)
    }
}
