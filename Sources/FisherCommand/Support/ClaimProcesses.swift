import FisherClaims
import FisherTraining
import Foundation

/// Decides claims in processes of this program, several at a time, one claim and one thread each.
final class ClaimProcesses {
    /// What became of a claim.
    enum Outcome {
        /// There is a verdict.
        case decided
        /// The process failed with a status; its log tells why.
        case failed(status: Int32)
        /// There was no time for it, or not enough.
        case outOfTime
    }

    /// A process at work on a claim.
    private struct Child {
        let entry: ClaimSchedule.Entry
        let process: Process
        let log: FileAppender
        let begin: Double
        var wasStopped = false
    }

    private let reproduction: Reproduction
    private let arguments: [String]
    private let jobs: Int
    private let deadline: Double?
    private let began = ProcessInfo.processInfo.systemUptime
    private var running: [Child] = []
    private(set) var outcomes: [String: Outcome] = [:]

    /// Prepares processes.
    ///
    /// - Parameters:
    ///   - reproduction: the folder of the verdicts.
    ///   - arguments: the options that every process takes besides its claim's name.
    ///   - jobs: the number of processes at one time.
    ///   - deadline: the seconds after which they are stopped; nil for no limit.
    init(_ reproduction: Reproduction, arguments: [String], jobs: Int, deadline: Double?) {
        self.reproduction = reproduction
        self.arguments = arguments
        self.jobs = jobs
        self.deadline = deadline
    }

    /// Decides claims.
    ///
    /// - Throws: `Interrupted` when every process has saved its work and ended; `StorageError` where a log cannot be written.
    func decide(_ claims: [Claim]) throws {
        let form = reproduction.form
        var schedule = ClaimSchedule(
            claims.map { ClaimSchedule.Entry($0.name, seconds: $0.cost.seconds(of: form)) }, jobs: jobs,
            deadline: deadline)
        var lastReport = 0.0
        while true {
            do {
                try Interruption.poll()
            } catch {
                end()
                throw error
            }
            while running.count < jobs, let entry = schedule.next(after: elapsed) {
                try start(entry, claims)
                lastReport = 0
            }
            if running.isEmpty { break }
            Thread.sleep(forTimeInterval: 0.1)
            if collect() > 0 { lastReport = 0 }
            if let deadline, elapsed > deadline { stop() }
            if lastReport == 0 || elapsed - lastReport >= 60 {
                lastReport = max(elapsed, 1e-3)
                if !running.isEmpty { report(claims.count, schedule) }
            }
        }
        for entry in schedule.left {
            outcomes[entry.name] = .outOfTime
            let cost = NumberText.plain.duration(seconds: entry.seconds)
            say("no time for \(entry.name), whose declared cost is \(cost)")
        }
    }

    private var elapsed: Double { ProcessInfo.processInfo.systemUptime - began }

    private func start(_ entry: ClaimSchedule.Entry, _ claims: [Claim]) throws {
        guard let claim = claims.first(where: { $0.name == entry.name }) else { return }
        let folder = reproduction.files(of: claim).folder
        try DurableStorage.makeFolder(folder)
        let log = try FileAppender(folder + "/log.txt")
        try log.cut(to: 0)
        let process = Process()
        process.executableURL = ParentProcess.program
        process.arguments = ["reproduce", "run", entry.name] + arguments
        process.environment = ProcessInfo.processInfo.environment
            .merging(["OMP_NUM_THREADS": "1"]) { $1 }.merging(ParentProcess.environment) { $1 }
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = log.handle
        process.standardError = log.handle
        try process.start()
        running.append(Child(entry: entry, process: process, log: log, begin: elapsed))
    }

    /// Takes processes that ended; returns their number.
    private func collect() -> Int {
        let ended = running.filter { !$0.process.isRunning }
        running.removeAll { !$0.process.isRunning }
        for child in ended {
            let name = child.entry.name
            let time = NumberText.plain.duration(seconds: elapsed - child.begin)
            let status = child.process.terminationStatus
            if status == 0, child.process.terminationReason == .exit {
                outcomes[name] = .decided
                let claim = ClaimRegistry.claim(named: name)
                let verdict = claim.flatMap { try? reproduction.verdict(on: $0) }?.finding.verdict.rawValue
                say("\(name): \(verdict ?? "decided") (\(time))")
            } else if child.wasStopped {
                outcomes[name] = .outOfTime
                say("\(name): stopped after \(time), the time is up; its runs are kept")
            } else {
                outcomes[name] = .failed(status: child.process.terminationReason == .exit ? status : 70)
                warn("\(name) failed after \(time): see \(child.log.path)")
            }
        }
        return ended.count
    }

    /// Asks every process that was not asked yet to save and end.
    private func stop() {
        for position in running.indices where !running[position].wasStopped {
            running[position].wasStopped = true
            running[position].process.terminate()
        }
    }

    /// Stops every process and waits until it has ended.
    private func end() {
        stop()
        for child in running { child.process.waitUntilExit() }
        running = []
    }

    private func report(_ count: Int, _ schedule: ClaimSchedule) {
        let now = elapsed
        let text = NumberText.plain
        let names = running.map { child in
            let passed = text.duration(seconds: now - child.begin)
            return "\(child.entry.name) \(passed) of about \(text.duration(seconds: child.entry.seconds))"
        }
        let rest = running.reduce(schedule.secondsToCome) { $0 + max(0, $1.entry.seconds - (now - $1.begin)) }
        var left = rest / Double(jobs)
        if let deadline { left = min(left, deadline - now) }
        warn(
            "\(outcomes.count) of \(text.counted(count, "claim")) done, running: "
                + "\(names.joined(separator: ", ")); about \(text.duration(seconds: max(0, left))) left")
    }
}

extension ClaimCost {
    /// The cost of a form.
    func seconds(of form: ClaimForm) -> Double { form == .short ? short : full }
}
