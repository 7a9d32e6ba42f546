import Fisher
import FisherMedia
import FisherTraining
import Foundation
import Testing

@testable import FisherTasks

@Suite("Speech: synthetic corpus")
struct SyntheticSpeechTests {
    @Test func heldOutVoicesAreNoOthers() {
        let lines = SyntheticSpeech().lines
        #expect(lines.count == 1200 && lines.count { $0.isHeldOut } == 200)
        let voices = { (held: Bool) in Set(lines.filter { $0.isHeldOut == held }.map(\.voice)) }
        #expect(voices(true).isDisjoint(with: voices(false)) && voices(false).count > 50)
        #expect(
            lines.allSatisfy { (try? Alphabet.plain($0.text)) == $0.text && (10...30).contains($0.noise) })
        var digits = SyntheticSpeech()
        digits.hasPhrases = false
        #expect(
            digits.lines.allSatisfy {
                $0.text.split(separator: " ").allSatisfy { Alphabet.digits.contains(String($0)) }
            })
    }

    @Test func noiseHasThePowerAskedFor() {
        var samples = [Float](repeating: 0.5, count: 20_000)
        var generator = Xoshiro256(seed: 3)
        SyntheticSpeech.addNoise(to: &samples, decibels: 20, using: &generator)
        let power = samples.reduce(0) { $0 + ($1 - 0.5) * ($1 - 0.5) } / 20_000
        #expect(abs(power / 0.0025 - 1) < 0.05)
    }

    @Test func withoutTheProgramTheErrorSaysWhatToInstall() throws {
        let error = #expect(throws: SpeechError.self) {
            try SyntheticSpeech().tables(
                cache: "/nowhere", environment: ["PATH": "/nowhere"], progress: LoadingProgress(nil))
        }
        #expect(error?.description.contains("apt-get install espeak-ng") == true)
    }

    @Test(
        "The recipe gives the same files each time, once",
        .enabled(if: ChildProgram(named: "espeak-ng") != nil, "espeak-ng is not installed"))
    func sameFiles() throws {
        try SpeechFolder.with { folder in
            var recipe = SyntheticSpeech()
            (recipe.count, recipe.rate) = (12, 8000)
            let first = try recipe.tables(cache: folder.path + "/a", progress: LoadingProgress(nil))
            let again = try recipe.tables(cache: folder.path + "/a", progress: LoadingProgress(nil))
            #expect(first == again)
            let other = try recipe.tables(cache: folder.path + "/b", progress: LoadingProgress(nil))
            #expect(other.training != first.training)
            let a = try SpeechFolder.options([first.training], heldOut: [first.heldOut]).read(
                progress: LoadingProgress(nil))
            let b = try SpeechFolder.options([other.training], heldOut: [other.heldOut]).read(
                progress: LoadingProgress(nil))
            #expect(
                a.fingerprint == b.fingerprint && a.training.map(\.features) == b.training.map(\.features))
            #expect(a.training.count == 10 && a.validation.count == 2)
            let names = try FileManager.default.contentsOfDirectory(atPath: folder.path + "/a")
            #expect(names.count == 1 && names[0].hasPrefix("espeak-"))
        }
    }
}
