import Fisher
import FisherBenchmarks
import FisherData
import FisherInference
import FisherMedia
import FisherOptions
import FisherTables
import FisherTasks
import FisherTraining

/// The exit status of the process (after sysexits).
enum ExitStatus: Int32, CaseIterable {
    case diverged = 3
    case usage = 64
    case badData = 65
    case inputMissing = 66
    case engineMissing = 69
    case internalError = 70
    case outOfMemory = 71
    case cannotCreate = 73
    case inputOutput = 74
    case interrupted = 75
    case permissionDenied = 77

    /// What happened, as `fisher explain exit-codes` says it.
    var meaning: String {
        switch self {
        case .diverged: "diverged: the numbers of a run, or of every run of a study, were not finite"
        case .usage: "usage: a command, an option, a key or a value that is not known or not allowed"
        case .badData: "bad data: a file was read, and what is in it cannot be used"
        case .inputMissing: "input missing: a file or folder is not there"
        case .engineMissing: "engine missing: a library, a program or a device that is needed is not there"
        case .internalError: "internal error: a mistake of the program; please report it"
        case .outOfMemory: "out of memory: what was asked for is larger than the memory"
        case .cannotCreate: "cannot create: a file or folder cannot be made, or is in use"
        case .inputOutput: "input or output failed, such as on a full disk, or with another process of a run"
        case .interrupted:
            "interrupted: a signal, or the loss of another process, stopped it; runs and studies are saved, and --resume goes "
                + "on with them"
        case .permissionDenied: "permission denied: the system forbids reading or writing a file"
        }
    }

    /// The status of one of our errors; nil for those of the argument parser.
    init?(of error: any Error) {
        switch error {
        case is NonFiniteError, is AllDiverged, is RunDiverged, is RunDivergence: self = .diverged
        case is HyperparameterError, is OptionError, is UsageError, is ConfigurationError, is DigitsError:
            self = .usage
        case is Interrupted, is Resumable: self = .interrupted
        case is ProcessGroupError, is ProcessSum.PeerFailure, is SharedRuns.LeaderFailed: self = .inputOutput
        case let error as FailedRun:
            self = error.status.flatMap(ExitStatus.init(rawValue:)) ?? .internalError
        case let error as FailedClaims:
            self = error.failures.first.flatMap { ExitStatus(rawValue: $0.status) } ?? .internalError
        case let error as StorageError: self.init(error.kind)
        case let error as TableError:
            if let storage = error.storage { self.init(storage.kind) } else { self = .badData }
        case let error as MediaError:
            switch error {
            case .libraryMissing: self = .engineMissing
            case .badFile: self = .badData
            case .storage(let error): self.init(error.kind)
            }
        case let error as SpeechError:
            switch error {
            case .badData: self = .badData
            case .notFound: self = .inputMissing
            case .programMissing: self = .engineMissing
            case .storage(let error): self.init(error.kind)
            }
        case let error as ModelError: self = error.isUsage ? .usage : .badData
        case is FitError, is InferenceFault, is DataError: self = .badData
        case OptimizerError.tooLarge, CurvatureError.tooLarge: self = .outOfMemory
        case is DamagedRuns, is OptimizerError, is WeightError, is ModuleError,
            is NetworkSpecificationError,
            is ConversionError, is CurvatureError,
            is LikelihoodError, is BenchmarkNetworkError, is InformationFileError, is InformationRepeats:
            self = .badData
        case let error as SafetensorsError: self.init(error.kind)
        case let error as CorpusError: self.init(error.kind)
        case let error as TorchError:
            switch error.kind {
            case .outOfMemory: self = .outOfMemory
            case .deviceUnavailable: self = .engineMissing
            case .invalidOperation: self = .internalError
            }
        case let error as StudyFileError:
            switch error {
            case .storage(let error): self.init(error.kind)
            case .wrongContent, .unknownVersion: self = .badData
            }
        default: return nil
        }
    }

    private init(_ kind: SafetensorsError.Kind) {
        switch kind {
        case .notFound: self = .inputMissing
        case .permissionDenied: self = .permissionDenied
        case .inputOutput: self = .inputOutput
        case .malformed, .missingTensor: self = .badData
        case .cannotCreate: self = .cannotCreate
        case .sourceFailed: self = .internalError
        }
    }

    private init(_ kind: StorageError.Kind) {
        switch kind {
        case .notFound: self = .inputMissing
        case .cannotCreate, .inUse: self = .cannotCreate
        case .inputOutput: self = .inputOutput
        case .permissionDenied: self = .permissionDenied
        case .damaged: self = .badData
        case .tooLarge: self = .outOfMemory
        }
    }

    private init(_ kind: CorpusError.Kind) {
        switch kind {
        case .notFound: self = .inputMissing
        case .permissionDenied: self = .permissionDenied
        case .unreadable: self = .inputOutput
        case .tooLarge: self = .outOfMemory
        case .tooShort: self = .badData
        }
    }
}

/// Options that cannot be combined, or invalid values.
struct UsageError: Error, CustomStringConvertible {
    let description: String
}

/// A signal, or the loss of another process, stopped what can be continued.
struct Resumable: Error, CustomStringConvertible {
    /// What stopped it, as a sentence without its end.
    let reason: String
    /// What is kept, as a clause.
    var kept = "everything is saved"
    /// The command line that continues it.
    let command: String
    var description: String { "\(reason), \(kept); continue with: \(command)" }
}

/// A run ended because its numbers were not finite.
struct RunDiverged: Error, CustomStringConvertible {
    let reason: String
    /// The folder of its last checkpoint with finite losses.
    let kept: String?
    var description: String {
        reason + (kept.map { "; its last checkpoint with finite losses is \($0)" } ?? "")
    }
}

/// No run came to its end.
struct AllDiverged: Error, CustomStringConvertible {
    let reason: String
    var description: String { "every run diverged; the first: \(reason)" }
}

/// Runs that are not as they were written.
struct DamagedRuns: Error, CustomStringConvertible {
    let damaged: Int
    let count: Int
    var description: String {
        "\(damaged) of \(count) \(count == 1 ? "run is" : "runs are") not as written: see above"
    }
}

/// Information files that hold the same data.
struct InformationRepeats: Error, CustomStringConvertible {
    let description: String
}

/// Claims whose processes failed.
struct FailedClaims: Error, CustomStringConvertible {
    let failures: [(name: String, status: Int32)]
    var description: String {
        let names = failures.map(\.name).joined(separator: ", ")
        return
            "\(failures.count == 1 ? "a claim" : "\(failures.count) claims") could not be decided: \(names)"
    }
}
