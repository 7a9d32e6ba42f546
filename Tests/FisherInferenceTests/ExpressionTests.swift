import FisherInference
import Testing

@Suite struct ExpressionTests {
    private let values = ["a": 0.7, "b": -1.3, "c": 2.1, "x[male]:z": 0.4, "od d": 3]

    private func evaluated(_ text: String, _ shift: (name: String, by: Double)? = nil) throws -> DualNumber {
        let names = values.keys.sorted()
        return try Expression(text).evaluated { (name: String) throws -> DualNumber in
            let value = try #require(values[name]) + (shift?.name == name ? shift?.by ?? 0 : 0)
            return DualNumber(value, gradient: names.map { $0 == name ? 1 : 0 })
        }
    }

    @Test(arguments: [
        ("1 + 2 * 3", 7), ("2 ^ 3 ^ 2", 512), ("-2 ^ 2", -4), ("(1 - 4) / 2e0", -1.5), ("a - -b", -0.6),
        ("x[male]:z * 10", 4), ("`od d`", 3), ("1.5e1", 15), ("2^-1", 0.5),
    ])
    func valuesAreThoseOfArithmetic(_ text: String, _ value: Double) throws {
        #expect(abs(try evaluated(text).value - value) < 1e-14)
    }

    @Test(arguments: [
        "a + b * c", "a / c - c / b", "exp(a) / b", "log(c) * sqrt(a)", "a ^ 2 + c ^ a", "logistic(a + b)",
        "logit(a)", "tanh(b) - abs(b)", "log2(c) + log10(a)", "sin(a) * cos(c)", "b ^ 3", "-(a - c) ^ 2",
    ])
    func derivativesAreThoseOfDifferences(_ text: String) throws {
        let names = values.keys.sorted()
        let found = try evaluated(text)
        for (index, name) in names.enumerated() {
            let difference =
                (try evaluated(text, (name, 1e-6)).value - evaluated(text, (name, -1e-6)).value) / 2e-6
            #expect(abs(found.gradient[index] - difference) < 1e-8, "\(text) by \(name)")
        }
    }

    @Test(arguments: [
        "", "a +", "(a", "foo(a)", "a b", "1..2", "`a", "x[1", "a ** b", "@",
        String(repeating: "(", count: 1000),
        "a" + String(repeating: "^2", count: 1000),
    ])
    func whatIsNoExpressionIsRefused(_ text: String) {
        #expect(throws: ExpressionError.self) { try Expression(text) }
    }
}
