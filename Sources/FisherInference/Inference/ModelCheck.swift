import FisherInformation
import Foundation

extension LikelihoodFit {
    /// The measures of distance between J, H and I at a maximum, in the order of `InformationMatrixTest.Measure`; nil where
    /// the information is singular.
    static func distances(
        _ evaluation: Evaluation, _ variance: DenseMatrix, parameters: [Int]
    ) -> [Double]? {
        let expected = evaluation.expected.block(parameters)
        let size = Double(parameters.count)
        guard let root = expected.scaledCholesky(tolerance: 1e-12) else { return nil }
        let observed = evaluation.observed.block(parameters)
        guard let bread = observed.scaledCholesky(tolerance: 1e-12)?.inverse() else { return nil }
        let identity = DenseMatrix.identity(parameters.count) * -1
        let empirical = variance.block(parameters)
        let whitened = root.whitened(empirical)
        func distance(_ matrix: DenseMatrix) -> Double {
            ((matrix + identity).values.reduce(0) { $0 + $1 * $1 } / size).squareRoot()
        }
        let robust = empirical.congruent(by: bread).diagonal
        let ratios = zip(robust, root.inverse().diagonal).map { abs(log($0 / $1)) / 2 }
        return [
            whitened.trace / size - 1, distance(whitened), distance(root.whitened(observed)),
            ratios.max() ?? 0,
        ]
    }

    /// Tests whether the model is that of the data by `replicates` draws of responses from it, each fitted.
    ///
    /// Throws `InferenceFault` where fewer than half of the draws can be fitted, or none of the parameters is determined.
    ///
    /// - Parameter progress: is told the number of draws that are done.
    package func informationMatrixTest(
        replicates: Int, seed: UInt64, progress: (Int) throws -> Void = { _ in }
    ) throws -> InformationMatrixTest {
        let parameters = determinedParameters
        guard !parameters.isEmpty,
            let data = Self.distances(
                maximum.evaluation, unitVariance.matrix, parameters: parameters)
        else { throw InferenceFault("the information is singular, so that no model can be tested by it") }
        var draws = RandomDraws(seed: seed)
        var found: [[Double]] = []
        var failures = 0
        // A draw is near its maximum where the data were.
        var maximizer = maximizer
        maximizer.tolerance = 1e-8
        for index in 0..<replicates {
            let drawn = try model.resampled(at: point, using: &draws)
            do {
                let fitted = try maximizer.maximum(of: drawn, within: .all(from: point))
                let variance = try drawn.unitVariance(at: fitted.point)
                if let distances = Self.distances(
                    fitted.evaluation, variance.matrix, parameters: parameters),
                    distances.allSatisfy(\.isFinite)
                {
                    found.append(distances)
                } else {
                    failures += 1
                }
            } catch is FitError { failures += 1 }
            try progress(index + 1)
        }
        guard found.count * 2 >= replicates, found.count >= 19 else {
            throw InferenceFault(
                "\(failures) of \(replicates) draws from the model have no maximum of their likelihood, too many to test the model by"
            )
        }
        return InformationMatrixTest(data: data, replicates: found, failures: failures)
    }
}
