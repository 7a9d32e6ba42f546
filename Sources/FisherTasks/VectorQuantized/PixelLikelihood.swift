import Fisher
import FisherOptions
import Foundation

/// The distributions of a channel of a pixel between which the task `vq` chooses. Each channel of each pixel is one
/// observation.
package enum PixelLikelihood: String, CaseIterable, OptionValue {
    /// One of the levels, each with a probability of its own.
    case categorical
    /// The normal distribution of a fixed variance: the squared error.
    case gaussian
    /// The normal distribution whose variance the model computes.
    case gaussianLearned = "gaussian_learned"
    /// The Laplace distribution of the logit of an intensity (Ramesh et al. 2021).
    case logitLaplace = "logit_laplace"

    /// The parameters of the distribution of one channel of a pixel with a number of levels.
    func outputCount(levels: Int) -> Int {
        switch self {
        case .categorical: levels
        case .gaussian: 1
        case .gaussianLearned, .logitLaplace: 2
        }
    }
}

/// A choice among the distributions with everything that it needs: the number of levels and a fixed variance.
struct PixelModel: Sendable, Hashable {
    let likelihood: PixelLikelihood
    let levels: Int
    let variance: Double

    /// The distribution with a model's outputs [..., outputs].
    ///
    /// Where the model computes a scale, it never falls below the width of half a level: data that are recorded in levels
    /// cannot tell narrower densities apart, and pixels of one shade in all images would pull the loss to minus infinity.
    func distribution(of outputs: Tensor) throws(LikelihoodError) -> any PixelDistribution {
        let outputs = outputs.widenedInAutocast
        switch likelihood {
        case .categorical: return Categorical(logits: outputs)
        case .gaussian: return try Gaussian(mean: outputs, variance: variance)
        case .gaussianLearned:
            let parts = outputs.split(into: 2, along: -1)
            return Gaussian(mean: parts[0], logVariance: parts[1].bounded(above: 2 * log(halfLevel)))
        case .logitLaplace:
            let parts = outputs.split(into: 2, along: -1)
            // The slope of logit(0.8 x + 0.1) in the middle, where it is least.
            let slope = 4 * (1 - 2 * LogitLaplace.margin)
            return LogitLaplace(
                location: parts[0], logScale: parts[1].bounded(above: log(slope * halfLevel)))
        }
    }

    private var halfLevel: Double { 0.5 / Double(levels - 1) }
}

extension Tensor {
    /// low + log(1 + exp(x - low)) of each element: smooth, above `low`, and close to x far above it.
    fileprivate func bounded(above low: Double) -> Tensor { low - (low - self).logSigmoid() }
}

/// A distribution of pixels' channels.
protocol PixelDistribution: LevelLikelihood, ClosedFormFisher where Observation == Tensor {
    /// What is observed, made of levels, int64 [...].
    static func observations(of levels: Tensor, among count: Int, dtype: DType) -> Tensor
    /// The expected intensity (for the logit-Laplace distribution the median), between 0 and 1, in the shape of the levels.
    func intensities(among count: Int) -> Tensor
}

extension PixelDistribution {
    /// The objective of images' levels.
    func objective(
        of levels: Tensor, among count: Int, auxiliaries: [Objective.Auxiliary]
    ) throws(TorchError) -> Objective {
        try Objective(
            self, observing: Self.observations(of: levels, among: count, dtype: outputs.dtype),
            auxiliaries: auxiliaries)
    }

    /// -log P(level) of each channel of each pixel, in the shape of the levels.
    func mass(of levels: Tensor, among count: Int) -> Tensor {
        negativeLogMass(
            of: self is Categorical ? levels : levels.unsqueezed(-1), among: count
        ).reshaped(levels.shape)
    }
}

extension Categorical: PixelDistribution {
    static func observations(of levels: Tensor, among count: Int, dtype: DType) -> Tensor { levels }

    func intensities(among count: Int) -> Tensor {
        let values = Tensor((0..<count).map { Double($0) / Double(count - 1) }, shape: [count])
        let weights = values.to(dtype: logits.dtype, device: logits.device)
        return withAutocast(to: .float32) { logits.softmax(along: -1).matmul(weights) }
    }
}

extension PixelDistribution where Self: Samplable {
    fileprivate static func intensities(_ levels: Tensor, among count: Int, dtype: DType) -> Tensor {
        (levels.to(dtype: dtype) / Double(count - 1)).unsqueezed(-1)
    }
}

extension Gaussian: PixelDistribution {
    static func observations(of levels: Tensor, among count: Int, dtype: DType) -> Tensor {
        intensities(levels, among: count, dtype: dtype)
    }

    func intensities(among count: Int) -> Tensor { mean.clamped(to: 0...1).flattened(from: -2) }
}

extension LogitLaplace: PixelDistribution {
    static func observations(of levels: Tensor, among count: Int, dtype: DType) -> Tensor {
        intensities(levels, among: count, dtype: dtype)
    }

    func intensities(among count: Int) -> Tensor { median.flattened(from: -2) }
}
