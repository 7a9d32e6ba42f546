import FisherTraining
import Foundation
import Synchronization
import Torch

/// Processes of this command that make the runs of a study side by side, each with as many threads as this one has.
///
/// Each has the same command line and waits for orders on its standard input; what it has to say it says to this process, which
/// alone writes the study's files and has the terminal. A process that loses this one saves its run and ends.
final class RunProcesses: RunMakers {
    /// What came from a process.
    private enum Event: Sendable {
        case reply(RunReply)
        /// Its output has ended: the process has, too.
        case end
    }

    /// A process, the order that it works on, and what it says on standard error.
    private final class Maker {
        let process: Process
        let orders: FileHandle
        /// Keeps the file open until the process has it.
        let errors: FileAppender
        var order: Int?
        /// Whether it ended while it waited for an order.
        var isGone = false

        init(_ process: Process, _ orders: FileHandle, _ errors: FileAppender) {
            (self.process, self.orders, self.errors) = (process, orders, errors)
        }
    }

    /// What came from all, in its order.
    private final class Inbox: Sendable {
        private let events = Mutex<[(maker: Int, event: Event)]>([])
        private let signal = DispatchSemaphore(value: 0)

        func put(_ event: Event, of maker: Int) {
            events.withLock { $0.append((maker, event)) }
            signal.signal()
        }

        /// The next event; nil if there is none within a twentieth of a second.
        func next() -> (maker: Int, event: Event)? {
            guard signal.wait(timeout: .now() + 0.05) == .success else { return nil }
            return events.withLock { $0.removeFirst() }
        }
    }

    /// Set for the processes that are to wait for orders.
    private static let variable = "FISHER_RUN_ORDERS"

    let most: Int
    /// Whether fewer processes are started where the memory holds no more of them.
    private let limitsToMemory: Bool
    private let threads: Int
    /// The study of which the next runs are, where the command makes several.
    var study = 0
    /// Whether the number of processes was told.
    private var isTold = false
    private let folder: URL
    private var makers: [Maker] = []
    private var inbox = Inbox()

    /// Prepares processes, which are started with the first runs.
    ///
    /// - Parameters:
    ///   - most: the most runs at one time.
    ///   - threads: the threads of each.
    ///   - limitsToMemory: whether fewer are started where the memory holds no more.
    init(_ most: Int, threads: Int, limitsToMemory: Bool) {
        (self.most, self.threads, self.limitsToMemory) = (most, threads, limitsToMemory)
        folder = FileManager.default.temporaryDirectory.appending(path: "fisher-runs-\(UUID().uuidString)")
    }

    deinit { dismiss() }

    func dismiss() {
        // Without more orders they end.
        for maker in makers { try? maker.orders.close() }
        for maker in makers { maker.process.waitUntilExit() }
        if !makers.isEmpty { try? DurableStorage.removeFolder(folder.path) }
        makers = []
        inbox = Inbox()
    }

    func make(_ orders: [RunOrder], progress: ProgressDisplay, finished: (Int) throws -> Void) throws {
        let room = limitsToMemory ? Self.roomForProcesses : most
        if !isTold {
            let each = NumberText.plain.counted(threads, "thread")
            progress.note(
                room < most
                    ? "the free memory holds \(NumberText.plain.counted(room, "run")) at a time (--jobs sets another number)"
                    : "\(most) runs side by side, \(each) each (--jobs 1 makes one after another)")
        }
        isTold = true
        let count = min(most, orders.count, room)
        let shown = SideBySideProgress(
            on: progress, count: count, runs: orders.count, steps: orders.first?.steps ?? 0)
        defer { shown.finish() }
        if makers.contains(where: { $0.isGone || !$0.process.isRunning }) { dismiss() }
        while makers.count < count { try start() }
        var work = Work(orders: orders, sideBySide: count)
        do {
            for maker in makers.indices.prefix(count) { try give(maker, &work) }
            while makers.contains(where: { $0.order != nil }) {
                try Interruption.poll()
                guard let (maker, event) = inbox.next() else { continue }
                try take(event, of: maker, &work, shown, finished)
            }
        } catch {
            stop(work, shown, finished)
            throw error
        }
    }

    /// The orders, and how many were given.
    private struct Work {
        let orders: [RunOrder]
        let sideBySide: Int
        var given = 0
    }

    /// Gives a process the next order, if there is one.
    private func give(_ maker: Int, _ work: inout Work) throws {
        makers[maker].order = nil
        guard work.given < work.orders.count else { return }
        var order = work.orders[work.given]
        (order.study, order.sideBySide) = (study, work.sideBySide)
        makers[maker].order = work.given
        work.given += 1
        let line = StoredJSON.encode(order, indented: false) + [UInt8(ascii: "\n")]
        // A process that was killed reads no more: its end is the event that follows.
        withoutPipeSignals { try? makers[maker].orders.write(contentsOf: line) }
    }

    private func take(
        _ event: Event, of maker: Int, _ work: inout Work, _ shown: SideBySideProgress,
        _ finished: (Int) throws -> Void
    ) throws {
        guard let number = makers[maker].order else {
            if case .end = event { makers[maker].isGone = true }
            return
        }
        switch event {
        case .reply(.progress(let news)): shown.show(news, of: number)
        case .reply(.finished):
            makers[maker].order = nil
            try finished(number)
            try give(maker, &work)
        case .reply(.interrupted(let signal)):
            makers[maker].order = nil
            throw Interrupted(signal: signal)
        case .reply(.failed(let status, let sentence)):
            makers[maker].order = nil
            throw FailedRun(title: work.orders[number].title, status: status, sentence: sentence)
        case .end:
            makers[maker].order = nil
            throw lost(makers[maker], at: work.orders[number].title)
        }
    }

    /// Lets every process save its run and end; takes the runs that came to their end meanwhile.
    private func stop(_ work: Work, _ shown: SideBySideProgress, _ finished: (Int) throws -> Void) {
        for maker in makers where maker.process.isRunning { maker.process.terminate() }
        while makers.contains(where: { $0.order != nil }) {
            guard let (maker, event) = inbox.next(), let number = makers[maker].order else { continue }
            switch event {
            case .reply(.progress(let news)): shown.show(news, of: number)
            case .reply(.finished):
                makers[maker].order = nil
                // What stopped the others is the error to tell.
                try? finished(number)
            default: makers[maker].order = nil
            }
        }
        dismiss()
    }

    private func start() throws {
        if makers.isEmpty { try DurableStorage.makeFolder(folder.path) }
        let process = Process()
        process.executableURL = ParentProcess.program
        process.arguments = Array(CommandLine.arguments.dropFirst())
        let place = [Self.variable: "1", "OMP_NUM_THREADS": "\(threads)"]
        process.environment = ProcessInfo.processInfo.environment
            .merging(place) { $1 }.merging(ParentProcess.environment) { $1 }
        let (orders, replies) = (Pipe(), Pipe())
        let errors = try FileAppender(folder.appending(path: "errors-\(UUID().uuidString)").path)
        (process.standardInput, process.standardOutput) = (orders, replies)
        process.standardError = errors.handle
        try process.start()
        let (number, inbox, output) = (makers.count, inbox, replies.fileHandleForReading)
        makers.append(Maker(process, orders.fileHandleForWriting, errors))
        Thread { Self.read(output, into: inbox, of: number) }.start()
    }

    /// Puts what a process says into the inbox, until it ends.
    private static func read(_ output: FileHandle, into inbox: Inbox, of maker: Int) {
        var pending = Data()
        while true {
            let more = output.availableData
            if more.isEmpty { return inbox.put(.end, of: maker) }
            pending += more
            while let end = pending.firstIndex(of: UInt8(ascii: "\n")) {
                let line = Data(pending[..<end])
                pending = Data(pending[pending.index(after: end)...])
                if let reply = try? StoredJSON.decode(RunReply.self, from: line) {
                    inbox.put(.reply(reply), of: maker)
                }
            }
        }
    }

    /// The error of a process that ended in a run.
    private func lost(_ maker: Maker, at title: String) -> FailedRun {
        maker.process.waitUntilExit()
        let (process, status) = (maker.process, maker.process.terminationStatus)
        guard process.terminationReason == .exit else {
            return FailedRun(
                title: title, status: nil,
                sentence: "process \(process.processIdentifier) was ended by signal \(status)")
        }
        let text = (try? DurableStorage.readFile(at: maker.errors.path)).map {
            String(decoding: $0, as: UTF8.self)
        }
        let line = text?.split(separator: "\n").last.map(String.init)
        let said = line.map { $0.hasPrefix("fisher: ") ? String($0.dropFirst(8)) : $0 }
        let advice = status == ExitStatus.outOfMemory.rawValue ? " (--jobs 1 makes one run at a time)" : ""
        return FailedRun(
            title: title, status: status == 0 ? nil : status,
            sentence: (said ?? "its process ended with status \(status)") + advice)
    }

    // MARK: The processes

    /// Makes the runs that another process orders, if this one was started for it; false if not.
    ///
    /// - Parameter task: the task of a study, or that on which its options are tuned.
    static func follow<Task: ConfigurableTask>(
        of task: @escaping (_ study: Int, _ isTrial: Bool) throws -> Task
    ) throws -> Bool {
        guard ProcessInfo.processInfo.environment[variable] != nil else { return false }
        ParentProcess.stopWithParent()
        // Answers have standard output for themselves: whatever else is printed goes where errors go.
        let answers = FileHandle(fileDescriptor: dup(STDOUT_FILENO), closeOnDealloc: true)
        dup2(STDERR_FILENO, STDOUT_FILENO)
        try OrderedRuns(from: FileHandle.standardInput, to: answers)(of: task) { error in
            (ExitStatus(of: error) ?? .internalError).rawValue
        }
        return true
    }

    /// How many processes such as this one, with its data and a model, have room in the free memory; at least one.
    private static var roomForProcesses: Int {
        var usage = rusage()
        #if os(Linux)
            let isKnown = getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage) == 0
            let unit = 1024.0
        #else
            let isKnown = getrusage(RUSAGE_SELF, &usage) == 0
            let unit = 1.0
        #endif
        guard isKnown, usage.ru_maxrss > 0 else { return .max }
        let bytes = unit * Double(usage.ru_maxrss)
        return max(1, Int(min(AvailableMemory.byteCount / (1.25 * bytes), 1e6)))
    }
}

/// Does something in which a write to a pipe that nobody reads is an error and not the end of this process.
private func withoutPipeSignals(_ body: () -> Void) {
    let former = signal(SIGPIPE, SIG_IGN)
    defer { signal(SIGPIPE, former) }
    body()
}

/// A run of those side by side could not be made.
struct FailedRun: Error, CustomStringConvertible {
    /// The run.
    let title: String
    /// The exit status of its process; nil if a signal ended it.
    let status: Int32?
    /// Why.
    let sentence: String
    var description: String { "\(title): \(sentence)" }
}
