import Fisher

/// What one step did to the whole model, in a few numbers.
public struct StepMeasure: Codable, Sendable, Hashable {
    /// |update| / |weights|, both Euclidean over the whole model.
    public var updateToWeight: Double
    /// The norm of the gradient before any clipping.
    public var gradientNorm: Double
    /// The mean over the tensors of max(1, RMS / c), the divisor of the rule's own clip; nothing where the rule
    /// does not clip.
    public var clipFactor: Double?
    /// The mean over the tensors of the share of the natural decay's square that fell on the least-informed
    /// 1 % of the elements; nothing where there is no natural decay.
    public var decayShare: Double?

    /// Measures a step by its report and the weights before and after it.
    init(_ report: StepReport, weightsBefore: [Tensor], weightsAfter: [Tensor]) throws {
        var (moved, size) = (0.0, 0.0)
        for (before, after) in zip(weightsBefore, weightsAfter) {
            let (change, norm) = (try (after - before).norm().item(), try before.norm().item())
            moved += change * change
            size += norm * norm
        }
        updateToWeight = size > 0 ? (moved / size).squareRoot() : 0
        gradientNorm = try report.gradientNorm()
        clipFactor = StepMeasure.mean(try report.clipFactors())
        decayShare = StepMeasure.mean(try report.decayShares())
    }

    /// In the order of the paths, so that equal runs give equal sums.
    private static func mean(_ values: [ParameterPath: Double]) -> Double? {
        if values.isEmpty { return nil }
        return values.sorted { $0.key < $1.key }.reduce(0) { $0 + $1.value } / Double(values.count)
    }
}
