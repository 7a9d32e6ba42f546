import NeuralNet
import Torch

/// A distribution of intensities between 0 and 1 that are recorded in some levels, such as bytes: what every likelihood of
/// pixels says of the same data, so that they can be compared.
///
/// With L levels the level k stands for the intensity x = k / (L - 1) and for all that is nearer to it than to the next:
/// the bin from (k - 1/2) / (L - 1) to (k + 1/2) / (L - 1). A density is integrated exactly over the bin; the first and the
/// last one take all that lies beyond them, so that the masses of the levels add up to 1. The mean of the negative
/// logarithm to base 2 is the number of bits a dimension in which a code of this model stores the data.
public protocol LevelLikelihood: Likelihood {
    /// -log P(level) in nats for each number of `levels`, int64 from 0 to `count` - 1 in the shape of an observation:
    /// in float64, without gradients. `count` is at least 2.
    func negativeLogMass(of levels: Tensor, among count: Int) -> Tensor
}

/// The edges of levels' bins, and the mass that a distribution gives them.
struct LevelBins {
    /// The lower edges, minus infinity for the first level; float64.
    let lower: Tensor
    /// The upper edges, infinity for the last level.
    let upper: Tensor

    /// The edges of the bins of some levels, moved by a map that keeps their order.
    init(of levels: Tensor, among count: Int, _ map: (Tensor) -> Tensor = { $0 }) {
        precondition(count > 1, "there are at least two levels, not \(count)")
        let numbers = levels.to(dtype: .float64)
        func edge(_ shift: Double, _ extreme: Int, _ bound: Double) -> Tensor {
            map((numbers + shift) / Double(count - 1)).masked(levels.equals(Double(extreme)), with: bound)
        }
        lower = edge(-0.5, 0, -.infinity)
        upper = edge(0.5, count - 1, .infinity)
    }

    /// -log of the integral from the lower to the upper edge of a symmetric density with a location and a scale.
    ///
    /// A bin above the location is mirrored to the lower tail, where the logarithm F of the distribution function is exact:
    /// log(exp F(b) - exp F(a)) = F(b) + log(1 - exp(F(a) - F(b))).
    ///
    /// - Parameter logDistribution: the logarithm of the distribution function at location 0 and scale 1.
    func negativeLogMass(
        location: Tensor, scale: Tensor, _ logDistribution: (Tensor) -> Tensor
    ) -> Tensor {
        let (a, b) = ((lower - location) / scale, (upper - location) / scale)
        let isBelow = (a + b).isAtMost(.zeros([], dtype: .float64, device: lower.device))
        let high = logDistribution(b.where(isBelow, otherwise: -a))
        let low = logDistribution(a.where(isBelow, otherwise: -b))
        return -(high + (-(low - high).expMinusOne()).log())
    }
}

/// The mass is the probability itself; there is no other number of levels than that of the classes.
extension Categorical: LevelLikelihood {
    public func negativeLogMass(of levels: Tensor, among count: Int) -> Tensor {
        guard logits.failure != nil || logits.lastAxis == count else {
            return Tensor(
                failed: TorchError(message: "logits of \(logits.lastAxis) classes are not of \(count) levels")
            )
        }
        return Categorical(logits: logits.detached().to(dtype: .float64))
            .perObservationNegativeLogLikelihood(of: levels)
    }
}

/// -log(Phi((b - mean) / s) - Phi((a - mean) / s)) for the bin from a to b, the standard deviation s and the normal
/// distribution function Phi.
extension Gaussian: LevelLikelihood {
    public func negativeLogMass(of levels: Tensor, among count: Int) -> Tensor {
        if let failure = shapeFailure("levels", levels, like: mean) { return Tensor(failed: failure) }
        return LevelBins(of: levels, among: count).negativeLogMass(
            location: mean.detached().to(dtype: .float64),
            scale: (logVariance.detached().to(dtype: .float64) / 2).exp()
        ) { $0.logNormalProbability() }
    }
}

/// The same for the Laplace distribution of logit(0.8 x + 0.1), whose distribution function is exp(z) / 2 below its
/// location and 1 - exp(-z) / 2 above it.
extension LogitLaplace: LevelLikelihood {
    public func negativeLogMass(of levels: Tensor, among count: Int) -> Tensor {
        if let failure = shapeFailure("levels", levels, like: location) { return Tensor(failed: failure) }
        return LevelBins(of: levels, among: count) { LogitLaplace.mapped($0).logit() }.negativeLogMass(
            location: location.detached().to(dtype: .float64),
            scale: logScale.detached().to(dtype: .float64).exp()
        ) { z in
            let isBelow = z.isAtMost(.zeros([], dtype: z.dtype, device: z.device))
            return (z + -0.693_147_180_559_945_3).where(isBelow, otherwise: ((-z).exp() * -0.5).logOnePlus())
        }
    }
}
