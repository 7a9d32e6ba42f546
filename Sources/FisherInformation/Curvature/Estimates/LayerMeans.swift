import NeuralNet
import Torch

/// The means of the inputs and of the output gradients of layers with factors, which the factors, as second
/// moments, do not contain.
public typealias LayerMeans = Counted<[ParameterPath: LayerRowSums]>

/// Sums over a layer's rows: units, positions and uses.
public struct LayerRowSums: Summable {
    /// The sum of a, [inputs (+ 1)], in float64.
    public let inputs: Tensor
    /// The sum of s, the mean over draws where labels were drawn, [outputs], in float64; zero for a closed form, under
    /// which output gradients have the mean zero.
    public let outputs: Tensor
    /// The number of rows, without padding.
    public let rowCount: Int

    /// The sums of both. Throws `mismatched` if the shapes differ.
    public func adding(_ other: LayerRowSums) throws(CurvatureError) -> LayerRowSums {
        LayerRowSums(
            inputs: try inputs.adding(other.inputs), outputs: try outputs.adding(other.outputs),
            rowCount: rowCount + other.rowCount)
    }

    public func summed(by sum: ProcessSum) throws -> LayerRowSums {
        LayerRowSums(inputs: try sum(inputs), outputs: try sum(outputs), rowCount: sum(rowCount))
    }
}

/// Sums the rows of layers with factors.
struct LayerMeansAccumulator: CurvatureAccumulator {
    private let estimator: CurvatureEstimator
    private let run: PassRun
    private var sums: [ParameterPath: LayerRowSums] = [:]
    private var isFirst = true

    init(_ estimator: CurvatureEstimator, _ run: PassRun) {
        self.estimator = estimator
        self.run = run
    }

    mutating func add(_ pass: BackwardPass) throws {
        // The inputs are the same in every pass, and the mean of a closed form's gradients is known.
        if run.source.isClosedForm, !isFirst { return }
        let weight = run.source.isClosedForm ? 0 : pass.weight
        for (path, layer) in estimator.kroneckerLayers {
            for use in pass.uses[path] ?? [] {
                var rows = layer.kroneckerRows(of: use)
                rows.participants = use.participants
                let (a, s) = rows.everyPosition
                try a.check()
                let inputs = a.to(dtype: .float64).sum(along: 0)
                let part = LayerRowSums(
                    inputs: isFirst ? inputs : .zeros(like: inputs),
                    outputs: s.to(dtype: .float64).sum(along: 0) * weight,
                    rowCount: isFirst ? a.shape[0] : 0)
                sums[path] = try sums[path]?.adding(part) ?? part
            }
        }
        isFirst = false
    }

    func finished() -> any Summable {
        LayerMeans(source: run.source, sums: sums, observationCount: run.observationCount)
    }
}
