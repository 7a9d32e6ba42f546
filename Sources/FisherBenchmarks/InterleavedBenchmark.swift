import Fisher
import FisherTraining

/// Measurements of several candidates in turns: each turn measures every candidate once, so that other load
/// on the machine affects all of them.
public struct InterleavedTimes<Sample> {
    /// The measurements, by candidate and turn.
    public let samples: [[Sample]]
    /// What else the machine did meanwhile; nil where it is not known.
    public let load: MachineLoad?

    /// Measures every candidate once per turn.
    ///
    /// - Parameters:
    ///   - candidates: their number.
    ///   - turns: how often each is measured.
    ///   - warmUpTurns: turns before the measurement, which are not recorded.
    ///   - progress: called between measurements with the number of those that are made.
    ///   - measure: measures the candidate at a position.
    public init(
        candidates: Int, turns: Int, warmUpTurns: Int = 1, progress: (_ done: Int) -> Void = { _ in },
        measure: (_ position: Int) throws -> Sample
    ) rethrows {
        precondition(candidates > 0 && turns > 0, "a measurement needs a candidate and a turn")
        let meter = LoadMeter()
        var samples = [[Sample]](repeating: [], count: candidates)
        for turn in 0..<(warmUpTurns + turns) {
            for position in 0..<candidates {
                let sample = try measure(position)
                if turn >= warmUpTurns { samples[position].append(sample) }
                progress(turn * candidates + position + 1)
            }
        }
        self.samples = samples
        load = meter.load()
    }

    /// A candidate's median over the turns, and the spread.
    public func spread(of position: Int, _ value: (Sample) -> Double) -> SampleSpread {
        SampleSpread(nonempty: samples[position].map(value))
    }

    /// A candidate's ratio to another one within a turn: the median over the turns, and the spread.
    public func ratios(
        of position: Int, to reference: Int = 0, _ value: (Sample) -> Double
    ) -> SampleSpread {
        SampleSpread(nonempty: zip(samples[position], samples[reference]).map { value($0) / value($1) })
    }
}

extension InterleavedTimes<Double> {
    /// A candidate's median over the turns, and the spread.
    public func spread(of position: Int) -> SampleSpread { spread(of: position) { $0 } }

    /// A candidate's ratio to another one within a turn: the median over the turns, and the spread.
    public func ratios(of position: Int, to reference: Int = 0) -> SampleSpread {
        ratios(of: position, to: reference) { $0 }
    }
}

/// Several candidates that can be timed in turns.
public protocol InterleavedBenchmark {
    /// The result of one measurement.
    associatedtype Sample
    /// The document with the results of all candidates.
    associatedtype Result: StudyDocument

    /// The number of candidates.
    var candidateCount: Int { get }
    /// The number of the parameters on which they work.
    var parameterCount: Int { get }
    /// The repetitions of a turn: long enough for the clock, and short enough for the turns to alternate quickly.
    var repetitions: Int { get }

    /// Measures a candidate over some repetitions.
    func measure(_ position: Int, repetitions: Int) throws -> Sample
    /// The seconds of one repetition.
    func seconds(_ sample: Sample) -> Double
    /// Creates the document from the measurements of all turns.
    func result(of times: InterleavedTimes<Sample>, on machine: EnvironmentSummary) throws -> Result
}

extension InterleavedBenchmark {
    /// Measures all candidates in turns, after a turn that is not recorded.
    ///
    /// - Parameters:
    ///   - turns: the number of turns.
    ///   - machine: what it runs on, for the result.
    ///   - progress: called between measurements with the number of those that are made; they are one a candidate and turn,
    ///     that before the first turn included.
    public func callAsFunction(
        turns: Int, on machine: EnvironmentSummary, progress: (_ done: Int) -> Void = { _ in }
    ) throws -> Result {
        let times = try InterleavedTimes(candidates: candidateCount, turns: turns, progress: progress) {
            try measure($0, repetitions: repetitions)
        }
        return try result(of: times, on: machine)
    }

    /// Makes the measurements that another process requests, until there are no more requests.
    ///
    /// The first answer is `ready` with the number of parameters. A request is a candidate's position and a
    /// number of repetitions, answered by the seconds of one repetition.
    ///
    /// - Parameters:
    ///   - next: the next request; nil at the end.
    ///   - answer: takes an answer, a line.
    /// - Throws: `ConfigurationError` for an invalid request.
    public func answer(_ next: () -> String?, with answer: (String) -> Void) throws {
        answer("ready \(parameterCount)")
        while let line = next() {
            let words = line.split(separator: " ").compactMap { Int($0) }
            guard words.count == 2, (0..<candidateCount).contains(words[0]), words[1] > 0 else {
                throw ConfigurationError("\"\(line)\" is not a position and a number of repetitions")
            }
            answer("\(seconds(try measure(words[0], repetitions: words[1])))")
        }
    }
}

extension InterleavedBenchmark where Sample == Double {
    /// The sample itself.
    public func seconds(_ sample: Double) -> Double { sample }
}

/// The seconds that something takes once, until the current device has done it.
func elapsedSeconds(_ work: () throws -> Void) throws -> Double {
    try Device.current.synchronize()
    return try ContinuousClock().measure {
        try work()
        try Device.current.synchronize()
    } / .seconds(1)
}

extension MachineLoad? {
    /// The sign in the heading of times that were taken on a busy machine.
    var marks: [String] { self?.isBusy == true ? [MachineLoad.mark] : [] }

    /// What it means, after the other sentences of a legend.
    var remark: String { MachineLoad.note([self]).map { " " + $0 } ?? "" }
}
