import Foundation

/// Student's t distribution with a whole number of degrees of freedom.
public struct StudentT: Sendable, Hashable {
    /// The degrees of freedom, one or more.
    public let degreesOfFreedom: Int

    /// The distribution with `degreesOfFreedom`, which must be positive.
    public init(degreesOfFreedom: Int) {
        precondition(degreesOfFreedom > 0, "Student's t needs a degree of freedom, not \(degreesOfFreedom)")
        self.degreesOfFreedom = degreesOfFreedom
    }

    /// The probability that a value lies within `t` of zero.
    public func centralProbability(within t: Double) -> Double {
        probability(atAngle: atan(abs(t) / Double(degreesOfFreedom).squareRoot()))
    }

    /// The `t` within which a value lies with the given probability; 12.7 for 0.95 and one degree of freedom.
    ///
    /// - Parameter probability: Above zero and below one.
    public func halfWidth(probability: Double) -> Double {
        precondition(probability > 0 && probability < 1, "a probability within (0, 1), not \(probability)")
        var low = 0.0
        var high = Double.pi / 2
        // The angle has a bounded range, so that plain bisection reaches the last bit in sixty halvings.
        while true {
            let middle = (low + high) / 2
            if middle <= low || middle >= high { break }
            if self.probability(atAngle: middle) < probability { low = middle } else { high = middle }
        }
        return Double(degreesOfFreedom).squareRoot() * tan((low + high) / 2)
    }

    /// The central probability as the finite series of Abramowitz and Stegun, 26.7.3 and 26.7.4,
    /// in the angle whose tangent is t over the root of the degrees of freedom.
    private func probability(atAngle angle: Double) -> Double {
        let cosineSquare = cos(angle) * cos(angle)
        let isOdd = !degreesOfFreedom.isMultiple(of: 2)
        if degreesOfFreedom == 1 { return 2 / Double.pi * angle }
        var term = isOdd ? cos(angle) : 1
        var sum = term
        for power in stride(from: isOdd ? 3 : 2, through: degreesOfFreedom - 2, by: 2) {
            term *= cosineSquare * Double(power - 1) / Double(power)
            sum += term
        }
        return isOdd ? 2 / Double.pi * (angle + sin(angle) * sum) : sin(angle) * sum
    }
}
