import Fisher
import FisherTraining
import Foundation
import Testing

@testable import FisherTasks

/// The random graphs, and the task made of them.
@Suite struct GraphsTests {
    static func task(_ change: (inout GraphsOptions) -> Void = { _ in }) throws -> GraphsTask {
        var options = GraphsOptions()
        (options.graphs, options.heldOut, options.batch, options.width) = (48, 12, 8, 6)
        change(&options)
        return try GraphsTask(options)
    }

    /// Graphs are simple and undirected, all with equally many edges; what the families differ in is there.
    @Test(arguments: [6, 7, 16], [0.0, 0.85, 1.0])
    func graphsAreOfTheirFamilies(_ nodes: Int, _ share: Double) throws {
        let graphs = SmallGraphs(90, nodes: nodes, inside: share, rewiring: 1 - share, seed: 3)
        #expect(
            SmallGraphs(90, nodes: nodes, inside: share, rewiring: 1 - share, seed: 3).fingerprint
                == graphs.fingerprint)
        let values = try graphs.examples.inputs.scalars(as: Float.self)
        var clustering: [GraphFamily: Float] = [:]
        for (graph, family) in graphs.families.enumerated() {
            let rows = (0..<nodes).map { node in
                Array(
                    values[
                        ((graph * nodes) + node) * (nodes + 2)..<((graph * nodes) + node + 1) * (nodes + 2)])
            }
            #expect((0..<nodes).allSatisfy { a in rows[a][a] == 0 })
            #expect((0..<nodes).allSatisfy { a in (0..<nodes).allSatisfy { rows[a][$0] == rows[$0][a] } })
            let degrees = rows.map { $0.prefix(nodes).reduce(0, +) }
            #expect(degrees.reduce(0, +) == Float(4 * nodes))
            #expect(rows.map { $0[nodes] * 2 + 4 } == degrees)
            clustering[family, default: 0] +=
                rows.map { ($0[nodes + 1] + 1) / 4 }.reduce(0, +) / Float(30 * nodes)
            // Not a ring any more once edges are moved.
            if share == 1, family == .smallWorld { #expect(degrees.allSatisfy { $0 == 4 }) }
        }
        if nodes == 16, share == 1 {
            // Half of a ring's pairs of neighbors are joined; a uniform graph's as often as any pair, 32 / 120.
            #expect(abs(clustering[.smallWorld]! - 0.5) < 1e-5)
            #expect(abs(clustering[.uniform]! - 32 / 120) < 0.05)
            #expect(clustering[.blocks]! > 0.45)
        }
    }

    @Test func itLearnsAndMeasuresItsAccuracy() throws {
        let task = try Self.task {
            ($0.graphs, $0.heldOut, $0.batch, $0.width) = (300, 150, 32, 16)
        }
        let session = try TrainingSession(
            task, OptimizerCandidate(label: "adamw", rule: try AdamW(learningRate: 0.03)), seed: 0)
        let first = try task.validationLoss(of: session.model)
        for _ in 0..<80 { _ = try session.advance() }
        let last = try task.validationLoss(of: session.model)
        #expect(first > 1 && last < 0.85 * first)
        let parts = try task.validationParts(of: session.model)
        // Parts of two and three graphs: their sums make up that of all.
        let sums = zip(parts, GraphsTask.validationRanges(of: 150)).map { $0 * Double($1.count) }
        #expect(parts.count == 64 && abs(sums.reduce(0, +) / 150 - last) < 1e-6)
        let measures = try withoutGradients { try task.measures(of: session.model) }
        let measure = try #require(measures.first)
        let (lower, upper) = (try #require(measure.lower), try #require(measure.upper))
        #expect(lower < measure.value && measure.value < upper && lower > 100 / 3)
        let json = try #require(task.modelMetadata[PlainNetwork.metadataKey])
        #expect(try NetworkSpecification(json: Data(json.utf8)) == task.specification)
    }

    /// Every graph's squared gradient, summed, against one backward pass of autograd for each graph.
    @Test func aGraphIsASample() throws {
        let task = try Self.task()
        let model = task.specification.makeNetwork(dtype: .float64, using: try RandomGenerator(seed: 2))
        let some = task.training.selecting(0..<5).examples
        let batch = SupervisedBatch(inputs: some.inputs.to(dtype: .float64), targets: some.targets)
        let named = model.parameters
        let tensors = named.map(\.parameter.wrappedValue)
        var squares = tensors.map { [Double](repeating: 0, count: $0.count) }
        for graph in 0..<5 {
            let loss = try task.objective(of: model, on: batch.slice(graph..<graph + 1)).loss
            for (k, gradient) in try gradients(of: loss, withRespectTo: tensors).enumerated() {
                for (e, value) in try #require(gradient).scalars(as: Double.self).enumerated() {
                    squares[k][e] += value * value / 5
                }
            }
        }
        let found = try #require(
            try CurvatureEstimator(of: model).estimate(
                [.diagonal(.empirical)], of: task.objective(of: model, on: batch)
            ).diagonal(.empirical)
        ).mean
        for (parameter, expected) in zip(named, squares) {
            let values = try #require(found[parameter.path]).scalars(as: Double.self)
            let scale = expected.max() ?? 0
            #expect(zip(values, expected).allSatisfy { abs($0 - $1) <= 1e-10 * scale }, "\(parameter.path)")
        }
    }

    @Test func resumesToTheBit() throws {
        let task = try Self.task()
        let folder = FileManager.default.temporaryDirectory.appending(path: "graphs-\(UUID().uuidString)")
            .path
        defer { try? FileManager.default.removeItem(atPath: folder) }
        func session() throws -> TrainingSession<GraphsTask> {
            try TrainingSession(task, OptimizerCandidate(label: "fadam", rule: FAdam()), seed: 1)
        }
        let (whole, first, second) = (try session(), try session(), try session())
        for _ in 0..<8 { _ = try whole.advance() }
        for _ in 0..<3 { _ = try first.advance() }
        _ = try second.restore(from: try first.save(to: CheckpointStore(folder: folder)))
        for _ in 0..<5 { _ = try second.advance() }
        for (path, tensor) in whole.model.weights {
            #expect(try second.model.weights[path]!.scalars(as: Float.self) == tensor.scalars(as: Float.self))
        }
    }

    @Test func tuningKeepsTheHeldOutGraphsUnseen() throws {
        let task = try Self.task()
        let tuning = try task.tuningTask()
        #expect(tuning.training.adjacency + tuning.heldOut.adjacency == task.training.adjacency)
        #expect(tuning.training.count == 36 && tuning.dataFingerprint != task.dataFingerprint)
        let other = try Self.task { $0.graphSeed = 1 }
        #expect(other.dataFingerprint != task.dataFingerprint)
        let error = #expect(throws: ConfigurationError.self) { try Self.task { $0.batch = 49 } }
        #expect("\(error!)".contains("data.batch = 49 is more than the 48 graphs"))
    }
}
