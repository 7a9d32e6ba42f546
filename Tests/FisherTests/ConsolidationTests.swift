import Fisher
import Testing

/// Elastic weight consolidation against its formula, term by term.
@Suite struct ConsolidationTests {
    static func random(_ layer: Linear, _ generator: RandomGenerator) -> [ParameterPath: Tensor] {
        Dictionary(
            uniqueKeysWithValues: layer.parameters.map {
                (
                    $0.path,
                    Tensor.normal($0.parameter.wrappedValue.shape, dtype: .float64, using: generator)
                        .squared()
                )
            })
    }

    static func move(_ layer: Linear, _ generator: RandomGenerator) throws {
        for named in layer.parameters {
            try withoutGradients {
                try named.parameter.wrappedValue.add(
                    .normal(named.parameter.wrappedValue.shape, dtype: .float64, using: generator))
            }
        }
    }

    /// Value and gradient of separate memory are those of the sum over tasks, however it is kept.
    @Test func separateIsTheSumOverTasks() throws {
        let generator = try RandomGenerator(seed: 2)
        let layer = Linear(4, 3, dtype: .float64, using: generator)
        var consolidation = ElasticWeightConsolidation(strength: 3)
        var tasks: [(weights: [ParameterPath: Tensor], information: [ParameterPath: Tensor])] = []
        for _ in 0..<4 {
            var information = Self.random(layer, generator)
            // An element that no task knows anything about is free.
            let mask = Tensor((0..<12).map { $0 == 5 ? 0.0 : 1 }, shape: [3, 4])
            information[ParameterPath("weight")] = information[ParameterPath("weight")]! * mask
            let weights = Dictionary(
                uniqueKeysWithValues: layer.parameters.map {
                    ($0.path, $0.parameter.wrappedValue.detached().copy())
                })
            tasks.append((weights, information))
            try consolidation.remember(layer, information: information)
            try Self.move(layer, generator)
        }
        #expect(consolidation.taskCount == 4)
        var expected: Tensor = .zeros([], dtype: .float64)
        for task in tasks {
            for named in layer.parameters {
                let distance = named.parameter.wrappedValue - task.weights[named.path]!
                expected = expected + (task.information[named.path]! * distance.squared()).sum() * 1.5
            }
        }
        let penalty = try #require(consolidation.auxiliary(for: layer)).value
        let (found, wanted) = (try penalty.item(), try expected.item())
        #expect(abs(found - wanted) < 1e-12 * wanted)
        let parameters = layer.parameters.map(\.parameter.wrappedValue)
        let a = try gradients(of: penalty, withRespectTo: parameters)
        let b = try gradients(of: expected, withRespectTo: parameters)
        for (x, y) in zip(a, b) {
            let left = try #require(x).scalars(as: Double.self)
            let right = try #require(y).scalars(as: Double.self)
            #expect(zip(left, right).allSatisfy { abs($0 - $1) < 1e-12 })
        }
        let slope = try #require(a[0]).scalars(as: Double.self)
        #expect(slope[5] == 0)
    }

    /// Where all tasks end at the same weights, online with gamma = 1 is separate; with gamma = 0 only the last
    /// task counts.
    @Test func onlineWithEqualAnchorsIsSeparate() throws {
        let generator = try RandomGenerator(seed: 4)
        let layer = Linear(4, 3, dtype: .float64, using: generator)
        var separate = ElasticWeightConsolidation(strength: 2)
        var online = ElasticWeightConsolidation(strength: 2, memory: .online(decay: 1))
        var forgetful = ElasticWeightConsolidation(strength: 2, memory: .online(decay: 0))
        var last = ElasticWeightConsolidation(strength: 2)
        let tasks = (0..<3).map { _ in Self.random(layer, generator) }
        for information in tasks {
            try separate.remember(layer, information: information)
            try online.remember(layer, information: information)
            try forgetful.remember(layer, information: information)
        }
        try last.remember(layer, information: tasks[2])
        try Self.move(layer, generator)
        func penalty(_ memory: ElasticWeightConsolidation) throws -> Double {
            try #require(memory.auxiliary(for: layer)).value.item()
        }
        let (a, b) = (try penalty(separate), try penalty(online))
        #expect(a > 0 && abs(a - b) < 1e-12 * a)
        let (c, d) = (try penalty(forgetful), try penalty(last))
        #expect(abs(c - d) < 1e-12 * d && d < a)
    }

    /// FAdam goes on changing its f in place; what was remembered stays.
    @Test(arguments: [Execution.formula, .automatic])
    func whatIsRememberedStays(_ execution: Execution) throws {
        let generator = try RandomGenerator(seed: 6)
        let layer = Linear(4, 3, using: generator)
        let optimizer = try Optimizer(for: layer, try FAdam(learningRate: 1e-2), execution: execution)
        let batch = SupervisedBatch(
            inputs: .normal([8, 4], using: generator),
            targets: Tensor((0..<8).map { Int64($0 % 3) }, shape: [8]))
        func step() throws {
            try optimizer.step(on: batch) {
                try Objective(Categorical(logits: layer($0.inputs)), observing: $0.targets)
            }
        }
        try step()
        var consolidation = ElasticWeightConsolidation(strength: 1)
        try consolidation.remember(layer, information: optimizer.diagonalInformation)
        let anchor = try #require(consolidation.anchor)
        let path = ParameterPath("weight")
        let before = try #require(anchor.information[path]).scalars(as: Float.self)
        let place = try #require(anchor.weights[path]).scalars(as: Float.self)
        for _ in 0..<3 { try step() }
        #expect(try #require(anchor.information[path]).scalars(as: Float.self) == before)
        #expect(try #require(anchor.weights[path]).scalars(as: Float.self) == place)
        #expect(try layer.weight.scalars(as: Float.self) != place)
    }

    /// The penalty reaches the weights and not the information: FAdam's f is the same with and without it.
    @Test func thePenaltyIsNoScore() throws {
        func trained(_ strength: Double) throws -> (f: [Float], weights: [Float]) {
            let generator = try RandomGenerator(seed: 6)
            let layer = Linear(4, 3, using: generator)
            var consolidation = ElasticWeightConsolidation(strength: strength)
            let ones = Dictionary(
                uniqueKeysWithValues: layer.parameters.map {
                    ($0.path, Tensor.ones($0.parameter.wrappedValue.shape))
                })
            try consolidation.remember(layer, information: ones)
            try withoutGradients { try layer.weight.add(.ones([])) }
            let optimizer = try Optimizer(for: layer, try FAdam(learningRate: 1e-2))
            let inputs = Tensor.normal([8, 4], using: generator)
            try optimizer.step(on: SupervisedBatch(inputs: inputs, targets: .zeros([8], dtype: .int64))) {
                try Objective(
                    Categorical(logits: layer($0.inputs)), observing: $0.targets,
                    auxiliaries: consolidation.auxiliaries(for: layer))
            }
            let f = try #require(optimizer.diagonalInformation[ParameterPath("weight")])
            return (try f.scalars(as: Float.self), try layer.weight.scalars(as: Float.self))
        }
        let (plain, penalized) = (try trained(0), try trained(5))
        #expect(plain.f == penalized.f)
        #expect(plain.weights != penalized.weights)
    }

    @Test(arguments: [-1, .infinity, .nan] as [Double])
    func whatIsNoInformationIsRefused(_ value: Double) throws {
        let layer = Linear(2, 2, using: try RandomGenerator(seed: 1))
        var consolidation = ElasticWeightConsolidation(strength: 1)
        var information = Dictionary(
            uniqueKeysWithValues: layer.parameters.map {
                ($0.path, Tensor.ones($0.parameter.wrappedValue.shape))
            })
        information[ParameterPath("bias")] = Tensor([Float(value), 1])
        #expect(throws: CurvatureError.self) {
            try consolidation.remember(layer, information: information)
        }
        #expect(consolidation.anchor == nil && consolidation.taskCount == 0)
    }
}
