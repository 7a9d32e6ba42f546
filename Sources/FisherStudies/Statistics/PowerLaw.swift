import Foundation

/// The power b of y = a x^b, fitted by least squares to logarithms.
public struct PowerLaw: Hashable, Sendable {
    /// The number of the largest sizes to which costs are fitted: where a step is small its time is that of calls.
    package static let usualCount = 4

    /// b.
    public let exponent: Double
    /// Student's 95 % interval of b, from the residuals; nil for two points.
    public let interval: ClosedRange<Double>?
    /// The number of points.
    public let count: Int

    /// Fits points, of which those that are not positive and finite are left out; nil if fewer than two values of x
    /// remain.
    public init?(_ points: [(x: Double, y: Double)]) {
        let logs = points.filter { $0.x > 0 && $0.y > 0 && $0.x.isFinite && $0.y.isFinite }
            .map { (x: log($0.x), y: log($0.y)) }
        let n = Double(logs.count)
        guard logs.count > 1 else { return nil }
        let (meanX, meanY) = (logs.reduce(0) { $0 + $1.x } / n, logs.reduce(0) { $0 + $1.y } / n)
        let spread = logs.reduce(0) { $0 + ($1.x - meanX) * ($1.x - meanX) }
        guard spread > 1e-12 else { return nil }
        let slope = logs.reduce(0) { $0 + ($1.x - meanX) * ($1.y - meanY) } / spread
        exponent = slope
        count = logs.count
        guard logs.count > 2 else {
            interval = nil
            return
        }
        let squares = logs.reduce(0) { sum, point in
            let residual = point.y - meanY - slope * (point.x - meanX)
            return sum + residual * residual
        }
        let standardError = (squares / (n - 2) / spread).squareRoot()
        let half = StudentT(degreesOfFreedom: logs.count - 2).halfWidth(probability: 0.95) * standardError
        interval = (slope - half)...(slope + half)
    }
}
