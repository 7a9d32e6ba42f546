import Fisher
import FisherMedia
import FisherTraining
import Foundation
import Testing

@testable import FisherTasks

@Suite("Speech: batches")
struct SpeechBatchTests {
    static let utterances = (0..<23).map { index in
        let frames = 5 + 7 * index % 31
        return Utterance(
            path: "\(index)", text: "a", labels: [3 + index % 5], frames: frames,
            features: (0..<frames * 3).map { Float(1 + index * 1000 + $0) }, place: "", speaker: nil,
            chapter: nil,
            hash: UInt64(index))
    }

    static func batches(
        seed: UInt64 = 5, batch: Int = 4, buckets: Int = 3, augment: SpecAugment = SpecAugment()
    )
        throws -> SpeechBatches
    {
        try SpeechBatches(
            utterances, bands: 3, batch: batch, buckets: buckets, augment: augment, seed: seed)
    }

    /// The numbers of a batch's utterances, by their first feature.
    static func numbers(_ batch: SpeechBatch) throws -> [Int] {
        try (0..<batch.unitCount).map { row in
            (Int(try batch.features.selecting(0, row).selecting(0, 0).scalars(as: Float.self)[0]) - 1) / 1000
        }
    }

    @Test("An epoch has every utterance at most once, in batches of like length with zeros behind")
    func epoch() throws {
        var batches = try Self.batches(augment: .none)
        var padding: [Int] = []
        for pass in 0..<2 {
            var seen: [Int] = []
            for _ in 0..<5 {
                #expect(batches.position.pass == pass)
                let batch = batches.next()
                seen += try Self.numbers(batch)
                let longest = try #require(batch.frameCounts.max())
                #expect(batch.features.shape == [4, longest, 3])
                for (row, frames) in batch.frameCounts.enumerated() where frames < longest {
                    let rest = batch.features.selecting(0, row).narrowed(
                        0, from: frames, length: longest - frames)
                    #expect(try rest.largestMagnitude() == 0)
                }
                padding.append(batch.frameCounts.reduce(0) { $0 + longest - $1 })
            }
            #expect(seen.count == 20 && Set(seen).count == 20)
        }
        var plain = try Self.batches(buckets: 1, augment: .none)
        let unsorted = (0..<10).map { _ in
            let counts = plain.next().frameCounts
            return counts.reduce(0) { $0 + (counts.max() ?? 0) - $1 }
        }
        #expect(padding.reduce(0, +) < unsorted.reduce(0, +))
    }

    @Test("A stream continues to the bit from a position in JSON", arguments: [0, 3, 5, 12])
    func position(_ steps: Int) throws {
        var batches = try Self.batches()
        for _ in 0..<steps { _ = batches.next() }
        let saved = try JSONEncoder().encode(batches.position)
        let expected = (0..<7).map { _ in batches.next() }
        var other = try Self.batches(seed: 99)
        try other.restore(try JSONDecoder().decode(SpeechPosition.self, from: saved))
        for batch in expected {
            let found = other.next()
            #expect(found.labels == batch.labels && found.frameCounts == batch.frameCounts)
            #expect(try found.features.scalars(as: Float.self) == batch.features.scalars(as: Float.self))
        }
        #expect(other.position == batches.position)
    }

    @Test func foreignAndDamagedPositionsAreRefused() throws {
        var batches = try Self.batches()
        let other = try Self.batches(batch: 5).position
        #expect(throws: BatchError.self) { try batches.restore(other) }
        #expect(throws: BatchError.self) { try Self.batches(batch: 24) }
        let text = String(decoding: try JSONEncoder().encode(batches.position), as: UTF8.self)
        let damaged = text.replacing("\"offset\":0", with: "\"offset\":5")
        #expect(damaged != text)
        #expect(throws: DecodingError.self) {
            try JSONDecoder().decode(SpeechPosition.self, from: Data(damaged.utf8))
        }
    }

    @Test func slicesKeepTheirUtterances() throws {
        let batch = SpeechBatch(Array(Self.utterances[..<5]), bands: 3)
        let slice = batch.slice(1..<3)
        #expect(slice.unitCount == 2 && slice.frameCounts == Array(batch.frameCounts[1..<3]))
        #expect(slice.labels == Array(batch.labels[1..<3]))
        #expect(try Self.numbers(slice) == [1, 2])
    }
}
