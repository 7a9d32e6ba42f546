import Foundation
import Fuzzing
import Testing

/// The short form of `make fuzz`: some ten thousand changed inputs in this process.
@Suite struct FuzzTests {
    private static let corpus = URL(filePath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent()
        .deletingLastPathComponent().appending(path: "Fuzz/Corpus").path

    @Test(arguments: Fuzzed.all.map(\.name))
    func changedInputsAreReadOrRefused(name: String) throws {
        let fuzzed = try #require(Fuzzed.all.first { $0.name == name })
        let inputs = try FuzzInputs(of: fuzzed, corpus: Self.corpus, seed: 12)
        for sound in inputs.sound {
            #expect(try fuzzed.read(sound), "a sound input of the corpus is refused")
        }
        var accepted = 0
        let count = UInt64(5 * fuzzed.weight + 100)
        for number in 0..<count where try fuzzed.read(inputs[number]) { accepted += 1 }
        // Inputs that are all refused at the first byte would test nothing.
        #expect(accepted > 0 && accepted < count)
    }
}
