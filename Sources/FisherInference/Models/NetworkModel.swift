import FisherInformation
import Foundation
import NeuralNet
import Torch

/// A network with data whose whole information matrix is computed: inference about its weights.
///
/// Every evaluation sets the network's weights; `restore()` puts the first ones back.
package struct NetworkModel: LikelihoodModel {
    private let module: any Module
    private let objective: () throws -> Objective
    private let units: Int?
    /// Observations that were drawn instead of the data's.
    private let observed: Any?
    private let parameters: [(path: ParameterPath, parameter: Parameter)]
    package let start: [Double]
    package let parameterNames: [String]
    package let unitCount: Double
    private let last = Last()

    /// The last point with its evidence: a fit asks for it twice.
    private final class Last {
        var evidence: (point: [Double], found: LikelihoodInference)?
    }

    /// - Parameters:
    ///   - module: every trainable parameter belongs to a layer that computes per-sample gradients.
    ///   - units: the number of independent units; nil for the length of the first axis.
    ///   - objective: computes the objective of the data by a forward pass.
    package init(_ module: any Module, units: Int?, objective: @escaping () throws -> Objective) throws {
        self.module = module
        self.units = units
        self.objective = objective
        observed = nil
        let trainable = module.parameters.filter(\.parameter.isTrainable)
        parameters = trainable.map { ($0.path, $0.parameter) }
        start = try trainable.flatMap { try $0.parameter.wrappedValue.scalars(as: Double.self) }
        parameterNames = trainable.flatMap { named in
            Self.names(named.path, shape: named.parameter.wrappedValue.shape)
        }
        let first = try LikelihoodInference(of: module, on: objective(), units: units)
        unitCount = Double(first.unitCount)
        last.evidence = (start, first)
    }

    private init(_ other: NetworkModel, observing observed: Any) {
        module = other.module
        objective = other.objective
        units = other.units
        self.observed = observed
        parameters = other.parameters
        start = other.start
        parameterNames = other.parameterNames
        unitCount = other.unitCount
    }

    /// `0.weight[1,2]` of a matrix, `0.bias[1]` of a vector.
    private static func names(_ path: ParameterPath, shape: [Int]) -> [String] {
        (0..<shape.reduce(1, *)).map { flat in
            var (rest, index) = (flat, [Int]())
            for length in shape.reversed() {
                index.insert(rest % length, at: 0)
                rest /= length
            }
            return "\(path)" + (index.isEmpty ? "" : "[\(index.map(String.init).joined(separator: ","))]")
        }
    }

    /// Puts the weights back that the network had at first.
    package func restore() throws { try set(start) }

    /// Sets the network's weights.
    package func set(_ point: [Double]) throws {
        var first = 0
        for (_, parameter) in parameters {
            let old = parameter.wrappedValue
            let values = Array(point[first..<first + old.count])
            try parameter.assign(Tensor(values, shape: old.shape).to(dtype: old.dtype))
            first += old.count
        }
    }

    private func currentObjective() throws -> Objective {
        let own = try objective()
        return try observed.map { try own.observing($0) } ?? own
    }

    private func evidence(at point: [Double]) throws -> LikelihoodInference {
        if let found = last.evidence, found.point == point { return found.found }
        try set(point)
        let found = try LikelihoodInference(of: module, on: currentObjective(), units: units)
        last.evidence = (point, found)
        return found
    }

    package func logLikelihood(at point: [Double]) throws -> Double {
        try set(point)
        let value: Double = try withoutGradients { try -currentObjective().negativeLogLikelihood.item() }
        return value.isNaN ? -.infinity : value
    }

    package func evaluation(at point: [Double]) throws -> Evaluation {
        let found = try evidence(at: point)
        return Evaluation(
            logLikelihood: try logLikelihood(at: point), score: try found.score.scalars(as: Double.self),
            expected: try DenseMatrix(found.expected), observed: try DenseMatrix(found.observed))
    }

    package func unitVariance(at point: [Double]) throws -> ScoreVariance {
        ScoreVariance(matrix: try DenseMatrix(evidence(at: point).empirical), clusterCount: nil)
    }

    package func resampled(at point: [Double], using draws: inout RandomDraws) throws -> NetworkModel {
        try set(point)
        let generator = try RandomGenerator(seed: draws.bits())
        guard let drawn = try withoutGradients({ try objective().drawnObservations(using: generator) }) else {
            throw InferenceFault("the likelihood cannot be drawn from")
        }
        return NetworkModel(self, observing: drawn)
    }

    package func predictorChange(along step: [Double]) -> Double? { nil }
}

extension DenseMatrix {
    /// The numbers of a matrix.
    init(_ tensor: Tensor) throws {
        self.init(tensor.shape[0], tensor.shape[1])
        values = try tensor.scalars(as: Double.self)
    }
}
