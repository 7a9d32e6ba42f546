import FisherStudies
import FisherTraining
import Foundation
import Testing

@testable import FisherClaims

/// The study of the exponent with runs of a few steps.
@Suite struct ExponentReproductionTests {
    @Test func bothStagesAreRunOnceAndReadAgain() throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "exponent-\(UUID().uuidString)")
            .path
        defer { try? FileManager.default.removeItem(atPath: folder) }
        func problem(_ name: String, steps: Int) -> Problem {
            Problem(
                name, task: "digits", preset: "perceptron",
                ["training.steps": "\(steps)", "training.evaluate_every": "\(steps)"])
        }
        let arms: [ExponentArm] = [
            .fadam(power: 0.5, beta2: 0.99), .fadam(power: 0.6, length: "square_root", beta2: 0.99),
            .adamw(beta2: 0.99, gradientPower: 1.2),
        ]
        let reproduction = ExponentReproduction(
            in: folder, screening: arms, on: problem("screening", steps: 2),
            problems: [problem("a", steps: 3)], seeds: ([0], [0, 1, 2]),
            rates: { _ in [1e-3] })
        let progress = ProgressDisplay(
            runCount: 0,
            output: ProgressOutput(isTerminal: false, usesColor: false, width: { 80 }, write: { _ in }))

        let screened = try reproduction.run(screensOnly: true, progress: progress)
        #expect(screened.isScreened && screened.finals.isEmpty)
        #expect(screened.finalists.map(\.role) == [.reference, .matched, .control])
        #expect(screened.screening.allSatisfy { $0.losses.count == 1 && $0.problem == "screening" })

        let whole = try reproduction.run(screensOnly: false, progress: progress)
        #expect(whole.screening == screened.screening)
        #expect(whole.finals.map(\.problem) == ["a", "a", "a"])
        #expect(whole.contrasts.count == 2)
        #expect(whole.contrasts.allSatisfy { $0.difference?.pairs.count == 3 && $0.outcome == .open })
        // The same weights and batches: at one rate the arms differ by their rules alone.
        #expect(Set(whole.finals.flatMap { $0.losses.values }).count == whole.finals.count * 3)

        let read = try reproduction.files.read(ExponentStudy.self)
        #expect(read.finals == whole.finals && read.screening == whole.screening)
        let again = try reproduction.run(screensOnly: false, progress: progress)
        #expect(again.finals == whole.finals)
    }
}
