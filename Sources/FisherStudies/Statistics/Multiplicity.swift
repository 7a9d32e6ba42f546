import Foundation

/// Probabilities of false statements when several are made at once.
public enum Multiplicity {
    /// Holm's (1979) adjusted p-values: comparing each with 0.05 makes one false statement or more in at most 5 % of
    /// families, whatever the dependence.
    ///
    /// In increasing order the i-th of m is multiplied by m - i + 1, is at least the one before it and at most 1.
    public static func holm(_ values: [Double]) -> [Double] {
        var adjusted = values
        var largest = 0.0
        for (rank, index) in values.indices.sorted(by: { values[$0] < values[$1] }).enumerated() {
            largest = max(largest, min(1, values[index] * Double(values.count - rank)))
            adjusted[index] = largest
        }
        return adjusted
    }

    /// Šidák's adjusted p-value of one of `count` statements: 1 - (1 - p)^count.
    ///
    /// For t statistics of normal differences it is valid under every correlation and every ratio of variances, exact for
    /// independent ones.
    public static func sidak(_ value: Double, count: Int) -> Double {
        -expm1(Double(count) * log1p(-min(value, 1)))
    }
}
