import Fisher
import FisherData
import FisherTraining
import Foundation

/// Samples of one side, prepared for a network: from memory, or read from their file batch by batch. Both give the same
/// bits.
struct DataSamples {
    let data: DataSet
    /// Which samples of the data these are.
    let indices: [Int]
    let preparation: DataPreparation
    private let inputs: SampleInputs
    /// All samples as the network takes them, where they fit into memory.
    private let ready: SupervisedBatch?

    init(_ data: DataSet, _ indices: [Int], _ preparation: DataPreparation, memory: Int) throws {
        (self.data, self.indices, self.preparation) = (data, indices, preparation)
        inputs =
            data.encoding == nil
            ? data.inputs : try data.inputs.filling(preparation.standardization.replacements)
        let byteCount = Double(indices.count) * Double(preparation.sampleShape.reduce(1, *)) * 4
        guard inputs.isInMemory, byteCount <= Double(memory) else {
            ready = nil
            return
        }
        var parts: [SupervisedBatch] = []
        for start in stride(from: 0, to: indices.count, by: 1024) {
            try Interruption.poll()
            parts.append(
                try Self.batch(
                    data, inputs, preparation, Array(indices[start..<min(start + 1024, indices.count)])))
        }
        ready = SupervisedBatch(
            inputs: .concatenated(parts.map(\.inputs)), targets: .concatenated(parts.map(\.targets)))
    }

    var count: Int { indices.count }
    /// Whether samples are read from their file while a run goes on.
    var isStreamed: Bool { !inputs.isInMemory }

    /// The samples at some places of this side; throws what reading them throws.
    func batch(at places: [Int]) throws -> SupervisedBatch {
        guard let ready else {
            return try Self.batch(data, inputs, preparation, places.map { indices[$0] })
        }
        let chosen = Tensor(places.map(Int64.init))
        return SupervisedBatch(
            inputs: ready.inputs.gathering(chosen, along: 0),
            targets: ready.targets.gathering(chosen, along: 0))
    }

    private static func batch(
        _ data: DataSet, _ inputs: SampleInputs, _ preparation: DataPreparation, _ rows: [Int]
    ) throws -> SupervisedBatch {
        let stored = try inputs.rows(at: rows)
        if !inputs.isInMemory { try NumberChecks.requireFinite(stored, in: data.name, rows: rows) }
        let targets: Tensor
        switch data.targets {
        case .classes(let labels, _): targets = Tensor(rows.map { Int64(labels[$0]) })
        case .numbers(let array, _): targets = preparation.targets(try array.rows(at: rows))
        case nil: preconditionFailure("samples to train on have targets")
        }
        let prepared = SupervisedBatch(inputs: preparation.inputs(stored), targets: targets)
        try prepared.inputs.check()
        try prepared.targets.check()
        return prepared
    }
}
