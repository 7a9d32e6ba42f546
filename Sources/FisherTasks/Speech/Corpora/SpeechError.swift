import FisherTraining

/// Why speech cannot be used.
public enum SpeechError: Error, Hashable, Sendable, CustomStringConvertible {
    /// A file, a line of a file or an utterance is not what is expected.
    case badData(String)
    /// A file or a corpus is not there.
    case notFound(String)
    /// A program that makes speech is not installed, or failed.
    case programMissing(String)
    /// A file cannot be opened, read or written.
    case storage(StorageError)

    /// One sentence that names the file.
    public var description: String {
        switch self {
        case .badData(let sentence), .notFound(let sentence), .programMissing(let sentence):
            sentence.printable
        case .storage(let error): error.description
        }
    }
}
