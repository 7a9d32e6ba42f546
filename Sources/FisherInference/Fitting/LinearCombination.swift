import Foundation

/// A linear function of named parameters, as text.
package struct LinearCombination: Hashable, Sendable, CustomStringConvertible {
    package let coefficients: [Double]
    package let description: String

    /// - Parameters:
    ///   - coefficients: one for each name; scaled so that the largest in size is 1 if `isDirection`.
    ///   - isDirection: whether only the ratios mean something.
    package init(_ coefficients: [Double], names: [String], isDirection: Bool = true) {
        let largest = coefficients.max { abs($0) < abs($1) } ?? 1
        let scaled = isDirection && largest != 0 ? coefficients.map { $0 / abs(largest) } : coefficients
        let limit = 1e-4 * (scaled.map(abs).max() ?? 0)
        self.coefficients = scaled
        var text = ""
        let shown = scaled.indices.filter { abs(scaled[$0]) > limit }
        for index in shown.prefix(8) {
            let value = scaled[index]
            let size = abs(abs(value) - 1) < 1e-9 ? "" : String(format: "%.4g", abs(value)) + " "
            if text.isEmpty {
                text += (value < 0 ? "-" : "") + size + names[index]
            } else {
                text += (value < 0 ? " - " : " + ") + size + names[index]
            }
        }
        description = shown.count > 8 ? text + " + …" : text.isEmpty ? "0" : text
    }
}
