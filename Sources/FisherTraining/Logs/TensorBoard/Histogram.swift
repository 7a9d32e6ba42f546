/// Numbers sorted into buckets, as TensorBoard draws them.
struct Histogram: Hashable, Sendable {
    /// The upper ends of the buckets, ascending.
    let limits: [Double]
    /// How many numbers lie in each.
    let counts: [Double]
    /// The smallest number.
    let minimum: Double
    /// The largest number.
    let maximum: Double
    /// How many numbers there are.
    let count: Int
    /// Their sum.
    let sum: Double
    /// The sum of their squares.
    let sumOfSquares: Double

    /// Sorts finite numbers into equal buckets; others are left out. Nothing where there is none.
    init?(_ values: [Float], buckets: Int = 40) {
        let finite = values.lazy.filter(\.isFinite)
        guard buckets > 0, let smallest = finite.min(), let largest = finite.max() else { return nil }
        let (low, high) = (Double(smallest), Double(largest))
        let width = (high - low) / Double(buckets)
        var counts = [Double](repeating: 0, count: width > 0 ? buckets : 1)
        var (number, sum, squares) = (0, 0.0, 0.0)
        for value in finite.lazy.map(Double.init) {
            let bucket = width > 0 ? min(Int((value - low) / width), buckets - 1) : 0
            counts[bucket] += 1
            number += 1
            sum += value
            squares += value * value
        }
        limits = width > 0 ? (1...buckets).map { $0 == buckets ? high : low + width * Double($0) } : [high]
        self.counts = counts
        (minimum, maximum, count, self.sum, sumOfSquares) = (low, high, number, sum, squares)
    }
}
