import Foundation

/// A figure by which a finished run is judged besides its validation loss: a word error rate, an accuracy.
///
/// It is taken once, on the held-out data, from the weights after the last step.
public struct TaskMeasure: Codable, Sendable, Hashable {
    /// Which values are better.
    public enum Direction: String, Codable, Sendable {
        /// Lower values are better, as for an error rate.
        case lower
        /// Higher values are better, as for an accuracy.
        case higher
    }

    /// The name, such as `word error rate`.
    public var name: String
    /// The value in ``unit``: 12.3 for 12.3 %.
    public var value: Double
    /// The lower end of the 95 % interval over the held-out examples; nil if there is none.
    public var lower: Double?
    /// The upper end of it.
    public var upper: Double?
    /// The unit, such as `%` or `bits`; empty for a pure number.
    public var unit: String
    /// Which values are better.
    public var better: Direction

    /// Names a figure and gives its value.
    public init(
        _ name: String, _ value: Double, interval: ClosedRange<Double>? = nil, unit: String = "",
        better: Direction
    ) {
        self.name = name
        self.value = value
        lower = interval?.lowerBound
        upper = interval?.upperBound
        self.unit = unit
        self.better = better
    }

    /// The figure as a line: `word error rate 12.3 % [10.1, 14.9]`.
    package var line: String {
        name + " " + Self.text(value, lower, upper) + (unit.isEmpty ? "" : " " + unit)
    }

    /// A value with the interval around it, to as many digits as are worth reading.
    package static func text(
        _ value: Double, _ lower: Double?, _ upper: Double?, _ text: NumberText = .plain
    ) -> String {
        let decimals = decimals([value, lower, upper].compactMap(\.self))
        let shown = [value, lower, upper].map { $0.map { text.fixed($0, decimals: decimals) } }
        guard let middle = shown[0], let lowest = shown[1], let highest = shown[2] else {
            return shown[0] ?? "-"
        }
        return "\(middle) [\(lowest), \(highest)]"
    }

    /// The decimals that give the largest of some values four digits, between none and four.
    package static func decimals(_ values: [Double]) -> Int {
        let largest = values.filter(\.isFinite).map(abs).max() ?? 0
        return largest > 0 ? min(max(3 - Int(log10(largest).rounded(.down)), 0), 4) : 1
    }

    func validate(_ place: String) throws(DocumentFault) {
        try DocumentLimits.requireText(name, limit: DocumentLimits.name, "\(place).name")
        try DocumentLimits.requireText(unit, limit: DocumentLimits.name, "\(place).unit")
    }
}
