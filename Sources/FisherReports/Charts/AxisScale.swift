import FisherStudies
import Foundation

/// Maps values to coordinates, and finds round values for the ticks of an axis.
struct AxisScale: Sendable {
    let domain: ClosedRange<Double>
    /// The coordinates of the domain's two ends; the first may be the larger.
    let start: Double
    let end: Double

    init(_ domain: ClosedRange<Double>, from start: Double, to end: Double) {
        self.domain = domain
        self.start = start
        self.end = end
    }

    /// The coordinate of a value, inside or outside the domain.
    func position(_ value: Double) -> Double {
        let length = domain.upperBound - domain.lowerBound
        guard length > 0 else { return (start + end) / 2 }
        return start + (value - domain.lowerBound) / length * (end - start)
    }

    /// The coordinate of a value, moved to the nearer end if it lies outside.
    func clampedPosition(_ value: Double) -> Double {
        position(min(max(value, domain.lowerBound), domain.upperBound))
    }

    /// The distance of round values: 1, 2, 2.5 or 5 times a power of ten, for about `count` of them.
    static func tickStep(_ domain: ClosedRange<Double>, count: Int, whole: Bool = false) -> Double {
        let length = domain.upperBound - domain.lowerBound
        guard length > 0, length.isFinite else { return 1 }
        let rough = length / Double(max(count, 1))
        let power = pow(10, log10(rough).rounded(.down))
        let multiples = [1.0, 2, 2.5, 5, 10]
        let step = (multiples.first { $0 * power >= rough * 0.999 } ?? 10) * power
        // There is no step 2.5 of a training run.
        return whole ? max(step.rounded(), 1) : step
    }

    /// The round values within the domain and their texts.
    func ticks(count: Int, whole: Bool = false) -> [(value: Double, text: String)] {
        let step = Self.tickStep(domain, count: count, whole: whole)
        let decimals = Self.decimals(ofStep: step)
        let first = (domain.lowerBound / step - 1e-9).rounded(.up)
        let last = (domain.upperBound / step + 1e-9).rounded(.down)
        // Beyond this, one more than a number may be that number again.
        guard last >= first, last - first < 1000, max(abs(first), abs(last)) < 1e15 else { return [] }
        return stride(from: first, through: last, by: 1).map { multiple in
            let value = multiple * step
            return (value, Self.text(value, decimals: decimals))
        }
    }

    /// Powers of ten for a domain of logarithms, and 3 times them where the domain is short; round values where it is shorter
    /// than a power of ten.
    ///
    /// - Parameter count: the most powers of ten that have room.
    func logarithmicTicks(count: Int = 15) -> [(value: Double, text: String)] {
        guard max(abs(domain.lowerBound), abs(domain.upperBound)) < 1000 else { return [] }
        let length = domain.upperBound - domain.lowerBound
        if length < 1, length > 0, abs(domain.lowerBound) < 12 { return shortLogarithmicTicks() }
        let factors = length > min(2.5, Double(count) / 3) ? [1.0] : [1, 3]
        let decades = Int(domain.lowerBound.rounded(.down))...Int(domain.upperBound.rounded(.up))
        let skip = max(1, (decades.count + count - 1) / count)
        return decades.filter { $0.isMultiple(of: skip) }.flatMap { decade in
            factors.map { factor in
                let value = factor * pow(10, Double(decade))
                return (log10(value), Self.short(value))
            }
        }.filter { domain.contains($0.0) }
    }

    /// The room at the left of a vertical axis in which the texts of its ticks stand whole, `margin` at least.
    ///
    /// Browsers choose the font: the widest of the usual ones is a sixth wider than Helvetica.
    static func room(for ticks: [(value: Double, text: String)], atLeast margin: Double) -> Double {
        let widths = ticks.map { Helvetica.width(of: $0.text, size: Helvetica.figureSize) * 7 / 6 }
        return max(margin, (widths.max() ?? 0) + 10)
    }

    /// Round values at even distances, those left out that would touch the one before.
    private func shortLogarithmicTicks() -> [(value: Double, text: String)] {
        let values = AxisScale(pow(10, domain.lowerBound)...pow(10, domain.upperBound), from: 0, to: 1).ticks(
            count: 6)
        var kept: [(value: Double, text: String)] = []
        for tick in values where tick.value > 0 {
            let place = log10(tick.value)
            if let last = kept.last, abs(position(place) - position(last.value)) < 18 { continue }
            kept.append((place, tick.text))
        }
        return kept
    }

    /// A number as `%g` writes it, its exponent without zeros in front: `1e-5`, `1e5`.
    private static func short(_ value: Double) -> String {
        let isShort = value >= 1e-3 && value < 99_999
        let text = isShort ? String(format: "%g", value) : String(format: "%.0e", value)
        return text.replacing(/e([-+])0+/) { "e\($0.1 == "-" ? "-" : "")" }.replacing("e+", with: "e")
    }

    private static func decimals(ofStep step: Double) -> Int {
        (0...9).first { decimals in
            let scaled = step * pow(10, Double(decimals))
            return abs(scaled - scaled.rounded()) < 1e-6 * scaled
        } ?? 9
    }

    private static func text(_ value: Double, decimals: Int) -> String {
        let text = NumberText.typographic
        if decimals == 0, abs(value) < 1e15 { return text.grouped(Int(value.rounded())) }
        // Rows of zeros are harder to read than powers of ten.
        if decimals > 6, value != 0 {
            return (value < 0 ? text.minus : "") + String(format: "%.6g", abs(value))
        }
        return text.fixed(value, decimals: decimals)
    }
}
