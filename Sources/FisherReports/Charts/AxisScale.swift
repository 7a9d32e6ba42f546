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

    /// Powers of ten for a domain of logarithms, and 2 and 5 times them where the domain is short.
    func logarithmicTicks() -> [(value: Double, text: String)] {
        guard max(abs(domain.lowerBound), abs(domain.upperBound)) < 1000 else { return [] }
        let length = domain.upperBound - domain.lowerBound
        let factors = length > 2.5 ? [1.0] : length > 1 ? [1, 3] : [1, 1.5, 2, 3, 5, 7]
        let decades = Int(domain.lowerBound.rounded(.down))...Int(domain.upperBound.rounded(.up))
        let skip = max(1, decades.count / 8)
        return decades.filter { $0.isMultiple(of: skip) }.flatMap { decade in
            factors.map { factor in
                let value = factor * pow(10, Double(decade))
                return (log10(value), String(format: "%g", value))
            }
        }.filter { domain.contains($0.0) }
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
