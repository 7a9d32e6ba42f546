import Fisher
import Foundation

/// Mean and covariance of features of images, in float64.
package struct FeatureMoments {
    /// The mean, [features].
    package let mean: Tensor
    /// The covariance with n - 1 in the denominator, [features, features].
    package let covariance: Tensor

    /// The moments of features [images, features]; at least two images.
    package init(of features: Tensor) {
        let features = features.detached().to(dtype: .float64)
        mean = features.mean(along: 0)
        let centered = features - mean
        covariance =
            centered.transposed().matmul(centered) / Double(max((features.shape.first ?? 2) - 1, 1))
    }

    /// The Frechet distance between the normal distributions of two sets of features (Dowson and Landau 1982; Heusel et al.
    /// 2017):
    ///
    ///     |m - m'|^2 + tr(C + C' - 2 (C^1/2 C' C^1/2)^1/2)
    ///
    /// Both roots are of symmetric matrices, by their eigenvalues; those that rounding has made negative count as zero.
    /// It is 0 or more, and costs two decompositions of n^3. Throws `TorchError` for features that could not be computed.
    package func frechetDistance(to other: FeatureMoments) throws(TorchError) -> Double {
        let (values, vectors) = covariance.symmetricEigen()
        let root = (vectors * values.clamped(min: 0).squareRoot()).matmul(vectors.transposed())
        let inner = root.matmul(other.covariance).matmul(root)
        let eigenvalues = ((inner + inner.transposed()) / 2).symmetricEigen().values
        let cross = eigenvalues.clamped(min: 0).squareRoot().sum()
        let traces = covariance.diagonal().sum() + other.covariance.diagonal().sum()
        return max(0, try ((mean - other.mean).squared().sum() + traces - cross * 2).item())
    }
}

/// A Frechet distance with an interval.
package struct FrechetEstimate {
    /// The distance of the two sets of features as they are.
    package let distance: Double
    /// The distance plus and minus 1.96 standard deviations of the bootstrap, cut off at 0.
    ///
    /// Percentiles of the bootstrap would not do: repeated images have smaller covariances, which shifts every distance.
    package let interval: ClosedRange<Double>

    /// Measures the distance between features [images, features] of two sets of images.
    ///
    /// - Parameters:
    ///   - features: those of the images that are judged.
    ///   - reference: those that they are compared with.
    ///   - isPaired: whether row by row both are of the same image, so that they are drawn together.
    ///   - resamples: the number of bootstrap samples.
    ///   - seed: the seed by which they are drawn.
    package init(
        of features: Tensor, from reference: Tensor, isPaired: Bool, resamples: Int = 40, seed: UInt64 = 0
    ) throws(TorchError) {
        distance = try FeatureMoments(of: features).frechetDistance(to: FeatureMoments(of: reference))
        var generator = SplitMix64(seed: seed)
        func rows(_ count: Int) -> Tensor {
            Tensor((0..<count).map { _ in Int64(generator.uniform(below: count)) }, shape: [count])
        }
        var found: [Double] = []
        for _ in 0..<resamples {
            let own = rows(features.shape[0])
            let others = isPaired ? own : rows(reference.shape[0])
            found.append(
                try FeatureMoments(of: features.gathering(own, along: 0)).frechetDistance(
                    to: FeatureMoments(of: reference.gathering(others, along: 0))))
        }
        let mean = found.reduce(0, +) / Double(max(found.count, 1))
        let squares = found.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
        let spread = 1.96 * (squares / Double(max(found.count - 1, 1))).squareRoot()
        interval = max(0, distance - spread)...(distance + spread)
    }
}
