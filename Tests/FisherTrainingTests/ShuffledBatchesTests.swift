import Fisher
import FisherTraining
import Foundation
import Testing

/// Streams of batches over examples in memory and in files.
@Suite struct ShuffledBatchesTests {
    let inputs = Tensor((0..<20).map(Double.init), shape: [10, 2])
    let targets = Tensor((0..<10).map(Int64.init), shape: [10])

    /// Each epoch has every example once, and a stream that was saved continues the same.
    @Test func everyExampleComesOnceAnEpoch() throws {
        let batches = try ShuffledBatches(
            inputs: inputs, targets: targets, batchSize: 4, seed: 5)
        var drawn: [Int64] = []
        for batch in batches.prefix(5) {
            let found: [Int64] = try batch.targets.scalars()
            #expect(try batch.inputs.scalars() == found.flatMap { [Double(2 * $0), Double(2 * $0 + 1)] })
            drawn += found
        }
        #expect(batches.epoch == 2 && batches.batchesPerEpoch == 3)
        #expect(drawn.prefix(10).sorted() == Array(0..<10))
        #expect(drawn.suffix(10).sorted() == Array(0..<10))
        #expect(Array(drawn.prefix(10)) != Array(drawn.suffix(10)))

        _ = batches.next()
        let restored = try ShuffledBatches(
            inputs: inputs, targets: targets, batchSize: 4, seed: 9)
        restored.position = try JSONDecoder().decode(
            ShuffledIndices.self, from: try JSONEncoder().encode(batches.position))
        #expect(restored.position == batches.position)
        for _ in 0..<7 {
            let (a, b): ([Int64], [Int64]) = (
                try batches.next().targets.scalars(), try restored.next().targets.scalars()
            )
            #expect(a == b)
        }
    }

    /// A part of a batch has the samples that it has in the whole; no other is read, and the stream moves on as ever.
    @Test func partsOfBatchesAreReadAlone() throws {
        var read: [[Int]] = []
        func stream() -> SampleBatches {
            SampleBatches(count: 10, batch: 5, seed: 2) { rows in
                read.append(rows)
                let values = Tensor(rows.map(Double.init))
                return SupervisedBatch(inputs: values, targets: values)
            }
        }
        var (whole, partial) = (stream(), stream())
        for range in [0..<2, 2..<5, 0..<5, 3..<4] {
            let batch = try whole.next()
            let part = try partial.next { count in
                #expect(count == 5)
                return range
            }
            #expect(read.suffix(2).map(\.count) == [5, range.count])
            #expect(part.unitCount == 5 && part.first == range.lowerBound)
            for cut in [range, range.lowerBound..<range.lowerBound + 1] {
                let found = part.slice(cut)
                #expect(found.unitCount == cut.count)
                #expect(try found.units.inputs.scalars() == batch.slice(cut).inputs.scalars(as: Double.self))
            }
        }
        #expect(whole.position == partial.position)
    }

    /// What checkpoints of former versions hold.
    @Test func savedPositionsAreRead() throws {
        let saved = Data(#"{"seed":5,"count":10,"batch":4,"pass":1,"offset":2}"#.utf8)
        var position = try JSONDecoder().decode(ShuffledIndices.self, from: saved)
        var other = ShuffledIndices(seed: 5, count: 10, batch: 4)
        for _ in 0..<3 { _ = other.next() }
        #expect(position.next() == other.next())
        let broken = Data(#"{"seed":1,"count":3,"batch":4,"pass":0,"offset":0}"#.utf8)
        #expect(throws: DecodingError.self) { try JSONDecoder().decode(ShuffledIndices.self, from: broken) }
    }

    /// Samples that are read when they are needed come in the order of those in memory, and only those of a batch are read.
    @Test func samplesAreReadAsTheyAreNeeded() throws {
        var asked: [[Int]] = []
        var stream = SampleBatches(count: 10, batch: 4, seed: 5) { indices in
            asked.append(indices)
            let numbers = Tensor(indices.map(Int64.init))
            return SupervisedBatch(inputs: numbers, targets: numbers)
        }
        let batches = try ShuffledBatches(inputs: inputs, targets: targets, batchSize: 4, seed: 5)
        for _ in 0..<4 {
            let (read, held): ([Int64], [Int64]) = (
                try stream.next().targets.scalars(), try batches.next().targets.scalars()
            )
            #expect(read == held)
        }
        #expect(asked.allSatisfy { $0.count == 4 } && asked.count == 4)
        var other = SampleBatches(count: 10, batch: 4) { indices in
            SupervisedBatch(inputs: Tensor(indices.map(Int64.init)), targets: Tensor([0.0]))
        }
        try other.restore(stream.position)
        let (restored, expected): ([Int64], [Int64]) = (
            try other.next().inputs.scalars(), try stream.next().inputs.scalars()
        )
        #expect(restored == expected)
        #expect(throws: BatchError.foreignPosition(count: 9, batch: 4)) {
            try other.restore(ShuffledIndices(seed: 5, count: 9, batch: 4))
        }
        #expect(throws: BatchError.foreignPosition(count: 10, batch: 5)) {
            try other.restore(ShuffledIndices(seed: 5, count: 10, batch: 5))
        }
    }

    @Test func filesAreReadAndMistakesNamed() throws {
        let path = FileManager.default.temporaryDirectory.appending(path: "\(UUID()).safetensors").path
        defer { try? FileManager.default.removeItem(atPath: path) }
        try SafetensorsWriter().write(
            [
                SafetensorsSource(name: "inputs", tensor: inputs),
                SafetensorsSource(name: "labels", tensor: targets),
            ], to: path)
        let fromFile = try ShuffledBatches(contentsOf: path, targets: "labels", batchSize: 10, seed: 1)
        let fromMemory = try ShuffledBatches(
            inputs: inputs, targets: targets, batchSize: 10, seed: 1)
        let (a, b): ([Int64], [Int64]) = (
            try fromFile.next().targets.scalars(), try fromMemory.next().targets.scalars()
        )
        #expect(a == b)
        #expect(throws: SafetensorsError.self) { try ShuffledBatches(contentsOf: path, batchSize: 1) }
        #expect(throws: BatchError.badSize(11, exampleCount: 10)) {
            try ShuffledBatches(inputs: inputs, targets: targets, batchSize: 11)
        }
        #expect(throws: BatchError.unpaired(inputs: [10, 2], targets: [9])) {
            try ShuffledBatches(
                inputs: inputs, targets: targets.narrowed(0, from: 0, length: 9), batchSize: 1)
        }
    }
}
