import Fisher
import Foundation
import Testing

/// The likelihoods against PyTorch, in the files that Reference/likelihoods.py wrote.
@Suite struct LikelihoodFixtureTests {
    static let names = [
        "categorical", "bernoulli", "gaussian-1.0", "gaussian-0.35", "gaussian-learned", "two-hot",
        "logit-laplace", "pixels",
    ]

    /// The quadrature of the fixture's Laplace information is good to about log(n)^2/n.
    static func fisherTolerance(_ name: String) -> Double { name == "logit-laplace" ? 2e-3 : 1e-12 }

    static func load(_ name: String) throws -> SafetensorsFile {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        return try SafetensorsFile(
            path: root.appending(path: "Fixtures/likelihoods/\(name).safetensors").path)
    }

    @Test(arguments: names, [DType.float64, .float32])
    func agreesWithPyTorch(_ name: String, _ dtype: DType) throws {
        let file = try Self.load(name)
        let observed = try file.tensor(named: "observed")
        switch name {
        case "categorical":
            try check(file, dtype, Categorical.init(logits:), observed)
        case "pixels":
            // Pixels observed as bytes.
            try check(file, dtype, { Categorical(pixelLogits: $0) }, observed.to(dtype: .uint8)) {
                Categorical(pixelLogits: $0).logits
            }
        case "bernoulli": try check(file, dtype, Bernoulli.init(logits:), observed)
        case "two-hot":
            let bins = try #require(file.metadata["bins"]).split(separator: ",").compactMap { Double($0) }
            try check(file, dtype, { try TwoHot(logits: $0, bins: bins) }, .values(observed))
        case "logit-laplace":
            try check(file, dtype, LogitLaplace.init(locationAndLogScale:), observed, hasHessian: false)
        case "gaussian-learned":
            try check(file, dtype, Gaussian.init(meanAndLogVariance:), observed, hasHessian: false)
        default:
            let variance = try #require(file.metadata["variance"].flatMap(Double.init))
            try check(file, dtype, { try Gaussian(mean: $0, variance: variance) }, observed)
        }
    }

    /// Everything in one file; `arranged` brings the file's outputs into the likelihood's shape.
    func check<Model: ClosedFormFisher & Samplable>(
        _ file: SafetensorsFile, _ dtype: DType, _ make: (Tensor) throws -> Model,
        _ observed: Model.Observation, hasHessian: Bool = true, arranged: (Tensor) -> Tensor = { $0 }
    ) throws {
        let tolerance = dtype == .float64 ? 1e-12 : 1e-5
        func stored(_ name: String) throws -> Tensor { try file.tensor(named: name).to(dtype: dtype) }
        let outputs = try stored("outputs").requiringGradient()
        let likelihood = try make(outputs)

        let losses = likelihood.perObservationNegativeLogLikelihood(of: observed)
        #expect(try relativeError(losses, try stored("loss")) < tolerance)
        let loss = likelihood.negativeLogLikelihood(of: observed)
        #expect(try relativeError(loss, try stored("loss").sum()) < tolerance)
        let gradient = try #require(try gradients(of: loss, withRespectTo: [outputs])[0])
        #expect(try relativeError(gradient, try stored("gradient")) < tolerance)

        let other = try make(try stored("other"))
        #expect(
            try relativeError(likelihood.divergence(from: other), try stored("divergence")) < 10 * tolerance)
        let v = arranged(try stored("vector"))
        let fisher = likelihood.outputFisherProduct(v)
        let loosest = max(
            tolerance, Self.fisherTolerance(file.path.contains("laplace") ? "logit-laplace" : ""))
        #expect(try relativeError(fisher, arranged(try stored("fisher"))) < loosest)
        if hasHessian {
            let hessian = try likelihood.outputHessianProduct(of: observed, v)
            #expect(try relativeError(hessian, arranged(try stored("hessian"))) < tolerance)
        } else {
            #expect(file["hessian"] == nil)
            #expect(throws: LikelihoodError.self) { try likelihood.outputHessianProduct(of: observed, v) }
        }
    }
}
