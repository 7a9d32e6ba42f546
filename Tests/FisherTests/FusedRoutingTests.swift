import Testing

@testable import Fisher
@testable import FisherInformation

/// What takes the fused path, what does not, and that nothing else notices.
@Suite struct FusedRoutingTests {
    private func head(_ rule: any OptimizationRule, _ execution: Execution = .automatic) throws -> String {
        let parameter = Parameter(wrappedValue: .ones([3, 4]))
        let optimizer = try Optimizer(
            parameters: [NamedParameter(path: ParameterPath("x"), parameter: parameter)],
            groups: [.init(.rest, rule)], execution: execution)
        return String(optimizer.describe().split(separator: "\n")[0])
    }

    @Test func theDescriptionTellsThePath() throws {
        #expect(try head(FAdam()).contains("fused path (\(InstructionSet.chosen().rawValue))"))
        #expect(try head(FAdam(), .formula).contains("formula path (execution formula)"))
        #expect(try head(try FAdam { $0.power = 0.7 }).contains("fused path"))
        #expect(try head(try FAdafactor { $0.power = 1 }).contains("fused path"))
        #expect(try head(try Adam { $0.power = 0.7 }).contains("formula path (power 0.7)"))
        #expect(try head(try FAdam { $0.length = .unit }).contains("fused path"))
        #expect(try head(try FAdam { ($0.length, $0.power) = (.squareRoot, 0.5) }).contains("fused path"))
        #expect(
            try head(try FAdam { ($0.length, $0.power) = (.squareRoot, 0.6) })
                .contains("formula path (length square_root)"))
        #expect(try head(try AdamW { $0.length = .unit }).contains("formula path (length unit)"))
        #expect(try head(try AdamW { $0.gradientPower = 1.2 }).contains("formula path (gradient_power 1.2)"))
        #expect(try head(try FAdam { $0.momentumOrder = .raw }).contains("formula path (momentum_order raw)"))
        #expect(try head(try Adam { $0.clip = 1 }).contains("formula path (clip 1.0)"))
    }

    @Test func parametersThatCannotBeFusedSayWhy() throws {
        let tensors: [(String, Tensor, String?)] = [
            ("plain", .ones([3, 4]), nil), ("half", .ones([3], dtype: .bfloat16), nil),
            ("double", .ones([3], dtype: .float64), "float64"),
            ("turned", Tensor.ones([3, 4]).transposed(), "not contiguous"),
        ]
        let optimizer = try Optimizer(
            parameters: tensors.map {
                NamedParameter(path: ParameterPath($0.0), parameter: Parameter(wrappedValue: $0.1))
            }, groups: [.init(.rest, FAdam())])
        for (line, tensor) in zip(optimizer.describe().split(separator: "\n").dropFirst(), tensors) {
            #expect(line.contains("formula path (\(tensor.2 ?? ""))") == (tensor.2 != nil), "\(line)")
        }
    }

    /// A transposed parameter, and a transposed gradient of a contiguous one.
    @Test(arguments: FusedPathTests.rules, [true, false])
    func turnedTensorsMoveAlike(_ rule: String, _ turnsParameter: Bool) throws {
        func values(_ execution: Execution) throws -> [Double] {
            let generator = try RandomGenerator(seed: 3)
            var tensor = Tensor.normal([30, 20], using: generator)
            if turnsParameter { tensor = tensor.transposed().copy().transposed() }
            let parameter = Parameter(wrappedValue: tensor)
            let optimizer = try Optimizer(
                parameters: [NamedParameter(path: ParameterPath("x"), parameter: parameter)],
                groups: [.init(.rest, try RuleRegistry.rule(named: rule))], execution: execution)
            for _ in 0..<3 {
                let gradient = Tensor.normal([20, 30], using: generator).transposed()
                try optimizer.update(with: [ParameterPath("x"): gradient])
            }
            return try parameter.wrappedValue.scalars()
        }
        #expect(FusedCase.distance([try values(.formula)], [try values(.automatic)]) <= 4e-6)
    }

    /// A gradient that is not finite, in the last place of the last tensor: weights and state stay.
    @Test(arguments: FusedPathTests.rules, [Float.nan, .infinity])
    func nothingIsWrittenBeforeTheTest(_ rule: String, _ bad: Float) throws {
        let subject = FusedCase(rule: rule, shapes: [[1030, 1000], [40, 50], [333]])
        let parameters = try subject.parameters()
        let optimizer = try Optimizer(
            parameters: parameters, groups: [.init(.rest, try subject.boundRule())],
            nonFinite: .skip(abortAfter: 3))
        func everything() throws -> [String: [Double]] {
            var all = try optimizer.state.filter { !$0.key.hasPrefix("optimizer/") }
                .mapValues { try $0.scalars(as: Double.self) }
            for named in parameters { all["\(named.path)"] = try named.parameter.wrappedValue.scalars() }
            return all
        }
        for good in 0...1 {
            if good == 1 { try optimizer.update(with: try subject.gradients(1)) }
            let before = try everything()
            var gradients = try subject.gradients(2)
            var last = try gradients[ParameterPath("p2")]!.scalars(as: Float.self)
            last[last.count - 1] = bad
            gradients[ParameterPath("p2")] = Tensor(last)
            #expect(try optimizer.update(with: gradients).skipped?.source == "the gradient of p2")
            #expect(try everything() == before)
        }
    }

    /// SGD's first momentum is the gradient itself: a fused step must not write into it.
    @Test func memoryThatOthersHoldIsCopied() throws {
        let parameter = Parameter(wrappedValue: .ones([40]))
        let path = ParameterPath("x")
        let optimizer = try Optimizer(
            parameters: [NamedParameter(path: path, parameter: parameter)],
            groups: [.init(.rest, try SGD { $0.momentum = 0.9 })])
        let gradient = Tensor.ones([40])
        let penalty = Objective.Auxiliary("penalty", parameter.wrappedValue.squared().sum() * 0)
        let likelihood = Categorical(logits: parameter.wrappedValue.reshaped([4, 10]))
        try optimizer.step(on: SupervisedBatch(inputs: gradient, targets: gradient)) { _ in
            try Objective(likelihood, observing: Tensor([0, 1, 2, 3] as [Int64]), auxiliaries: [penalty])
        }
        let memory = optimizer.state["parameter/x/momentum"]!
        let before = try memory.scalars(as: Float.self)
        try optimizer.update(with: [path: gradient])
        #expect(try memory.scalars(as: Float.self) == before)
        #expect(try optimizer.state["parameter/x/momentum"]!.scalars(as: Float.self) != before)
        #expect(try gradient.scalars(as: Float.self) == [Float](repeating: 1, count: 40))
    }

    /// A graph of the weights before the step must not give gradients at the weights after it.
    @Test func oldGraphsAreRefused() throws {
        let parameter = Parameter(wrappedValue: .ones([8]))
        let path = ParameterPath("x")
        let optimizer = try Optimizer(
            parameters: [NamedParameter(path: path, parameter: parameter)], groups: [.init(.rest, FAdam())])
        let square = (parameter.wrappedValue * parameter.wrappedValue).sum()
        try optimizer.update(with: [path: .ones([8])])
        let error = #expect(throws: TorchError.self) {
            try gradients(of: square, withRespectTo: [parameter.wrappedValue])
        }
        #expect(error?.message.contains("inplace") == true)
    }

    /// Micro-batches leave sums of gradients, which the kernels divide on the way.
    @Test(arguments: FusedPathTests.rules)
    func countsAreFoldedIn(_ rule: String) throws {
        func weights(_ execution: Execution) throws -> [Double] {
            let generator = try RandomGenerator(seed: 2)
            let layer = Linear(5, 3, using: generator)
            let optimizer = try Optimizer(
                for: layer, try RuleRegistry.rule(named: rule), clipGradientNorm: 0.05, execution: execution)
            let batch = SupervisedBatch(
                inputs: .normal([12, 5], using: generator), targets: Tensor((0..<12).map { Int64($0 % 3) }))
            for _ in 0..<3 {
                try optimizer.step(on: batch, microBatches: 3) {
                    try Objective(Categorical(logits: layer($0.inputs)), observing: $0.targets)
                }
            }
            return try layer.weight.scalars()
        }
        #expect(FusedCase.distance([try weights(.formula)], [try weights(.automatic)]) <= 4e-6)
    }
}
