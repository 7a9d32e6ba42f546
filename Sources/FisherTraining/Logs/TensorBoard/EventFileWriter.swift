import Foundation

/// A file of events that TensorBoard reads: scalars, histograms, text, hyperparameters.
///
/// Records are `length, check of it, bytes, check of them`, each written whole, so that a crash truncates at
/// most the last one. TensorBoard stops reading at a truncated record: every start of a run begins a new
/// file.
public final class EventFileWriter {
    /// The file's path.
    public var path: String { file.path }
    private let file: FileAppender
    private let now: () -> Double

    /// Creates a file in a folder, which is created if it is missing. No file is ever overwritten.
    ///
    /// Throws `StorageError`.
    public init(
        folder: String, now: @escaping () -> Double = { Date().timeIntervalSince1970 }
    ) throws(StorageError) {
        try DurableStorage.makeFolder(folder)
        let host = ProcessInfo.processInfo.hostName.filter { $0.isLetter || $0.isNumber || $0 == "-" }
        let stem = "\(folder)/events.out.tfevents.\(Int(now())).\(host).\(getpid())"
        self.now = now
        file = try Self.newFile(stem)
        try event { $0.text(3, "brain.Event:2") }
    }

    /// The first file of the names `stem.0`, `stem.1` that is not there yet.
    private static func newFile(_ stem: String) throws(StorageError) -> FileAppender {
        for number in 0... {
            do throws(StorageError) {
                return try FileAppender("\(stem).\(number)", mustBeNew: true)
            } catch {
                guard error.systemError == EEXIST else { throw error }
            }
        }
        preconditionFailure("the numbers do not end")
    }

    /// Marks that a run resumed after `step`: readers discard later steps of earlier files.
    public func markResumed(after step: Int) throws(StorageError) {
        try event { event in
            event.integer(2, step + 1)
            event.message(7) { $0.integer(1, 1) }
        }
    }

    /// Writes a number.
    public func scalar(_ tag: String, _ value: Double, step: Int) throws(StorageError) {
        try summary(step: step, tag: tag) { $0.float(2, Float(value)) }
    }

    /// Writes a histogram.
    func histogram(_ tag: String, _ histogram: Histogram, step: Int) throws(StorageError) {
        try summary(step: step, tag: tag) { value in
            value.message(5) { message in
                message.double(1, histogram.minimum)
                message.double(2, histogram.maximum)
                message.double(3, Double(histogram.count))
                message.double(4, histogram.sum)
                message.double(5, histogram.sumOfSquares)
                message.packed(6, histogram.limits)
                message.packed(7, histogram.counts)
            }
        }
    }

    /// Writes text, which TensorBoard shows as Markdown.
    public func text(_ tag: String, _ content: String, step: Int = 0) throws(StorageError) {
        try summary(step: step, tag: tag) { value in
            value.message(9) { metadata in metadata.message(1) { $0.text(1, "text") } }
            value.message(8) { tensor in
                tensor.integer(1, 7)
                tensor.message(2) { shape in shape.message(2) { $0.integer(1, 1) } }
                tensor.text(8, content)
            }
        }
    }

    /// Flushes the file to the disk.
    public func synchronize() throws(StorageError) { try file.synchronize() }

    /// A summary with one value: `tag`, and what `build` adds.
    func summary(
        step: Int, tag: String, _ build: (inout ProtobufEncoder) -> Void
    ) throws(StorageError) {
        try event { event in
            event.integer(2, step)
            event.message(5) { summary in
                summary.message(1) { value in
                    value.text(1, tag)
                    build(&value)
                }
            }
        }
    }

    private func event(_ build: (inout ProtobufEncoder) -> Void) throws(StorageError) {
        var encoder = ProtobufEncoder()
        encoder.double(1, now())
        build(&encoder)
        try file.append(EventFileWriter.record(encoder.bytes))
    }

    /// A record around an event's bytes.
    static func record(_ bytes: [UInt8]) -> Data {
        func littleEndian(_ value: some FixedWidthInteger) -> [UInt8] {
            withUnsafeBytes(of: value.littleEndian) { Array($0) }
        }
        let length = littleEndian(UInt64(bytes.count))
        return Data(
            length + littleEndian(masked(CRC32C.of(length))) + bytes + littleEndian(masked(CRC32C.of(bytes))))
    }

    /// The check as the format stores it.
    static func masked(_ check: UInt32) -> UInt32 { (check >> 15 | check << 17) &+ 0xa282_ead8 }
}
