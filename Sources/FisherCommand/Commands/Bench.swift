import ArgumentParser

/// `fisher bench`: how long things take here.
struct Bench: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Time optimizers, training steps and estimates of the information on this machine.",
        subcommands: [BenchOptimizers.self, BenchStep.self, BenchInformation.self])
}

/// Takes the turns that standard input asks for, until it ends: each line holds the position of a candidate and a number
/// of repetitions, and is answered by the seconds of one.
func answerTurns(
    of candidates: Range<Int>, parameterCount: Int, counting what: String,
    _ seconds: (Int, Int) throws -> Double
) throws {
    say("ready \(parameterCount)")
    while let line = readLine() {
        let words = line.split(separator: " ").compactMap { Int($0) }
        guard words.count == 2, candidates.contains(words[0]), words[1] > 0 else {
            throw UsageError(description: "\"\(line)\" is not a position and a number of \(what)")
        }
        say("\(try seconds(words[0], words[1]))")
    }
}
