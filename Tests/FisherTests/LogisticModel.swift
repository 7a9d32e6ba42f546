import Fisher
import FisherInference
import Foundation
import Testing

/// A logistic regression with data, for the tests of inference.
struct LogisticModel {
    let layer: Linear
    let x: Tensor
    let y: Tensor
    var units: Int { x.shape[0] }

    init(x: Tensor, y: Tensor) throws {
        (self.x, self.y) = (x, y.reshaped([-1, 1]))
        layer = Linear(x.shape[1], 1, dtype: .float64, using: try RandomGenerator(seed: 1))
        for named in layer.parameters {
            try named.parameter.assign(.zeros(like: named.parameter.wrappedValue))
        }
    }

    /// The data that statsmodels was given, and its answers.
    static func published() throws -> (model: LogisticModel, file: SafetensorsFile) {
        let file = try SafetensorsFile(
            path: URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
                .appending(path: "Fixtures/statistics/logistic.safetensors").path)
        return (try LogisticModel(x: file.tensor(named: "x"), y: file.tensor(named: "y")), file)
    }

    func forward() -> Bernoulli { Bernoulli(logits: layer(x)) }

    func inference() throws -> LikelihoodInference {
        try LikelihoodInference(of: layer, on: Objective(forward(), observing: y))
    }

    func test(replicates: Int, seed: UInt64 = 0) throws -> InformationMatrixTest {
        try LikelihoodInference.informationMatrixTest(of: layer, replicates: replicates, seed: seed) {
            try Objective(forward(), observing: y)
        }
    }

    /// theta, weights first.
    var theta: [Double] {
        get throws { try layer.parameters.flatMap { try $0.parameter.wrappedValue.scalars(as: Double.self) } }
    }

    func setTheta(_ values: [Double]) throws {
        let width = values.count - 1
        try layer.weight.assignScalars(Array(values[..<width]))
        try layer.bias?.wrappedValue.assignScalars([values[width]])
    }

    /// One step theta += I^-1 s of the recursive estimate, from all data and no prior.
    func scoringStep() throws {
        let estimator = try CurvatureEstimator(of: layer)
        let information = try #require(
            try estimator.estimate([.full(.exact)], of: Objective(forward(), observing: y)).full(.exact))
        let size = information.mean.shape[0]
        var accumulator = try FisherAccumulator(
            paths: information.paths, prior: .zeros([size, size], dtype: .float64))
        try accumulator.add(information)
        let found = try gradients(
            of: forward().negativeLogLikelihood(of: y),
            withRespectTo: layer.parameters.map(\.parameter.wrappedValue))
        let step = try accumulator.step(Tensor.concatenated(found.compactMap { $0?.flattened() }) * -1)
        try setTheta(zip(try theta, try step.scalars(as: Double.self)).map { $0 + $1 })
    }
}

extension Tensor {
    fileprivate func assignScalars(_ values: [Double]) throws {
        try withoutGradients { try assign(Tensor(values, shape: shape)) }
    }
}
