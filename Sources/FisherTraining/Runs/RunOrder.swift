import Fisher

/// A run of a study that one process orders another to make: all that the other cannot know by the command line.
package struct RunOrder: Codable, Sendable {
    /// The study, where a command makes several.
    package var study = 0
    /// Whether the run is on the data on which options are tuned.
    let isTrial: Bool
    /// The data, which both have read.
    let dataFingerprint: String
    /// The run's folder.
    let path: String
    /// The optimizer's name for readers.
    let label: String
    /// What progress and errors call the run.
    package let title: String
    let seed: UInt64
    /// The configuration as a file, and by key.
    let toml: String
    let values: [String: String]
    /// What is accepted when the run is resumed, as its bits.
    let allowances: Int
    /// The number of threads, and the library of matrix products: with others the run's last digits are others.
    package let threads: Int
    let products: String
    /// The steps of the run.
    package let steps: Int
    /// The most runs that are made at one time.
    package var sideBySide: Int
}

/// What a process tells of the run that it was ordered to make.
package enum RunReply: Codable, Sendable {
    /// Something to show.
    case progress(ProgressNews)
    /// The run came to its end, well or not: its folder tells how.
    case finished
    /// A signal stopped the run, and it is saved.
    case interrupted(signal: String)
    /// The run could not be made: the exit status of a process that fails so, and a sentence.
    case failed(status: Int32, sentence: String)
}

/// Other processes that make runs of a study side by side.
package protocol RunMakers: AnyObject {
    /// The most runs at one time.
    var most: Int { get }

    /// Makes runs.
    ///
    /// - Parameters:
    ///   - orders: the runs, begun in their order.
    ///   - progress: the display of progress.
    ///   - finished: called with the number of each order whose run came to its end.
    /// - Throws: `Interrupted` when everything has been saved; an error that names the first run that could not be made, all
    ///   others saved.
    func make(_ orders: [RunOrder], progress: ProgressDisplay, finished: (Int) throws -> Void) throws

    /// Ends the processes, so that nothing beside this one computes or holds memory.
    func dismiss()
}
