import FisherFiles

/// A function of the parameters with its derivatives at the estimate.
package struct ParameterFunction: Sendable {
    package let text: String
    package let value: Double
    package let gradient: [Double]
    /// Whether it is a linear function, with the same gradient everywhere.
    package let isLinear: Bool
    /// What a linear function adds to the gradient's product with the parameters.
    package let constant: Double

    /// Evaluates an expression of parameter names.
    ///
    /// Throws `ModelError` for an expression that is none, a name that is no parameter's, and a value that is not finite.
    package init(_ text: String, names: [String], at point: [Double]) throws(ModelError) {
        let expression: Expression
        do throws(ExpressionError) { expression = try Expression(text) } catch {
            throw ModelError(error.description, isUsage: true)
        }
        let places = Dictionary(names.enumerated().map { ($1, $0) }, uniquingKeysWith: { first, _ in first })
        func evaluated(_ point: [Double]) throws(ModelError) -> DualNumber {
            try expression.evaluated { (name: String) throws(ModelError) in
                guard let place = places[name] else {
                    throw ModelError(
                        "\(text.quoted(limit: 100)) takes \(name.quoted()), which is no parameter; there are "
                            + names.prefix(20).joined(separator: ", ") + (names.count > 20 ? ", …" : ""),
                        isUsage: true)
                }
                return DualNumber(point[place], gradient: names.indices.map { $0 == place ? 1 : 0 })
            }
        }
        let found = try evaluated(point)
        let gradient = found.gradient.isEmpty ? names.map { _ in 0 } : found.gradient
        guard found.value.isFinite, gradient.allSatisfy(\.isFinite) else {
            throw ModelError("\(text.quoted(limit: 100)) is not finite at the estimates", isUsage: true)
        }
        guard gradient.contains(where: { $0 != 0 }) else {
            throw ModelError(
                "\(text.quoted(limit: 100)) does not change with the parameters", isUsage: true)
        }
        // A linear function has the same derivatives at other points.
        var isLinear = true
        for factor in [0.7, -1.3] {
            let other = try evaluated(point.enumerated().map { $1 * factor + Double($0 % 7) * 0.13 })
            isLinear =
                isLinear
                && zip(other.gradient, gradient).allSatisfy { abs($0 - $1) <= 1e-12 * max(abs($0), abs($1)) }
        }
        self.text = text
        self.value = found.value
        self.gradient = gradient
        self.isLinear = isLinear
        constant = found.value - dot(gradient, point)
    }

    /// A contrast `a - b`, or a hypothesis `a - b = 1`: the linear function and the value it is tested for.
    ///
    /// Throws `ModelError` where it is not linear.
    package static func contrast(
        _ text: String, names: [String], at point: [Double]
    ) throws(ModelError) -> (function: ParameterFunction, value: Double) {
        let parts = split(text)
        guard parts.count <= 2 else {
            throw ModelError("the contrast \(text.quoted(limit: 100)) has more than one \"=\"", isUsage: true)
        }
        let function = try ParameterFunction(parts[0], names: names, at: point)
        guard function.isLinear else {
            throw ModelError(
                "\(parts[0].quoted(limit: 100)) is no linear function of the parameters; --function takes it",
                isUsage: true)
        }
        guard parts.count == 2 else { return (function, 0) }
        guard let right = try? Expression(parts[1]), right.names.isEmpty else {
            throw ModelError(
                "the contrast \(text.quoted(limit: 100)) is compared with \(parts[1].quoted(limit: 60)), which is no number",
                isUsage: true)
        }
        let value = right.evaluated { (_: String) throws(Never) in DualNumber(0) }.value
        return (function, value)
    }

    /// The parts between equals signs outside brackets and back quotes.
    private static func split(_ text: String) -> [String] {
        var (parts, depth, isQuoted) = ([""], 0, false)
        for character in text {
            if character == "`" { isQuoted.toggle() }
            if character == "[" { depth += 1 }
            if character == "]" { depth -= 1 }
            if character == "=", depth == 0, !isQuoted {
                parts.append("")
            } else {
                parts[parts.count - 1].append(character)
            }
        }
        return parts
    }
}
