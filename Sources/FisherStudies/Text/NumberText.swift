import Foundation

/// Numbers as text for readers, the same in every locale.
package struct NumberText: Sendable {
    /// The sign of negative numbers.
    package let minus: String

    /// With the hyphen that other programs read back.
    package static let plain = NumberText(minus: "-")
    /// With the typographic minus sign, for pages.
    package static let typographic = NumberText(minus: "\u{2212}")

    /// A number with a fixed number of decimals, at most nine.
    package func fixed(_ value: Double, decimals: Int) -> String {
        if value.isNaN { return "NaN" }
        if value.isInfinite { return (value < 0 ? minus : "") + "inf" }
        // A number too large for columns is better read in powers of ten.
        let pattern = abs(value) >= 1e9 ? "%.3g" : "%.\(min(max(decimals, 0), 9))f"
        let text = String(format: pattern, abs(value))
        let isZero = !text.contains { $0.isNumber && $0 != "0" }
        return value < 0 && !isZero ? minus + text : text
    }

    /// A number with its sign shown for positive ones too; zero has none.
    package func signed(_ value: Double, decimals: Int) -> String {
        let text = fixed(value, decimals: decimals)
        let isZero = !text.contains { $0.isLetter || ($0.isNumber && $0 != "0") }
        return value > 0 && !isZero ? "+" + text : text
    }

    /// A mean, and its standard deviation where there is one.
    package func spread(_ summary: SampleSummary, decimals: Int) -> String {
        let mean = fixed(summary.mean, decimals: decimals)
        guard let deviation = summary.standardDeviation else { return mean }
        return mean + " ± " + fixed(deviation, decimals: decimals)
    }

    /// An interval in brackets, each end with its sign.
    package func interval(_ interval: ClosedRange<Double>, decimals: Int) -> String {
        let low = signed(interval.lowerBound, decimals: decimals)
        let high = signed(interval.upperBound, decimals: decimals)
        return "[\(low), \(high)]"
    }

    /// A time in milliseconds with about three significant digits.
    package func milliseconds(_ value: Double) -> String {
        fixed(value, decimals: value < 0.1 ? 3 : value < 10 ? 2 : value < 100 ? 1 : 0)
    }

    /// A whole number with commas between thousands.
    package func grouped(_ value: Int) -> String {
        let digits = String(value.magnitude)
        var text = ""
        for (offset, digit) in digits.enumerated() {
            if offset > 0 && (digits.count - offset).isMultiple(of: 3) { text.append(",") }
            text.append(digit)
        }
        return value < 0 ? minus + text : text
    }

    /// A large number with three digits and a letter: `31.2k`, `4.05M`.
    package func compact(_ value: Double) -> String {
        guard value.isFinite else { return fixed(value, decimals: 0) }
        // The limits are where the text of the smaller unit would round up to four digits.
        for (limit, unit, letter) in [(999.5, 1.0, ""), (999.5e3, 1e3, "k"), (999.5e6, 1e6, "M")]
        where abs(value) < limit {
            let scaled = value / unit
            let decimals = letter.isEmpty ? 0 : abs(scaled) < 9.995 ? 2 : abs(scaled) < 99.95 ? 1 : 0
            return fixed(scaled, decimals: decimals) + letter
        }
        return fixed(value / 1e9, decimals: 2) + "G"
    }

    /// A duration as `0:42`, `12:05` or `1:02:33`.
    package func duration(seconds: Double) -> String {
        guard seconds.isFinite, seconds >= 0, seconds < 3.6e8 else { return "?" }
        let total = Int(seconds.rounded())
        let minutes = String(format: total >= 3600 ? "%02d" : "%d", total / 60 % 60)
        let tail = minutes + ":" + String(format: "%02d", total % 60)
        return total >= 3600 ? "\(total / 3600):" + tail : tail
    }

    /// The same for what may take less than ten seconds: `0.21 s`, then as a duration.
    package func elapsed(seconds: Double) -> String {
        guard seconds >= 0, seconds < 9.995 else { return duration(seconds: seconds) }
        return fixed(seconds, decimals: 2) + " s"
    }

    /// `1 seed`, `2 seeds`.
    package func counted(_ count: Int, _ noun: String) -> String {
        "\(grouped(count)) \(noun)\(count == 1 ? "" : "s")"
    }

    /// A number as short as it can be written: `100`, `0.1`, `1e+06`.
    package static func short(_ value: Double) -> String { String(format: "%g", value) }

    /// Bytes in units of 2^20: `12.5 MiB`.
    package static func mebibytes(_ bytes: Int) -> String {
        String(format: "%.1f MiB", Double(bytes) / 1_048_576)
    }

    /// The unit in which sizes up to `bytes` are told: MiB, or KiB where those of small models would all be 0.00 MiB.
    package static func binaryUnit(for bytes: Int) -> (name: String, bytes: Double) {
        bytes < 104_858 ? ("KiB", 1024) : ("MiB", 1_048_576)
    }

    /// Three significant digits; `inf` and `NaN` without a sign.
    package static func significant(_ value: Double) -> String {
        guard value.isFinite else { return value.isNaN ? "NaN" : "inf" }
        let size = abs(value)
        if value == 0 { return "0" }
        if size >= 1e5 || size < 1e-3 { return String(format: "%.2e", value) }
        return String(format: size >= 100 ? "%.0f" : size >= 10 ? "%.1f" : "%.3g", value)
    }

    /// A share with enough digits to distinguish it from zero and one.
    package static func share(_ value: Double) -> String {
        value < 0.001 && value > 0 ? String(format: "%.1e", value) : String(format: "%.3f", value)
    }
}
