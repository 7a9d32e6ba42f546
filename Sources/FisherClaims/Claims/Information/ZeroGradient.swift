import Fisher
import FisherStudies
import Foundation

/// What happens as printed where a tensor's first gradient is zero.
enum ZeroGradient {
    static let claim = Claim(
        "zero-gradient",
        says: """
            To prevent division by zero before clipping, epsilon is added: min(1e-8, 0.01 RMS(g)) in FAdam and FAdafactor, \
            1e-30 inside the sums in Adafactor.
            """,
        in: .fadam("Appendix B.3; Algorithms 1, 2 and 4"),
        decidedBy: """
            The printed lines, evaluated as arithmetic in float32 for a tensor whose first gradient is zero (a weight behind \
            a zero-initialized projection): holds if every number is finite. The same case in this package's rules is shown \
            beside it, and must be finite and leave the weights where they are.
            """,
        evidence: .exact, cost: ClaimCost(short: 2)
    ) { _ in try finding() }

    /// Algorithm 1's line 9 at t = 1 in float32: f = g^2 since b2hat(1) is zero.
    static func printedFAdam(_ g: [Float]) -> [Float] {
        let rms = (g.reduce(0) { $0 + $1 * $1 } / Float(g.count)).squareRoot()
        let epsilon = min(1e-8, 0.01 * rms)
        return g.map { $0 / (($0 * $0).squareRoot() + epsilon) }
    }

    /// Algorithm 2's lines 7 to 11 at t = 1, for a matrix of rows.
    static func printedFAdafactor(_ g: [[Float]]) -> [[Float]] {
        let count = Float(g.count * (g.first?.count ?? 1))
        let rms = (g.joined().reduce(0) { $0 + $1 * $1 } / count).squareRoot()
        return factored(g, addend: 0) { value, f in
            value / (f.squareRoot() + min(1e-8, 0.01 * rms))
        }
    }

    /// Algorithm 4's lines 7 to 10 at t = 1.
    static func printedAdafactor(_ g: [[Float]]) -> [[Float]] {
        factored(g, addend: 1e-30) { value, f in value / f.squareRoot() }
    }

    private static func factored(
        _ g: [[Float]], addend: Float, _ divide: (_ value: Float, _ f: Float) -> Float
    ) -> [[Float]] {
        let squares = g.map { $0.map { $0 * $0 + addend } }
        let rows = squares.map { $0.reduce(0, +) }
        let columns = (squares.first ?? []).indices.map { k in squares.reduce(Float(0)) { $0 + $1[k] } }
        let sum = rows.reduce(0, +)
        return g.indices.map { i in
            g[i].indices.map { k in divide(g[i][k], rows[i] * columns[k] / sum) }
        }
    }

    private static func moved(_ rule: any OptimizationRule) throws -> Double {
        let parameter = Parameter(wrappedValue: .ones([3, 4]))
        let path = ParameterPath("x")
        let optimizer = try Optimizer(
            parameters: [NamedParameter(path: path, parameter: parameter)], groups: [.init(.rest, rule)])
        try optimizer.update(with: [path: .zeros([3, 4])])
        return try (parameter.wrappedValue.detached() - 1).magnitude().max().item()
    }

    private static func finding() throws -> ClaimFinding {
        let zeros = [[Float]](repeating: [Float](repeating: 0, count: 4), count: 3)
        func nonFinite(_ values: some Sequence<Float>) -> Double {
            Double(values.filter { !$0.isFinite }.count)
        }
        var measurements = [
            MeasuredQuantity(
                "FAdam as printed: elements of 12 that are not finite",
                nonFinite(printedFAdam(Array(zeros.joined()))), .atMost(0)),
            MeasuredQuantity(
                "FAdafactor as printed: elements of 12 that are not finite",
                nonFinite(printedFAdafactor(zeros).joined()), .atMost(0)),
            MeasuredQuantity(
                "Adafactor as printed: elements of 12 that are not finite",
                nonFinite(printedAdafactor(zeros).joined()), .atMost(0)),
        ]
        // Without decay, so that a step could come from the gradient only.
        let rules: [(String, any OptimizationRule)] = [
            ("FAdam", try FAdam(learningRate: 1) { $0.weightDecay = 0 }),
            ("FAdafactor", try FAdafactor(learningRate: 1) { $0.weightDecay = 0 }),
            ("Adafactor", try Adafactor(learningRate: 1) { $0.weightDecay = 0 }),
        ]
        for (name, rule) in rules {
            measurements.append(
                MeasuredQuantity("\(name) here: largest movement of a weight", try moved(rule)))
        }
        return ClaimFinding(
            deciding: measurements,
            """
            As printed, a tensor whose first gradient is zero is 0/0: \(measurements[0].text), \(measurements[1].text) and \
            \(measurements[2].text) of 12 elements are not finite after the first step of FAdam, FAdafactor and Adafactor. \
            epsilon-hat is a multiple of RMS(g), hence zero with it, and the product of two sums of 1e-30 is below float32. Here \
            such a tensor has no information and makes no step (movements \(measurements[3].text), \(measurements[4].text), \
            \(measurements[5].text)).
            """)
    }
}
