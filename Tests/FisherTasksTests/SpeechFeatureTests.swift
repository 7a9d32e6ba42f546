import Fisher
import FisherMedia
import FisherTraining
import Foundation
import Testing

@testable import FisherTasks

@Suite("Speech: texts and features")
struct SpeechFeatureTests {
    @Test(
        "Texts become letters, apostrophes and single spaces",
        arguments: [
            ("HELLO  World.", "hello world"), ("It\u{2019}s re-read, \"now\"!", "it's re read now"),
            ("press 1 or 2", "press one or two"), (" \u{2026}to leave\u{2014}now ", "to leave now"),
        ])
    func plainText(_ text: String, _ expected: String) throws {
        let labels = try Alphabet.characters.labels(of: text)
        #expect(Alphabet.characters.text(of: labels) == expected)
        #expect(labels.allSatisfy { (1..<Alphabet.characters.classCount).contains($0) })
        let bytes = try Alphabet.bytes.labels(of: text)
        #expect(Alphabet.bytes.text(of: bytes) == text && bytes.allSatisfy { (1...256).contains($0) })
    }

    @Test(
        "Characters without a class are named",
        arguments: [("caf\u{e9}", "é"), ("press #", "#"), ("dial 42", "number")])
    func unknown(_ text: String, _ named: String) {
        let error = #expect(throws: Alphabet.Unknown.self) { try Alphabet.characters.labels(of: text) }
        #expect(error?.reason.contains(named) == true)
    }

    struct Fixture: Decodable {
        struct Features: Decodable {
            let rate: Int
            let bands: Int
            let samples: [Float]
            let expected: [[Float]]
        }
        let features: [Features]
    }

    /// The logarithms of silence differ by the rounding of float32, so that powers are compared.
    @Test("Log-mel features agree with the transform written out in float64", arguments: 0..<3)
    func features(_ index: Int) throws {
        let path = URL(filePath: #filePath).deletingLastPathComponent()
            .appending(path: "../Fixtures/sound/sound.json").standardizedFileURL.path
        let data = try #require(FileManager.default.contents(atPath: path))
        let fixture = try JSONDecoder().decode(Fixture.self, from: data).features[index]
        let settings = LogMel(rate: fixture.rate, bands: fixture.bands)
        let found = settings.transform()(fixture.samples)
        #expect(found.shape == [fixture.expected.count, fixture.bands])
        #expect(settings.frameCount(ofSamples: fixture.samples.count) == fixture.expected.count)
        for (a, b) in zip(try found.contiguous().scalars(as: Float.self), fixture.expected.joined()) {
            #expect(abs(a - b) < 2e-3)
        }
    }

    @Test func normalizedBandsHaveMeanZeroAndVarianceOne() throws {
        let features = LogMel.normalized(Tensor([1, 5, 3, 5, 8, 5] as [Float], shape: [3, 2]))
        let values = try features.scalars(as: Float.self)
        #expect(abs(values[0] + values[2] + values[4]) < 1e-5)
        #expect(abs(values[0] * values[0] + values[2] * values[2] + values[4] * values[4] - 3) < 1e-4)
        #expect([values[1], values[3], values[5]] == [0, 0, 0])
    }

    @Test("Masks are no wider than asked for, lie within the utterance, and all occur")
    func masks() {
        var augment = SpecAugment()
        (augment.frequencyMasks, augment.frequencyWidth) = (1, 3)
        (augment.timeMasks, augment.timeShare) = (1, 0.4)
        var generator = Xoshiro256(seed: 1)
        var widths: (Set<Int>, Set<Int>) = ([], [])
        for _ in 0..<300 {
            var features = [Float](repeating: 1, count: 2 * 10 * 6)
            augment.mask(&features, frameCounts: [10, 5], longest: 10, bands: 6, using: &generator)
            // The padding of the second utterance stays as it is.
            #expect(features[(10 + 5) * 6..<120].allSatisfy { $0 == 1 })
            let rows = (0..<10).filter { row in features[row * 6..<row * 6 + 6].allSatisfy { $0 == 0 } }
            let bands = (0..<6).filter { band in (0..<10).allSatisfy { features[$0 * 6 + band] == 0 } }
            widths.0.insert(bands.count)
            widths.1.insert(rows.count)
            #expect(bands.last.map { $0 - bands[0] < 3 } ?? true)
        }
        #expect(widths.0 == [0, 1, 2, 3] && widths.1 == [0, 1, 2, 3, 4])
        var untouched: [Float] = [1, 2, 3, 4]
        SpecAugment.none.mask(&untouched, frameCounts: [2], longest: 2, bands: 2, using: &generator)
        #expect(untouched == [1, 2, 3, 4])
    }
}
