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

    /// Sorts finite numbers into equal buckets; others are left out. Nil if there are none.
    init?(_ values: [Float], buckets: Int = 40) {
        var (smallest, largest) = (Float.infinity, -Float.infinity)
        Self.visitFinite(values) { value in
            if value < smallest { smallest = value }
            if value > largest { largest = value }
        }
        guard buckets > 0, smallest <= largest else { return nil }
        let (low, high) = (Double(smallest), Double(largest))
        let width = (high - low) / Double(buckets)
        var counts = [Double](repeating: 0, count: width > 0 ? buckets : 1)
        var (number, sum, squares) = (0, 0.0, 0.0)
        counts.withUnsafeMutableBufferPointer { counts in
            Self.visitFinite(values) { single in
                let value = Double(single)
                let bucket = width > 0 ? Int((value - low) / width) : 0
                counts[bucket < counts.count ? bucket : counts.count - 1] += 1
                number += 1
                sum += value
                squares += value * value
            }
        }
        limits = width > 0 ? (1...buckets).map { $0 == buckets ? high : low + width * Double($0) } : [high]
        self.counts = counts
        (minimum, maximum, count, self.sum, sumOfSquares) = (low, high, number, sum, squares)
    }

    // A plain loop over memory: weights are many, and a program built without optimization walks a lazy sequence a hundred
    // times more slowly.
    private static func visitFinite(_ values: [Float], _ visit: (Float) -> Void) {
        values.withUnsafeBufferPointer { values in
            guard let start = values.baseAddress else { return }
            var position = 0
            while position < values.count {
                let value = start[position]
                if value - value == 0 { visit(value) }
                position += 1
            }
        }
    }
}
