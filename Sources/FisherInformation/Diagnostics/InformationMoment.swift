import Foundation

/// The true information of a model at one step of its training, as a few numbers that a line of metrics holds.
public struct InformationMoment: Hashable, Sendable, Codable {
    /// The width of a bin of the histogram, in powers of ten.
    public static let binWidth = 0.5

    /// The step.
    public var step: Int
    /// The trace of the information of an observation.
    public var trace: Double
    /// The same by layer.
    public var traces: [String: Double]
    /// The largest eigenvalue of the whole matrix, of the units that its Gram matrix has.
    public var topEigenvalue: Double
    /// exp of the entropy of the eigenvalues' shares; at most the number of rows of the Gram matrix.
    public var effectiveRank: Double
    /// The share of the parameters with log10 f in each bin, by the bin's number: bin k holds k / 2 to (k + 1) / 2.
    public var histogram: [Int: Double]
    /// The share of the parameters with f = 0.
    public var unreached: Double

    /// Gathers numbers.
    public init(
        step: Int, trace: Double, traces: [String: Double], topEigenvalue: Double, effectiveRank: Double,
        histogram: [Int: Double], unreached: Double
    ) {
        self.step = step
        self.trace = trace
        self.traces = traces
        self.topEigenvalue = topEigenvalue
        self.effectiveRank = effectiveRank
        self.histogram = histogram
        self.unreached = unreached
    }

    private static let (traceKey, layerPrefix) = ("fisher_trace", "fisher_trace/")
    private static let (topKey, rankKey) = ("fisher_top_eigenvalue", "fisher_effective_rank")
    private static let (binPrefix, unreachedKey) = ("fisher_log10/", "fisher_unreached")

    /// The entries of a line of metrics: `fisher_trace`, `fisher_trace/<layer>`, `fisher_top_eigenvalue`,
    /// `fisher_effective_rank`, `fisher_unreached`, and `fisher_log10/<low end>` for each bin that is not empty.
    public var metrics: [String: Double] {
        var values = [
            "step": Double(step), Self.traceKey: trace, Self.topKey: topEigenvalue,
            Self.rankKey: effectiveRank, Self.unreachedKey: unreached,
        ]
        for (layer, trace) in traces { values[Self.layerPrefix + layer] = trace }
        for (bin, share) in histogram { values[Self.binPrefix + "\(Double(bin) * Self.binWidth)"] = share }
        return values
    }

    /// Reads a line of metrics; nil for one of another kind.
    public init?(metrics: [String: Double]) {
        guard let step = metrics["step"].flatMap({ Int(exactly: $0) }), let trace = metrics[Self.traceKey],
            let top = metrics[Self.topKey], let rank = metrics[Self.rankKey],
            let unreached = metrics[Self.unreachedKey]
        else { return nil }
        var (traces, histogram): ([String: Double], [Int: Double]) = ([:], [:])
        for (key, value) in metrics {
            if key.hasPrefix(Self.layerPrefix) {
                traces[String(key.dropFirst(Self.layerPrefix.count))] = value
            }
            if key.hasPrefix(Self.binPrefix), let low = Double(key.dropFirst(Self.binPrefix.count)),
                let bin = Int(exactly: (low / Self.binWidth).rounded())
            {
                histogram[bin] = value
            }
        }
        self.init(
            step: step, trace: trace, traces: traces, topEigenvalue: top, effectiveRank: rank,
            histogram: histogram, unreached: unreached)
    }
}
