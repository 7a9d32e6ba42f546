import Fisher
import FisherStudies

extension StudyStatus {
    /// Does the work of a study while its folder says that it runs, and how it ended.
    ///
    /// Only for the process that holds the folder's lock.
    ///
    /// - Parameters:
    ///   - folder: the study's folder.
    ///   - work: the study.
    /// - Throws: `StorageError` if the folder cannot be written to, and what the work throws.
    package func recorded<Value>(in folder: String, _ work: () throws -> Value) throws -> Value {
        var status = self
        status.phase = .running
        try status.write(to: folder)
        do {
            let value = try work()
            status.phase = .completed
            try status.write(to: folder)
            return value
        } catch {
            status.phase = error is Interrupted ? .interrupted : .failed
            // What ended the work is the error to tell.
            try? status.write(to: folder)
            throw error
        }
    }
}
