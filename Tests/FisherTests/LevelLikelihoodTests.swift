import Fisher
import Foundation
import Testing

@testable import FisherInformation

/// The probabilities that likelihoods of pixels give to levels.
@Suite struct LevelLikelihoodTests {
    enum Kind: String, CaseIterable, Sendable {
        case gaussian, learned, logitLaplace, categorical

        /// The distribution with locations and logarithms of scales, one observation of one number each.
        func make(_ location: [Double], _ logScale: [Double], levels: Int) throws -> any LevelLikelihood {
            let shape = [location.count, 1]
            switch self {
            case .gaussian: return try Gaussian(mean: Tensor(location, shape: shape), variance: 0.04)
            case .learned:
                return Gaussian(
                    mean: Tensor(location, shape: shape), logVariance: Tensor(logScale, shape: shape) * 2)
            case .logitLaplace:
                return LogitLaplace(
                    location: Tensor(location, shape: shape), logScale: Tensor(logScale, shape: shape))
            case .categorical:
                return Categorical(
                    logits: .normal(
                        [location.count, levels], dtype: .float64, using: try RandomGenerator(seed: 1)))
            }
        }
    }

    static let locations = [0.3, -2, 0, 0.99, 5, 0.5]
    static let logScales = [-1.0, 0, -4, -6, -2, 2]

    static func masses(_ likelihood: some LevelLikelihood, of level: Int, among count: Int) throws -> [Double]
    {
        let isClasses = likelihood is Categorical
        let levels = Tensor(
            locations.map { _ in Int64(level) }, shape: isClasses ? [locations.count] : [locations.count, 1])
        return try likelihood.negativeLogMass(of: levels, among: count).flattened().scalars(as: Double.self)
    }

    @Test(arguments: Kind.allCases, [2, 17, 256])
    func theyAddUpToOne(_ kind: Kind, _ count: Int) throws {
        let likelihood = try kind.make(Self.locations, Self.logScales, levels: count)
        var sums = [Double](repeating: 0, count: Self.locations.count)
        for level in 0..<count {
            let mass = try Self.masses(likelihood, of: level, among: count)
            for (place, value) in mass.enumerated() { sums[place] += exp(-value) }
        }
        for sum in sums { #expect(abs(sum - 1) < 1e-12) }
    }

    /// The integral of the density over a bin by Simpson's rule, whose density is that of the mapped intensity for
    /// logit-Laplace: 0.8 times as much lies in a bin of x.
    @Test(arguments: [Kind.gaussian, .learned, .logitLaplace])
    func theyAreIntegralsOfTheDensity(_ kind: Kind) throws {
        // Kinks of the Laplace density lie at edges of the pieces only by chance: the pieces are small.
        let (count, pieces) = (17, 4000)
        for (location, logScale) in [(0.3, -1.0), (-0.7, -0.5), (0.5, 0.3)] {
            let one = try kind.make([location], [logScale], levels: count)
            for level in [1, 5, 15] {
                let low = (Double(level) - 0.5) / 16
                let step = 1.0 / 16 / Double(pieces)
                let points = (0...pieces).map { low + Double($0) * step }
                let many = try kind.make(
                    points.map { _ in location }, points.map { _ in logScale }, levels: count)
                let observed = Tensor(points, shape: [points.count, 1])
                let density: [Double]
                if let gaussian = many as? Gaussian {
                    density = try gaussian.perObservationNegativeLogLikelihood(of: observed).scalars()
                } else {
                    density = try (many as! LogitLaplace).perObservationNegativeLogLikelihood(of: observed)
                        .scalars()
                }
                let integral = density.enumerated().reduce(0.0) { sum, point in
                    let weight =
                        point.offset == 0 || point.offset == pieces ? 1.0 : point.offset % 2 == 1 ? 4 : 2
                    return sum + weight * exp(-point.element) * step / 3
                }
                let factor = kind == .logitLaplace ? 0.8 : 1
                let mass = try one.negativeLogMass(
                    of: Tensor([Int64(level)], shape: [1, 1]), among: count
                ).item()
                #expect(abs(exp(-mass) / (integral * factor) - 1) < 1e-6)
            }
        }
    }

    /// Far from the location a probability is tiny, its logarithm finite and right: about that of the density at the
    /// nearer edge.
    @Test func tailsAreExact() throws {
        let narrow = Gaussian(
            mean: Tensor([0.0, 1.0], shape: [2, 1]), logVariance: Tensor([-14.0, -14.0], shape: [2, 1]))
        let found = try narrow.negativeLogMass(of: Tensor([200, 55] as [Int64], shape: [2, 1]), among: 256)
            .flattened().scalars(as: Double.self)
        // Both bins lie 199.5 / 255 from the mean; the tail of the normal distribution is its density over z.
        let z = 199.5 / 255 * exp(7)
        let expected = z * z / 2 + log(2 * Double.pi) / 2 + log(z) + 1 / (z * z)
        #expect(abs(found[0] / expected - 1) < 1e-9)
        #expect(abs(found[1] - found[0]) < 1e-9 * found[0])
        let laplace = LogitLaplace(
            location: Tensor([0.0], shape: [1, 1]), logScale: Tensor([-9.0], shape: [1, 1]))
        #expect(
            try laplace.negativeLogMass(of: Tensor([3] as [Int64], shape: [1, 1]), among: 4).item() > 5000)
    }

    @Test func levelsOfAnotherShapeFail() throws {
        let gaussian = Gaussian(mean: .zeros([3, 1]))
        #expect(gaussian.negativeLogMass(of: .zeros([3], dtype: .int64), among: 4).failure != nil)
        let categorical = Categorical(logits: .zeros([3, 5]))
        #expect(categorical.negativeLogMass(of: .zeros([3], dtype: .int64), among: 4).failure != nil)
    }
}
