import Foundation

/// A file of events that TensorBoard reads: scalars, histograms, text, hyperparameters.
///
/// Records are `length, check of it, bytes, check of them`, each written whole, so that a crash tears at most the
/// last one. TensorBoard stops reading at a torn record: every start of a run begins a new file.
public final class EventFileWriter {
    /// The file's path.
    public let path: String
    private let descriptor: CInt
    private let now: () -> Double

    /// Creates a file in a folder, which is made where it is missing. No file is ever overwritten.
    ///
    /// Throws `StorageError`.
    public init(
        folder: String, now: @escaping () -> Double = { Date().timeIntervalSince1970 }
    ) throws(StorageError) {
        try DurableStorage.makeFolder(folder)
        let host = ProcessInfo.processInfo.hostName.filter { $0.isLetter || $0.isNumber || $0 == "-" }
        let stem = "\(folder)/events.out.tfevents.\(Int(now())).\(host).\(getpid())"
        var (opened, made, number) = (CInt(-1), "", 0)
        repeat {
            made = "\(stem).\(number)"
            opened = open(made, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
            number += 1
        } while opened < 0 && errno == EEXIST
        guard opened >= 0 else { throw .system("cannot be created", path: made, creating: true) }
        (path, descriptor, self.now) = (made, opened, now)
        try event { $0.text(3, "brain.Event:2") }
    }

    deinit { close(descriptor) }

    /// Marks that a run resumed after `step`: readers discard what earlier files say of later steps.
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

    /// Brings what has been written to the disk.
    public func synchronize() throws(StorageError) {
        guard fsync(descriptor) == 0 else { throw .system("cannot be flushed to the disk", path: path) }
    }

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
        let length = lseek(descriptor, 0, SEEK_END)
        do throws(StorageError) {
            try DurableStorage.write(EventFileWriter.record(encoder.bytes), to: descriptor, path: path)
        } catch {
            // A torn record would hide what a writer adds when the disk has room again.
            ftruncate(descriptor, length)
            lseek(descriptor, length, SEEK_SET)
            throw error
        }
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
