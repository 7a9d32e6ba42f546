import Foundation

/// A number with its derivatives by several variables: forward differentiation.
package struct DualNumber: Hashable, Sendable {
    package let value: Double
    /// The derivatives; empty stands for zeros.
    package let gradient: [Double]

    package init(_ value: Double, gradient: [Double] = []) {
        self.value = value
        self.gradient = gradient
    }

    /// f(u) with f'(u).
    func mapped(_ value: Double, _ derivative: Double) -> DualNumber {
        DualNumber(value, gradient: gradient.map { $0 * derivative })
    }

    /// x * a' + y * b', either of which may have no gradient.
    private static func combined(
        _ value: Double, _ a: DualNumber, _ x: Double, _ b: DualNumber, _ y: Double
    ) -> DualNumber {
        if a.gradient.isEmpty { return DualNumber(value, gradient: b.gradient.map { y * $0 }) }
        if b.gradient.isEmpty { return DualNumber(value, gradient: a.gradient.map { x * $0 }) }
        return DualNumber(value, gradient: zip(a.gradient, b.gradient).map { x * $0 + y * $1 })
    }

    static func + (a: DualNumber, b: DualNumber) -> DualNumber { combined(a.value + b.value, a, 1, b, 1) }
    static func - (a: DualNumber, b: DualNumber) -> DualNumber { combined(a.value - b.value, a, 1, b, -1) }
    static func * (a: DualNumber, b: DualNumber) -> DualNumber {
        combined(a.value * b.value, a, b.value, b, a.value)
    }
    static func / (a: DualNumber, b: DualNumber) -> DualNumber {
        combined(a.value / b.value, a, 1 / b.value, b, -a.value / (b.value * b.value))
    }

    /// a^b; a constant exponent needs no logarithm of a negative base.
    static func power(_ a: DualNumber, _ b: DualNumber) -> DualNumber {
        let value = pow(a.value, b.value)
        let slope = b.value == 0 ? 0 : b.value * pow(a.value, b.value - 1)
        if b.gradient.isEmpty { return a.mapped(value, slope) }
        return combined(value, a, slope, b, value * log(a.value))
    }
}
