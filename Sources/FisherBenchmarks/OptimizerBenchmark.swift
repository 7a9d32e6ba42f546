import Fisher

/// Synthetic parameters and gradients that several benchmarks may share.
public final class BenchmarkTensors {
    /// The shapes.
    public let set: ParameterSet
    let parameters: [NamedParameter]
    let gradients: [ParameterPath: Tensor]

    /// Draws weights from N(0, 0.02^2) and gradients from N(0, 0.001^2).
    public init(_ set: ParameterSet) throws {
        self.set = set
        let generator = try RandomGenerator(seed: 1)
        var gradients: [ParameterPath: Tensor] = [:]
        parameters = set.shapes.enumerated().map { number, shape in
            let path = ParameterPath("p\(number)")
            gradients[path] = Tensor.normal(shape, using: generator) * 1e-3
            return NamedParameter(
                path: path, parameter: Parameter(wrappedValue: .normal(shape, using: generator) * 0.02))
        }
        self.gradients = gradients
    }
}

/// One optimizer bound to synthetic parameters and gradients, to be timed in turns.
public final class OptimizerBenchmark {
    /// The optimizer, after its first step.
    public let optimizer: Optimizer
    private let gradients: [ParameterPath: Tensor]
    /// The number of parameters.
    public let count: Int

    /// Binds a rule, and makes the first step.
    public init(
        _ tensors: BenchmarkTensors, _ rule: any OptimizationRule, clipGradientNorm: Double? = nil,
        execution: Execution = .automatic
    ) throws {
        gradients = tensors.gradients
        count = tensors.set.count
        optimizer = try Optimizer(
            parameters: tensors.parameters, groups: [ParameterGroup(.rest, rule)],
            clipGradientNorm: clipGradientNorm, execution: execution)
        try optimizer.update(with: gradients)
    }

    /// The seconds that a step takes on average over some steps.
    public func seconds(steps: Int) throws -> Double {
        let clock = ContinuousClock()
        let begin = clock.now
        for _ in 0..<steps { try optimizer.update(with: gradients) }
        return begin.duration(to: clock.now) / .seconds(steps)
    }

    /// The bytes that a step cannot avoid to move: parameters and state read and written, gradients read.
    public var leastTraffic: Int { 12 * count + 2 * optimizer.stateByteCount }

    /// The memory that one step takes on top of what was there before it, in bytes; nothing where the system
    /// does not tell.
    public func temporaryBytes() throws -> Int? {
        guard let before = ResidentMemory.startPeak() else { return nil }
        try optimizer.update(with: gradients)
        return ResidentMemory.peak().map { max(0, $0 - before) }
    }
}
