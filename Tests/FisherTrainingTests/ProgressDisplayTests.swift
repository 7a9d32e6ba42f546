import Foundation
import Synchronization
import Testing

@testable import FisherStudies
@testable import FisherTraining

@Suite("The progress display")
struct ProgressDisplayTests {
    /// Keeps what was written, and has a clock that is set by hand.
    private final class Screen: Sendable {
        private let written = Mutex("")
        private let time = Mutex(100.0)

        var text: String { written.withLock { $0 } }
        func advance(_ seconds: Double) { time.withLock { $0 += seconds } }

        func display(
            isTerminal: Bool, width: Int = 120, usesColor: Bool = false, runCount: Int = 1
        ) -> ProgressDisplay {
            let output = ProgressOutput(
                isTerminal: isTerminal, usesColor: usesColor, width: { width },
                write: { text in self.written.withLock { $0 += text } }
            )
            return ProgressDisplay(runCount: runCount, output: output, now: { self.time.withLock { $0 } })
        }

        /// What a terminal shows after carriage returns and erasures, line by line.
        var shown: [String] {
            text.split(separator: "\n", omittingEmptySubsequences: false).map { line in
                String(line).components(separatedBy: "\r\u{1B}[K").last ?? ""
            }
        }
    }

    private func train(_ display: ProgressDisplay, on screen: Screen, steps: Int = 100, seconds: Double = 1) {
        for step in 1...steps {
            screen.advance(seconds)
            display.update(step: step, loss: 5 - Double(step) / 50, examples: step * 1_000)
        }
    }

    @Test("Runs side by side share a line, and each leaves one when it ends")
    func sideBySide() {
        let screen = Screen()
        let display = screen.display(isTerminal: false, runCount: 4)
        let shown = SideBySideProgress(on: display, count: 2, runs: 3, steps: 100)
        shown.show(.began(label: "a", step: 0), of: 0)
        shown.show(.began(label: "b", step: 50), of: 1)
        screen.advance(10)
        shown.show(.moved(step: 100), of: 0)
        shown.show(.ended(label: "a", outcome: "loss 1", seconds: 10), of: 0)
        shown.show(.note("a note"), of: 1)
        screen.advance(5)
        shown.show(.moved(step: 100), of: 1)
        shown.show(.ended(label: "b", outcome: "loss 2", seconds: 15), of: 1)
        shown.finish()
        let lines = screen.text.split(separator: "\n").map(String.init)
        #expect(lines.first == "[1/4] 2 runs side by side: step 0 of 300 (0 %)")
        #expect(lines.contains("[1/4] a: loss 1 (0:10)") && lines.contains("a note"))
        #expect(lines.last == "[2/4] b: loss 2 (0:15)", "\(lines)")
        // The run that is left here, and one more: 250 steps in all, of which 150 took 15 seconds.
        #expect(
            lines.contains("[2/4] 2 runs side by side: step 150 of 250 (60 %), 0:10 left, 0:20 for all runs"),
            "\(lines)")
    }

    @Test("A file gets whole lines without control characters, about one a tenth")
    func plain() {
        let screen = Screen()
        let display = screen.display(isTerminal: false)
        display.begin("adamw, seed 0", totalSteps: 100)
        train(display, on: screen)
        display.endRun("2.289 nats/byte")
        display.finish()
        let lines = screen.text.split(separator: "\n")
        #expect(!screen.text.contains("\r") && !screen.text.contains("\u{1B}"))
        #expect(screen.text.hasSuffix("\n"))
        #expect(lines.count == 12)
        #expect(lines.first == "adamw, seed 0: step 0 of 100 (0 %)")
        #expect(lines[5] == "adamw, seed 0: step 50 of 100 (50 %), loss 4.0000, 1.00k examples/s, 0:50 left")
        #expect(lines.last == "adamw, seed 0: 2.289 nats/byte (1:40)")
    }

    @Test(
        "Fast runs do not flood a file, slow ones do not leave it silent", arguments: [(0.01, 2), (30.0, 52)])
    func throttling(seconds: Double, count: Int) {
        let screen = Screen()
        let display = screen.display(isTerminal: false)
        display.begin("run", totalSteps: 100)
        train(display, on: screen, seconds: seconds)
        display.endRun("done")
        #expect(abs(screen.text.split(separator: "\n").count - count) <= 8)
    }

    @Test(
        "A terminal gets one line that is redrawn at most ten times a second, and fits",
        arguments: [20, 40, 60, 80, 160])
    func terminal(width: Int) {
        let screen = Screen()
        let display = screen.display(isTerminal: true, width: width, runCount: 3)
        display.begin("fadam, learning rate 0.004, rho 0.6, seed 0", totalSteps: 1_000)
        train(display, on: screen, steps: 1_000, seconds: 0.02)
        #expect(!screen.text.contains("\n"))
        let drawings = screen.text.components(separatedBy: "\r\u{1B}[K")
        #expect(drawings.count <= 202)
        #expect(drawings.allSatisfy { DisplayWidth.of($0) < width })
        #expect(drawings.last?.contains("1,000/1,000") == true)
    }

    @Test("A wide terminal shows all there is to know")
    func details() {
        let screen = Screen()
        let display = screen.display(isTerminal: true, width: 140, runCount: 4)
        display.begin("adamw, seed 0", totalSteps: 200)
        train(display, on: screen)
        let line = screen.shown.last ?? ""
        #expect(line.hasPrefix("[1/4] adamw, seed 0  ━━━"))
        #expect(line.hasSuffix("100/200  loss 3.000  1:40 left  1.00k examples/s  all 11:40"))
        #expect(line.filter { $0 == "━" }.count == line.filter { $0 == "┈" }.count)
    }

    @Test("After the end there are results, notes, and an empty line's beginning")
    func cleanEnd() {
        let screen = Screen()
        let display = screen.display(isTerminal: true, runCount: 2)
        display.begin("a", totalSteps: 100)
        train(display, on: screen, steps: 50)
        display.note("checkpoint\nsaved")
        train(display, on: screen)
        display.endRun("2.289 nats/byte")
        display.begin("b", totalSteps: 100)
        train(display, on: screen, steps: 10)
        display.finish()
        #expect(screen.shown == [#"checkpoint\u{a}saved"#, "[1/2] a: 2.289 nats/byte (2:30)", ""])
        let before = screen.text
        display.update(step: 3)
        display.finish()
        display.endRun("x")
        #expect(screen.text == before)
    }

    @Test("Colors come only where they are wanted, and never into a file")
    func color() {
        for (isTerminal, usesColor, expected) in [
            (true, true, true), (true, false, false), (false, true, false),
        ] {
            let screen = Screen()
            let display = screen.display(isTerminal: isTerminal, usesColor: usesColor)
            display.begin("a", totalSteps: 10)
            train(display, on: screen, steps: 5)
            #expect(screen.text.contains("\u{1B}[36m") == expected)
        }
    }

    @Test("A resumed run's pace counts only what is done now")
    func resume() {
        let screen = Screen()
        let display = screen.display(isTerminal: true, width: 120)
        display.begin("a", totalSteps: 1_000, step: 900, examples: 900_000, unit: "images")
        screen.advance(20)
        display.update(step: 910, loss: 2, examples: 910_000)
        #expect(screen.shown.last?.hasSuffix("910/1,000  loss 2.000  3:00 left  500 images/s") == true)
    }

    @Test("Odd numbers do no harm")
    func oddNumbers() {
        let screen = Screen()
        let display = screen.display(isTerminal: true, width: 100)
        display.begin("\u{1B}[2Ja\nb", totalSteps: 0)
        display.update(step: 5, loss: .nan)
        screen.advance(-50)
        display.update(step: 3, loss: .infinity, examples: -4)
        screen.advance(1)
        display.update(step: 7, loss: 1e30)
        #expect(screen.text.replacing("\r\u{1B}[K", with: "").contains("\u{1B}") == false)
        #expect(!screen.text.contains("\n"))
    }

    @Test("NO_COLOR and a dumb terminal are respected where standard error is no terminal either")
    func environment() {
        let output = ProgressOutput.standardError(environment: [
            "NO_COLOR": "1", "TERM": "dumb", "COLUMNS": "66",
        ])
        #expect(!output.usesColor && !output.isTerminal)
        #expect(output.width() > 0)
    }
}
