/// What else the machine did while times were taken.
///
/// A step's time is the machine's and not the optimizer's where the processors had other work. The processors are those on
/// which this process may run.
public struct MachineLoad: Codable, Sendable, Hashable {
    /// The number of processors on which the process may run.
    public var processors: Int
    /// How many of them other processes used, on average over the time.
    public var others: Double
    /// The share of the processors' time that the host of a virtual machine gave to others.
    public var stolen: Double
    /// The threads with which the process computed.
    public var threads: Int

    /// Records a load.
    public init(processors: Int, others: Double, stolen: Double, threads: Int) {
        self.processors = processors
        self.others = others
        self.stolen = stolen
        self.threads = threads
    }

    /// Whether times that were taken are longer than on an idle machine: the threads and the other processes had no room
    /// beside each other, by a fifth of a processor, or more than a twentieth of the time was stolen.
    public var isBusy: Bool {
        Double(threads) + others > Double(processors) + 0.2 || stolen > 0.05
    }

    /// The heavier of two loads: that with less room for the threads.
    package static func heavier(_ one: MachineLoad?, _ other: MachineLoad?) -> MachineLoad? {
        guard let one, let other else { return one ?? other }
        return one.pressure < other.pressure ? other : one
    }

    private var pressure: Double {
        max(Double(threads) + others - Double(processors) - 0.2, stolen - 0.05)
    }

    /// The sign behind a time that was taken on a busy machine.
    package static let mark = "†"

    /// What the sign means, for the heaviest of some loads; nil if none of them is busy.
    package static func note(_ loads: some Sequence<MachineLoad?>) -> String? {
        guard let load = loads.reduce(nil, heavier), load.isBusy else { return nil }
        let text = NumberText.plain
        let reasons = [
            Double(load.threads) + load.others > Double(load.processors) + 0.2
                ? "other processes used \(text.fixed(load.others, decimals: 1)) of the "
                    + "\(text.counted(load.processors, "processor")) beside its \(text.counted(load.threads, "thread"))"
                : nil,
            load.stolen > 0.05
                ? "the machine's host withheld \(text.fixed(100 * load.stolen, decimals: 0)) % of the time"
                : nil,
        ].compactMap(\.self)
        return
            "Times marked \(mark) were taken on a busy machine (\(reasons.joined(separator: ", and "))): they are longer "
            + "than on an idle one."
    }

    func validate(_ place: String) throws(DocumentFault) {
        try DocumentLimits.requireCount(processors, "\(place).processors")
        try DocumentLimits.requireCount(threads, "\(place).threads")
        try DocumentLimits.requireTime(others, "\(place).others")
        try DocumentLimits.requireTime(stolen, "\(place).stolen")
    }
}
