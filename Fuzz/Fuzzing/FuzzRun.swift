import Foundation

/// A run of the fuzzer: children read the inputs in parts; the one at which a child ended is made small and kept.
struct FuzzRun {
    let readers: [Fuzzed]
    let inputs: UInt64
    let seed: UInt64
    let jobs: Int
    let corpus: String
    let failures: String

    /// One reader's inputs that are still to be read.
    private struct Part {
        let fuzzed: Fuzzed
        var numbers: Range<UInt64>
    }

    private struct Job {
        let part: Part
        let process: Process
        let errors: Pipe
        let board: FuzzBoard
        let boardPath: String
    }

    private struct Counts {
        var (done, accepted, failed): (UInt64, UInt64, UInt64) = (0, 0, 0)
    }

    /// Reads all inputs; returns whether none failed.
    func callAsFunction() throws -> Bool {
        let begin = Date()
        var waiting = parts
        var running: [Job] = []
        var counts: [String: Counts] = [:]
        var shown = begin
        while !waiting.isEmpty || !running.isEmpty {
            while running.count < jobs, let part = waiting.popLast() { running.append(try start(part)) }
            usleep(20_000)
            for (position, job) in running.enumerated().reversed() where !job.process.isRunning {
                running.remove(at: position)
                counts[job.part.fuzzed.name, default: Counts()].done += job.board.done
                counts[job.part.fuzzed.name, default: Counts()].accepted += job.board.accepted
                if let ending = try ending(of: job) {
                    counts[job.part.fuzzed.name, default: Counts()].failed += 1
                    try keep(job.board.current, of: job.part.fuzzed, ending: ending)
                    let next = job.board.current + 1
                    if next < job.part.numbers.upperBound {
                        waiting.append(
                            Part(fuzzed: job.part.fuzzed, numbers: next..<job.part.numbers.upperBound))
                    }
                }
                unlink(job.boardPath)
            }
            if Date().timeIntervalSince(shown) > 10 {
                shown = Date()
                let done = counts.values.reduce(0) { $0 + $1.done } + running.reduce(0) { $0 + $1.board.done }
                say("\(done) of \(inputs) inputs, \(counts.values.reduce(0) { $0 + $1.failed }) failing")
            }
        }
        for fuzzed in readers {
            let count = counts[fuzzed.name] ?? Counts()
            say(
                "\(fuzzed.name): \(count.done + count.failed) inputs, \(count.accepted) accepted, \(count.failed) failing"
            )
        }
        let total = counts.values.reduce(into: Counts()) { sum, one in
            sum.done += one.done + one.failed
            sum.accepted += one.accepted
            sum.failed += one.failed
        }
        let seconds = Int(Date().timeIntervalSince(begin).rounded())
        say(
            "\(total.done) inputs of seed \(seed) in \(seconds) s: \(total.accepted) accepted, \(total.failed) failing"
                + (total.failed > 0 ? ", kept in \(failures)" : ""))
        return total.failed == 0
    }

    /// The inputs in parts by the readers' weights, small enough that a finished one frees its job for the others.
    private var parts: [Part] {
        let weights = readers.reduce(0) { $0 + $1.weight }
        return readers.flatMap { fuzzed -> [Part] in
            let own = max(inputs * UInt64(fuzzed.weight) / UInt64(weights), 1)
            let size = max(own / UInt64(2 * jobs) + 1, 1000)
            return stride(from: 0, to: own, by: Int(size)).map {
                Part(fuzzed: fuzzed, numbers: $0..<min($0 + size, own))
            }
        }
    }

    private func start(_ part: Part) throws -> Job {
        let path = NSTemporaryDirectory() + "fisher-fuzz-board-\(UUID())"
        let board = try FuzzBoard(path: path)
        let errors = Pipe()
        let process = try child(
            [
                "--child", part.fuzzed.name, "--seed", "\(seed)", "--from", "\(part.numbers.lowerBound)",
                "--to",
                "\(part.numbers.upperBound)", "--corpus", corpus, "--board", path,
            ], errors: errors)
        return Job(part: part, process: process, errors: errors, board: board, boardPath: path)
    }

    private func child(_ arguments: [String], errors: Pipe?) throws -> Process {
        let process = Process()
        process.executableURL = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath()
        process.arguments = arguments
        process.standardOutput = FileHandle.nullDevice
        if let errors {
            process.standardError = errors
        } else {
            process.standardError = FileHandle.nullDevice
        }
        // A crash is reported here, not by the runtime, which would take seconds for each.
        process.environment = ProcessInfo.processInfo.environment.merging(
            ["SWIFT_BACKTRACE": "enable=no", "OMP_NUM_THREADS": "1"]) { $1 }
        try process.run()
        return process
    }

    /// How a child ended before its last input; nil if it did not.
    private func ending(of job: Job) throws -> String? {
        job.process.waitUntilExit()
        let status = job.process.terminationStatus
        if job.process.terminationReason == .exit && status == 0 { return nil }
        if job.process.terminationReason == .exit && status != FuzzChild.contradiction {
            throw FuzzFailure("a child that reads \(job.part.fuzzed.name) ended with status \(status)")
        }
        if job.process.terminationReason == .exit {
            let text = String(decoding: job.errors.fileHandleForReading.availableData, as: UTF8.self)
            return text.split(separator: "\n").last.map(String.init) ?? "contradicts itself"
        }
        return status == SIGPROF ? "takes more than 1 s" : "ends by signal \(status)"
    }

    /// Makes an input smaller as long as it fails in the same way, and writes it down with how to repeat it.
    private func keep(_ number: UInt64, of fuzzed: Fuzzed, ending: String) throws {
        try FileManager.default.createDirectory(atPath: failures, withIntermediateDirectories: true)
        let path = failures + "/\(fuzzed.name)-\(seed)-\(number)"
        var bytes = try FuzzInputs(of: fuzzed, corpus: corpus, seed: seed)[number]
        try Data(bytes).write(to: URL(filePath: path))
        let wanted = try outcome(path, of: fuzzed)
        let trial = path + ".trial"
        // A trial is a process, whose start costs a fraction of a second.
        let end = Date(timeIntervalSinceNow: 20)
        var size = bytes.count / 2
        while size > 0, Date() < end, wanted != 0 {
            var start = 0
            while start < bytes.count, Date() < end {
                var smaller = bytes
                smaller.removeSubrange(start..<min(start + size, bytes.count))
                try Data(smaller).write(to: URL(filePath: trial))
                if try outcome(trial, of: fuzzed) == wanted { bytes = smaller } else { start += size }
            }
            size /= 2
        }
        unlink(trial)
        try Data(bytes).write(to: URL(filePath: path))
        say(
            "\(fuzzed.name), input \(number), \(bytes.count) bytes: \(ending)\n    fuzz --repeat \(fuzzed.name) \(path)"
        )
    }

    /// The status of a process that reads one file, negative for a signal.
    private func outcome(_ path: String, of fuzzed: Fuzzed) throws -> CInt {
        let process = try child(["--repeat", fuzzed.name, path], errors: nil)
        process.waitUntilExit()
        return process.terminationReason == .exit ? process.terminationStatus : -process.terminationStatus
    }
}
