import Synchronization
import Testing

@testable import FisherStudies
@testable import FisherTraining

/// How many threads are taken, by what steps with them take.
@Suite struct ThreadChoiceTests {
    /// The seconds of a step by the number of threads, from a clock that is made up.
    static func choice(_ seconds: [Int: Double], upTo most: Int) -> (choice: ThreadChoice, steps: Int) {
        var steps = 0
        let choice = ThreadChoice.measured(upTo: most) { threads in
            steps += 1
            return seconds[threads] ?? .nan
        }
        return (choice, steps)
    }

    @Test(arguments: [
        // Two bring much, a tenth, nothing, and cost.
        ([1: 0.010, 2: 0.006], 2, 2), ([1: 0.0109, 2: 0.010], 2, 1), ([1: 0.010, 2: 0.010], 2, 1),
        ([1: 0.010, 2: 0.080], 2, 1),
        // The fewest within a tenth of the fastest, whichever that is.
        ([1: 0.040, 2: 0.021, 4: 0.0105, 6: 0.010], 6, 4), ([1: 0.040, 2: 0.021, 4: 0.030, 6: 0.050], 6, 2),
        // A long step needs no measurement.
        ([1: 0.9, 2: 0.9], 2, 2),
    ])
    func theFewestThatAreFastAreTaken(_ seconds: [Int: Double], _ most: Int, _ expected: Int) {
        let (choice, steps) = Self.choice(seconds, upTo: most)
        #expect(choice.count == expected)
        // Two steps before, and five turns.
        #expect(steps == (choice.reason == nil ? 2 : 2 + 5 * seconds.count))
        #expect(choice.sentence?.hasPrefix("\(expected) thread") ?? true)
    }

    @Test func oneProcessorLeavesNoChoice() {
        let (choice, steps) = Self.choice([:], upTo: 1)
        #expect(choice == ThreadChoice(count: 1, reason: nil) && steps == 0)
    }
}

/// What else the machine does, by /proc/stat and this process's own time.
@Suite struct MachineLoadTests {
    static let statistics = """
        cpu  400 0 200 1000 0 0 0 40 0 0
        cpu0 100 20 30 500 7 4 6 10 0 0
        cpu1 200 0 50 400 0 0 0 30 0 0
        cpu2 100 0 100 100 0 0 0 0 0 0
        intr 1 2 3
        """

    @Test func processorsThatMayBeUsedCount() throws {
        let times = try #require(ProcessorTimes(statistics: Self.statistics, of: [0, 1], ticks: 100))
        #expect(times.processors == 2)
        #expect(abs(times.all - (1.60 + 2.50)) < 1e-12 && abs(times.stolen - 0.40) < 1e-12)
        #expect(ProcessorTimes(statistics: Self.statistics, of: [7], ticks: 100) == nil)
        #expect(ProcessorTimes(statistics: "cpu0 a b c d e f g h", of: [0], ticks: 100) == nil)
        #expect(ProcessorTimes(statistics: "", of: [0], ticks: 100) == nil)
    }

    /// A meter over ten seconds on two processors.
    static func load(own: Double, all: Double, stolen: Double = 0, seconds: Double = 10, threads: Int)
        -> MachineLoad?
    {
        @Sendable func times(_ share: Double) -> ProcessorTimes? {
            var times = ProcessorTimes(statistics: statistics, of: [0, 1], ticks: 100)
            times?.clock = 100 + share * seconds
            times?.own = 3 + share * own
            times?.all += share * all
            times?.stolen += share * stolen
            return times
        }
        let isFirst = Flag()
        return LoadMeter { times(isFirst.take() ? 0 : 1) }.load(threads: threads)
    }

    @Test(arguments: [
        // own, all, stolen, threads: whether it is busy.
        (20.0, 20.0, 0.0, 2, false), (10, 20, 0, 2, true), (10, 10, 0, 1, false), (10, 20, 0, 1, false),
        (8, 20, 0, 1, false), (5, 20, 0, 1, true), (10, 10, 1.2, 1, true), (10, 10, 0.8, 1, false),
    ])
    func otherWorkIsNoticed(_ own: Double, _ all: Double, _ stolen: Double, _ threads: Int, _ isBusy: Bool)
        throws
    {
        let load = try #require(Self.load(own: own, all: all, stolen: stolen, threads: threads))
        #expect(abs(load.others - (all - own) / 10) < 1e-9 && abs(load.stolen - stolen / 20) < 1e-9)
        #expect(load.isBusy == isBusy)
        #expect((MachineLoad.note([load]) != nil) == isBusy)
    }

    @Test func shortTimesSayNothing() {
        #expect(Self.load(own: 0.1, all: 0.8, seconds: 0.4, threads: 2) == nil)
        #expect(LoadMeter { nil }.load(threads: 1) == nil)
    }

    @Test func theNoteNamesTheHeaviestLoad() throws {
        let idle = MachineLoad(processors: 2, others: 0, stolen: 0, threads: 2)
        let busy = MachineLoad(processors: 2, others: 1.5, stolen: 0.25, threads: 2)
        #expect(MachineLoad.note([nil, idle]) == nil && MachineLoad.heavier(idle, busy) == busy)
        let note = try #require(MachineLoad.note([idle, busy, nil]))
        #expect(
            note.contains("1.5 of the 2 processors beside its 2 threads") && note.contains("withheld 25 %"))
    }

    /// True once.
    final class Flag: Sendable {
        private let isSet = Mutex(true)
        func take() -> Bool {
            isSet.withLock { isSet in
                defer { isSet = false }
                return isSet
            }
        }
    }
}

/// Times on pages: the median over the intervals, so that an hour in which the machine was busy moves nothing.
@Suite struct EvenTimeTests {
    static func entry(_ seconds: [[Double]]) -> OptimizerEntry {
        let runs = seconds.enumerated().map { seed, times in
            RunRecord(
                seed: UInt64(seed), status: .completed,
                curve: times.enumerated().map { place, time in
                    CurvePoint(
                        step: 10 * place, tokens: 0, seconds: time, trainingLoss: nil,
                        validationLoss: 3 - Double(place))
                }, finalValidationLoss: 0, forwardBackwardMilliseconds: 1, optimizerMilliseconds: 1,
                stateBytes: 0)
        }
        return OptimizerEntry(label: "a", rule: "a", options: [], runs: runs)
    }

    @Test func oneBusyIntervalMovesNothing() throws {
        // Ten steps take a second; once they took twenty.
        let entry = Self.entry([[0, 1, 2, 3], [0, 1, 21, 22]])
        #expect(entry.secondsPerStep == 0.1)
        #expect(entry.evenlyTimed.runs.map { $0.curve.map(\.seconds) } == [[0, 1, 2, 3], [0, 1, 2, 3]])
        let reach = try #require(LossReach(of: entry) { _ in 1 })
        #expect(reach.runs.map(\.seconds) == [2, 2])
    }

    /// Seconds of runs side by side are those of a run alone, in the ratio of the steps that were timed alone.
    @Test func timesAloneReplaceThoseBesideOthers() throws {
        var entry = Self.entry([[0, 1, 2, 3], [0, 1, 2, 3]])
        for k in entry.runs.indices { entry.runs[k].sideBySide = 2 }
        #expect(entry.secondsPerStep == 0.1)
        var result = ComparisonFixture.result([entry])
        let beside = ComparisonSummary(of: result)
        #expect(beside.rows[0].timeMark == " ‡" && beside.rows[0].sideBySide == 2)
        #expect(beside.warnings.contains { $0.contains("while 2 runs were made side by side") })
        entry.timing = StepTiming(forwardBackwardMilliseconds: 0.4, optimizerMilliseconds: 0.6, steps: 20)
        #expect(abs(try #require(entry.secondsPerStep) - 0.05) < 1e-12)
        result.entries = [entry]
        let alone = ComparisonSummary(of: result)
        #expect(alone.rows[0].timeMark == "" && alone.rows[0].forwardBackwardMilliseconds == 0.4)
        #expect(alone.legend.contains("medians of 20 steps made alone"))
        #expect(!alone.warnings.contains { $0.contains("side by side") })
        let header = String(result.records.csv().prefix { $0 != "\n" && $0 != "\r\n" })
        #expect(header.hasSuffix(",side_by_side"), "\(header)")
        let read = try StoredJSON.decode(OptimizerComparison.self, from: result.json())
        #expect(read == result)
    }

    /// Runs that end in any order lie in that of their seeds; those of other seeds stay where they are.
    @Test func runsLieInTheOrderOfTheirSeeds() {
        let runs = Self.entry([[0], [1], [2], [3], [4]]).runs
        var entry = Self.entry([])
        entry.runs = [runs[4]]
        for seed in [2, 0, 3, 1] { entry.insert(runs[seed], inOrderOf: [0, 1, 2, 3]) }
        #expect(entry.runs.map(\.seed) == [4, 0, 1, 2, 3])
    }

    @Test func aCurveWithoutIntervalsStays() {
        #expect(Self.entry([[5]]).evenlyTimed.runs[0].curve[0].seconds == 5)
        #expect(Self.entry([]).secondsPerStep == nil)
    }
}
