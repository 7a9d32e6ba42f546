@testable import Fisher
@testable import FisherInformation

/// A rule with shapes and gradients on which the two paths are held together.
struct FusedCase: Sendable, CustomStringConvertible {
    /// How the gradients are made.
    enum Regime: String, CaseIterable, Sendable {
        case normal, tiny, vanishing, huge, zeroFirst, deadRows, mixedScale
    }

    /// Name and options of a rule.
    let rule: String
    var options: [(String, String)] = []
    var regime = Regime.normal
    var shapes: [[Int]] = [[300]]
    var dtype = DType.float32
    var clipGradientNorm: Double?

    var description: String {
        let settings = options.map { "\($0.0)=\($0.1)" }.joined(separator: " ")
        return "\(rule) \(settings) \(regime.rawValue) \(shapes)"
    }

    /// What a run leaves behind.
    struct Outcome {
        var parameters: [[Double]]
        var state: [String: [Double]]
        var report: StepReport
    }

    func boundRule() throws -> any OptimizationRule {
        var made = try RuleRegistry.rule(named: rule)
        for (name, value) in options { try made.set(name, to: value) }
        return made
    }

    /// The same parameters each time; at an odd address where they are `misaligned`.
    func parameters(misaligned: Bool = false) throws -> [NamedParameter] {
        let generator = try RandomGenerator(seed: 5)
        return shapes.enumerated().map { number, shape in
            let count = shape.reduce(1, *)
            let values = Tensor.normal([count], using: generator).to(dtype: dtype)
            let room = Tensor.concatenated([.zeros([1], dtype: dtype), values])
            let tensor = (misaligned ? room.narrowed(0, from: 1, length: count) : values).reshaped(shape)
            return NamedParameter(
                path: ParameterPath("p\(number)"), parameter: Parameter(wrappedValue: tensor))
        }
    }

    func gradients(_ step: Int) throws -> [ParameterPath: Tensor] {
        let generator = try RandomGenerator(seed: UInt64(100 + step))
        var found: [ParameterPath: Tensor] = [:]
        for (number, shape) in shapes.enumerated() {
            var g = Tensor.normal(shape, using: generator) * 0.1
            switch regime {
            case .normal: break
            case .tiny: g = g * 1e-8
            case .vanishing: g = g * 1e-36
            case .huge: g = g * 1e17
            case .zeroFirst: g = step == 1 ? g * 0 : g
            case .deadRows:
                let keep = Tensor.normal(Array(shape.prefix(1)), using: try RandomGenerator(seed: 7))
                let mask = (keep * 1e30).clamped(to: 0...1)
                g = g * mask.reshaped(shape.isEmpty ? [] : [shape[0]] + shape.dropFirst().map { _ in 1 })
            case .mixedScale: g = g * (Tensor.normal(shape, using: generator) * 3).exp()
            }
            found[ParameterPath("p\(number)")] = g.to(dtype: dtype)
        }
        return found
    }

    func optimizer(
        _ parameters: [NamedParameter], _ execution: Execution, _ instructions: InstructionSet? = nil,
        threads: Int? = nil
    ) throws -> Optimizer {
        let optimizer = try Optimizer(
            parameters: parameters, groups: [ParameterGroup(.rest, try boundRule(), decaying: .all)],
            clipGradientNorm: clipGradientNorm, execution: execution)
        if let instructions { optimizer.instructionSet = instructions }
        optimizer.threadLimit = threads
        return optimizer
    }

    /// Makes three steps.
    func run(
        _ execution: Execution, _ instructions: InstructionSet? = nil, threads: Int? = nil,
        misaligned: Bool = false
    ) throws -> Outcome {
        let parameters = try parameters(misaligned: misaligned)
        let optimizer = try optimizer(parameters, execution, instructions, threads: threads)
        var report: StepReport?
        for step in 1...3 { report = try optimizer.update(with: try gradients(step)) }
        return Outcome(
            parameters: try parameters.map { try $0.parameter.wrappedValue.scalars() },
            state: try optimizer.state.mapValues { try $0.scalars() }, report: report!)
    }

    /// The largest difference relative to the largest element of each tensor.
    static func distance(_ a: [[Double]], _ b: [[Double]]) -> Double {
        // Plain loops: millions of elements are compared, and sequences of closures are slow in debug builds.
        var largest = 0.0
        for (x, y) in zip(a, b) {
            var (scale, difference, k) = (Double.leastNormalMagnitude, 0.0, 0)
            while k < x.count, k < y.count {
                let (found, expected) = (x[k], y[k])
                if abs(found) > scale { scale = abs(found) }
                if found != expected {
                    guard found.isFinite && expected.isFinite else { return .infinity }
                    difference = max(difference, abs(found - expected))
                }
                k += 1
            }
            largest = max(largest, difference / scale)
        }
        return largest
    }

    /// The same over two states.
    static func distance(_ a: [String: [Double]], _ b: [String: [Double]]) -> Double {
        guard Set(a.keys) == Set(b.keys) else { return .infinity }
        return a.map { key, values in distance([values], [b[key]!]) }.max() ?? 0
    }
}
