import Foundation
import Testing

@testable import FisherStudies
@testable import FisherTraining

/// Event files are those of TensorBoard's own writer, byte for byte (`Reference/tensorboard_events.py`).
@Suite struct TensorBoardTests {
    private final class Clock {
        var times = [1000.0, 1000.5, 1001.5, 1002.5]
        func next() -> Double { times.isEmpty ? 0 : times.removeFirst() }
    }

    @Test func bytesAreThoseOfTheReference() throws {
        let fixture = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .appending(path: "Fixtures/tensorboard/events")
        try ToyTask.withFolder { root in
            let clock = Clock()
            let writer = try EventFileWriter(folder: root + "/events", now: clock.next)
            try writer.scalar("training/loss", 2.25, step: 7)
            let histogram = try #require(Histogram([-1, 0.5, 1.5, 3], buckets: 2))
            try writer.histogram("weights/w", histogram, step: 8)
            try writer.synchronize()
            #expect(try Data(contentsOf: URL(filePath: writer.path)) == Data(contentsOf: fixture))
            #expect(writer.path.contains("events.out.tfevents.1000."))
        }
    }

    @Test func filesAreNeverOverwritten() throws {
        try ToyTask.withFolder { root in
            let first = try EventFileWriter(folder: root, now: { 5 })
            let second = try EventFileWriter(folder: root, now: { 5 })
            #expect(first.path != second.path)
            try Data().write(to: URL(filePath: root + "/file"))
            #expect(throws: StorageError.self) { try EventFileWriter(folder: root + "/file") }
        }
    }

    @Test func histogramsCountEveryFiniteNumber() throws {
        let values = (0..<1000).map { Float($0) / 10 } + [.nan, .infinity]
        let histogram = try #require(Histogram(values))
        #expect(histogram.count == 1000)
        #expect(histogram.counts.reduce(0, +) == 1000)
        #expect(histogram.counts.count == 40 && histogram.limits.count == 40)
        #expect((histogram.minimum, histogram.maximum) == (0, Double(Float(99.9))))
        #expect(histogram.limits == histogram.limits.sorted())
        #expect(Histogram([.nan]) == nil)
        #expect(Histogram([2, 2])?.counts == [2])
    }

    @Test func hyperparametersHaveTypes() {
        typealias Value = EventFileWriter.HyperparameterValue
        #expect(Value("0.5") == .number(0.5))
        #expect(Value("true") == .flag(true))
        #expect(Value("fadam") == .text("fadam"))
    }
}
