import Foundation
import Torch

/// The means and standard deviations of the rows to train on, by which inputs are brought to mean 0 and deviation 1.
///
/// They are taken for each number of a flat sample, for each channel of samples with three sizes, and for all numbers of
/// a sample together otherwise.
public struct Standardization: Codable, Hashable, Sendable {
    /// The mean of each number, channel or sample.
    public let means: [Double]
    /// The standard deviation of each, with 1 in place of 0.
    public let deviations: [Double]
    /// The means in the rows to train on, which stand for missing numbers whether or not numbers are standardized.
    package let replacements: [Double]

    /// The most numbers and rows that are looked at.
    private static let mostNumbers = 1 << 26
    private static let mostRows = 100_000

    /// Takes them from samples: from all of them, or from 100,000 (fewer if samples are long) evenly spread over them.
    ///
    /// - Parameters:
    ///   - inputs: the samples.
    ///   - indices: those to train on.
    ///   - isOn: false leaves inputs as they are.
    ///   - areNumbers: which of the numbers of a flat sample are standardized; nil for all.
    ///   - poll: called now and then; what it throws ends the reading.
    public init(
        of inputs: SampleInputs, at indices: [Int], isOn: Bool, areNumbers: [Bool]? = nil,
        poll: () throws -> Void = {}
    ) throws {
        let shape = inputs.shape
        let (groups, length) = (Self.groupCount(shape), max(1, shape.reduce(1, *)))
        let most = max(1, min(Self.mostRows, Self.mostNumbers / length))
        let taken = min(indices.count, most)
        let rows = (0..<taken).map { indices[$0 * indices.count / taken] }
        var sums = [(shift: Double, sum: Double, squares: Double, count: Int)](
            repeating: (.nan, 0, 0, 0), count: groups)
        let piece = max(1, min(4096, (1 << 20) / length))
        for start in stride(from: 0, to: taken, by: piece) {
            try poll()
            let chosen = Array(rows[start..<min(start + piece, taken)])
            let values = try inputs.rows(at: chosen).scalars(as: Double.self)
            for (place, value) in values.enumerated() where !value.isNaN {
                let group = place % length / (length / groups)
                if sums[group].count == 0 { sums[group].shift = value }
                let difference = value - sums[group].shift
                sums[group].sum += difference
                sums[group].squares += difference * difference
                sums[group].count += 1
            }
        }
        let found = sums.map { sum -> (mean: Double, deviation: Double) in
            guard sum.count > 0 else { return (0, 1) }
            let mean = sum.sum / Double(sum.count)
            let variance = sum.squares / Double(sum.count) - mean * mean
            // What rounding leaves of equal numbers is no spread.
            let least = 1e-24 * max(sum.shift * sum.shift, sum.squares / Double(sum.count))
            return (sum.shift + mean, variance > least ? variance.squareRoot() : 1)
        }
        replacements = found.map(\.mean)
        let isUsed = (0..<groups).map { isOn && (areNumbers?[$0] ?? true) }
        means = zip(found, isUsed).map { $1 ? $0.mean : 0 }
        deviations = zip(found, isUsed).map { $1 ? $0.deviation : 1 }
    }

    private static func groupCount(_ shape: [Int]) -> Int {
        switch shape.count {
        case 1: shape[0]
        case 3: shape[0]
        default: 1
        }
    }

    /// Samples [n, ...] as networks take them: (x - mean) / deviation, float32.
    ///
    /// Each number depends on itself alone, so that the same sample gives the same bits in every batch.
    public func inputs(_ stored: Tensor) -> Tensor {
        if stored.failure != nil { return stored }
        let isWide = [DType.float64, .int32, .int64].contains(stored.dtype)
        let values = stored.to(dtype: isWide ? .float64 : .float32)
        let rank = stored.rank - 1
        func row(_ numbers: [Double]) -> Tensor {
            let shape = [1, numbers.count] + Array(repeating: 1, count: max(0, rank - 1))
            return Tensor(numbers, shape: rank == 0 ? [1] : shape).to(dtype: values.dtype)
        }
        return ((values - row(means)) / row(deviations)).to(dtype: .float32)
    }
}
