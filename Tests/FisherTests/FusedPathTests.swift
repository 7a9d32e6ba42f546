import Testing

@testable import Fisher
@testable import FisherInformation

/// The fused path against the formula path, which is the specification.
@Suite struct FusedPathTests {
    /// The rules that have one.
    static let rules = RuleRegistry.rules.filter { $0 is any FusedRule.Type }.map { $0.summary.name }

    /// Options that the fused path serves besides the defaults.
    static let variants: [FusedCase] = [
        FusedCase(rule: "sgd", options: [("momentum", "0.9"), ("weight_decay", "0.1")]),
        FusedCase(rule: "sgd", options: [("momentum", "0.9"), ("nesterov", "true")]),
        FusedCase(rule: "adam", options: [("weight_decay", "0.1"), ("corrects_bias", "false")]),
        FusedCase(rule: "adagrad", options: [("epsilon", "0"), ("weight_decay", "0.1")]),
        FusedCase(rule: "rmsprop", options: [("epsilon", "1e-30")]),
        FusedCase(rule: "adamw", options: [("epsilon", "0")]),
        FusedCase(rule: "fadam", options: [("epsilon", "1e-30")]),
        FusedCase(rule: "fadam", options: [("epsilon", "1e-3"), ("epsilon2", "0.5")]),
        FusedCase(rule: "fadam", options: [("epsilon_rule", "fixed"), ("clip", "none")]),
        FusedCase(rule: "fadam", options: [("epsilon_rule", "per_size"), ("decay", "euclidean")]),
        FusedCase(rule: "fadam", options: [("epsilon_rule", "accumulated"), ("decay", "none")]),
        FusedCase(rule: "fadam", options: [("corrects_momentum_bias", "true"), ("clip", "0.1")]),
        FusedCase(rule: "fadam", options: [("length", "unit"), ("power", "0.6")]),
        FusedCase(rule: "fadam", options: [("length", "unit"), ("clip", "none")]),
        FusedCase(rule: "fadafactor", options: [("length", "unit"), ("clip", "0.5")]),
        FusedCase(rule: "fadafactor", options: [("epsilon_rule", "accumulated")]),
        FusedCase(rule: "fadafactor", options: [("epsilon", "1e-30"), ("clip", "none")]),
        FusedCase(rule: "adafactor", options: [("epsilon", "0"), ("clip", "0.5")]),
    ]

    /// Holds the two paths together after three steps.
    private func compare(
        _ subject: FusedCase, _ instructions: InstructionSet? = nil, threads: Int? = nil,
        misaligned: Bool = false, tolerance: Double = 4e-6
    ) throws {
        let formula = try subject.run(.formula)
        let fused = try subject.run(.automatic, instructions, threads: threads, misaligned: misaligned)
        #expect(FusedCase.distance(formula.parameters, fused.parameters) <= tolerance)
        #expect(FusedCase.distance(formula.state, fused.state) <= 1e-5)
    }

    @Test(arguments: rules, FusedCase.Regime.allCases)
    func everyRegime(_ rule: String, _ regime: FusedCase.Regime) throws {
        var subject = FusedCase(rule: rule, regime: regime)
        subject.shapes = [[40, 50], [333], [], [3, 5, 7], [0, 4]]
        try compare(subject)
    }

    @Test(arguments: variants, FusedCase.Regime.allCases)
    func everyVariant(_ variant: FusedCase, _ regime: FusedCase.Regime) throws {
        var subject = variant
        subject.regime = regime
        subject.shapes = [[40, 50], [333]]
        try compare(subject)
    }

    /// Sizes around the edges of vectors, blocks and cells, at odd addresses.
    @Test(arguments: rules, [0, 1, 15, 16, 17, 4095, 4096, 4097, 32767, 32769, 100_003])
    func everySize(_ rule: String, _ count: Int) throws {
        let subject = FusedCase(rule: rule, shapes: [[count]])
        try compare(subject)
        try compare(subject, misaligned: true)
    }

    /// Matrices around the edges of tiles and cells, among them narrow and wide ones.
    static let matrices = [
        [1, 1], [1, 17], [257, 1025], [256, 1024], [2, 70_003], [70_003, 2], [300, 15], [17, 16, 2],
        [520, 700],
    ]

    @Test(arguments: ["fadafactor", "adafactor"], matrices)
    func everyMatrix(_ rule: String, _ shape: [Int]) throws {
        try compare(FusedCase(rule: rule, shapes: [shape]), threads: 1)
        try compare(FusedCase(rule: rule, shapes: [shape]), misaligned: true)
    }

    @Test(arguments: rules, InstructionSet.supported)
    func everyInstructionSet(_ rule: String, _ instructions: InstructionSet) throws {
        for regime in [FusedCase.Regime.normal, .tiny, .huge] {
            try compare(
                FusedCase(rule: rule, regime: regime, shapes: [[41, 53], [4097]]), instructions,
                misaligned: true)
        }
    }

    /// Tensors measured ahead, in the shared cache, and whole, with all threads and with one: bit for bit.
    @Test(arguments: rules)
    func theNumberOfThreadsChangesNothing(_ rule: String) throws {
        let subject = FusedCase(
            rule: rule, shapes: [[1030, 1000], [300, 400], [100, 90], [77]] + (0..<40).map { [$0] })
        // The tests run with one thread each unless one asks for more.
        let before = Engine.threadCount
        Engine.threadCount = Processors.count
        defer { Engine.threadCount = before }
        let all = try subject.run(.automatic)
        for threads in [1, 2] {
            let other = try subject.run(.automatic, threads: threads)
            #expect(all.parameters == other.parameters)
            #expect(all.state == other.state)
        }
        let again = try subject.run(.automatic)
        #expect(all.parameters == again.parameters)
        try compare(subject)
    }

    @Test(arguments: rules)
    func eitherPathContinuesTheOther(_ rule: String) throws {
        let subject = FusedCase(rule: rule, shapes: [[33, 21], [55]])
        let expected = try subject.run(.formula)
        for (first, second) in [(Execution.formula, Execution.automatic), (.automatic, .formula)] {
            let parameters = try subject.parameters()
            let before = try subject.optimizer(parameters, first)
            try before.update(with: try subject.gradients(1))
            let after = try subject.optimizer(parameters, second)
            try after.restore(before.state)
            for step in 2...3 { try after.update(with: try subject.gradients(step)) }
            let values = try parameters.map { try $0.parameter.wrappedValue.scalars(as: Double.self) }
            #expect(FusedCase.distance(expected.parameters, values) <= 4e-6)
            let state = try after.state.mapValues { try $0.scalars(as: Double.self) }
            #expect(FusedCase.distance(expected.state, state) <= 1e-5)
        }
    }

    @Test(arguments: rules)
    func bfloat16ParametersWithFloat32State(_ rule: String) throws {
        let subject = FusedCase(rule: rule, shapes: [[40, 50], [333]], dtype: .bfloat16)
        let formula = try subject.run(.formula)
        let fused = try subject.run(.automatic)
        // A sum that rounds the other way is one unit of the last of 8 bits, in a few elements.
        #expect(FusedCase.distance(formula.parameters, fused.parameters) <= 0x1p-7)
        let different = zip(formula.parameters.joined(), fused.parameters.joined()).filter { $0 != $1 }.count
        #expect(different <= 5)
        #expect(FusedCase.distance(formula.state, fused.state) <= (rule == "sgd" ? 0 : 0x1p-8))
    }

    @Test(arguments: rules, [nil, 0.01, 100])
    func theReportIsTheSame(_ rule: String, _ clip: Double?) throws {
        for regime in [FusedCase.Regime.normal, .tiny, .mixedScale] {
            var subject = FusedCase(rule: rule, regime: regime, shapes: [[40, 50], [333]])
            subject.clipGradientNorm = clip
            try compare(subject)
            let (a, b) = (try subject.run(.formula).report, try subject.run(.automatic).report)
            func close(_ x: Double, _ y: Double) -> Bool { abs(x - y) <= 1e-5 * max(abs(x), abs(y)) }
            func close(_ x: [ParameterPath: Double], _ y: [ParameterPath: Double]) -> Bool {
                x.keys == y.keys && x.allSatisfy { close($0.value, y[$0.key]!) }
            }
            #expect(close(a.gradientNorm, b.gradientNorm))
            #expect(close(try a.updateRootMeanSquare(), try b.updateRootMeanSquare()))
            #expect(close(try a.clipFactors(), try b.clipFactors()))
            #expect(close(try a.epsilons(), try b.epsilons()))
            let (shares, others) = (try a.decayShares(), try b.decayShares())
            #expect(shares.keys == others.keys)
            #expect(shares.allSatisfy { abs($0.value - others[$0.key]!) <= 0.02 })
        }
    }
}
