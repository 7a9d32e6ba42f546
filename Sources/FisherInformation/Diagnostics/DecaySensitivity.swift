import NeuralNet
import Torch

/// How an averaged estimate depends on its decay: the same stream of estimates averaged with several.
///
///     F_b(t) = b2hat F_b(t-1) + (1 - b2hat) f_t,  b2hat = b (1 - b^(t-1)) / (1 - b^t)
///
/// which is exact for a constant from the first estimate on; b = 1 is the plain mean. Needs one tensor of each
/// parameter's size for every decay.
public struct DecaySensitivity {
    /// The decays b.
    public let decays: [Double]
    /// The number of estimates added.
    public private(set) var count = 0
    /// F_b for each decay, by parameter.
    public private(set) var averages: [[ParameterPath: Tensor]]
    private var mean: [ParameterPath: Tensor] = [:]

    /// Begins with no estimate.
    public init(decays: [Double] = [0.9, 0.99, 0.999]) {
        precondition(decays.allSatisfy { $0 >= 0 && $0 < 1 }, "a decay lies in [0, 1)")
        self.decays = decays
        averages = Array(repeating: [:], count: decays.count)
    }

    /// Adds the next estimate: a diagonal, or squared gradients, by parameter.
    public mutating func add(_ estimate: [ParameterPath: Tensor]) throws {
        count += 1
        for (k, b) in decays.enumerated() {
            averages[k] = try Self.mixed(
                averages[k], estimate, keeping: RunningAverage.share(kept: b, at: count))
        }
        mean = try Self.mixed(mean, estimate, keeping: RunningAverage.share(kept: 1, at: count))
    }

    /// How far the average of each decay is from the plain mean of all estimates.
    public func comparisons() throws -> [(decay: Double, comparison: InformationComparison)] {
        try zip(decays, averages).map { ($0, try InformationComparison($1, to: mean)) }
    }

    private static func mixed(
        _ old: [ParameterPath: Tensor], _ new: [ParameterPath: Tensor], keeping share: Double
    ) throws -> [ParameterPath: Tensor] {
        guard !old.isEmpty else { return new.mapValues { $0.detached() } }
        guard old.keys == new.keys else {
            throw CurvatureError.mismatched(reason: "they are of other parameters")
        }
        return old.merging(new) { $0 * share + $1.detached() * (1 - share) }
    }
}
