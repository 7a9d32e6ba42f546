import Testing

@testable import Fisher
@testable import FisherInformation

/// Where layer-wise rules must coincide with others, and what they must not depend on.
@Suite struct LayerwiseIdentityTests {
    private func values(_ tensors: [Tensor]) throws -> [Double] {
        try tensors.flatMap { try $0.scalars(as: Double.self) }
    }

    private func weights(_ model: any Module) throws -> [Double] {
        try values(model.parameters.map(\.parameter.wrappedValue))
    }

    private func expectClose(
        _ found: [Double], _ expected: [Double], _ tolerance: Double, _ what: String = ""
    ) {
        let scale = expected.map(abs).max() ?? 1
        let worst = zip(found, expected).map { abs($0 - $1) }.max() ?? 0
        #expect(found.count == expected.count && worst <= tolerance * scale, "\(what) \(worst / scale)")
    }

    private func network(_ sizes: [Int], tanh: Bool, seed: UInt64) throws -> Sequential {
        let generator = try RandomGenerator(seed: seed)
        var layers: [any UnaryLayer] = []
        for (inputs, outputs) in zip(sizes, sizes.dropFirst()) {
            if tanh && !layers.isEmpty { layers.append(Tanh()) }
            layers.append(Linear(inputs, outputs, dtype: .float64, using: generator))
        }
        return Sequential(layers)
    }

    private func batch(_ units: Int, _ inputs: Int, _ outputs: Int) throws -> SupervisedBatch {
        let generator = try RandomGenerator(seed: 11)
        return SupervisedBatch(
            inputs: .normal([units, inputs], dtype: .float64, using: generator),
            targets: .normal([units, outputs], dtype: .float64, using: generator))
    }

    /// The movement of every weight in one step on half squared error.
    private func movement(
        _ rule: any OptimizationRule, _ model: Sequential, _ batch: SupervisedBatch
    ) throws -> [Double] {
        let before = try weights(model)
        let optimizer = try Optimizer(for: model, rule)
        try optimizer.step(on: batch) {
            try Objective(Gaussian(mean: model($0.inputs)), observing: $0.targets)
        }
        return try zip(weights(model), before).map { $0 - $1 }
    }

    private static func exactRules() throws -> [any OptimizationRule] {
        [
            try KFAC(learningRate: 0.1) {
                $0.damping = 0.03
                $0.dampingStyle = .exact
                $0.labels = .exact
            },
            try EKFAC(learningRate: 0.1) {
                $0.damping = 0.03
                $0.labels = .exact
            },
        ]
    }

    @Test func oneLayerAndOneSampleAreTheNaturalGradient() throws {
        let batch = try batch(1, 4, 3)
        let natural = try movement(
            try NaturalGradient(learningRate: 0.1) { $0.damping = 0.03 },
            network([4, 3], tanh: false, seed: 1),
            batch)
        for rule in try Self.exactRules() {
            let found = try movement(rule, network([4, 3], tanh: false, seed: 1), batch)
            expectClose(found, natural, 1e-11, "\(type(of: rule))")
        }
    }

    /// Each layer by itself, as the natural gradient of all has blocks between layers.
    @Test(arguments: 0..<3)
    func layersOfALinearNetworkAreTheNaturalGradient(_ layer: Int) throws {
        let batch = try batch(9, 4, 2)
        func frozen() throws -> Sequential {
            let model = try network([4, 5, 3, 2], tanh: false, seed: 2)
            for named in model.parameters where named.path.components.first != "\(layer)" {
                named.parameter.isTrainable = false
            }
            return model
        }
        let natural = try movement(
            try NaturalGradient(learningRate: 0.1) { $0.damping = 0.03 }, frozen(), batch)
        for rule in try Self.exactRules() {
            expectClose(try movement(rule, frozen(), batch), natural, 1e-10, "\(type(of: rule))")
        }
    }

    /// Inputs and residuals that are multiples of unit vectors have diagonal factors.
    @Test func adaFisherIsKFACOfDiagonalFactors() throws {
        func model() throws -> Sequential {
            Sequential([Linear(4, 3, bias: false, dtype: .float64, using: try RandomGenerator(seed: 5))])
        }
        func multiplesOfUnitVectors(_ width: Int) -> Tensor {
            var elements = [Double](repeating: 0, count: 6 * width)
            for row in 0..<6 { elements[row * width + row % width] = Double(row + 1) }
            return Tensor(elements, shape: [6, width])
        }
        let (inputs, residuals) = (multiplesOfUnitVectors(4), multiplesOfUnitVectors(3))
        let start = try model()
        let batch = SupervisedBatch(
            inputs: inputs, targets: withoutGradients { start(inputs) } - residuals)
        let ada = try movement(
            try AdaFisher(learningRate: 0.1) {
                $0.beta = 0
                $0.damping = 0.02
                $0.statisticsInterval = 1
                $0.normalization = .none
            },
            model(), batch)
        let kfac = try movement(
            try KFAC(learningRate: 0.1) {
                $0.damping = 0.02
                $0.dampingStyle = .exact
                $0.labels = .empirical
            }, model(),
            batch
        )
        #expect(ada.contains { abs($0) > 1e-3 })
        expectClose(ada, kfac, 1e-12)
    }

    @Test func undampedStepsDoNotDependOnAnAffineMapOfTheInputs() throws {
        let plain = try batch(16, 3, 2)
        let map = Tensor([2.0, 0.5, -1, 0, 1.5, 0.3, 0.7, 0, -0.8], shape: [3, 3])
        let shift = Tensor([0.4, -2, 1.0])
        let mapped = SupervisedBatch(inputs: plain.inputs.matmul(map) + shift, targets: plain.targets)
        let (one, two) = (
            try network([3, 4, 2], tanh: true, seed: 3), try network([3, 4, 2], tanh: true, seed: 3)
        )
        // x map + shift under W2 is x under W: W2 = W map^-T, b2 = b - W2 shift.
        let weight = two.parameters[0].parameter
        let gram = map.matmul(map.transposed(0, 1))
        let inverse = map.transposed(0, 1).matmul(
            Tensor.identity(3, dtype: .float64).choleskySolved(factor: gram.cholesky()))
        let changed = weight.wrappedValue.detached().matmul(inverse.transposed(0, 1))
        try weight.assign(changed)
        let bias = two.parameters[1].parameter
        try bias.assign(bias.wrappedValue.detached() - changed.matmul(shift))
        let rule = try KFAC(learningRate: 0.2) {
            $0.damping = 0
            $0.labels = .exact
        }
        expectClose(
            try values([two(mapped.inputs).detached()]), try values([one(plain.inputs).detached()]), 1e-12)
        for (model, batch) in [(one, plain), (two, mapped)] {
            let optimizer = try Optimizer(for: model, rule)
            for _ in 1...3 {
                try optimizer.step(on: batch) {
                    try Objective(Gaussian(mean: model($0.inputs)), observing: $0.targets)
                }
            }
        }
        expectClose(
            try values([two(mapped.inputs).detached()]), try values([one(plain.inputs).detached()]), 1e-8)
    }

    @Test(arguments: ["kfac", "ekfac", "adafisher"])
    func averagesOfAConstantAreIt(_ name: String) throws {
        var rule = try RuleRegistry.rule(named: name)
        for (option, value) in [("lr", "0"), ("decay", "0.7"), ("statistics_interval", "1")] {
            try rule.set(option, to: value)
        }
        if name != "adafisher" { try rule.set("labels", to: "empirical") }
        let model = try network([4, 3], tanh: false, seed: 4)
        let optimizer = try Optimizer(for: model, rule)
        let batch = try batch(8, 4, 3)
        var first: [String: [Double]] = [:]
        for step in 1...4 {
            try optimizer.step(on: batch) {
                try Objective(Gaussian(mean: model($0.inputs)), observing: $0.targets)
            }
            for key in ["inputs", "outputs"] {
                let found = try #require(optimizer.state["parameter/0.weight/\(key)"]).scalars(
                    as: Double.self)
                if step == 1 { first[key] = found }
                expectClose(found, try #require(first[key]), 1e-14, key)
            }
        }
    }

    /// M^T G L of the rows is that of their product, and nothing where the gradient is another one.
    @Test func rowsOfAGradientStandForIt() throws {
        let generator = try RandomGenerator(seed: 6)
        let layer = Linear(20, 12, dtype: .float64, using: generator)
        let use = LayerActivation(
            input: .normal([3, 20], dtype: .float64, using: generator),
            outputGradient: .normal([3, 12], dtype: .float64, using: generator))
        let rows = try #require(GradientRows(of: layer, uses: [use]))
        let a = Tensor.concatenated([use.input, .ones([3, 1], dtype: .float64)], along: 1)
        let g = use.outputGradient.transposed(0, 1).matmul(a) / 3
        let (left, right) = (
            Tensor.normal([12, 12], dtype: .float64, using: generator),
            Tensor.normal([21, 21], dtype: .float64, using: generator)
        )
        let factors = KroneckerMatrix(inputs: right, outputs: left)
        let expected = left.transposed(0, 1).matmul(g).matmul(right)
        let (weight, bias) = (
            g.narrowed(1, from: 0, length: 20), g.narrowed(1, from: 20, length: 1).flattened()
        )
        let own = ProbedGradient(weight: weight, bias: bias)
        let found = try #require(try rows.product(factors, scale: 1 / 3, checking: own))
        expectClose(try values([found]), try values([expected]), 1e-13)
        expectClose(try values([factors.product(g)]), try values([expected]), 1e-13)
        let other = ProbedGradient(weight: weight + 1e-6, bias: bias)
        #expect(try rows.product(factors, scale: 1 / 3, checking: other) == nil)
        let basis = KroneckerEigenbasis(inputs: right.qr().q, outputs: left.qr().q)
        let turned = basis.outputs.transposed(0, 1).matmul(g * 3).matmul(basis.inputs)
        #expect(try own.isGradient(turned: turned, in: basis, scale: 1 / 3))
        #expect(try !other.isGradient(turned: turned, in: basis, scale: 1 / 3))
        #expect(try !own.isGradient(turned: turned.to(dtype: .float32), in: basis, scale: 1 / 3))
        let many = LayerActivation(input: .ones([40, 20]), outputGradient: .ones([40, 12]))
        #expect(GradientRows(of: layer, uses: [many]) == nil)
    }
}
