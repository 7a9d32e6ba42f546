import FisherInformation
import NeuralNet
import Torch

/// What the layers of a batch were given and what came back to them, slice by slice, for estimates whose bases are
/// known only after others have been made.
public struct CapturedUses {
    private var runs: [PassRun]
    private let estimator: CurvatureEstimator

    init(_ run: PassRun, by estimator: CurvatureEstimator) {
        runs = [run]
        self.estimator = estimator
    }

    /// Appends further data.
    mutating func add(_ other: CapturedUses) { runs += other.runs }

    /// (1/N) sum over units of (Q_S^T G_n Q_A)^2 by layer, [outputs, inputs (+ 1)]: the diagonal of the layers'
    /// information in some bases, G_n the gradient of a unit summed over its positions and the layer's uses.
    public func eigenvalues(
        in bases: [ParameterPath: KroneckerEigenbasis]
    ) throws -> [ParameterPath: Tensor] {
        var sums: [ParameterPath: EigenvalueCorrectedFactors] = [:]
        for run in runs {
            for (path, factors) in try estimator.eigenvalues(run, in: bases).layers {
                if sums[path] == nil { sums[path] = factors } else { try sums[path]?.add(factors) }
            }
        }
        return sums.mapValues(\.mean)
    }
}
