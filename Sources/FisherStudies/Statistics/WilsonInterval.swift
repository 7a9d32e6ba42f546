/// The 95 % interval of a share (Wilson 1927): all shares p for which the count lies within 1.96 standard deviations
/// sqrt(n p (1 - p)) of n p.
package enum WilsonInterval {
    /// The 95 % interval of a share, of which `count` of `total` were seen.
    package static func of(_ count: Int, in total: Int) -> ClosedRange<Double> {
        let (n, z) = (Double(total), 1.959_963_984_540_054)
        let share = Double(count) / n
        let middle = (share + z * z / (2 * n)) / (1 + z * z / n)
        let half = z / (1 + z * z / n) * (share * (1 - share) / n + z * z / (4 * n * n)).squareRoot()
        // Of none and of all the end is exact, which rounding would miss.
        return (count == 0 ? 0 : middle - half)...(count == total ? 1 : middle + half)
    }
}
